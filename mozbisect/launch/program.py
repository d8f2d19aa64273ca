"""The program in an unpacked build: where it is, and that it can be run. It starts nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mozbisect.core.errors import BrokenBuild

_PLACES = ("*/{}", "{}", "*.app/Contents/MacOS/{}", "*/*.app/Contents/MacOS/{}")


def find_binary(tree: Path, names: Iterable[str]) -> Path:
    """The program in an unpacked build: ``firefox/firefox``, ``Nightly.app/Contents/MacOS/firefox``, …

    Raises ``BrokenBuild``.
    """
    for name in names:
        for place in _PLACES:
            for path in sorted(tree.glob(place.format(name))):
                if path.is_file():
                    return path
    raise BrokenBuild(f"the build holds no program ({', '.join(names)})")


def make_executable(binary: Path) -> None:
    """Not every archive keeps the executable bit. Raises ``BrokenBuild``."""
    if os.access(binary, os.X_OK):
        return
    try:
        binary.chmod(binary.stat().st_mode | 0o111)
    except OSError as error:
        raise BrokenBuild(f"{binary.name} is not executable, and cannot be made so: {error}") from error
