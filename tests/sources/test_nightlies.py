"""Nightly folders of every era: which are candidates, which bound means which, and what their build is."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mozbisect.core.errors import NoBuild, NothingToSearch, ServerTrouble, UsageError
from mozbisect.core.model import Bound, BuildId, Candidate, Day, Digest, Kind, Leg, LegKind, Release, Revision, Target
from mozbisect.memory import Memory
from mozbisect.net.http import Http
from mozbisect.sources.nightlies import Nightlies
from mozbisect.sources.pushlog import Pushlog
from tests.canned import Canned
from tests.serving import File, Instead, serving

LINUX = Target("firefox", "linux", "x86_64", ("shippable", "opt", "pgo"))
TODAY = date(2026, 11, 23)
REV = "a" * 40

SEPTEMBER = (
    "2026-09-01-09-20-00-mozilla-central",
    "2026-09-02-09-20-00-mozilla-central",
    "2026-09-02-21-40-00-mozilla-central",
    "2026-09-02-21-40-00-mozilla-central-l10n",
    "2026-09-04-09-20-00-mozilla-central",
    "2026-09-04-03-00-00-oak",
    "latest-mozilla-central",
)


def months(server: Canned, **folders: tuple[str, ...]) -> None:
    for month, names in folders.items():
        path = f"/pub/firefox/nightly/{month.removeprefix('m').replace('_', '/')}/"
        server.says(path, {"prefixes": [f"{name}/" for name in names], "files": []})


def nightlies(
    server: Canned, http: Http, *, pushed: Candidate | None = None, target: Target = LINUX, today: date = TODAY
) -> Nightlies:
    def push_of(revision: str) -> Candidate:
        if pushed is None:
            raise UsageError("unknown")
        return pushed

    pushlog = Pushlog(http, f"{server.url}/hg")
    return Nightlies(http, f"{server.url}/pub", target, today=today, pushed=push_of, pushlog=pushlog)


def leg(old: Bound, new: Bound) -> Leg:
    return Leg(LegKind.NIGHTLIES, "mozilla-central", old, new, "", check_ends=True)


def day(text: str) -> Day:
    return Day(date.fromisoformat(text))


def ends(source: Nightlies, old: Bound, new: Bound) -> tuple[str, str]:
    timeline = source.timeline(leg(old, new))
    old_end, new_end = timeline.candidates[timeline.old_at], timeline.candidates[timeline.new_at]
    return f"{old_end.when:%m-%d-%H}", f"{new_end.when:%m-%d-%H}"


def test_only_folders_of_the_branch_are_candidates_in_the_order_of_time(server: Canned, http: Http) -> None:
    months(server, m2026_09=SEPTEMBER)
    timeline = nightlies(server, http).timeline(leg(day("2026-09-01"), day("2026-09-04")))
    assert [item.key for item in timeline.candidates] == [
        "2026-09-01-09-20-00-mozilla-central",
        "2026-09-02-09-20-00-mozilla-central",
        "2026-09-02-21-40-00-mozilla-central",
        "2026-09-04-09-20-00-mozilla-central",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (day("2026-09-02"), day("2026-09-04"), ("09-02-09", "09-04-09")),  # old: the first of its day
        (day("2026-09-01"), day("2026-09-02"), ("09-01-09", "09-02-21")),  # new: the last of its day
        (day("2026-09-02"), day("2026-09-02"), ("09-02-09", "09-02-21")),  # within one day
        (day("2026-09-03"), day("2026-09-04"), ("09-02-21", "09-04-09")),  # no nightly: the one before
        (day("2026-09-01"), day("2026-09-03"), ("09-01-09", "09-04-09")),  # no nightly: the one after
        (day("2026-09-01"), day("2026-09-20"), ("09-01-09", "09-04-09")),  # nothing after: the newest
        (BuildId(datetime(2026, 9, 2, 21, 40, tzinfo=UTC)), day("2026-09-04"), ("09-02-21", "09-04-09")),
        (BuildId(datetime(2026, 9, 2, 21, 39, tzinfo=UTC)), day("2026-09-04"), ("09-02-09", "09-04-09")),
        (day("2026-09-01"), BuildId(datetime(2026, 9, 2, 9, 20, tzinfo=UTC)), ("09-01-09", "09-02-09")),
    ],
)
def test_which_nightly_a_bound_means(
    server: Canned, http: Http, old: Bound, new: Bound, expected: tuple[str, str]
) -> None:
    months(server, m2026_09=SEPTEMBER)
    assert ends(nightlies(server, http), old, new) == expected


def test_a_choice_between_several_is_said(server: Canned, http: Http) -> None:
    months(server, m2026_09=SEPTEMBER)
    notes = nightlies(server, http).timeline(leg(day("2026-09-02"), day("2026-09-03"))).notes
    assert notes == (
        "2026-09-02 has 2 nightlies: the first of them (2026-09-02-09-20-00-mozilla-central) is taken.",
        "2026-09-03 has no nightly: 2026-09-04-09-20-00-mozilla-central is taken.",
    )


def test_a_release_is_the_day_before_its_successor_began(server: Canned, http: Http) -> None:
    months(server, m2026_07=("2026-07-19-09-00-00-mozilla-central", "2026-07-20-09-00-00-mozilla-central"))
    months(server, m2026_08=("2026-08-12-09-00-00-mozilla-central", "2026-08-13-09-00-00-mozilla-central"))
    assert ends(nightlies(server, http), Release("154"), Release("155")) == ("07-19-09", "08-12-09")


def test_the_version_of_a_nightly_is_all_the_time_it_was_on_the_trunk(server: Canned, http: Http) -> None:
    months(server, m2026_07=("2026-07-19-09-00-00-mozilla-central", "2026-07-20-09-00-00-mozilla-central"))
    months(server, m2026_08=("2026-08-12-09-00-00-mozilla-central", "2026-08-13-09-00-00-mozilla-central"))
    months(server, m2026_09=SEPTEMBER)
    source = nightlies(server, http)
    assert ends(source, Release("155.0a1"), Release("155.0a1")) == ("07-20-09", "08-12-09")
    newest = Release("156.0a1")  # it has not left yet
    assert ends(source, newest, newest) == ("08-13-09", "09-04-09")


@pytest.mark.parametrize(("version", "branch"), [("131.0b3", "a release branch"), ("54.0a2", "mozilla-aurora")])
def test_what_never_was_on_the_trunk_is_refused_with_where_it_was(
    server: Canned, http: Http, version: str, branch: str
) -> None:
    with pytest.raises(UsageError, match=f"{version} was made on {branch}"):
        nightlies(server, http).timeline(leg(Release(version), day("2026-09-04")))


def test_a_revision_is_before_its_push_and_a_day_after_it_if_it_must_be_merged_first(
    server: Canned, http: Http
) -> None:
    months(server, m2026_09=SEPTEMBER)
    push = Candidate(Kind.PUSH, "autoland:1", "autoland", datetime(2026, 9, 2, 12, tzinfo=UTC), (REV,))
    source = nightlies(server, http, pushed=push)
    assert ends(source, Revision(REV), day("2026-09-04")) == ("09-02-09", "09-04-09")
    assert ends(source, day("2026-09-01"), Revision(REV)) == ("09-01-09", "09-04-09")


MARCH_2015 = tuple(f"2015-03-{day:02}-03-02-04-mozilla-central" for day in range(1, 6))
SPRING_2017 = tuple(f"2017-05-{day:02}-{hour}-02-38-mozilla-central" for day in range(1, 6) for hour in ("03", "10"))


@pytest.mark.parametrize(
    ("folders", "push", "as_old", "as_new"),
    [
        # Five in the morning is nine in the evening before in California: that night's nightly holds the push.
        (MARCH_2015, datetime(2015, 3, 3, 5, tzinfo=UTC), "03-02-03", "03-03-03"),
        (MARCH_2015, datetime(2015, 3, 3, 12, tzinfo=UTC), "03-03-03", "03-04-03"),
        # Then both clocks were in use: in doubt the range is wider.
        (SPRING_2017, datetime(2017, 5, 3, 10, 30, tzinfo=UTC), "05-02-10", "05-04-03"),
        (SEPTEMBER, datetime(2026, 9, 2, 12, tzinfo=UTC), "09-02-09", "09-02-21"),
    ],
)
def test_a_push_is_compared_with_the_clock_that_folders_had_at_its_time(
    server: Canned, http: Http, folders: tuple[str, ...], push: datetime, as_old: str, as_new: str
) -> None:
    months(server, **{f"m{push:%Y_%m}": folders})
    landed = Candidate(Kind.PUSH, "mozilla-central:1", "mozilla-central", push, (REV,))
    source = nightlies(server, http, pushed=landed)
    first, last = day(f"{push:%Y-%m}-01"), day(f"{push:%Y-%m}-05")
    assert ends(source, Revision(REV), last)[0] == as_old
    assert ends(source, first, Revision(REV))[1] == as_new


def test_a_build_id_of_those_years_is_the_name_of_its_folder(server: Canned, http: Http) -> None:
    months(server, m2015_03=MARCH_2015)
    stamp = BuildId(datetime(2015, 3, 3, 3, 2, 4, tzinfo=UTC))
    source = nightlies(server, http)
    assert ends(source, stamp, day("2015-03-05"))[0] == ends(source, day("2015-03-01"), stamp)[1] == "03-03-03"
    assert [item.key for item in source.at(stamp, "mozilla-central")] == ["2015-03-03-03-02-04-mozilla-central"]


def test_spare_nightlies_reach_into_the_months_around(server: Canned, http: Http) -> None:
    months(
        server,
        m2026_09=SEPTEMBER,
        m2026_08=("2026-08-31-09-00-00-mozilla-central", "2026-08-01-09-00-00-mozilla-central"),
    )
    timeline = nightlies(server, http).timeline(leg(day("2026-09-01"), day("2026-09-04")))
    assert timeline.candidates[0].key == "2026-08-31-09-00-00-mozilla-central"
    assert timeline.old_at == 1


def test_the_eras_of_folder_names(server: Canned, http: Http) -> None:
    months(
        server,
        m2008_06=(
            "2008-06-16-04-trunk",
            "2008-06-16-04-mozilla-central",
            "2008-06-17-04-mozilla-central",
            "2008-06-17-04-trunk",
        ),
    )
    found = nightlies(server, http).timeline(leg(day("2008-06-16"), day("2008-06-17"))).candidates
    assert [item.key for item in found] == ["2008-06-16-04-trunk", "2008-06-17-04-mozilla-central"]
    assert found[0].when == datetime(2008, 6, 16, 4, tzinfo=UTC)


def test_a_range_without_nightlies_is_nothing_to_search(server: Canned, http: Http) -> None:
    with pytest.raises(NothingToSearch, match="no firefox nightly of mozilla-central from 2026-08-25 to 2026-09-17"):
        nightlies(server, http).timeline(leg(day("2026-09-01"), day("2026-09-10")))


def test_bounds_that_come_to_one_nightly_are_nothing_to_search(server: Canned, http: Http) -> None:
    months(server, m2026_09=SEPTEMBER)
    with pytest.raises(NothingToSearch, match="the same nightly"):
        nightlies(server, http).timeline(leg(day("2026-09-04"), day("2026-09-04")))


def test_a_month_that_cannot_be_listed_is_an_error_and_no_hole(server: Canned, http: Http) -> None:
    months(server, m2026_09=SEPTEMBER)
    server.says("/pub/firefox/nightly/2026/08/", "oops", status=500, kind="text/plain")
    with pytest.raises(ServerTrouble, match="2026/08"):
        nightlies(server, http).timeline(leg(day("2026-08-20"), day("2026-09-04")))


# ------------------------------------------------------------------------------------------------- builds

FOLDER = "2026-09-02-21-40-00-mozilla-central"
NIGHTLY = Candidate(Kind.NIGHTLY, FOLDER, "mozilla-central", datetime(2026, 9, 2, 21, 40, tzinfo=UTC))
PATH = f"/pub/firefox/nightly/2026/09/{FOLDER}/"
STEM = "firefox-145.0a1.en-US.linux-x86_64"
SHA = hashlib.sha512(b"build").hexdigest()

FILES = (
    f"{STEM}.tar.xz",
    f"{STEM}.tar.xz.asc",
    f"{STEM}.txt",
    f"{STEM}_info.txt",
    f"{STEM}.json",
    f"{STEM}.buildhub.json",
    f"{STEM}.checksums",
    f"{STEM}.crashreporter-symbols.zip",
    f"{STEM}.common.tests.tar.gz",
    f"{STEM}.awsy.tests.tar.gz",
    "firefox-145.0a1.en-US.linux-aarch64.tar.xz",
    "firefox-145.0a1.en-US.win64.zip",
    "firefox-145.0a1.de.linux-x86_64.tar.xz",
    "jsshell-linux-x86_64.zip",
    "mozharness.zip",
)


def folder(server: Canned, *names: str) -> None:
    server.says(PATH, {"prefixes": [], "files": [{"name": name, "size": 5, "last_modified": ""} for name in names]})


def test_the_package_its_revision_and_its_digest_among_all_the_other_files(server: Canned, http: Http) -> None:
    folder(server, *FILES)
    server.says(f"{PATH}{STEM}.txt", f"20260902214000\n{server.url}/mozilla-central/rev/{REV}\n", kind="text/plain")
    server.says(
        f"{PATH}{STEM}.checksums", f"{SHA} sha512 5 {STEM}.tar.xz\n{'0' * 128} sha512 1 x.txt\n", kind="text/plain"
    )
    build = nightlies(server, http).find(NIGHTLY)
    assert build.url == f"{server.url}{PATH}{STEM}.tar.xz"
    assert (build.revision, build.repo, build.build_id) == (REV, "mozilla-central", "20260902214000")
    assert (build.digest, build.size, build.build_type) == (Digest("sha512", SHA), 5, "nightly")


@pytest.mark.parametrize(("file", "algorithm", "digits"), [("SHA512SUMS", "sha512", 128), ("SHA256SUMS", "sha256", 64)])
def test_the_digests_of_a_whole_folder_are_read_where_a_build_has_none_of_its_own(
    server: Canned, http: Http, file: str, algorithm: str, digits: int
) -> None:
    folder(server, f"{STEM}.tar.xz", file)
    server.says(f"{PATH}{file}", f"{'a' * digits}  en-US/{STEM}.tar.xz\n{'b' * digits}  x.zip\n", kind="text/plain")
    assert nightlies(server, http).find(NIGHTLY).digest == Digest(algorithm, "a" * digits)


def test_without_a_text_the_json_tells_the_revision(server: Canned, http: Http) -> None:
    folder(server, f"{STEM}.tar.bz2", f"{STEM}.json", f"{STEM}_info.txt")
    server.says(f"{PATH}{STEM}.json", {"buildid": "20260902214000", "moz_source_stamp": REV})
    build = nightlies(server, http).find(NIGHTLY)
    assert build.revision == REV
    assert build.digest is None


def test_without_any_information_the_build_is_there_and_its_revision_unknown(server: Canned, http: Http) -> None:
    folder(server, f"{STEM}.tar.xz", f"{STEM}.txt", f"{STEM}.checksums")
    build = nightlies(server, http).find(NIGHTLY)
    assert (build.revision, build.digest, build.build_id) == (None, None, "20260902214000")


@pytest.mark.parametrize(
    ("names", "why"),
    [((), "the folder is empty"), (("firefox-145.0a1.en-US.win64.zip", f"{STEM}.txt"), "no build for linux-x86_64")],
)
def test_a_folder_without_the_build_says_so(server: Canned, http: Http, names: tuple[str, ...], why: str) -> None:
    folder(server, *names)
    with pytest.raises(NoBuild, match=why):
        nightlies(server, http).find(NIGHTLY)


def test_after_a_merge_day_the_newer_of_two_versions_is_taken(server: Canned, http: Http) -> None:
    folder(server, "firefox-99.0a1.en-US.linux-x86_64.tar.bz2", "firefox-100.0a1.en-US.linux-x86_64.tar.bz2")
    assert nightlies(server, http).find(NIGHTLY).file_name == "firefox-100.0a1.en-US.linux-x86_64.tar.bz2"


def test_after_a_merge_day_the_revision_is_that_of_the_same_version(server: Canned, http: Http) -> None:
    stems = [f"firefox-{version}.0a1.en-US.linux-x86_64" for version in (99, 100)]
    folder(server, f"{stems[1]}.tar.bz2", f"{stems[0]}.tar.bz2", *(f"{stem}.txt" for stem in stems), f"{stems[0]}.json")
    for stem, digit in zip(stems, "12", strict=True):
        server.says(f"{PATH}{stem}.txt", f"1\n{server.url}/mozilla-central/rev/{digit * 40}\n", kind="text/plain")
    assert nightlies(server, http).find(NIGHTLY).revision == "2" * 40
    folder(server, f"{stems[0]}.tar.bz2", *(f"{stem}.txt" for stem in stems))
    assert nightlies(server, http).find(NIGHTLY).revision == "1" * 40


FENIX = "2026-09-02-21-40-00-fenix-145.0a1-android-arm64-v8a"


def test_a_build_that_says_nothing_of_itself_is_of_the_push_of_its_moment(server: Canned, http: Http) -> None:
    name = "fenix-145.0a1.multi.android-arm64-v8a.apk"
    path = f"/pub/fenix/nightly/2026/09/{FENIX}/"
    server.says(path, {"prefixes": [], "files": [{"name": name, "size": 5, "last_modified": ""}]})
    when = int(NIGHTLY.when.timestamp())
    pushes = {"8": {"changesets": ["9" * 40], "date": when - 1}, "9": {"changesets": [REV], "date": when}}
    query = "enddate=2026-09-03&startdate=2026-09-01&version=2"
    server.says(f"/hg/mozilla-central/json-pushes?{query}", {"pushes": pushes})
    target = Target("fenix", "android", "aarch64", ("opt",))
    build = nightlies(server, http, target=target).find(Candidate(Kind.NIGHTLY, FENIX, "mozilla-central", NIGHTLY.when))
    assert (build.file_name, build.revision, build.build_id) == (name, REV, "20260902214000")


def test_a_localised_build_has_its_revision_from_the_folder_beside(server: Canned, http: Http) -> None:
    l10n = f"{FOLDER}-l10n"
    name = "firefox-145.0a1.de.linux-x86_64.tar.xz"
    rows = [{"name": name, "size": 5, "last_modified": ""}, {"name": name.replace(".de.", ".fr."), "size": 5}]
    server.says(f"/pub/firefox/nightly/2026/09/{l10n}/", {"prefixes": [], "files": rows})
    folder(server, f"{STEM}.tar.xz", f"{STEM}.txt")
    server.says(f"{PATH}{STEM}.txt", f"1\n{server.url}/mozilla-central/rev/{REV}\n", kind="text/plain")
    target = Target("firefox-l10n", "linux", "x86_64", ("opt",), "de")
    build = nightlies(server, http, target=target).find(Candidate(Kind.NIGHTLY, l10n, "mozilla-central", NIGHTLY.when))
    assert (build.file_name, build.revision) == (name, REV)


def test_the_old_names_of_64_bit_windows(server: Canned, http: Http) -> None:
    folder(server, "firefox-4.0b2pre.en-US.win64-x86_64.zip", "firefox-4.0b2pre.en-US.win32.zip")
    target = Target("firefox", "win", "x86_64", ("opt",))
    assert nightlies(server, http, target=target).find(NIGHTLY).file_name == "firefox-4.0b2pre.en-US.win64-x86_64.zip"


def test_the_nightlies_of_one_bound_come_latest_first_and_else_the_nearest_are_named(
    server: Canned, http: Http
) -> None:
    months(server, m2026_09=SEPTEMBER)
    source = nightlies(server, http)
    assert [f"{item.when:%d-%H}" for item in source.at(day("2026-09-02"), "mozilla-central")] == ["02-21", "02-09"]
    with pytest.raises(NothingToSearch) as caught:
        source.at(day("2026-09-03"), "mozilla-central")
    assert "2026-09-02-21-40-00-mozilla-central" in caught.value.advice


def test_the_nearest_are_looked_for_as_far_as_one_says(server: Canned, http: Http) -> None:
    months(server, m2026_09=SEPTEMBER)
    source = nightlies(server, http)
    with pytest.raises(NothingToSearch, match="within 7 days of 2026-10-01"):
        source.near(day("2026-10-01"), "mozilla-central", timedelta(days=7))
    found = source.near(day("2026-10-01"), "mozilla-central", timedelta(days=45))
    assert found[0].key == "2026-09-04-09-20-00-mozilla-central"


# --------------------------------------------------------------------------------------------- fewer requests

NIGHT = "2026-09-{:02}-09-20-00-mozilla-central"


def night(day: int) -> Candidate:
    return Candidate(Kind.NIGHTLY, NIGHT.format(day), "mozilla-central", datetime(2026, 9, day, 9, 20, tzinfo=UTC))


def place(day: int) -> str:
    return f"/pub/firefox/nightly/2026/09/{NIGHT.format(day)}/"


def with_folder(server: Canned, day: int, name: str, *, summed: bool = True) -> None:
    stem = name.partition(".tar")[0]
    names = (name, *([f"{stem}.checksums"] if summed else []), f"{stem}.txt")
    rows = [{"name": one, "size": 40 + day, "last_modified": ""} for one in names]
    server.says(place(day), {"prefixes": [], "files": rows})
    if summed:
        server.says(f"{place(day)}{stem}.checksums", f"{SHA} sha512 {40 + day} {name}\n", kind="text/plain")
    server.says(f"{place(day)}{stem}.txt", f"2026090{day}092000\n{server.url}/mozilla-central/rev/{REV}\n")


def later(server: Canned, http: Http) -> Nightlies:
    """One whose builds tell their revision themselves."""
    source = nightlies(server, http)
    source._origin_later = True
    return source


def test_between_two_builds_of_one_name_no_folder_is_listed(server: Canned, http: Http) -> None:
    for day in (1, 5, 9):
        with_folder(server, day, f"{STEM}.tar.xz")
    told, listed = later(server, http), later(server, http).find(night(5))
    for day in (1, 9):
        told.find(night(day))
    server.asked.clear()
    build = told.find(night(5))
    assert server.asked == [f"{place(5)}{STEM}.checksums"]
    assert build == listed
    assert (build.size, build.digest) == (45, Digest("sha512", SHA))


@pytest.mark.parametrize(
    ("before", "here", "after"),
    [
        ("firefox-144.0a1", "firefox-144.0a1", "firefox-145.0a1"),  # a new version, on a day that we do not know
        ("firefox-144.0a1", "firefox-145.0a1", "firefox-145.0a1"),
        ("firefox-145.0a1", "firefox-145.0b1", "firefox-145.0a1"),  # against all order
        (None, "firefox-145.0a1", "firefox-145.0a1"),  # nothing before it was seen
    ],
)
def test_else_the_folder_tells(server: Canned, http: Http, before: str | None, here: str, after: str) -> None:
    source = later(server, http)
    for day, name in ((1, before), (5, here), (9, after)):
        if name:
            with_folder(server, day, f"{name}.en-US.linux-x86_64.tar.xz")
    for day, name in ((1, before), (9, after)):
        if name:
            source.find(night(day))
    assert source.find(night(5)).file_name == f"{here}.en-US.linux-x86_64.tar.xz"
    assert place(5) in server.asked


def test_a_folder_without_the_build_between_two_that_have_it_says_so(server: Canned, http: Http) -> None:
    source = later(server, http)
    for day in (1, 9):
        with_folder(server, day, f"{STEM}.tar.xz")
        source.find(night(day))
    with_folder(server, 5, "firefox-145.0a1.en-US.win64.zip", summed=False)
    with pytest.raises(NoBuild, match="no build for linux-x86_64"):
        source.find(night(5))


def test_where_builds_have_no_checksums_of_their_own_each_folder_is_listed(server: Canned, http: Http) -> None:
    source = later(server, http)
    for day in (1, 9, 5):
        with_folder(server, day, f"{STEM}.tar.xz", summed=False)
        assert source.find(night(day)).size == 40 + day


def test_what_a_build_tells_itself_is_asked_for_only_when_it_did_not(server: Canned, http: Http) -> None:
    with_folder(server, 5, f"{STEM}.tar.xz")
    source = later(server, http)
    build = source.find(night(5))
    assert build.revision is None
    assert not any(path.endswith(".txt") for path in server.asked)
    assert source.with_origin(build) == nightlies(server, http).find(night(5))
    assert source.with_origin(build).revision == REV


# ------------------------------------------------------------------------------------------ what is remembered


def test_what_is_over_is_remembered_and_what_is_not_is_asked_for_again(server: Canned, tmp_path: Path) -> None:
    months(server, m2026_09=SEPTEMBER, m2026_10=("2026-10-05-09-00-00-mozilla-central",), m2026_11=())
    server.says("/pub/firefox/nightly/2026/11/", {"prefixes": ["2026-11-05-09-00-00-mozilla-central/"], "files": []})

    def asked(today: date) -> list[str]:
        http = Http(memory=Memory(tmp_path, loopback=True))
        server.asked.clear()
        source = nightlies(server, http, today=today)
        source.timeline(leg(day("2026-09-10"), day("2026-11-05")))
        http.close()
        return sorted(path.removeprefix("/pub/firefox/nightly/") for path in server.asked)

    assert asked(date(2026, 11, 3)) == ["2026/09/", "2026/10/", "2026/11/"]
    assert asked(date(2026, 11, 3)) == ["2026/10/", "2026/11/"]  # October was over for too short a time
    assert asked(date(2026, 11, 6)) == ["2026/10/", "2026/11/"]
    assert asked(date(2026, 11, 6)) == ["2026/11/"]


def test_a_folder_of_today_may_still_be_filled(server: Canned, tmp_path: Path) -> None:
    def find(today: date) -> str:
        http = Http(memory=Memory(tmp_path, loopback=True), sleep=lambda seconds: None)
        try:
            return nightlies(server, http, today=today).find(night(5)).file_name
        except NoBuild:
            return ""
        finally:
            http.close()

    with_folder(server, 5, "firefox-145.0a1.en-US.win64.zip", summed=False)
    assert find(date(2026, 9, 5)) == ""
    with_folder(server, 5, f"{STEM}.tar.xz")
    assert find(date(2026, 9, 7)) == f"{STEM}.tar.xz"
    assert find(date(2026, 9, 20)) == f"{STEM}.tar.xz"
    server.answers.clear()  # as if nobody answered any more
    assert find(date(2026, 9, 20)) == f"{STEM}.tar.xz"


@pytest.mark.parametrize("spoilt", ["", "<html>sorry</html>", f"{SHA} sha512 45 {STEM}.tar", f"{SHA[:99]}"])
def test_checksums_that_do_not_name_the_build_are_asked_for_again(http: Http, spoilt: str) -> None:
    with serving() as moody:
        rows = [{"name": f"{STEM}{ending}", "size": 5, "last_modified": ""} for ending in (".tar.xz", ".checksums")]
        listing = json.dumps({"prefixes": [], "files": rows}).encode()
        moody.put(PATH, listing, headers={"Content-Type": "application/json"})
        moody.put(f"{PATH}{STEM}.checksums", f"{SHA} sha512 5 {STEM}.tar.xz\n".encode())
        moody.faults[f"{PATH}{STEM}.checksums"] += [Instead(File(spoilt.encode()))]
        pushlog = Pushlog(http, f"{moody.base}/hg")
        source = Nightlies(http, f"{moody.base}/pub", LINUX, today=TODAY, pushed=lambda _: NIGHTLY, pushlog=pushlog)
        assert source.find(NIGHTLY).digest == Digest("sha512", SHA)
