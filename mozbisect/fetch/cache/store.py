"""The folder in which downloaded files are kept, for this run or (``--persist``) for the next ones too.

Knows names, trust and room; what is in the files, and how they come here, it leaves to others. Every file has
a small one beside it, ``<name>.seal``, with what we saw of it when it arrived; ``<name>.tree`` is what it unpacks
to (see ``trees``), ``<name>.part`` what is here of a download that was broken off (see ``parts``). Nothing else in the
folder is ours, and nothing else is ever touched. Two runs may share a folder: files come into it whole, by a rename
from a folder in it that only one run writes in; what one run reads, no other removes, as far as the disk knows locks;
and each takes it in its stride when one of its files was removed all the same. A folder that can only be read is read,
be there anything in it or not: what is not in it is fetched for the one run, and that is said once.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mozbisect.core.errors import CacheTrouble
from mozbisect.core.model import Build, Candidate, Kind
from mozbisect.core.ports import Kept
from mozbisect.fetch.cache import peer
from mozbisect.fetch.cache.page_cache import forget
from mozbisect.fetch.cache.trees import MOST, TREE, Trees
from mozbisect.fetch.cache.turns import Turns
from mozbisect.fetch.locks import being_read, is_read
from mozbisect.fetch.scratch import OURS, READ_ONLY, Scratch, clear_the_abandoned, on_disk, remove, remove_home
from mozbisect.fetch.stop import Stop
from mozbisect.fetch.transfer import parts
from mozbisect.fetch.verify import Seal, Tally, complaint_about

log = logging.getLogger(__name__)

ALWAYS_KEPT = 5  # files, however small the limit is: going back one question should not mean a download
PRIVATE_LIMIT = 1 << 30  # bytes; of a run without --persist, whose files nobody will want again but by going back
_LONELY = 60.0  # seconds; a younger seal may wait for its file
_SEAL = ".seal"

Fetch = Callable[[Path], Seal]
"""Writes a build's file to the path given, and returns its seal. What is there already, it has left there itself."""


class Cache:
    """The folder, made when it is first needed; without one, a private folder that is gone after ``close``.

    ``limit_gib`` is for a folder that is kept, 0 means none. ``say`` is told if nothing can be kept there. May be used
    from several threads.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        limit_gib: float = 0.0,
        temp_root: Path | None = None,
        now: Callable[[], float] = time.time,
        say: Callable[[str], None] = log.debug,
    ) -> None:
        self._kept = folder
        self._scratch = Scratch(temp_root)
        self._limit = int(limit_gib * 2**30)
        self._now = now
        self._say = say
        self._halves = Scratch(folder) if folder else self._scratch  # on the same disk: a rename must do
        self.trees = Trees(folder, self._halves, now) if folder else None
        self._lock = threading.Lock()
        self._turns = Turns()
        self._lent: Counter[str] = Counter()
        self._growing: set[Path] = set()  # the folders in which files come just now
        # Where new files go: the folder or, where that cannot be written, a private one.
        self._opened: Path | None = None
        self._said = False
        self._theirs: dict[str, tuple[Path, Seal]] = {}  # files of mozregression that pass for a file of ours
        self._no_good: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the private folder, if there is one, and what is half made."""
        with self._lock:
            growing = set(self._growing)
        for home in growing:  # of threads that hang in a connection: they will not tidy up any more
            if parts.Notes(home / parts.BYTES).read() is None:
                remove_home(home)
        self._halves.close()
        self._scratch.close()

    def kept(self, candidates: Sequence[Candidate]) -> Kept:
        """Which of the candidates have a build in a folder that is kept, by the names alone: a guess, and quick."""
        if self._kept is None or not self._kept.is_dir():
            return Kept()
        unpacked = _are_of((home.name for home in self._kept.glob(f"[!.]*{TREE}")), candidates)
        packed = _are_of((path.name for _, _, path in files_in(self._kept)), candidates)
        theirs = peer.kept((path.name for path in self._kept.iterdir()), candidates)
        return Kept(unpacked, (packed | theirs) - unpacked)

    @contextmanager
    def lend(self, build: Build, fetch: Fetch, stop: Stop | None = None) -> Iterator[Path]:
        """The build's file, for the time of the ``with``; ``fetch`` is called if it is not here, or not to be trusted.

        Two threads that want the same file wait for each other, but not for one whose ``stop`` was told. Raises
        ``CacheTrouble``, ``Stopped`` and whatever ``fetch`` does.
        """
        name = file_name(build)
        paths = self._paths(name)
        with self._lock:
            self._lent[name] += 1
        try:
            with ExitStack() as stack:
                with self._turns.of(name, stop or Stop()):
                    path = next((path for path in paths if self._trusted(path, build)), None)
                    path = path or self._of_peer(name, build)
                    if path is None:
                        self._take_in(path := paths[0], fetch)
                    if path in paths:
                        stack.enter_context(being_read(path))
                        with suppress(OSError):
                            os.utime(path, (self._now(), self._now()))  # used just now: the last to be removed
                self.make_room()
                yield path
                if path.parent == self._kept:
                    forget(path)
        finally:
            with self._lock:
                self._lent[name] -= 1

    def seal_of(self, build: Build) -> Seal | None:
        """What was seen of the build's file when it came, if it did."""
        name = file_name(build)
        own = filter(None, (Seal.read(seal_path(path)) for path in self._paths(name)))
        return next(own, None) or (self._theirs[name][1] if name in self._theirs else None)

    def drop(self, build: Build) -> None:
        """The build's file turned out to be no good: remove it. One of mozregression stays, and is not used again."""
        name = file_name(build)
        theirs, _ = self._theirs.pop(name, (None, None))
        if theirs is not None:
            self._no_good.add(theirs)
        for own in self._paths(name):
            remove_file(own)
            if own.exists():
                self._no_good.add(own)

    def _paths(self, name: str) -> list[Path]:
        """Where a file of ours may be; the first is where it would be put."""
        folders = dict.fromkeys((self._folder(), self._kept))
        return [folder / name for folder in folders if folder is not None]

    def _folder(self) -> Path:
        """Where new files go. It may be removed while we run: then there is an empty one again."""
        with self._lock:
            if self._kept is not None and self._can_keep(self._kept):
                self._opened = self._kept
            elif self._opened in (None, self._kept) or not self._opened.is_dir():
                self._opened = self._scratch.fresh("archives")
            return self._opened

    def _can_keep(self, folder: Path) -> bool:
        """Make it if need be, and tidy it up at first. Raises ``CacheTrouble`` for what is no read-only disk."""
        is_new = self._opened != folder or not folder.is_dir()
        try:
            with on_disk(folder):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, "it can only be read")
                if is_new:
                    clear_the_abandoned(folder)
                    _sweep(folder)
                    parts.remove_stale(folder, self._now())
        except CacheTrouble as trouble:
            if not isinstance(trouble.__cause__, OSError) or trouble.__cause__.errno not in READ_ONLY:
                raise
            if not self._said:
                self._said = True
                self._say(f"{folder} cannot be written: what is fetched now is not kept for later runs.")
            return False
        return True

    def _trusted(self, path: Path, build: Build) -> bool:
        if path in self._no_good:
            return False
        try:
            complaint = complaint_about(path, build, Seal.read(seal_path(path)))
        except FileNotFoundError:
            return False
        except OSError as error:
            complaint = str(error)
        if complaint:
            log.debug("%s is fetched again: %s", path, complaint)
            remove_file(path)
        return not complaint

    def _of_peer(self, name: str, build: Build) -> Path | None:
        """A file that mozregression has left here and that passes for the build, by its digest where one is known, else
        by its length, else by its name alone: then unpacking it has to show that it is whole."""
        for one in peer.left(self._kept, build) if self._kept else ():
            if one.path in self._no_good:
                continue
            try:
                tally = Tally.of(one.path, build.digest)
            except OSError as error:
                log.debug("%s: %s", one.path, error)
                continue
            is_known = build.digest is not None or build.size is not None
            complaint = tally.complaint(build) if is_known or one.surely else "its name fits other builds, too"
            if not complaint:
                log.debug("%s is used, which mozregression has left", one.path)
                self._theirs[name] = one.path, tally.seal
                return one.path
            log.debug("%s is not used: %s", one.path, complaint)
        return None

    def _take_in(self, path: Path, fetch: Fetch) -> None:
        with self._room_for(path) as home:
            part, stamp = home / parts.BYTES, home / "seal"
            seal = fetch(part)
            with on_disk(path.parent):
                self._make_durable(part)
                # The seal comes first: a seal without its file harms nobody, a file without its seal is fetched again.
                stamp.write_text(seal.dump(), "utf-8")
                stamp.replace(seal_path(path))
                part.replace(path)
                self._no_good.discard(path)
                parts.done(home)

    @contextmanager
    def _room_for(self, path: Path) -> Iterator[Path]:
        """A folder in which a file may grow, on the same disk. Of no other thread, and of no other run."""
        with parts.claimed(path.with_name(path.name + parts.PART)) as home:
            if home is not None:
                with self._grows(home):
                    yield home
                return
        # Another run is just fetching the same, or a thread that hangs: who knows whether it gets there.
        half = (self._halves if path.parent == self._kept else self._scratch).fresh("archive")
        try:
            yield half
        finally:
            remove(half)

    @contextmanager
    def _grows(self, home: Path) -> Iterator[None]:
        with self._lock:
            self._growing.add(home)
        try:
            yield
        finally:
            with self._lock:
                self._growing.discard(home)

    def _make_durable(self, part: Path) -> None:
        # It is to survive a crash of the machine, not only the end of this run.
        if self._kept and part.is_relative_to(self._kept):
            with part.open("rb+") as file:
                os.fsync(file.fileno())

    def clear_up(self) -> None:
        """Remove what killed runs have left. Raises ``CacheTrouble``."""
        if self._kept is not None and self._kept.is_dir():
            self._folder()
            remove(self._halves.fresh("look"))

    def drop_parts(self) -> None:
        """This run came to its end: of what was broken off before, it needed what it took up, and nobody the rest."""
        for _, _, part in list(parts.parts_in(self._opened)) if self._opened else ():
            parts.discard(part)

    def is_on_disk_of(self, path: Path) -> bool:
        """Would it help there if something were removed here?"""
        folder = self._opened or self._kept
        try:
            return folder is not None and _device(folder) == _device(path)
        except OSError:
            return False

    def make_way(self, build: Build, *, trees_only: bool = False) -> Iterator[str]:
        """The disk is full: with each step, more of what nobody uses is removed, and told; all but this build."""
        if self.trees and self.trees.make_way():
            yield "the unpacked builds"
        name, folder = file_name(build), self._opened
        if folder is None or trees_only:
            return
        left = [part for _, _, part in parts.parts_in(folder) if part.name != name + parts.PART]
        yield from self._removed("downloads that were broken off", left, _Sort.PART)
        files = [path for _, _, path in sorted(files_in(folder)) if path.name != name]
        half = (len(files) + 1) // 2
        yield from self._removed("the older builds", files[:half], _Sort.FILE)
        yield from self._removed("the other builds", files[half:], _Sort.FILE)

    def _removed(self, what: str, paths: Sequence[Path], sort: _Sort) -> Iterator[str]:
        spare = [path for path in paths if not self._is_used(path, sort)]
        for path in spare:
            self._remove(path, sort)
        if spare:
            yield what

    def make_room(self) -> None:
        """Remove what was not used for longest, until the limits hold; never what is lent, never the newest few.

        A tree counts as much as an archive, but has none of the few places, and goes before its own archive. A part
        of a download counts, too, and stays while somebody downloads it.
        """
        folder = self._opened
        if folder is None:
            return
        limit = self._limit if folder == self._kept else PRIVATE_LIMIT
        kept_trees = self.trees.all() if self.trees and folder == self._kept else ()
        trees = sorted(kept_trees, reverse=True)  # the latest used first
        files = sorted(files_in(folder), reverse=True) if limit else []
        room = limit - sum(size for _, size, _ in files[:ALWAYS_KEPT])
        rest = [(*file, _Sort.FILE) for file in files[ALWAYS_KEPT:]]
        rest += [(*part, _Sort.PART) for part in (parts.parts_in(folder) if limit else ())]
        rest += [(*tree, _Sort.TREE) for tree in trees]
        for_trees = MOST
        for _, size, path, sort in sorted(rest, key=_oldest_last):
            fits = (not limit or size <= room) and (sort is not _Sort.TREE or size <= for_trees)
            if fits or self._is_used(path, sort):
                room -= size
                for_trees -= size if sort is _Sort.TREE else 0
                continue
            log.debug("removing %s, to make room", path)
            self._remove(path, sort)

    def _is_used(self, path: Path, sort: _Sort) -> bool:
        if sort is _Sort.PART:
            return parts.in_use(path)
        with self._lock:
            return sort is _Sort.FILE and (self._lent[path.name] > 0 or is_read(path))

    def _remove(self, path: Path, sort: _Sort) -> None:
        if sort is _Sort.FILE:
            remove_file(path)
        elif sort is _Sort.PART:
            parts.discard(path)
        elif self.trees:
            self.trees.discard(path)


class _Sort(Enum):
    """What lies in the folder."""

    FILE = "file"
    PART = "part"
    TREE = "tree"


def _oldest_last(entry: tuple[float, int, Path, _Sort]) -> tuple[float, bool]:
    used, _, _, sort = entry
    return -used, sort is not _Sort.FILE


def _device(path: Path) -> int:
    """Of the path, or of where it would be."""
    return next(place for place in (path, *path.parents) if place.exists()).stat().st_dev


def _sweep(folder: Path) -> None:
    """Remove seals whose files are gone."""
    for seal in folder.glob(f"[!.]*{_SEAL}"):
        if OURS.fullmatch(seal.name) and not seal.with_name(seal.name.removesuffix(_SEAL)).exists():
            with suppress(OSError):
                if time.time() - seal.stat().st_mtime > _LONELY:
                    seal.unlink()


def file_name(build: Build) -> str:
    """A name that a person can read, and that no other build has: different builds have different URLs.

    ``2026-09-14-09-31-22-mozilla-central--shippable--7d1f09ab--firefox-145.0a1.en-US.linux-x86_64.tar.xz``
    """
    url = urlsplit(build.url)
    mark = hashlib.sha256(f"{url.hostname}{url.path}".encode()).hexdigest()[:8]
    return "--".join((_place(build.candidate), _plain(build.build_type)[:20], mark, _plain(build.file_name)[-80:]))


def _are_of(names: Iterable[str], candidates: Sequence[Candidate]) -> frozenset[int]:
    places = {name.partition("--")[0] for name in names}
    return frozenset(at for at, candidate in enumerate(candidates) if _place(candidate) in places)


def _place(candidate: Candidate) -> str:
    """How the file names of a candidate's builds begin, whatever their type and platform."""
    revision = (candidate.revision or candidate.key)[:12]
    where = f"{candidate.repo}-{revision}" if candidate.kind is Kind.PUSH else candidate.key
    return _plain(where)[:60]


def _plain(text: str) -> str:
    """Only what every file system takes, and never a dot in front."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".-") or "_"


def files_in(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When used, bytes and path of each file that is ours, as its seal says."""
    for seal in folder.glob(f"[!.]*{_SEAL}"):
        path = seal.with_name(seal.name.removesuffix(_SEAL))
        with suppress(OSError):  # perhaps another run removed it just now
            found = path.stat()
            yield found.st_mtime, found.st_size, path


def seal_path(path: Path) -> Path:
    return path.with_name(path.name + _SEAL)


def remove_file(path: Path) -> None:
    for gone in (path, seal_path(path)):
        with suppress(OSError):  # on Windows: somebody reads it
            gone.unlink(missing_ok=True)
