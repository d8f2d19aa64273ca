"""Answers of servers that need not be asked for again, on disk, for the next runs: one small SQLite file.

It knows keys, pages and how long each may be believed; what may be kept, and for how long, is told by whoever asked.
It holds nothing that could not be asked for once more, and so it never fails: a file that is damaged is begun anew,
one that cannot be written is only read, and where there is none nothing is remembered. Two runs may share it.

Only what a server said while it was understood comes here (see ``Http.read``), and what comes out is held against its
digest: a broken disk makes us ask again, and never gives a wrong answer.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)
T = TypeVar("T")

FOREVER = math.inf
A_DAY = 86_400.0
ASK = 0.0
"""For how many seconds an answer may be believed without asking. ``ASK``: the server is asked each time, whether what
we have is still the same; that spares the body, where it knows."""

MOST = 128 << 20  # bytes, of all answers together; a year of pushes to autoland takes about 20 MB
LONGEST = MOST // 8  # bytes of one answer, as it is kept
ENOUGH = 0.75  # of MOST is what is left, when there was too much
_PACKED_FROM = 1 << 12  # bytes; a shorter answer is not worth the packing
_PATIENCE = 0.2  # seconds, while another run writes; after that this one answer is not remembered
_BUSY = frozenset({5, 6})  # SQLITE_BUSY, LOCKED: another run writes
_UNUSABLE = frozenset({3, 8, 10, 13, 14, 23})  # SQLITE_PERM, READONLY, IOERR, FULL, CANTOPEN, AUTH
_NAME = "answers-1.sqlite"  # another number for another form of it: so that two versions can share a folder

_TABLE = """
    CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, size INTEGER, used REAL, url TEXT, content_type TEXT, etag TEXT, modified TEXT,
        until REAL, packed INTEGER, digest BLOB, body BLOB
    )"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that came from ``url``; ``etag`` and ``modified`` as the server gave them, or empty.

    ``until``: up to when (seconds of the clock) it may be believed without asking.
    """

    url: str
    content_type: str
    text: str
    etag: str = ""
    modified: str = ""
    until: float = FOREVER


class Memory:
    """The file in ``folder``, made when the first answer is kept. May be used from several threads.

    ``loopback``: also answers from this machine are kept. They are not by default: what listens on one of its ports is
    a practice server or a test, and tomorrow another one.
    """

    def __init__(
        self, folder: Path, *, loopback: bool = False, most: int = MOST, now: Callable[[], float] = time.time
    ) -> None:
        self._path = folder / _NAME
        self._loopback = loopback
        self._most = most
        self._now = now
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._writes = True
        self._since_look = 0  # bytes kept since we looked whether it is too much

    def takes(self, url: str) -> bool:
        """Are answers of this server kept at all?"""
        return self._loopback or not _is_here(urlsplit(url).hostname or "")

    def recall(self, key: str) -> Answer | None:
        """What was said about ``key``; None where nothing is known, or nothing that is whole."""
        row = self._try(lambda file: file.execute(_RECALL, (key,)).fetchone(), reading=True)
        if row is None:
            return None
        answer = _unpacked(key, row)
        if answer is None:
            self.forget(key)
        elif not row[0] > self._now() - A_DAY:  # to note every use would be to write at every use
            self._try(lambda file: file.execute("UPDATE answers SET used = ? WHERE key = ?", (self._now(), key)))
        return answer

    def fresh(self, answer: Answer) -> bool:
        return self._now() < answer.until

    def keep(self, key: str, answer: Answer, seconds: float) -> None:
        """Remember an answer, to be believed for so many ``seconds``; in place of what was known of ``key``."""
        if not self._writes:
            return
        row = _row(key, replace(answer, until=self._now() + seconds), self._now())
        size: int = row[1]
        if size > min(LONGEST, self._most):
            return
        self._try(lambda file: file.execute(_KEEP, row))
        with self._lock:
            self._since_look += size
            due = self._since_look > self._most // 8
        if due:
            self._make_room()

    def forget(self, key: str) -> None:
        self._try(lambda file: file.execute("DELETE FROM answers WHERE key = ?", (key,)))

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._files() if path.exists())

    def clear(self) -> None:
        """Forget everything, for other runs as well."""
        if not self._path.exists():
            return
        self._try(lambda file: file.execute("DELETE FROM answers"))
        with self._lock:
            self._end()
            self._remove()

    def close(self) -> None:
        """To be called at the end of a run; afterwards it opens its file again when it is asked something."""
        if self._file is not None:
            self._make_room()
        with self._lock:
            self._end()

    # -------------------------------------------------------------------------------------------------- the file

    def _try(self, do: Callable[[sqlite3.Connection], T], *, reading: bool = False) -> T | None:
        """Do something with the file, in a transaction of its own; None if that is not possible now."""
        import sqlite3

        with self._lock:
            if not (self._writes or reading):
                return None
            for _ in range(2):
                try:
                    file = self._opened(reading=reading)
                    return None if file is None else do(file)
                except (sqlite3.Error, UnicodeDecodeError) as error:
                    # sqlite quotes what it read in a damaged file, and Python cannot always decode that.
                    log.debug("%s: %s", self._path, error)
                    trouble = getattr(error, "sqlite_errorcode", 0) & 0xFF
                    if trouble in _BUSY:
                        return None
                    if trouble in _UNUSABLE:
                        self._writes = False
                        return None
                    self._end()  # it is damaged, or no such file at all: begun anew
                    self._remove()
        return None

    def _opened(self, *, reading: bool) -> sqlite3.Connection | None:
        import sqlite3

        if self._file is not None:
            return self._file
        if reading and not self._path.exists():
            return None
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        self._file = file
        # A power cut may damage the file, and then it is begun anew: no reason to wait for the disk each time.
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA auto_vacuum = FULL")
        file.execute(_TABLE)  # changes nothing, and so fails nowhere, where there is one
        return file

    def _make_room(self) -> None:
        """Forget what was not used for the longest time, if there is too much."""

        def forget(file: sqlite3.Connection) -> None:
            (total,) = file.execute("SELECT TOTAL(size) FROM answers").fetchone()
            if total <= self._most:
                return
            for key, size in file.execute("SELECT key, size FROM answers ORDER BY used").fetchall():
                file.execute("DELETE FROM answers WHERE key = ?", (key,))
                total -= size
                if total <= ENOUGH * self._most:
                    return

        self._try(forget)
        with self._lock:
            self._since_look = 0

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        import sqlite3

        with suppress(sqlite3.Error):
            file.close()

    def _remove(self) -> None:
        for path in self._files():
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _files(self) -> tuple[Path, Path]:
        return self._path, self._path.with_name(f"{_NAME}-journal")


_RECALL = "SELECT used, url, content_type, etag, modified, until, packed, digest, body FROM answers WHERE key = ?"
_KEEP = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _row(key: str, answer: Answer, now: float) -> tuple[Any, ...]:
    body = answer.text.encode("utf-8", "surrogatepass")
    packed = len(body) >= _PACKED_FROM
    kept = zlib.compress(body, 1) if packed else body
    about = (answer.url, answer.content_type, answer.etag, answer.modified)
    size = len(key) + len(kept) + sum(map(len, about))
    return key, size, now, *about, answer.until, packed, _digest(key, answer, body), kept


def _unpacked(key: str, row: tuple[Any, ...]) -> Answer | None:
    """None for a row that was damaged."""
    used, url, content_type, etag, modified, until, packed, digest, kept = row
    try:
        body = zlib.decompress(kept) if packed else kept
        answer = Answer(url, content_type, body.decode("utf-8", "surrogatepass"), etag, modified, until)
        return answer if isinstance(used, float) and _digest(key, answer, body) == digest else None
    except (AttributeError, TypeError, ValueError, zlib.error):
        return None


def _digest(key: str, answer: Answer, body: bytes) -> bytes:
    digest = hashlib.blake2b(body, digest_size=16)
    about = (key, answer.url, answer.content_type, answer.etag, answer.modified, repr(answer.until))
    digest.update("\0".join(about).encode())
    return digest.digest()


def _is_here(host: str) -> bool:
    """Does the name of a host mean this machine?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
