"""The catalogue: every row is whole, and from a row comes all that the rest of the program needs to know of an app."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from mozbisect.catalog import apps, names
from mozbisect.catalog.apps import APPS, App, app, arch_of
from mozbisect.catalog.build_types import ALL, BUILD_TYPES, types_in_order
from mozbisect.catalog.platforms import PLATFORMS
from mozbisect.catalog.repos import repo
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Target

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def target(row: str, os: str, arch: str, build_type: str = "opt", lang: str = "en-US") -> Target:
    return Target(row, os, arch, types_in_order(build_type, app(row).build_types), lang)


def targets(row: App) -> list[Target]:
    return [
        Target(row.name, platform.os, platform.arch, types_in_order(kind, row.build_types), "de")
        for platform in PLATFORMS
        if platform.os in row.systems and platform.arch in row.archs
        for kind in row.build_types
    ]


@pytest.mark.parametrize("row", APPS, ids=lambda row: row.name)
def test_a_row_is_all_that_an_app_needs(row: App) -> None:
    assert row.default_type in row.build_types
    assert set(row.build_types) <= set(ALL)
    assert not row.arch or row.arch in row.archs
    assert repo(row.repo).name == row.repo
    assert row.nightlies or row.tasks or row.releases
    assert targets(row), "there is a platform for it"
    for one in targets(row):
        if row.tasks:
            assert names.artifacts(one)
            assert all(namespace.startswith(row.tasks.domain) for _, namespace in names.routes(one, row.repo, "r", NOW))
        if row.releases:
            assert names.released(one, "131.0")
        if row.nightlies:
            for era in row.nightlies.eras:
                assert era.since < era.until
                assert names.files(one, era).package.pattern


def test_the_names_of_apps_build_types_and_platforms_are_told_apart() -> None:
    for rows in ([row.name for row in APPS], list(ALL), [(row.os, row.arch) for row in PLATFORMS]):
        assert len(set(rows)) == len(rows)
    assert all(set(row.instead) <= set(ALL) for row in BUILD_TYPES)


def test_every_app_of_mozregression_has_a_row() -> None:
    theirs = [
        "fenix",
        "fennec",
        "firefox",
        "firefox-l10n",
        "focus",
        "gve",
        "jsshell",
        "thunderbird",
        "thunderbird-l10n",
    ]
    assert {row.name for row in APPS} >= {*theirs, "devedition", "firefox-release"}


@pytest.mark.parametrize(
    ("one", "day", "branch", "is_one"),
    [
        (target("firefox", "linux", "x86_64"), "2007-09-22", "trunk", True),
        (target("firefox", "linux", "x86_64"), "2008-06-17", "trunk", False),
        (target("firefox", "linux", "x86_64"), "2026-09-01", "mozilla-central", True),
        (target("firefox", "linux", "x86_64"), "2026-09-01", "mozilla-central-l10n", False),
        (target("firefox", "linux", "x86_64"), "2014-12-10", "mozilla-central-debug", False),
        (target("firefox", "linux", "x86_64", "debug"), "2014-12-10", "mozilla-central-debug", True),
        (target("firefox", "linux", "x86_64", "debug"), "2014-12-10", "mozilla-central", False),
        (target("firefox-l10n", "mac", "x86_64", lang="de"), "2017-08-25", "mozilla-central-l10n", True),
        (target("thunderbird", "win", "x86"), "2008-07-25", "trunk", True),
        (target("thunderbird", "win", "x86"), "2008-07-26", "comm-central", True),
        (target("thunderbird", "win", "x86"), "2009-01-09", "comm-central", False),
        (target("thunderbird", "win", "x86"), "2009-01-09", "comm-central-trunk", True),
        (target("thunderbird", "win", "x86"), "2010-08-21", "comm-central", True),
        (target("fennec", "android", "arm"), "2014-12-05", "mozilla-central-android", True),
        (target("fennec", "android", "arm"), "2014-12-06", "mozilla-central-android-api-10", True),
        (target("fennec", "android", "arm"), "2015-06-11", "mozilla-central-android-api-11", True),
        (target("fennec", "android", "arm"), "2015-06-11", "mozilla-central-android-api-15", False),
        (target("fennec", "android", "arm"), "2016-02-01", "mozilla-central-android-api-15", True),
        (target("fennec", "android", "arm"), "2018-10-01", "mozilla-central-android-api-16", True),
        (target("fennec", "android", "x86"), "2016-02-01", "mozilla-central-android-x86", True),
        (target("fennec", "android", "x86"), "2016-02-01", "mozilla-central-android-api-15", False),
        (target("fennec", "android", "aarch64"), "2017-08-09", "mozilla-central-android-aarch64", True),
        (target("fenix", "android", "aarch64"), "2024-05-20", "fenix-128.0a1-android-arm64-v8a", True),
        (target("fenix", "android", "aarch64"), "2022-11-14", "fenix-108.0b1-android-arm64-v8a", False),
        (target("fenix", "android", "aarch64"), "2026-07-01", "fenix-154.0a1-android", False),
        (target("fenix", "android", "x86"), "2024-05-20", "fenix-128.0a1-android-x86_64", False),
        (target("focus", "android", "arm"), "2024-05-20", "focus-128.0a1-android-armeabi-v7a", True),
    ],
)
def test_the_eras_of_nightly_folders(one: Target, day: str, branch: str, *, is_one: bool) -> None:
    found = names.era_of(one, app(one.app).repo, date.fromisoformat(day), branch)
    assert (found is not None) is is_one


def test_a_branch_that_was_named_has_its_own_folders_in_every_year() -> None:
    one = target("firefox", "linux", "x86_64")
    assert names.era_of(one, "oak", date(2007, 1, 1), "oak")
    assert names.era_of(one, "mozilla-aurora", date(2016, 1, 1), "mozilla-central") is None
    assert names.era_of(target("firefox-l10n", "linux", "x86_64"), "date", date(2017, 6, 21), "date-l10n")


def package_of(one: Target, day: str, branch: str, listed: list[str]) -> str | None:
    era = names.era_of(one, app(one.app).repo, date.fromisoformat(day), branch)
    assert era is not None
    fitting = [match for name in listed if (match := names.files(one, era).package.fullmatch(name))]
    return max(fitting, key=lambda match: names.rank(one, match)).string if fitting else None


DESKTOP_FOLDER = [
    "firefox-55.0a1.en-US.linux-i686.tar.bz2",
    "firefox-55.0a1.en-US.linux-x86_64.tar.bz2",
    "firefox-55.0a1.en-US.linux-x86_64.tar.bz2.asc",
    "firefox-55.0a1.en-US.linux-x86_64-asan-reporter.tar.bz2",
    "firefox-55.0a1.en-US.linux-x86_64.sdk.tar.bz2",
    "firefox-55.0a1.en-US.mac.dmg",
    "firefox-55.0a1.en-US.win32.zip",
    "firefox-55.0a1.en-US.win32.installer.exe",
    "firefox-55.0a1.en-US.win64.zip",
    "firefox-55.0a1.en-US.win64-aarch64.zip",
    "firefox-55.0a1.en-US.win64.crashreporter-symbols.zip",
    "jsshell-linux-x86_64.zip",
    "jsshell-linux-x86_64-asan.zip",
    "jsshell-mac.zip",
    "jsshell-win64.zip",
    "mozharness.zip",
]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (target("firefox", "linux", "x86_64"), "firefox-55.0a1.en-US.linux-x86_64.tar.bz2"),
        (target("firefox", "linux", "x86"), "firefox-55.0a1.en-US.linux-i686.tar.bz2"),
        (target("firefox", "linux", "aarch64"), None),
        (target("firefox", "linux", "x86_64", "asan"), "firefox-55.0a1.en-US.linux-x86_64-asan-reporter.tar.bz2"),
        (target("firefox", "mac", "x86_64"), "firefox-55.0a1.en-US.mac.dmg"),
        (target("firefox", "mac", "aarch64"), "firefox-55.0a1.en-US.mac.dmg"),
        (target("firefox", "win", "x86"), "firefox-55.0a1.en-US.win32.zip"),
        (target("firefox", "win", "x86_64"), "firefox-55.0a1.en-US.win64.zip"),
        (target("firefox", "win", "aarch64"), "firefox-55.0a1.en-US.win64-aarch64.zip"),
        (target("jsshell", "linux", "x86_64"), "jsshell-linux-x86_64.zip"),
        (target("jsshell", "linux", "x86_64", "asan"), "jsshell-linux-x86_64-asan.zip"),
        (target("jsshell", "mac", "aarch64"), "jsshell-mac.zip"),
        (target("jsshell", "win", "x86_64"), "jsshell-win64.zip"),
    ],
)
def test_the_package_of_each_platform_among_all_files_of_a_folder(one: Target, expected: str | None) -> None:
    assert package_of(one, "2018-05-15", "mozilla-central", DESKTOP_FOLDER) == expected


def test_the_windows_package_of_2004_has_no_version_in_its_name() -> None:
    listed = ["firefox-win32.zip", "firefox-win32-installer.exe", "firefox-i686-linux-gtk2+xft.tar.gz"]
    assert package_of(target("firefox", "win", "x86"), "2004-09-15", "trunk", listed) == "firefox-win32.zip"


def test_of_two_packages_of_one_platform_the_preferred_is_taken() -> None:
    both = ["firefox-4.0b2pre.en-US.mac.dmg", "firefox-4.0b2pre.en-US.mac64.dmg"]
    for one in (target("firefox", "mac", "x86_64"), target("firefox", "mac", "aarch64")):
        for listed in (both, both[::-1], both[1:]):  # in the autumn of 2010 the one for 64 bits was alone
            assert package_of(one, "2010-07-04", "mozilla-central", listed) == "firefox-4.0b2pre.en-US.mac64.dmg"
    kinds = ["firefox-135.0a1.en-US.linux-x86_64.tar.bz2", "firefox-135.0a1.en-US.linux-x86_64.tar.xz"]
    for listed in (kinds, kinds[::-1]):
        chosen = package_of(target("firefox", "linux", "x86_64"), "2024-12-01", "mozilla-central", listed)
        assert chosen == "firefox-135.0a1.en-US.linux-x86_64.tar.xz"


def test_the_page_about_a_build_is_never_the_one_called_info() -> None:
    one = target("firefox", "linux", "x86_64")
    era = names.era_of(one, "mozilla-central", date(2020, 1, 1), "mozilla-central")
    assert era is not None
    info = names.files(one, era).info
    assert info is not None
    assert not info.fullmatch("firefox-84.0a1.en-US.linux-x86_64_info.txt")
    assert info.fullmatch("firefox-84.0a1.en-US.linux-x86_64.txt")
    assert info.fullmatch("firefox-84.0a1.en-US.linux-x86_64.buildhub.json")


@pytest.mark.parametrize(
    ("one", "repo_name", "when", "expected"),
    [
        (
            target("firefox", "linux", "x86_64", "shippable"),
            "autoland",
            NOW,
            [
                "gecko.v2.autoland.shippable.revision.R.firefox.linux64-opt",
                "gecko.v2.autoland.revision.R.firefox.linux64-opt",
            ],
        ),
        (  # while there were such builds
            target("firefox", "linux", "x86_64", "shippable"),
            "autoland",
            datetime(2019, 6, 1, tzinfo=UTC),
            [
                "gecko.v2.autoland.shippable.revision.R.firefox.linux64-opt",
                "gecko.v2.autoland.revision.R.firefox.linux64-opt",
                "gecko.v2.autoland.revision.R.firefox.linux64-pgo",
            ],
        ),
        (  # who asks for it is believed
            target("firefox", "linux", "x86_64", "pgo"),
            "autoland",
            NOW,
            ["gecko.v2.autoland.revision.R.firefox.linux64-pgo"],
        ),
        (
            target("firefox", "linux", "aarch64", "debug"),
            "autoland",
            NOW,
            ["gecko.v2.autoland.revision.R.firefox.linux64-aarch64-debug"],
        ),
        (
            target("firefox", "win", "x86", "fuzzing-debug"),
            "mozilla-central",
            NOW,
            ["gecko.v2.mozilla-central.revision.R.firefox.win32-fuzzing-debug"],
        ),
        (
            target("thunderbird", "mac", "aarch64"),
            "comm-esr140",
            NOW,
            [
                "comm.v2.comm-esr140.revision.R.thunderbird.macosx64-opt",
                "comm.v2.comm-esr140.shippable.revision.R.thunderbird.macosx64-opt",
            ],
        ),
        (
            target("fennec", "android", "arm", "debug"),
            "mozilla-central",
            datetime(2016, 1, 28, tzinfo=UTC),
            ["gecko.v2.mozilla-central.revision.R.mobile.android-api-11-debug"],
        ),
        (
            target("gve", "android", "arm", "debug"),
            "mozilla-central",
            datetime(2021, 6, 5, 3, 56, 18, tzinfo=UTC),
            ["gecko.v2.mozilla-central.revision.R.mobile.android-api-16-debug"],
        ),
        (
            target("gve", "android", "arm", "debug"),
            "mozilla-central",
            datetime(2021, 6, 5, 3, 56, 19, tzinfo=UTC),
            ["gecko.v2.mozilla-central.revision.R.mobile.android-arm-debug"],
        ),
        (
            target("gve", "android", "aarch64", "debug"),
            "mozilla-central",
            NOW,
            ["gecko.v2.mozilla-central.revision.R.mobile.android-aarch64-debug"],
        ),
        (
            target("fenix", "android", "aarch64"),
            "mozilla-central",
            NOW,
            ["gecko.v2.mozilla-central.revision.R.mobile.fenix-nightly"],
        ),
    ],
)
def test_the_routes_of_a_push(one: Target, repo_name: str, when: datetime, expected: list[str]) -> None:
    assert [namespace for _, namespace in names.routes(one, repo_name, "R", when)] == expected


@pytest.mark.parametrize(
    ("one", "name", "is_one"),
    [
        (target("firefox", "linux", "x86_64"), "public/build/target.tar.xz", True),
        (target("firefox", "linux", "x86_64"), "public/build/target.tar.bz2", True),
        (target("firefox", "linux", "x86_64"), "public/build/target.tar.xz.asc", False),
        (target("firefox", "win", "x86_64"), "public/build/target.jsshell.zip", False),
        (target("firefox", "win", "x86_64"), "public/build/target.xpt_artifacts.zip", False),
        (target("firefox", "win", "x86_64"), "public/build/firefox-52.5.3.en-US.win64.zip", True),
        (target("firefox", "win", "x86_64"), "public/build/firefox-52.5.3.en-US.win64.sdk.zip", False),
        (target("firefox", "win", "x86_64"), "public/build/firefox-52.5.3.en-US.win64.common.tests.zip", False),
        (target("jsshell", "win", "x86_64"), "public/build/target.jsshell.zip", True),
        (target("jsshell", "win", "x86_64"), "public/build/jsshell-win64.zip", True),
        (target("jsshell", "win", "x86_64"), "public/build/target.zip", False),
        (target("fennec", "android", "arm"), "public/build/target.apk", True),
        (target("fennec", "android", "arm"), "public/build/robocop.apk", False),
        (target("gve", "android", "arm"), "public/build/geckoview_example.apk", True),
        (target("gve", "android", "arm"), "public/build/geckoview-test_runner.apk", False),
        (target("fenix", "android", "aarch64"), "public/build/arm64-v8a/target.apk", True),
        (target("fenix", "android", "aarch64"), "public/build/x86_64/target.apk", False),
    ],
)
def test_which_artifact_is_the_package(one: Target, name: str, *, is_one: bool) -> None:
    assert any(pattern.fullmatch(name) for pattern in names.artifacts(one)) is is_one


def test_which_build_types_the_archive_has_and_when() -> None:
    firefox = app("firefox")
    today = date(2026, 9, 1)
    assert names.has_nightlies(firefox, "shippable", today, today)
    assert names.has_nightlies(firefox, "opt", None, None)
    assert not names.has_nightlies(firefox, "debug", today, today)
    assert names.has_nightlies(firefox, "debug", date(2014, 12, 1), today)
    assert not names.has_nightlies(firefox, "tsan", None, None)
    assert not names.has_nightlies(app("gve"), "opt", None, None)


def test_androids_words_for_processors_are_understood_for_androids_apps_only() -> None:
    assert arch_of(app("fenix"), "arm64-v8a") == arch_of(app("fenix"), "aarch64") == "aarch64"
    assert arch_of(app("gve"), "armeabi-v7a") == "arm"
    with pytest.raises(UsageError, match="no firefox builds for arm64-v8a"):
        arch_of(app("firefox"), "arm64-v8a")
    with pytest.raises(UsageError) as caught:
        apps.app("seamonkey")
    assert re.search(r"\bfirefox-release\b", caught.value.advice)
