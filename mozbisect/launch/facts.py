"""What a build says of itself, in mozversion's names: ``application_name``, ``application_changeset``, and so on.

A program has two small files beside it, which are read here: mozversion would bring mozlog with it, and that is as much
to import as all of ``launch``. What is inside a package (an ``.apk``), mozversion reads. Neither starts anything.
"""

from __future__ import annotations

import configparser
import logging
from pathlib import Path

log = logging.getLogger(__name__)

_FILES = {"application": "App", "platform": "Build"}
"""Each fact's first word → the section that it stands in, of the file that is named like it."""

_NAMES = {
    "codename": "display_name",
    "milestone": "version",
    "sourcerepository": "repository",
    "sourcestamp": "changeset",
}


def of_program(binary: Path) -> dict[str, str]:
    """Those of an unpacked build; empty for one that says nothing, or not so that we can read."""
    folder = binary.resolve().parent
    for place in (folder, folder.parent / "Resources"):  # on macOS the program stands apart
        files = {what: place / f"{what}.ini" for what in _FILES}
        if all(file.exists() for file in files.values()):
            return _read(files)
    log.debug("%s says nothing of itself", binary)
    return {}


def _read(files: dict[str, Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for what, file in files.items():
            words = configparser.RawConfigParser()
            words.read_string(file.read_text(encoding="utf-8"), str(file))
            found |= {f"{what}_{_NAMES.get(key, key)}": value for key, value in words.items(_FILES[what]) if value}
    except (configparser.Error, OSError, ValueError) as error:  # builds of 18 years; a fact less is no reason to stop
        log.debug("a build does not say of itself what it is: %s", error)
        return {}
    if "application_name" in found:
        found.setdefault("application_display_name", found["application_name"])
    return found


def of_package(package: Path) -> dict[str, str]:
    """Those of an ``.apk``; empty as above, and for the newer ones, in which there are none."""
    import mozversion

    # It tells every fact at INFO level to standard error, by a handler of its own.
    logging.getLogger("mozversion").setLevel(logging.CRITICAL)
    try:
        found = mozversion.get_version(binary=str(package))
    except Exception as error:  # noqa: BLE001  # as above
        log.debug("%s says nothing of itself: %s", package, error)
        return {}
    return {str(name): str(value) for name, value in found.items() if value}
