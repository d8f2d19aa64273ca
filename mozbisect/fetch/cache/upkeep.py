"""Looking after a folder of ``--persist`` between runs: what is in it, and away with what is not wanted or not right.

What a run has in use is out of reach (see ``trees``), what mozregression or a person has put there is counted and
left alone. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mozbisect.core.errors import CacheTrouble
from mozbisect.fetch.cache import peer
from mozbisect.fetch.cache.store import Cache, files_in, remove_file, seal_path
from mozbisect.fetch.cache.trees import Mark, is_whole
from mozbisect.fetch.locks import is_read
from mozbisect.fetch.transfer import parts
from mozbisect.fetch.verify import Seal, Tally


@dataclass(frozen=True, slots=True)
class Contents:
    """Numbers and bytes."""

    archives: int
    archive_bytes: int
    trees: int
    tree_bytes: int
    parts: int  # of downloads that were broken off
    part_bytes: int
    theirs: int  # of mozregression
    their_bytes: int


def info(folder: Path) -> Contents:
    """What a folder holds; one that is not there holds nothing."""
    with Cache(folder) as cache:
        archives = [size for _, size, _ in files_in(folder)]
        trees = [size for _, size, _ in cache.trees.all()] if cache.trees else []
    halves = [size for _, size, _ in parts.parts_in(folder)]
    theirs = list(_theirs(folder))
    return Contents(
        *(len(archives), sum(archives)),
        *(len(trees), sum(trees)),
        *(len(halves), sum(halves)),
        *(len(theirs), sum(theirs)),
    )


def prune(folder: Path, limit_gib: float) -> None:
    """Remove the least recently used until the limit holds, as a run would. Raises ``CacheTrouble``."""
    with Cache(folder, limit_gib=limit_gib) as cache:
        cache.clear_up()
        cache.make_room()


def clear(folder: Path) -> None:
    """Remove all that is ours and that no run is using. Raises ``CacheTrouble``."""
    with Cache(folder) as cache:
        cache.clear_up()
        assert cache.trees is not None
        for _, _, tree in list(cache.trees.all()):
            cache.trees.discard(tree)
        for _, _, path in list(files_in(folder)):
            if not is_read(path):
                remove_file(path)
        for _, _, part in list(parts.parts_in(folder)):
            parts.discard(part)


def verify(folder: Path) -> list[tuple[str, str]]:
    """Read all again and remove what is not as it was, if that can be: (name, what is wrong) of each."""
    wrong = []
    with Cache(folder) as cache:
        with suppress(CacheTrouble):  # a folder that can only be read is at least read
            cache.clear_up()
        for _, _, path in list(files_in(folder)):
            if complaint := _complaint(path):
                wrong.append((path.name, complaint))
                remove_file(path)
        for _, _, part in list(parts.parts_in(folder)):
            if not parts.in_use(part) and (complaint := parts.complaint_about(part)):
                wrong.append((part.name, complaint))
                parts.discard(part)
        assert cache.trees is not None
        for _, _, tree in list(cache.trees.all()):
            mark = Mark.read(tree)
            if mark is None or not is_whole(tree, mark):
                wrong.append((tree.name, "its files are not as they were unpacked"))
                cache.trees.discard(tree)
    return [(name, f"{what}; {_fate(folder / name)}") for name, what in wrong]


def _fate(path: Path) -> str:
    return "it cannot be removed" if path.exists() else "removed"


def _complaint(path: Path) -> str:
    seal = Seal.read(seal_path(path))
    if seal is None:
        return "its seal cannot be read"
    try:
        seen = Tally.of(path).seal
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "" if seen == seal else "it changed since it was downloaded"


def _theirs(folder: Path) -> Iterator[int]:
    """The bytes of each file of mozregression."""
    if folder.is_dir():
        for path in folder.iterdir():
            if peer.is_theirs(path.name) and path.is_file():
                with suppress(OSError):  # it was removed just now
                    yield path.stat().st_size
