"""The program in an unpacked build: where it is, that it can be run, what it says of itself. It starts nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from mozbisect.core.errors import BrokenBuild

log = logging.getLogger(__name__)

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


def read_facts(binary: Path) -> dict[str, str]:
    """What a build says of itself (mozversion's names); empty for one that says nothing, or not so that we can read."""
    import mozversion

    # It tells every fact at INFO level to standard error, by a handler of its own.
    logging.getLogger("mozversion").setLevel(logging.CRITICAL)
    try:
        found = mozversion.get_version(binary=str(binary))
    except Exception as error:  # noqa: BLE001  # builds of 18 years; a fact less is no reason to stop
        log.debug("%s says nothing of itself: %s", binary, error)
        return {}
    return {str(name): str(value) for name, value in found.items() if value}
