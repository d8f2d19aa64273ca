"""An archive of nightlies from 2007 to 2026, as paths: the forms of folder and file names that each era had.

Names are those of ``data/archive`` where one was seen; the days between are filled in with the forms of their era, and
each folder holds what lies in a real one, so that a loose pattern takes the wrong file. What a file says is given only
for build information; everything else is a line of text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

DATA = Path(__file__).parent / "data" / "archive"

BESIDE = (
    *(f".{suite}.tests.tar.gz" for suite in ("awsy", "common", "cppunittest", "mochitest", "reftest", "talos")),
    *(f".{suite}.tests.zip" for suite in ("web-platform", "xpcshell")),
    *(".complete.mar", ".crashreporter-symbols.zip", ".mozinfo.json", ".test_packages.json", "_info.txt"),
)


@dataclass(frozen=True)
class Era:
    """Desktop builds from one day until another: platform → ending; ``time`` is how a folder tells its moment."""

    since: date
    until: date
    time: str
    plats: dict[str, str]
    info: str  # one-line, two-line, none


_2007 = {"linux-i686": ".tar.bz2", "mac": ".dmg", "win32": ".zip"}
_2010 = {**_2007, "linux-x86_64": ".tar.bz2", "mac64": ".dmg", "win64-x86_64": ".zip"}
_2012 = {"linux-i686": ".tar.bz2", "linux-x86_64": ".tar.bz2", "mac": ".dmg", "win32": ".zip", "win64-x86_64": ".zip"}
_2015 = {"linux-i686": ".tar.bz2", "linux-x86_64": ".tar.bz2", "mac": ".dmg", "win32": ".zip", "win64": ".zip"}
_2019 = {**_2015, "win64-aarch64": ".zip"}
_2024 = {**_2019, "linux-i686": ".tar.xz", "linux-x86_64": ".tar.xz"}
_2025 = {**_2024, "linux-aarch64": ".tar.xz"}

ERAS = (
    Era(date(2007, 9, 1), date(2010, 1, 1), "%Y-%m-%d-%H", _2007, "none"),
    Era(date(2010, 1, 1), date(2011, 3, 1), "%Y-%m-%d-%H", _2010, "one-line"),
    Era(date(2011, 3, 1), date(2011, 6, 1), "%Y-%m-%d-%H", _2010, "two-line"),
    Era(date(2011, 6, 1), date(2015, 10, 1), "%Y-%m-%d-%H-%M-%S", _2012, "two-line"),
    Era(date(2015, 10, 1), date(2019, 1, 1), "%Y-%m-%d-%H-%M-%S", _2015, "two-line"),
    Era(date(2019, 1, 1), date(2024, 11, 27), "%Y-%m-%d-%H-%M-%S", _2019, "two-line"),
    Era(date(2024, 11, 27), date(2025, 3, 12), "%Y-%m-%d-%H-%M-%S", _2024, "two-line"),
    Era(date(2025, 3, 12), date(2026, 12, 1), "%Y-%m-%d-%H-%M-%S", _2025, "two-line"),
)

DAYS = tuple(date(2007, 9, 22) + timedelta(days=67 * at) for at in range(104))
"""Every 67th day: all months and days of the week, from 2007 to 2026."""

OF_2004 = date(2004, 9, 15)
"""A day when the names of packages had no version yet."""

_D = "d" * 40

LANGS = ("de", "fr", "zh-CN")


def archive() -> dict[str, bytes]:
    """Path below ``pub/`` → content."""
    files: dict[str, bytes] = {}
    for folder, name, text in _all():
        files[f"{folder}/{name}"] = text.encode()
    return files


def revision(*words: object) -> str:
    return hashlib.sha1(repr(words).encode(), usedforsecurity=False).hexdigest()


def era_of(day: date) -> Era:
    return next(era for era in ERAS if era.since <= day < era.until)


def version_of(day: date) -> str:
    if day < date(2011, 6, 1):
        return f"{2 + day.year - 2006}.0b{day.month}pre"
    return f"{5 + (day - date(2011, 4, 1)).days // 37}.0a1"


def _all() -> Iterator[tuple[str, str, str]]:
    for at, day in enumerate(DAYS):
        hours = ((3, 2), (9, 31), (21, 45))[: 1 + at % 3]
        for hour, minute in hours:
            moment = datetime(day.year, day.month, day.day, hour, minute, 10 + at % 40)
            trunk = "trunk" if day < date(2008, 6, 17) else "mozilla-central"
            yield from _desktop("firefox", trunk, moment, version_of(day))
            yield from _desktop("thunderbird", _comm(day), moment, version_of(day))
            yield from _phones(moment, version_of(day))
        yield from _aside(day)
    folder = f"firefox/nightly/{OF_2004:%Y/%m}/{OF_2004}-07-trunk"
    yield from ((folder, f"firefox-{name}", "a build") for name in ("win32.zip", "win32-installer.exe"))
    for line in (DATA / "nightly_folders_2024-10_2025-03.tsv").read_text().splitlines()[1:]:
        folder, version = line.split("\t")
        stamp, _, branch = folder.rpartition("-mozilla-central")[0], None, "mozilla-central"
        yield from _desktop("firefox", branch, datetime.strptime(stamp, "%Y-%m-%d-%H-%M-%S"), version)
    for line in (DATA / "folder_names_by_era.tsv").read_text().splitlines()[1:]:
        path = line.split("\t")[0].split(" ")[0].removeprefix("mozilla.org/")
        folder, _, name = path.rpartition("/")
        if "/nightly/20" in folder and folder.count("/") == 4:
            yield folder, name or "mozharness.zip", "seen"


def _comm(day: date) -> str:
    for until, name in ((date(2008, 7, 26), "trunk"), (date(2009, 1, 9), "comm-central")):
        if day < until:
            return name
    return "comm-central-trunk" if day < date(2010, 8, 21) else "comm-central"


def _desktop(app: str, branch: str, moment: datetime, version: str) -> Iterator[tuple[str, str, str]]:
    era = era_of(moment.date())
    folder = f"{app}/nightly/{moment:%Y/%m}/{moment.strftime(era.time)}-{branch}"
    node = revision(app, branch, moment)
    for plat, ending in era.plats.items():
        if app == "thunderbird" and ending == ".zip" and moment.date() < date(2010, 3, 18):
            continue  # only an installer until then
        stem = f"{app}-{version}.en-US.{plat}"
        yield folder, stem + ending, "a build"
        yield folder, f"{stem}{ending}.asc", "a signature"
        yield from ((folder, stem + beside, "buildID=1") for beside in BESIDE)
        yield from ((folder, f"{stem}.txt", text) for text in _info(era, app, branch, moment, node))
        if app == "firefox" and moment.year >= 2013:
            yield folder, f"jsshell-{plat}.zip", "a shell"
        if app == "firefox" and 2018 <= moment.year < 2022 and plat in ("linux-x86_64", "win64"):
            yield folder, f"{stem}-asan-reporter{ending}", "a build with asan"
            yield from ((folder, f"{stem}-asan-reporter.txt", text) for text in _info(era, app, branch, moment, node))
            yield folder, f"jsshell-{plat}-asan.zip", "a shell with asan"
        if plat.startswith("win"):
            yield folder, f"{stem}.installer.exe", "an installer"
    yield folder, "mozharness.zip", "mozharness"
    if moment.year >= 2012:
        for plat, ending in era.plats.items():
            for lang in LANGS:
                yield f"{folder}-l10n", f"{app}-{version}.{lang}.{plat}{ending}", "a build"
                yield f"{folder}-l10n", f"{app}-{version}.{lang}.{plat}.complete.mar", "an update"
        yield f"{folder}-l10n", "Firefox Installer.fr.exe", "an installer"


def _info(era: Era, app: str, branch: str, moment: datetime, node: str) -> Iterator[str]:
    repo = "comm-central" if app == "thunderbird" else "mozilla-central"
    match era.info:
        case "one-line":
            yield f"{moment:%Y%m%d%H%M%S} {node[:12]}"
        case "two-line":
            scheme = "http" if moment.year < 2014 else "https"
            yield f"{moment:%Y%m%d%H%M%S}\n{scheme}://hg.mozilla.org/{repo}/rev/{node}\n"


_FENNEC = (
    (date(2011, 6, 1), date(2014, 12, 6), "android"),
    (date(2014, 12, 6), date(2014, 12, 13), "android-api-10"),
    (date(2014, 12, 13), date(2016, 1, 29), "android-api-11"),
    (date(2016, 1, 29), date(2017, 8, 30), "android-api-15"),
    (date(2017, 8, 30), date(2019, 9, 1), "android-api-16"),
)
_ABIS = ("arm64-v8a", "armeabi-v7a", "x86", "x86_64")


def _phones(moment: datetime, version: str) -> Iterator[tuple[str, str, str]]:
    day = moment.date()
    node = revision("mobile", moment)
    for since, until, branch in _FENNEC:
        if since <= day < until:
            kinds = {branch: "arm", "android-x86": "i386", "android-aarch64": "aarch64", "android-api-9": "arm"}
            for ending, plat in kinds.items():
                folder = f"mobile/nightly/{moment:%Y/%m}/{moment:%Y-%m-%d-%H-%M-%S}-mozilla-central-{ending}"
                stem = f"fennec-{version}.multi.android-{plat}"
                yield folder, f"{stem}.apk", "an app"
                yield (
                    folder,
                    f"{stem}.txt",
                    f"{moment:%Y%m%d%H%M%S}\nhttps://hg.mozilla.org/mozilla-central/rev/{node}\n",
                )
                yield folder, f"{stem}_info.txt", "buildID=1"
                yield folder, "robocop.apk", "tests"
    if day >= date(2022, 3, 1):
        for app in ("fenix", "focus"):
            stamp = f"{app}/nightly/{moment:%Y/%m}/{moment:%Y-%m-%d-%H-%M-%S}-{app}-{version}-android"
            for abi in _ABIS:
                yield f"{stamp}-{abi}", f"{app}-{version}.multi.android-{abi}.apk", "an app"
            yield stamp, f"{app}-{version}.multi.android-universal.apk", "an app"


def _aside(day: date) -> Iterator[tuple[str, str, str]]:
    """Folders of other branches and of no day, between those that are wanted."""
    month = f"firefox/nightly/{day:%Y/%m}"
    yield f"{month}/{day:%Y-%m-%d}-04-mozilla-1.9.2", "firefox-3.6.17pre.en-US.linux-i686.tar.bz2", "a build"
    yield f"{month}/{day:%Y-%m-%d}-00-40-07-mozilla-aurora", "firefox-41.0a2.en-US.linux-x86_64.tar.bz2", "a build"
    yield f"{month}/{day:%Y-%m-%d}-11-02-48-oak", "firefox-55.0a1.en-US.linux-x86_64.tar.bz2", "a build"
    if day.year in (2014, 2015):
        folder = f"{month}/{day:%Y-%m-%d}-mozilla-central-debug"
        yield folder, "firefox-37.0a1.en-US.debug-linux-x86_64.tar.bz2", "a debug build"
        yield (
            folder,
            "firefox-37.0a1.en-US.debug-linux-x86_64.txt",
            f"20141210\nhttps://hg.mozilla.org/x/rev/{'d' * 40}\n",
        )
        yield folder, "firefox-37.0a1.en-US.debug-linux-x86_64-asan.tar.bz2", "a debug build with asan"
        yield folder, "firefox-37.0a1.en-US.debug-linux-x86_64-asan.txt", "20141210133716\n"
