"""Released versions: which take part, in which order, what a bound means among them, and where their builds are."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mozbisect.core.errors import NoBuild, NothingToSearch, UsageError
from mozbisect.core.model import Before, Bound, Candidate, Day, Digest, Kind, Leg, LegKind, Release, Revision, Target
from mozbisect.net.http import Http
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.releases import Releases
from tests.canned import Canned

LINUX = Target("firefox-release", "linux", "x86_64", ("shippable", "opt"))
REV = "b" * 40

# As the real index has them: folders sort as text, and not everything is a version.
FOLDERS = (
    "0.10rc",
    "115.0esr",
    "115.10.0esr",
    "115.3.0esr",
    "130.0",
    "130.0b9",
    "131.0",
    "131.0.2",
    "131.0.3",
    "131.0b1",
    "131.0b2",
    "131.0b9",
    "132.0",
    "132.0b1",
    "3.0.19-real-real",
    "38.0.5b1-2",
    "latest",
    "latest-esr",
)
DATES = {
    "130.0": "2024-09-03",
    "131.0": "2024-10-01",
    "131.0.2": "2024-10-09",
    "131.0.3": "2024-10-14",
    "132.0": "2024-10-29",
}


def listing(server: Canned, path: str, *, folders: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> None:
    rows = [{"name": name, "size": 5, "last_modified": ""} for name in files]
    server.says(path, {"prefixes": [f"{name}/" for name in folders], "files": rows})


def releases(server: Canned, http: Http, target: Target = LINUX, *, dates: bool = True) -> Releases:
    listing(server, "/pub/firefox/releases/", folders=FOLDERS)
    if dates:
        rows = {f"firefox-{version}": {"version": version, "date": day} for version, day in DATES.items()}
        server.says("/details/firefox.json", {"releases": rows})
    pushlog = Pushlog(http, f"{server.url}/hg")
    return Releases(http, f"{server.url}/pub", f"{server.url}/details", target, pushlog)


def leg(old: Bound, new: Bound) -> Leg:
    return Leg(LegKind.RELEASES, "mozilla-release", old, new, "", check_ends=True)


def between(source: Releases, old: Bound, new: Bound) -> list[str]:
    timeline = source.timeline(leg(old, new))
    return [item.key for item in timeline.candidates[timeline.old_at : timeline.new_at + 1]]


def day(text: str) -> Day:
    return Day(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Release("130.0"), Release("132.0"), ["130.0", "131.0", "131.0.2", "131.0.3", "132.0"]),
        (Release("131.0b1"), Release("131.0b9"), ["131.0b1", "131.0b2", "131.0b9"]),
        (Release("115.0esr"), Release("115.10.0esr"), ["115.0esr", "115.3.0esr", "115.10.0esr"]),
        (Release("131.0b9"), Release("131.0.2"), ["131.0b9", "131.0", "131.0.2"]),
        (Release("131.0.3"), Release("132.0b1"), ["131.0.3", "132.0b1"]),
        (Release("131"), Release("132"), ["131.0", "131.0.2", "131.0.3", "132.0"]),
        (day("2024-10-01"), day("2024-10-14"), ["131.0", "131.0.2", "131.0.3"]),
        (day("2024-09-20"), day("2024-10-10"), ["130.0", "131.0", "131.0.2", "131.0.3"]),
        (Before(2, Release("131.0.3")), Release("131.0.3"), ["130.0", "131.0", "131.0.2", "131.0.3"]),
    ],
)
def test_the_versions_between_two_bounds_are_those_of_their_channels(
    server: Canned, http: Http, old: Bound, new: Bound, expected: list[str]
) -> None:
    assert between(releases(server, http), old, new) == expected


def test_a_version_that_was_never_released_is_taken_as_its_neighbour_and_that_is_said(
    server: Canned, http: Http
) -> None:
    source = releases(server, http)
    assert between(source, Release("130.0.9"), Release("131.0.1")) == ["130.0", "131.0", "131.0.2"]
    notes = source.timeline(leg(Release("130.0.9"), Release("131.0.1"))).notes
    assert notes == ("130.0.9 is taken as 130.0.", "131.0.1 is taken as 131.0.2.")


def test_without_product_details_versions_still_have_an_order_and_days_are_refused(server: Canned, http: Http) -> None:
    source = releases(server, http, dates=False)
    assert between(source, Release("131.0"), Release("132.0"))[-1] == "132.0"
    with pytest.raises(UsageError, match=r"cannot be asked of .*/details"):
        source.timeline(leg(day("2024-10-01"), Release("132.0")))


def test_what_is_no_version_and_what_is_reversed_is_said(server: Canned, http: Http) -> None:
    source = releases(server, http)
    with pytest.raises(UsageError, match="is no version"):
        source.timeline(leg(Revision(REV), Release("132.0")))
    with pytest.raises(UsageError, match=r"132.0 came after 131.0"):
        source.timeline(leg(Release("132.0"), Release("131.0")))
    with pytest.raises(NothingToSearch, match=r"the same version \(131.0\)"):
        source.timeline(leg(Release("131"), Release("131.0")))


def test_the_branch_and_the_day_of_a_version(server: Canned, http: Http) -> None:
    (found,) = releases(server, http).at(Release("131.0.3"))
    assert (found.kind, found.repo, found.when) == (Kind.RELEASE, "mozilla-release", datetime(2024, 10, 14, tzinfo=UTC))
    (esr,) = releases(server, http).at(Release("115.3.0esr"))
    assert esr.repo == "mozilla-esr115"
    assert [item.key for item in releases(server, http).at(day("2024-10-09"))] == ["131.0.2"]
    with pytest.raises(NothingToSearch, match=r"no firefox-release 125"):
        releases(server, http).at(Release("125.0"))


# ------------------------------------------------------------------------------------------------- builds


def candidate(version: str = "131.0.3", repo: str = "mozilla-release") -> Candidate:
    return Candidate(Kind.RELEASE, version, repo, datetime(2024, 10, 14, tzinfo=UTC))


BASE = "/pub/firefox/releases/131.0.3"
ASIDE = "/pub/firefox/candidates/131.0.3-candidates"


def candidates(server: Canned, inner: str, *files: str) -> None:
    listing(server, f"{ASIDE}/", folders=("build1", "build2"))
    listing(server, f"{ASIDE}/build2/{inner}/", files=files)
    info = {"buildid": "20241011000000", "moz_source_stamp": REV}
    server.says(
        f"{ASIDE}/build2/{inner}/firefox-131.0.3.json",
        {**info, "moz_source_repo": "https://hg.mozilla.org/releases/mozilla-release"},
    )


def test_the_build_of_a_version_its_revision_from_the_last_candidate_and_its_digest(server: Canned, http: Http) -> None:
    listing(server, f"{BASE}/linux-x86_64/en-US/", files=("firefox-131.0.3.tar.bz2", "firefox-131.0.3.tar.bz2.asc"))
    candidates(server, "linux-x86_64/en-US")
    name = "en-US/firefox-131.0.3.tar.bz2"
    sums = f"{'a' * 128}  linux-x86_64/{name}\n{'c' * 128}  linux-i686/{name}\n"
    server.says(f"{BASE}/SHA512SUMS", sums, kind="text/plain")
    build = releases(server, http).find(candidate())
    assert build.url == f"{server.url}{BASE}/linux-x86_64/en-US/firefox-131.0.3.tar.bz2"
    assert (build.revision, build.repo, build.build_id) == (REV, "mozilla-release", "20241011000000")
    assert build.digest == Digest("sha512", "a" * 128)


def test_a_name_with_spaces_is_escaped_in_the_address(server: Canned, http: Http) -> None:
    target = Target("firefox-release", "mac", "aarch64", ("shippable",), "de")
    listing(server, f"{BASE}/mac/de/", files=("Firefox 131.0.3.dmg", "Firefox 131.0.3.pkg"))
    build = releases(server, http, target).find(candidate())
    assert build.url.endswith("/mac/de/Firefox%20131.0.3.dmg")
    assert build.file_name == "Firefox 131.0.3.dmg"


def test_windows_has_its_zip_beside_the_candidates_only(server: Canned, http: Http) -> None:
    target = Target("firefox-release", "win", "x86_64", ("shippable",))
    candidates(server, "win64/en-US", "firefox-131.0.3.zip", "Firefox Setup 131.0.3.exe")
    build = releases(server, http, target).find(candidate())
    assert build.url.endswith(f"{ASIDE}/build2/win64/en-US/firefox-131.0.3.zip")
    assert not [path for path in server.asked if "SUMS" in path], "the sums of a release are of other files"
    with pytest.raises(NoBuild, match="not kept any more"):
        releases(server, http, target).find(candidate("131.0.2"))


def test_without_candidates_the_tag_tells_the_revision(server: Canned, http: Http) -> None:
    listing(server, f"{BASE}/linux-x86_64/en-US/", files=("firefox-131.0.3.tar.bz2",))
    push = {"pushes": {"7": {"changesets": [REV], "date": 1728900000, "user": "x"}}}
    server.says("/hg/releases/mozilla-release/json-pushes?changeset=FIREFOX_131_0_3_RELEASE&version=2", push)
    build = releases(server, http).find(candidate())
    assert (build.revision, build.repo, build.digest) == (REV, "mozilla-release", None)


def test_a_version_without_a_build_for_the_platform_is_no_build(server: Canned, http: Http) -> None:
    with pytest.raises(NoBuild, match="no linux-x86_64 build in en-US"):
        releases(server, http).find(candidate())
