"""How the services write operating systems and processors: one literal row each.

The archive, Taskcluster and the folders of a release each have names of their own for the same machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mozbisect.core.errors import CannotRun

DESKTOP = ("linux", "mac", "win")
ANDROID = ("android",)


@dataclass(frozen=True, slots=True)
class Platform:
    """``names``: what a file of the archive is called after, the preferred first; ``job``: how a Taskcluster job begins,
    and ``jobs_before`` how it began until (not including) a moment; ``packages``: the endings of what can be
    installed, newest first; ``release``: the folder below a release; ``abi``: how Android's folders call it.
    """

    os: str
    arch: str
    names: tuple[str, ...]
    job: str
    packages: tuple[str, ...]
    release: str = ""
    abi: str = ""
    jobs_before: tuple[tuple[datetime, str], ...] = ()

    def job_of(self, when: datetime) -> str:
        """How the jobs of a push of that moment begin."""
        return next((job for until, job in self.jobs_before if when < until), self.job)


# .tar.xz since 2024-12 on nightlies, .tar.bz2 before (and later still on ESR), .tar.gz before 2007.
_TAR = (".tar.xz", ".tar.bz2", ".tar.gz")

# The moments are those from which mozregression asks for the new name.
_ARM = (
    (datetime(2016, 1, 29, 0, 30, 13, tzinfo=UTC), "android-api-11"),
    (datetime(2017, 8, 29, 18, 28, 36, tzinfo=UTC), "android-api-15"),
    (datetime(2021, 6, 5, 3, 56, 19, tzinfo=UTC), "android-api-16"),
)

# fmt: off
PLATFORMS = (
    Platform("linux", "x86_64", ("linux-x86_64",), "linux64", _TAR, release="linux-x86_64"),
    Platform("linux", "x86", ("linux-i686",), "linux", _TAR, release="linux-i686"),
    Platform("linux", "aarch64", ("linux-aarch64",), "linux64-aarch64", _TAR, release="linux-aarch64"),
    # In 2010 and 2011 there was a mac64 beside a mac for 32 bits, which no Mac of today runs, or alone; since then one
    # build holds all processors.
    Platform("mac", "x86_64", ("mac64", "mac"), "macosx64", (".dmg",), release="mac"),
    Platform("mac", "aarch64", ("mac64", "mac"), "macosx64", (".dmg",), release="mac"),
    Platform("win", "x86_64", ("win64", "win64-x86_64"), "win64", (".zip",), release="win64"),
    Platform("win", "x86", ("win32",), "win32", (".zip",), release="win32"),
    Platform("win", "aarch64", ("win64-aarch64",), "win64-aarch64", (".zip",), release="win64-aarch64"),
    Platform("android", "arm", ("android-armeabi-v7a", "android-arm", "eabi-arm"), "android-arm", (".apk",), abi="armeabi-v7a", jobs_before=_ARM),
    Platform("android", "aarch64", ("android-arm64-v8a", "android-aarch64"), "android-aarch64", (".apk",), abi="arm64-v8a"),
    Platform("android", "x86", ("android-x86", "android-i386"), "android-x86", (".apk",), abi="x86"),
    Platform("android", "x86_64", ("android-x86_64",), "android-x86_64", (".apk",), abi="x86_64"),
)
# fmt: on

ARCH_ALIASES = {row.abi: row.arch for row in PLATFORMS if row.abi}
"""Android's words for processors (arm64-v8a), beside those of everybody else (aarch64)."""


def platform(os: str, arch: str) -> Platform:
    """The row of a system and a processor. Raises ``CannotRun`` when there are no builds for it."""
    for row in PLATFORMS:
        if (row.os, row.arch) == (os, arch):
            return row
    known = ", ".join(f"{row.os} {row.arch}" for row in PLATFORMS)
    raise CannotRun(f"There are no builds for {os} {arch}.", advice=f"There are: {known}.")
