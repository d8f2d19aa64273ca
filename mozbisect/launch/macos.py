"""macOS starts no application whose signature is broken, and on its own processors none without one.

Old and try builds are unsigned; and a file that we add (the policy against updates) breaks a seal that was whole. Both
are mended with a signature of no one ("ad hoc"), just before the build is started. It touches nothing else.
"""

from __future__ import annotations

import logging
import platform
import subprocess
from enum import Enum
from pathlib import Path

from mozbisect.core.errors import BrokenBuild

log = logging.getLogger(__name__)

_SECONDS = 300  # a signature covers every file of the bundle

MINDS_THE_SEAL = 13
"""The first macOS that refuses a broken seal in an application that it did not download itself."""


class Seal(Enum):
    WHOLE = "whole"
    NONE = "none"
    BROKEN = "broken"
    UNKNOWN = "unknown"  # codesign itself cannot tell


def sign_if_needed(binary: Path, *, version: int | None = None) -> None:
    """Sign the application that ``binary`` belongs to, unless its seal will do. Raises ``BrokenBuild``.

    ``version`` of macOS: 13 for 13.6.1; that of this machine if ``None``.
    """
    bundle = _bundle(binary)
    if bundle is None:
        return
    found = seal(bundle)
    log.debug("%s: seal is %s", bundle, found.value)
    if found is Seal.NONE or (found is Seal.BROKEN and (version or _version()) >= MINDS_THE_SEAL):
        _sign(bundle)


def seal(bundle: Path) -> Seal:
    """What ``codesign -v`` says: 0 whole; 1 no signature, or one that does not fit; else it did not look."""
    status, said = _codesign("-v", str(bundle))
    if status == 0:
        return Seal.WHOLE
    if status == 1:
        return Seal.NONE if "code object is not signed at all" in said else Seal.BROKEN
    return Seal.UNKNOWN


def _sign(bundle: Path) -> None:
    status, said = _codesign("--force", "--deep", "--sign", "-", str(bundle))
    if status != 0:
        raise BrokenBuild(f"it has no valid signature, and codesign cannot give it one: {said or f'status {status}'}")


def _codesign(*words: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            ["codesign", *words], capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, str(error)
    return done.returncode, (done.stderr + done.stdout).strip()


def _bundle(binary: Path) -> Path | None:
    """``Nightly.app`` of ``Nightly.app/Contents/MacOS/firefox``; ``None`` for a plain program."""
    if len(binary.parents) < 3 or binary.parents[2].suffix != ".app":
        return None
    return binary.parents[2]


def _version() -> int:
    return int(platform.mac_ver()[0].partition(".")[0] or MINDS_THE_SEAL)
