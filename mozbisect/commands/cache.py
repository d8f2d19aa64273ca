"""``mozbisect cache``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mozbisect.commands.printing import print_line
from mozbisect.core.errors import UsageError
from mozbisect.running import absolute


def cache(action: str, persist: str | None, limit: float = 0.0) -> None:
    """``info``, ``prune``, ``clear`` or ``verify`` the folder of --persist."""
    from mozbisect.fetch.cache import upkeep

    if not persist:
        raise UsageError(
            "Which folder?", advice="Name it: --persist FOLDER, MOZBISECT_PERSIST, or the configuration file."
        )
    folder = absolute(persist)
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise UsageError(f"--persist: {folder} {what}.", advice="The first run with --persist FOLDER makes it.")
    match action:
        case "prune" if not limit:
            raise UsageError("Prune to which size?", advice="Say it in GiB: --persist-size-limit GIB.")
        case "prune":
            upkeep.prune(folder, limit)
        case "clear":
            upkeep.clear(folder)
        case "verify":
            for name, what in upkeep.verify(folder):
                print_line(f"{name}: {what}")
    _print_contents(folder, upkeep.info(folder))


def _print_contents(folder: Path, found: Any) -> None:
    print_line(str(folder))
    for number, size, what in (
        (found.archives, found.archive_bytes, "downloaded builds"),
        (found.trees, found.tree_bytes, "unpacked builds"),
        (found.parts, found.part_bytes, "downloads broken off"),
        (found.theirs, found.their_bytes, "builds of mozregression"),
    ):
        print_line(f"{number:6}  {what:<24}{size / 2**30:8.2f} GiB")
