"""Downloads that were broken off, kept for the next try, be it of this run or of a later one.

    folder/<name>.part/  bytes      the file, as far as it came (with several connections: with holes behind that)
                         notes      what file that is, and the digest of its beginning at every MiB
                         .lived-in  locked while somebody downloads it

What a run finds there it believes as far as the notes vouch for it, byte by byte: a file of which some was lost
with the machine, or that somebody changed, is carried on before that place, or not at all. Fetches nothing.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from mozbisect.core.model import Build
from mozbisect.fetch.locks import LOCK, locked, still_at
from mozbisect.fetch.scratch import OURS, on_disk, remove_home
from mozbisect.fetch.verify import Tally

log = logging.getLogger(__name__)

PART = ".part"
BYTES = "bytes"
STEP = 1 << 20  # bytes from note to note: so many are lost at most
STALE = 3 * 24 * 3600.0  # seconds; what nobody has carried on by then, nobody will
_NOTES = "notes"
_TRIES = 9


@dataclass(frozen=True, slots=True)
class Origin:
    """What file the bytes are of. ``mark``: by which the server knows it again, an ETag or a date."""

    url: str
    mark: str
    whole: int | None
    algorithm: str
    digest: str

    @classmethod
    def of(cls, build: Build, mark: str, whole: int | None) -> Origin:
        digest = build.digest
        return cls(build.url, mark, whole, digest.algorithm if digest else "", digest.hex.lower() if digest else "")

    def fits(self, build: Build) -> bool:
        """Is it still the file that is announced?"""
        is_long = build.size is None or self.whole in (None, build.size)
        return self == Origin.of(build, self.mark, self.whole) and bool(self.mark) and is_long


class Notes:
    """What is written down about the bytes in a file beside it, while they come."""

    def __init__(self, part: Path) -> None:
        self._path = part.with_name(_NOTES)
        self._file: IO[str] | None = None
        self._noted = 0

    @property
    def any(self) -> bool:
        """Is there something to carry on from?"""
        return self._noted > 0

    def begin(self, origin: Origin, known: Sequence[tuple[int, str]] = ()) -> None:
        """``known``: notes that are right already. Raises ``OSError``, as all here that write."""
        self.forget()
        self._file = self._path.open("w", encoding="utf-8")
        for row in (asdict(origin), *known):
            self._write(row)
        self._noted = known[-1][0] if known else 0

    def follow(self, tally: Tally) -> None:
        """Called with every few bytes; writes only now and then."""
        if self._file is not None and tally.size - self._noted >= STEP:
            self._write([tally.size, tally.seal.sha256])
            self._noted = tally.size

    def read(self) -> tuple[Origin, list[tuple[int, str]]] | None:
        """What a run before has written down: of which file, and (size, SHA-256) of its beginning, growing."""
        try:
            first, *others = self._path.read_text("utf-8", "replace").splitlines()
            origin = Origin(**json.loads(first))
        except (OSError, ValueError, TypeError):
            return None
        notes: list[tuple[int, str]] = []
        for line in others:
            with suppress(ValueError, TypeError):
                size, sha256 = json.loads(line)
                if isinstance(size, int) and size > (notes[-1][0] if notes else 0):
                    notes.append((size, str(sha256)))
        return origin, notes

    def forget(self) -> None:
        self.close()
        self._noted = 0
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _write(self, row: object) -> None:
        assert self._file is not None
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def believed(part: Path, notes: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of the notes that the bytes in the file agree with. Raises ``OSError``."""
    good = []
    tally = Tally(None)
    with part.open("rb") as file:
        for size, sha256 in notes:
            while tally.size < size and (chunk := file.read(min(1 << 20, size - tally.size))):
                tally.add(chunk)
            if (tally.size, tally.seal.sha256) != (size, sha256):
                break
            good.append((size, sha256))
    return good


@contextmanager
def claimed(home: Path) -> Iterator[Path | None]:
    """The folder of a part, made if need be, for the caller alone; ``None`` when another run has it.

    At the end it is removed, unless there are notes in it. Raises ``CacheTrouble``.
    """
    with on_disk(home.parent):
        lock = _lived_in(home)
    if lock is None:
        yield None
        return
    try:
        yield home
    finally:
        _leave(home, lock, keep=(home / _NOTES).exists())


def done(home: Path) -> None:
    """All of it is elsewhere by now."""
    with suppress(OSError):
        (home / _NOTES).unlink(missing_ok=True)


def parts_in(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When it grew last, bytes and path of each part; also of one that was left before any byte of it came."""
    for home in folder.glob(f"[!.]*{PART}"):
        with suppress(OSError):
            if (home / BYTES).exists():
                seen = (home / BYTES).stat()
                yield seen.st_mtime, seen.st_size, home
            elif OURS.fullmatch(home.name) and stat.S_ISDIR((seen := home.lstat()).st_mode):
                yield seen.st_mtime, 0, home


def discard(home: Path) -> None:
    """Remove a part, unless somebody downloads it just now."""
    with suppress(OSError), (home / LOCK).open("ab") as lock:
        if locked(lock) and still_at(lock, home / LOCK):
            log.debug("removing %s", home)
            _leave(home, lock, keep=False)


def remove_stale(folder: Path, now: float) -> None:
    for used, _, home in list(parts_in(folder)):
        if now - used > STALE:
            discard(home)


def complaint_about(home: Path) -> str:
    """What is wrong with a part; empty when it can be carried on."""
    found = Notes(home / BYTES).read()
    try:
        good = believed(home / BYTES, found[1]) if found else []
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "" if found and good == found[1] else "it is not as it was when it broke off"


def in_use(home: Path) -> bool:
    try:
        with (home / LOCK).open("r+b") as lock:
            return not locked(lock)
    except OSError:
        return False


def _lived_in(home: Path) -> IO[bytes] | None:
    for _ in range(_TRIES):
        home.mkdir(parents=True, exist_ok=True)
        try:
            lock = (home / LOCK).open("ab")
        except FileNotFoundError:  # somebody removes it just now
            continue
        if not locked(lock):
            lock.close()
            return None
        if still_at(lock, home / LOCK):
            return lock
        lock.close()  # it was removed before it was locked
    return None


def _leave(home: Path, lock: IO[bytes], *, keep: bool) -> None:
    if not keep:
        remove_home(home)
    lock.close()
    if not keep and os.name == "nt":  # where a file that is open cannot be removed
        remove_home(home)
