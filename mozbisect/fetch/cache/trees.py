"""Unpacked builds, kept for the next time beside the archives they came from.

A tree is used *in place*, not as a copy: a copy of a Firefox costs 300 MB of disk and a third of a second, a hard
link would let a build write into all its copies, and few file systems can share blocks. In place, nobody else may
have it, and it has to be as it was when it is given back. Both are simple:

    folder/<name>.tree ──rename──► the run's own scratch folder ──used, looked over, rename──► folder/<name>.tree

A rename succeeds for one run only, so it is the lock; what is taken is out of reach for whoever makes room; and
what a killed run had taken is cleared away with its scratch folder. Looked over means: each file is the same to
its size, its times and its mode, which no write passes by. What a build left beside them is removed; where
a file of the tree was changed, the tree goes.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mozbisect.core.errors import CacheTrouble
from mozbisect.core.model import Build
from mozbisect.fetch.cache.page_cache import forget_soon
from mozbisect.fetch.scratch import OURS, Scratch, on_disk, remove
from mozbisect.fetch.verify import Seal

log = logging.getLogger(__name__)

TREE = ".tree"
MOST = 8 << 30  # bytes of all trees together, also where there is no limit: they can be made again from the archives
FILES = "files"  # the folder in a kept tree's own that holds the build
_MARK = "mark.json"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a tree was made from, and how each of its files looked then.

    ``files``: path → size, mode, and the times of the last change of content and of anything, in nanoseconds.
    ``links``: path → target.
    """

    archive: Seal
    algorithm: str
    digest: str
    files: dict[str, list[int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(row[0] for row in self.files.values())

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, tree: Path) -> Mark | None:
        try:
            said = json.loads((tree / _MARK).read_text("utf-8"))
            seal = Seal(int(said["archive"]["size"]), str(said["archive"]["sha256"]))
            return cls(seal, str(said["algorithm"]), str(said["digest"]), dict(said["files"]), dict(said["links"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def covers(self, other: Mark) -> bool:
        """Of the same archive, and with all that the other knows of it?"""
        known = (self.algorithm, self.digest)
        return self.archive == other.archive and (not other.digest or known == (other.algorithm, other.digest))

    def is_of(self, build: Build) -> bool:
        """Was the tree made of this build, as far as is known? The name says it too: it is made from the URL."""
        if build.size not in (None, self.archive.size):
            return False
        if build.digest is None:
            return True
        known = {"sha256": self.archive.sha256, self.algorithm: self.digest}
        return known.get(build.digest.algorithm) == build.digest.hex.lower()


class Trees:
    """The trees of one folder. ``scratch`` is a private folder on the same disk. May be used from several threads."""

    def __init__(self, folder: Path, scratch: Scratch, now: Callable[[], float]) -> None:
        self._folder = folder
        self._scratch = scratch
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[Path, tuple[str, Mark]] = {}  # by where its files are now

    def holds(self, name: str, build: Build) -> bool:
        mark = Mark.read(self._folder / (name + TREE))
        return mark is not None and mark.is_of(build)

    def take(self, name: str, build: Build) -> Path | None:
        """The files of a tree, for the caller alone; ``None`` if it is not here, or not fit for use: then it goes."""
        place = self._folder / (name + TREE)
        if not place.exists():
            return None
        if not self.holds(name, build):
            log.debug("the tree of %s is not known to be of this build", name)
            self.discard(place)
            return None
        try:
            home = self._scratch.fresh("tree")
            place.replace(home)
        except (OSError, CacheTrouble) as error:  # another run was quicker, or nothing can be written here
            log.debug("the tree of %s is not taken: %s", name, error)
            return None
        mark = Mark.read(home)
        if mark is None or not mark.is_of(build) or not _tidied(home / FILES, mark):
            log.debug("the tree of %s is not as it was", name)
            remove(home)
            return None
        return self._lend(home, name, mark)

    def fresh(self) -> Path:
        """An empty folder for a tree that is still to be made. Raises ``CacheTrouble``."""
        files = self._scratch.fresh("tree") / FILES
        with on_disk(files.parent):
            files.mkdir()
        return files

    def vouch(self, files: Path, name: str, build: Build, archive: Seal) -> None:
        """The tree in ``fresh`` is whole: from now on it can be kept. Raises ``CacheTrouble`` if it is gone."""
        digest = build.digest
        with on_disk(files.parent):
            seen = _seen(files)
        mark = Mark(archive, digest.algorithm if digest else "", digest.hex.lower() if digest else "", *seen)
        with suppress(OSError):
            (files.parent / _MARK).write_text(mark.dump(), "utf-8")
            self._lend(files.parent, name, mark)

    def give_back(self, files: Path) -> None:
        """The caller is done with a tree. It is kept if it can be used again."""
        with self._lock:
            name, mark = self._used.pop(files, ("", None))
        home = files.parent
        if mark is not None and _tidied(files, mark):
            with suppress(OSError):
                os.utime(home, (self._now(), self._now()))
                kept = self._folder / (name + TREE)
                self._place(home, kept, mark)
                forget_soon(kept / FILES / name for name in mark.files)
        else:
            log.debug("the tree of %s is not kept: its build has changed it", name or "a build")
        remove(home)

    def _place(self, home: Path, place: Path, mark: Mark) -> None:
        """There may be one by now, from another run or question: it stays if it is as good. Raises ``OSError``."""
        there = Mark.read(place)
        if place.exists() and (there is None or not there.covers(mark)):
            self.discard(place)
        home.rename(place)

    def all(self) -> Iterator[tuple[float, int, Path]]:
        """When used, bytes and path of each tree."""
        for home in self._folder.glob(f"[!.]*{TREE}"):
            mark = Mark.read(home)
            if mark is None and not OURS.fullmatch(home.name):
                continue
            with suppress(OSError):
                yield home.stat().st_mtime, mark.size if mark else _bytes_in(home), home

    def make_way(self) -> bool:
        """The disk is full: remove every tree that nobody uses. Was there any?"""
        spare = [home for _, _, home in self.all()]
        for home in spare:
            self.discard(home)
        return bool(spare)

    def discard(self, home: Path) -> None:
        """Remove a tree, unless somebody takes it just now: what is half gone must not be seen by others."""
        with suppress(OSError, CacheTrouble):
            gone = self._scratch.fresh("gone")
            home.replace(gone)
            log.debug("removing %s", home)
            remove(gone)

    def _lend(self, home: Path, name: str, mark: Mark) -> Path:
        with self._lock:
            self._used[home / FILES] = (name, mark)
        return home / FILES


def _seen(files: Path) -> tuple[dict[str, list[int]], dict[str, str]]:
    found: dict[str, list[int]] = {}
    links: dict[str, str] = {}
    for path in _below(files):
        name = path.relative_to(files).as_posix()
        if path.is_symlink():
            links[name] = str(path.readlink())
        else:
            found[name] = _look(path)
    return found, links


def _look(path: Path) -> list[int]:
    seen = path.lstat()
    return [seen.st_size, stat.S_IMODE(seen.st_mode), seen.st_mtime_ns, seen.st_ctime_ns]


def _tidied(files: Path, mark: Mark) -> bool:
    """Remove what was added; is all the rest as it was?"""
    try:
        for path in list(_below(files)):
            name = path.relative_to(files).as_posix()
            if name not in mark.files and name not in mark.links:
                remove(path)
        found = _seen(files)
    except OSError:
        return False
    return found == (mark.files, mark.links)


def _below(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder, however deep; never through a link. Raises ``OSError``."""
    todo = [folder]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(Path(entry.path))
                else:
                    yield Path(entry.path)


def _bytes_in(home: Path) -> int:
    """What a tree takes whose mark does not tell, as far as that can be seen."""
    size = 0
    with suppress(OSError):
        for path in _below(home):
            size += path.lstat().st_size
    return size


def is_whole(home: Path, mark: Mark) -> bool:
    """Is a tree as it was made, and are there no more files in it? Only looks."""
    try:
        return _seen(home / FILES) == (mark.files, mark.links)
    except OSError:
        return False
