"""The applications of a disk image, by the two programs of macOS that know these: elsewhere there are none.

The system mounts it read-only and without opening anything; what is in there, it vouches for itself.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mozbisect.core.errors import BrokenBuild

_HDIUTIL_SECONDS = 300


def unpack_dmg(archive: Path, into: Path) -> None:
    if shutil.which("hdiutil") is None:
        raise BrokenBuild(f"{archive.name} can only be unpacked on macOS")
    with _mounted(archive) as volume:
        apps = sorted(volume.glob("*.app"))
        if not apps:
            raise BrokenBuild(f"{archive.name} holds no application")
        for app in apps:  # and not the link to /Applications beside it
            _run("ditto", str(app), str(into / app.name), archive=archive)


@contextmanager
def _mounted(image: Path) -> Iterator[Path]:
    volume = Path(tempfile.mkdtemp(prefix="mozbisect-volume-"))
    try:
        attach = ("attach", "-nobrowse", "-noautoopen", "-readonly", "-mountpoint", str(volume), str(image))
        _run("hdiutil", *attach, archive=image)
        try:
            yield volume
        finally:
            with suppress(BrokenBuild):  # it stays mounted, and the build is none the worse for it
                _run("hdiutil", "detach", "-force", str(volume), archive=image)
    finally:
        with suppress(OSError):
            volume.rmdir()


def _run(*command: str, archive: Path) -> None:
    """Run a program of macOS. Some images show a licence first: it is answered, as a person would, with Y."""
    try:
        done = subprocess.run(
            command, input="Y\n", capture_output=True, text=True, errors="replace", timeout=_HDIUTIL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenBuild(f"{archive.name}: {command[0]} did not end in {_HDIUTIL_SECONDS} seconds") from error
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise BrokenBuild(f"{archive.name}: {command[0]} {command[1]} failed: {why}")
