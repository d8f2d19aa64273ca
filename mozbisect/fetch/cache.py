"""The folder in which downloaded files are kept, for this run or (``--persist``) for the next ones too.

Knows names, trust and room; what is in the files, and how they come here, it leaves to others. Every file has
a small one beside it, ``<name>.seal``, with what we saw of it when it arrived. Nothing else in the folder is ours,
and nothing else is ever touched. Two runs may share a folder: files come into it whole, by a rename, and each run
takes it in its stride when one of its files was removed by another.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from mozbisect.core.model import Build, Kind
from mozbisect.fetch.scratch import on_disk
from mozbisect.fetch.verify import Seal, complaint_about

log = logging.getLogger(__name__)

ALWAYS_KEPT = 5  # files, however small the limit is: going back one question should not mean a download
_ABANDONED = 24 * 3600.0  # seconds; a half-written file that nobody wrote to for a day is nobody's
_SEAL = ".seal"
_PART = ".part"

Fetch = Callable[[Path], Seal]
"""Writes a build's file to the path given, which does not exist yet, and returns its seal."""


class Cache:
    """The folder, made when it is first needed. ``limit`` in bytes, 0 for none. May be used from several threads.

    ``durable``: files are to survive a crash of the machine, not only the end of this run.
    """

    def __init__(
        self, folder: Path, *, limit: int = 0, durable: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._limit = limit
        self._durable = durable
        self._now = now
        self._lock = threading.Lock()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lent: Counter[str] = Counter()
        self._swept = False

    def holds(self, build: Build) -> bool:
        """Is the build's file here? A quick look, without reading it: ``lend`` may still find it damaged."""
        path = self._path(build)
        try:
            size = path.stat().st_size
        except OSError:
            return False
        return build.size in (None, size) and (build.digest is not None or self._seal(path).exists())

    @contextmanager
    def lend(self, build: Build, fetch: Fetch) -> Iterator[Path]:
        """The build's file, for the time of the ``with``; ``fetch`` is called if it is not here, or not to be trusted.

        Two threads that want the same file wait for each other. Raises ``CacheTrouble`` and whatever ``fetch`` does.
        """
        path = self._path(build)
        self._open_up()
        with self._lock:
            self._lent[path.name] += 1
            turn = self._turns[path.name]
        try:
            with turn:
                if not self._trusted(path, build):
                    self._take_in(path, fetch)
            with suppress(OSError):
                os.utime(path, (self._now(), self._now()))  # used just now: the last to be removed
            yield path
        finally:
            with self._lock:
                self._lent[path.name] -= 1

    def drop(self, build: Build) -> None:
        """The build's file turned out to be no good: remove it."""
        self._remove(self._path(build))

    def _open_up(self) -> None:
        with self._lock, on_disk(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._swept:
                self._swept = True
                self._sweep()

    def _sweep(self) -> None:
        """Remove what killed runs left half-written, and seals whose files are gone."""
        for path in self._folder.iterdir():
            ours = path.name.endswith(_PART) and path.name.startswith(".")
            lonely = path.name.endswith(_SEAL) and not path.with_name(path.name.removesuffix(_SEAL)).exists()
            with suppress(OSError):
                if (ours or lonely) and self._now() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()

    def _trusted(self, path: Path, build: Build) -> bool:
        try:
            complaint = complaint_about(path, build, Seal.read(self._seal(path)))
        except FileNotFoundError:
            return False
        except OSError as error:
            complaint = str(error)
        if complaint:
            log.debug("%s is fetched again: %s", path, complaint)
            self._remove(path)
        return not complaint

    def _take_in(self, path: Path, fetch: Fetch) -> None:
        part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_PART}")
        seal = fetch(part)
        try:
            with on_disk(self._folder):
                self._make_durable(part)
                # The seal comes first: a seal without its file harms nobody, a file without its seal is fetched again.
                stamp = part.with_name(f"{part.name.removesuffix(_PART)}{_SEAL}{_PART}")
                stamp.write_text(seal.dump(), "utf-8")
                stamp.replace(self._seal(path))
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self._make_room()

    def _make_durable(self, part: Path) -> None:
        if self._durable:
            with part.open("rb+") as file:
                os.fsync(file.fileno())

    def _make_room(self) -> None:
        """Remove what was not used for longest, until the limit holds; never what is lent, never the newest few."""
        if not self._limit:
            return
        files = sorted(self._files(), reverse=True)  # the latest used first
        room = self._limit
        for number, (_, size, path) in enumerate(files):
            room -= size
            with self._lock:
                lent = self._lent[path.name] > 0
            if room < 0 and number >= ALWAYS_KEPT and not lent:
                log.debug("removing %s, to make room", path)
                self._remove(path)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When used, bytes and path of each file that is ours, as its seal says."""
        for seal in self._folder.glob(f"[!.]*{_SEAL}"):
            path = seal.with_name(seal.name.removesuffix(_SEAL))
            with suppress(OSError):  # perhaps another run removed it just now
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _remove(self, path: Path) -> None:
        for gone in (path, self._seal(path)):
            with suppress(OSError):  # on Windows: somebody reads it
                gone.unlink(missing_ok=True)

    def _path(self, build: Build) -> Path:
        return self._folder / file_name(build)

    def _seal(self, path: Path) -> Path:
        return path.with_name(path.name + _SEAL)


def file_name(build: Build) -> str:
    """A name that a person can read, and that no other build has: different builds have different URLs.

    ``2026-09-14-09-31-22-mozilla-central--shippable--7d1f09ab--firefox-145.0a1.en-US.linux-x86_64.tar.xz``
    """
    candidate = build.candidate
    revision = (build.revision or candidate.revision or candidate.key)[:12]
    where = candidate.key if candidate.kind is Kind.NIGHTLY else f"{build.repo}-{revision}"
    url = urlsplit(build.url)
    mark = hashlib.sha256(f"{url.hostname}{url.path}".encode()).hexdigest()[:8]
    return "--".join((_plain(where)[:80], _plain(build.build_type)[:40], mark, _plain(build.file_name)[-100:]))


def _plain(text: str) -> str:
    """Only what every file system takes, and never a dot in front."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".-") or "_"
