"""What the words of a command line come to, before anybody is asked: bounds, repository, target, first leg."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mozbisect import request
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Before, Day, LegKind, Release, Revision, Tag
from mozbisect.options import Options

TODAY = date(2026, 11, 23)
REV = "a" * 40
OTHER = "win" if request.this_system() == "linux" else "linux"


def read(*, launch: str | None = None, **words: Any) -> request.Request:
    phone = words.get("app") in ("fenix", "fennec", "gve")
    plain = {"arch": "x86_64", "os": None if phone else "linux"}
    return request.read(Options(**{**plain, **words}), today=TODAY, launch=launch)


@pytest.mark.parametrize(
    ("words", "kind", "repo", "old", "new"),
    [
        ({"good": "149"}, LegKind.NIGHTLIES, "mozilla-central", Release("149"), Day(TODAY)),
        (
            {"good": "131.0", "bad": "131.0.3"},
            LegKind.PUSHES,
            "mozilla-release",
            Tag("FIREFOX_131_0_RELEASE"),
            Tag("FIREFOX_131_0_3_RELEASE"),
        ),
        (
            {"good": "100.0b3", "bad": "2026-11-01"},
            LegKind.PUSHES,
            "mozilla-beta",
            Tag("FIREFOX_100_0b3_RELEASE"),
            Day(date(2026, 11, 1)),
        ),
        (
            {"good": "115.3.0esr", "bad": "115.9.0esr"},
            LegKind.PUSHES,
            "mozilla-esr115",
            Tag("FIREFOX_115_3_0esr_RELEASE"),
            Tag("FIREFOX_115_9_0esr_RELEASE"),
        ),
        (
            {"good": "131", "bad": "132", "repo": "m-r"},
            LegKind.PUSHES,
            "mozilla-release",
            Tag("FIREFOX_131_0_RELEASE"),
            Tag("FIREFOX_132_0_RELEASE"),
        ),
        (
            {"good": "FIREFOX_131_0b1_RELEASE", "bad": "FIREFOX_131_0b9_RELEASE"},
            LegKind.PUSHES,
            "mozilla-beta",
            Tag("FIREFOX_131_0b1_RELEASE"),
            Tag("FIREFOX_131_0b9_RELEASE"),
        ),
        (
            {"good": "128.1.0esr", "bad": "128.3.0esr", "app": "thunderbird"},
            LegKind.PUSHES,
            "comm-esr128",
            Tag("THUNDERBIRD_128_1_0esr_RELEASE"),
            Tag("THUNDERBIRD_128_3_0esr_RELEASE"),
        ),
        (
            {"good": "115.3.0esr", "bad": "115.9.0esr", "app": "firefox-release"},
            LegKind.RELEASES,
            "mozilla-release",
            Release("115.3.0esr"),
            Release("115.9.0esr"),
        ),
        ({"bad": REV}, LegKind.NIGHTLIES, "mozilla-central", Before(52, Revision(REV)), Revision(REV)),
        (
            {"bad": REV, "search_back": True},
            LegKind.NIGHTLIES,
            "mozilla-central",
            Before(1, Revision(REV)),
            Revision(REV),
        ),
        (
            {"build_type": "tsan", "good": "2026-10-01"},
            LegKind.PUSHES,
            "mozilla-central",
            Day(date(2026, 10, 1)),
            Day(TODAY),
        ),
        (
            {"build_type": "debug", "good": "2014-12-01", "bad": "2015-01-10"},
            LegKind.NIGHTLIES,
            "mozilla-central",
            Day(date(2014, 12, 1)),
            Day(date(2015, 1, 10)),
        ),
        (
            {"repo": "aurora", "good": "2015-07-01", "bad": "2015-07-20"},
            LegKind.NIGHTLIES,
            "mozilla-aurora",
            Day(date(2015, 7, 1)),
            Day(date(2015, 7, 20)),
        ),
        ({"repo": "esr140", "app": "thunderbird", "good": "2026-10-01"}, LegKind.NIGHTLIES, "comm-esr140", None, None),
    ],
)
def test_which_leg_the_words_come_to(words: dict[str, Any], kind: LegKind, repo: str, old: object, new: object) -> None:
    leg = read(**words).leg
    assert (leg.kind, leg.repo) == (kind, repo)
    assert old is None or (leg.old, leg.new) == (old, new)


def test_what_a_release_is_taken_for_is_said() -> None:
    assert read(good="131.0", bad="131.0.3").notes == (
        "131.0 is taken as FIREFOX_131_0_RELEASE on mozilla-release.",
        "131.0.3 is taken as FIREFOX_131_0_3_RELEASE on mozilla-release.",
    )


def test_a_build_to_launch_is_understood_like_an_end() -> None:
    asked = read(launch="115.3.0esr")
    assert (asked.new, asked.leg.repo) == (Tag("FIREFOX_115_3_0esr_RELEASE"), "mozilla-esr115")
    with pytest.raises(UsageError, match=r"^--launch: 'yesterday'"):
        read(launch="yesterday")


@pytest.mark.parametrize("word", ["integration/autoland", "https://hg.mozilla.org/integration/autoland"])
def test_a_repository_may_be_named_by_its_path(word: str) -> None:
    assert read(repo=word, good="2026-10-01").leg.repo == "autoland"


def test_a_build_type_is_understood_in_any_case() -> None:
    assert read(build_type="Debug", good="2026-10-01").target.build_types == ("debug",)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ({"good": "2020-01-01"}, ["nightlies mozilla-central", "pushes mozilla-central"]),
        ({"good": REV, "bad": "b" * 40}, ["pushes mozilla-central", "nightlies mozilla-central"]),
        ({"repo": "autoland", "good": "2020-01-01"}, ["pushes autoland", "nightlies mozilla-central"]),
        ({"repo": "try", "good": "2026-11-01"}, ["pushes try"]),
        ({"repo": "mozilla-release", "good": "2026-11-01"}, ["pushes mozilla-release"]),
        ({"repo": "autoland", "good": "2020-01-01", "build_type": "debug"}, ["pushes autoland"]),
        ({"app": "firefox-l10n", "lang": "de"}, ["nightlies mozilla-central"]),
        ({"app": "firefox-release", "good": "131.0"}, ["releases mozilla-release"]),
        ({"app": "firefox-release", "good": REV, "bad": "b" * 40}, ["pushes mozilla-release"]),
    ],
)
def test_where_builds_are_looked_for_and_in_which_order(words: dict[str, Any], places: list[str]) -> None:
    assert [f"{place.kind} {place.repo}" for place in read(**words).reach.places] == places


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"good": "131.0", "bad": "132.0b3"}, "different branches, mozilla-beta and mozilla-release"),
        ({"app": "seamonkey"}, "There is no app 'seamonkey'"),
        ({"app": "firefox-l10n"}, "firefox-l10n has a build for each language"),
        ({"lang": "de"}, "firefox is built in one language only"),
        ({"build_type": "tsan", "app": "fenix", "arch": None}, "fenix has no build type 'tsan'"),
        ({"arch": "arm64-v8a"}, "There are no firefox builds for arm64-v8a"),
        ({"app": "fenix", "arch": "arm64-v8a", "repo": "autoland"}, "fenix has nightlies of mozilla-central only"),
        ({"app": "thunderbird", "repo": "autoland"}, "thunderbird is not built from autoland"),
        ({"app": "fenix", "os": "linux"}, "fenix runs on Android only"),
        ({"repo": "esr"}, "which is 'esr'?"),
        ({"repo": "mozilla-centrall"}, "There is no repository 'mozilla-centrall'"),
        ({"archive_base_url": "ftp://x"}, "--archive-base-url must begin with http"),
    ],
)
def test_what_makes_no_sense_is_said(words: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(**words)
    assert says in caught.value.what


@pytest.mark.parametrize(
    ("words", "os", "arch"),
    [
        ({"arch": "aarch64"}, "linux", "aarch64"),
        ({"arch": None, "bits": "32", "os": OTHER}, OTHER, "x86"),
        ({"arch": None, "os": OTHER}, OTHER, "x86_64"),  # this machine's says nothing about another system
        ({"app": "fenix", "arch": "arm64-v8a"}, "android", "aarch64"),
        ({"app": "gve", "arch": None}, "android", "arm"),
        ({"app": "fennec", "arch": None}, "android", "arm"),
    ],
)
def test_the_platform(words: dict[str, Any], os: str, arch: str) -> None:
    target = read(**words).target
    assert (target.os, target.arch) == (os, arch)


def test_a_processor_that_was_not_named_and_one_that_was_named_twice_are_said() -> None:
    assert read(app="gve", arch=None).notes == ("No --arch was given: arm is taken, of arm, aarch64, x86, x86_64.",)
    asked = read(arch="x86_64", bits="32")
    assert (asked.target.arch, asked.notes) == ("x86_64", ("Both --arch and --bits were given: --arch counts.",))


def test_a_platform_without_builds_is_said() -> None:
    with pytest.raises(UsageError, match="no builds for mac x86"):
        read(os="mac", arch="x86")


def test_english_is_no_localised_build() -> None:
    with pytest.raises(UsageError) as caught:
        read(app="firefox-l10n", lang="en-US", good="2026-10-01")
    assert caught.value.advice == "en-US is --app firefox, without --lang."
    assert read(app="firefox-release", lang="en-US", good="131.0").target.lang == "en-US"


def test_a_repository_beside_versions_is_refused_and_not_passed_over() -> None:
    with pytest.raises(UsageError, match=r"--repo beta: firefox-release is searched by version"):
        read(app="firefox-release", repo="beta", good="131.0", bad="132.0")
    with pytest.raises(UsageError, match="searched by version"):
        read(app="devedition", repo="beta", launch="131.0b3")
    pushes = read(app="firefox-release", repo="beta", good=REV, bad="b" * 40)
    assert (pushes.leg.kind, pushes.leg.repo) == (LegKind.PUSHES, "mozilla-beta")
