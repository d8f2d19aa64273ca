"""The apps that can be bisected, their platforms and their build types: one literal row each.

File names and routes are those that the servers used from 2008 to 2026; nothing here asks a server. To add an
app is to add a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from mozbisect.core.errors import CannotRun, UsageError
from mozbisect.core.model import Target


@dataclass(frozen=True, slots=True)
class Platform:
    """How the services write one operating system and processor.

    ``names``: the part of an archive file name; ``job``: the beginning of a Taskcluster job; ``packages``: the
    endings that an installable package may have, newest first.
    """

    os: str
    arch: str
    names: tuple[str, ...]
    job: str
    packages: tuple[str, ...]


# .tar.xz since 2024-12 on nightlies, .tar.bz2 before (and later still on ESR): both are accepted everywhere.
_TAR = (".tar.xz", ".tar.bz2")

PLATFORMS = (
    Platform("linux", "x86_64", ("linux-x86_64",), "linux64", _TAR),
    Platform("linux", "x86", ("linux-i686",), "linux", _TAR),
    Platform("linux", "aarch64", ("linux-aarch64",), "linux64-aarch64", _TAR),
    Platform("mac", "x86_64", ("mac", "mac64"), "macosx64", (".dmg",)),
    Platform("mac", "aarch64", ("mac",), "macosx64", (".dmg",)),  # universal binaries
    Platform("win", "x86_64", ("win64", "win64-x86_64"), "win64", (".zip",)),
    Platform("win", "x86", ("win32",), "win32", (".zip",)),
    Platform("win", "aarch64", ("win64-aarch64",), "win64-aarch64", (".zip",)),
)


@dataclass(frozen=True, slots=True)
class BuildType:
    """``middle`` and ``suffixes`` are what a Taskcluster route says for it; ``instead`` are taken when it is absent.

    ``nightly``: the archive's nightlies are builds of this type.
    """

    name: str
    middle: str
    suffixes: tuple[str, ...]
    instead: tuple[str, ...] = ()
    nightly: bool = False


BUILD_TYPES = (
    BuildType("shippable", ".shippable", ("opt",), ("opt", "pgo"), nightly=True),
    BuildType("opt", "", ("opt",), ("shippable", "pgo"), nightly=True),
    BuildType("pgo", "", ("pgo",), nightly=False),
    BuildType("debug", "", ("debug",)),
    BuildType("asan", "", ("asan-opt", "asan")),
    BuildType("asan-debug", "", ("asan-debug",)),
)


@dataclass(frozen=True, slots=True)
class Desktop:
    """Started as a program with a profile. ``binaries`` below the unpacked tree; ``profile``: whose quiet preferences
    and whose mozprofile class it takes (a row of launch/quiet.py)."""

    binaries: tuple[str, ...]
    profile: str = "firefox"


@dataclass(frozen=True, slots=True)
class Android:
    """Installed on a device through adb. ``activity`` as ``am start`` wants it, relative to ``package`` if it begins
    with a dot. ``takes_url``: a single argument without a dash is the page to open."""

    package: str
    activity: str
    takes_url: bool = True


@dataclass(frozen=True, slots=True)
class Shell:
    """The JavaScript shell: a program without a profile or a window."""

    binaries: tuple[str, ...]


Launch = Desktop | Android | Shell
"""How an app is run: which launcher it has, and what that needs to know."""


@dataclass(frozen=True, slots=True)
class App:
    """``folder`` below ``pub/``; ``prefix`` of its file names; ``branches``: the ending of a nightly folder's name
    until (not including) a day, the last one without an end."""

    name: str
    folder: str
    prefix: str
    branches: tuple[tuple[date | None, str], ...]
    repo: str
    product: str  # in Taskcluster routes
    trust_domain: str
    build_types: tuple[str, ...]
    default_type: str
    launch: Launch


APPS = (
    App(
        name="firefox",
        folder="firefox",
        prefix="firefox",
        branches=((date(2008, 6, 17), "trunk"), (None, "mozilla-central")),
        repo="mozilla-central",
        product="firefox",
        trust_domain="gecko",
        build_types=("shippable", "opt", "pgo", "debug", "asan", "asan-debug"),
        default_type="shippable",
        launch=Desktop(("firefox", "firefox-bin", "firefox.exe")),
    ),
)


def app(name: str) -> App:
    """The row of an app. Raises ``UsageError`` for a name that has none."""
    for row in APPS:
        if row.name == name:
            return row
    raise UsageError(f"There is no app {name!r}.", advice=f"The apps are {', '.join(row.name for row in APPS)}.")


def build_type(name: str) -> BuildType:
    for row in BUILD_TYPES:
        if row.name == name:
            return row
    raise UsageError(
        f"There is no build type {name!r}.",
        advice=f"The build types are {', '.join(row.name for row in BUILD_TYPES)}.",
    )


def platform(target: Target) -> Platform:
    """How the services write the target's platform. Raises ``CannotRun`` when there are no builds for it."""
    for row in PLATFORMS:
        if (row.os, row.arch) == (target.os, target.arch):
            return row
    known = ", ".join(f"{row.os} {row.arch}" for row in PLATFORMS)
    raise CannotRun(f"There are no {target.app} builds for {target.os} {target.arch}.", advice=f"There are: {known}.")


def types_in_order(wanted: str) -> tuple[str, ...]:
    """The build type asked for, then those that are taken in its place."""
    return (wanted, *build_type(wanted).instead)


def routes(target: Target, repo: str, revision: str) -> tuple[tuple[str, str], ...]:
    """(build type, index namespace) for one revision, in order of wish.

    Namespaces as in Firefox's taskcluster/gecko_taskgraph/transforms/task.py, for example
    ``gecko.v2.autoland.shippable.revision.<rev>.firefox.linux64-opt``.
    """
    row, job = app(target.app), platform(target).job
    return tuple(
        (kind.name, f"{row.trust_domain}.v2.{repo}{kind.middle}.revision.{revision}.{row.product}.{job}-{suffix}")
        for kind in map(build_type, target.build_types)
        for suffix in kind.suffixes
    )


def artifact_names(target: Target) -> tuple[str, ...]:
    """The exact names that the build may have among a task's artifacts, newest first."""
    return tuple(f"public/build/target{ending}" for ending in platform(target).packages)


def folder_branch(target: Target, day: date) -> str:
    """How the name of a nightly folder of that day ends."""
    for until, branch in app(target.app).branches:
        if until is None or day < until:
            return branch
    raise AssertionError("the last row of branches has no end")


def package_pattern(target: Target) -> re.Pattern[str]:
    """Matches the package's file name in a nightly folder; group ``stem`` is what its build information shares."""
    plats = "|".join(re.escape(name) for name in platform(target).names)
    ends = "|".join(re.escape(ending) for ending in platform(target).packages)
    prefix = re.escape(app(target.app).prefix)
    return re.compile(rf"(?P<stem>{prefix}-[^/]+\.{re.escape(target.lang)}\.(?:{plats}))(?P<ending>{ends})")
