"""Brings the file of one build here, whole or not at all. Knows nothing of folders, caches or archives.

A transfer that breaks is carried on where it broke, if the server can do that and the file is still the same
one; if not, it begins again. What arrives is measured on its way to the disk, and handed to whoever unpacks meanwhile:

    try 1   ████████░░░░░░░░   connection reset        → Range: bytes=8…, If-Range: "etag"
    try 2   ████████████████   a digest that is wrong  → begin again
    try 3   ████████████████   right                   → done
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from mozbisect.core.errors import BrokenBuild, NetworkError, NoBuild, NotFetched, NotFound
from mozbisect.core.model import Build
from mozbisect.fetch.scratch import on_disk
from mozbisect.fetch.verify import Seal, Tally, is_page, transport_digest
from mozbisect.net import CutShort, Http, Locked, Stream, Unreachable

log = logging.getLogger(__name__)

# A try that brought this much is not counted as a failed one, so that a shaky line gets there in the end.
WORTHWHILE = 8 << 20
MOST_TRIES = 40  # in all, also of those that brought something
MOST_PAUSES = 300.0  # seconds in all; a server may ask for two minutes each time

Tell = Callable[[int, int | None], None]
"""Told the bytes that are here, and of how many, if that is known."""


class Stopped(Exception):
    """The transfer was not wanted any more. Nobody's fault, so not one of ``core.errors``."""


class Stop:
    """Tells a piece of work, from any thread, that it is not wanted any more."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None

    def now(self) -> None:
        self._event.set()
        with self._lock:
            if self._stream is not None:
                self._stream.abort()

    def check(self) -> None:
        if self._event.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise Stopped

    @contextmanager
    def ends(self, stream: Stream) -> Iterator[None]:
        """Within this, ``now`` also wakes a reader who waits for bytes of the stream."""
        with self._lock:
            self._stream = stream
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._stream = None


class Eavesdropper(Protocol):
    """Hears the bytes as they come, before anybody can know whether they are right."""

    def write(self, chunk: bytes) -> None:
        """The next ones."""

    def restart(self) -> None:
        """Forget them all: the file begins anew."""


def download(
    http: Http,
    build: Build,
    part: Path,
    *,
    stop: Stop | None = None,
    tell: Tell | None = None,
    also: Eavesdropper | None = None,
) -> Seal:
    """Write the build's file to ``part``, which must not exist, and which exists afterwards only if all is well.

    ``also`` gets each byte of the file once, in order, also through broken transfers that go on.
    Raises ``NoBuild`` (it is gone), ``NotFetched`` (it cannot be had whole), ``NetworkError`` (nothing answers
    any more), ``CacheTrouble``, and ``Stopped`` if ``stop`` was told so.
    """
    try:
        with on_disk(part.parent), part.open("xb") as file:
            transfer = _Transfer(http, build, file, stop, tell, also)
            http.insist(transfer.carry_on, also=(BrokenBuild,), sleep=_Budget(stop.pause if stop else http.sleep).pause)
            transfer.settle()
            return transfer.seal
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, NotFound):
            raise NoBuild(f"{build.file_name} is listed, but the server says that it is gone") from error
        if isinstance(error, BrokenBuild):
            raise NotFetched(error.what) from error
        if isinstance(error, NetworkError) and not isinstance(error, Unreachable | Locked):
            raise NotFetched(f"{build.file_name} cannot be downloaded: {error.what}") from error
        raise


class _SpentBudget(BrokenBuild):
    """Too much was tried already."""

    at_most = 1  # so that it is not tried again


class _Budget:
    """Pauses, as long as all of them together are not too long."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._left = MOST_PAUSES

    def pause(self, seconds: float) -> None:
        self._left -= seconds
        if self._left < 0:
            raise _SpentBudget(f"the server asked for pauses of more than {MOST_PAUSES:.0f} seconds in all")
        self._pause(seconds)


class _Transfer:
    """One file on its way, through as many tries as it takes."""

    def __init__(
        self,
        http: Http,
        build: Build,
        file: IO[bytes],
        stop: Stop | None,
        tell: Tell | None,
        also: Eavesdropper | None,
    ) -> None:
        self._http = http
        self._build = build
        self._file = file
        self._stop = stop or Stop()
        self._tell = tell or (lambda _here, _whole: None)
        self._also = also
        self._tries = 0
        self._tally = Tally(build.digest)
        self._mark = ""  # by which the server knows the file again: an ETag or a date
        self._whole = build.size

    @property
    def seal(self) -> Seal:
        return self._tally.seal

    def carry_on(self) -> None:
        """One try, and more for as long as each brings the file well forward."""
        while True:
            before = self._tally.size
            try:
                return self._one_try()
            except CutShort as error:
                self._stop.check()  # perhaps it was us who cut it
                if self._tally.size - before < WORTHWHILE:
                    raise
                log.debug("%s; at once again", error.what)

    def settle(self) -> None:
        """Out of Python's buffer, so that a full disk is noticed here."""
        self._file.flush()

    def _one_try(self) -> None:
        self._stop.check()
        self._tries += 1
        if self._tries > MOST_TRIES:
            raise _SpentBudget(f"{self._build.file_name}: it broke off {MOST_TRIES} times ({self._build.url})")
        with self._http.stream(self._build.url, headers=self._range(), tries=1) as stream, self._stop.ends(stream):
            if not self._continues(stream):
                self._begin(stream)
            for chunk in stream.chunks():
                self._add(chunk, stream)
        if complaint := self._tally.complaint(self._build):
            self._spoiled(complaint)

    def _range(self) -> dict[str, str]:
        if not (self._mark and self._tally.size):
            return {}
        return {"Range": f"bytes={self._tally.size}-", "If-Range": self._mark}

    def _continues(self, stream: Stream) -> bool:
        """Are these the bytes after the ones we have? A server may ignore the range, or have another file by now."""
        if stream.status == 200:
            return False
        start = f"bytes {self._tally.size}-"
        if stream.status != 206 or not stream.headers.get("Content-Range", "").startswith(start) or stream.encoded:
            self._spoiled("the server did not go on where it broke off")
        return True

    def _begin(self, stream: Stream) -> None:
        self._forget()
        if self._build.size is not None and stream.length not in (None, self._build.size):
            self._spoiled(f"the server has {stream.length:,} bytes where {self._build.size:,} were announced")
        self._tally = Tally(self._build.digest, transport=transport_digest(stream.headers))
        self._mark = "" if stream.encoded else _mark(stream)
        self._whole = stream.length if stream.length is not None else self._build.size

    def _add(self, chunk: bytes, stream: Stream) -> None:
        self._stop.check()
        if self._tally.size == 0 and is_page(stream.headers.get("Content-Type", ""), chunk):
            self._spoiled("the server sent a web page in place of the build")
        if self._whole is not None and self._tally.size + len(chunk) > self._whole:
            self._spoiled(f"the server sent more than {self._whole:,} bytes")
        self._file.write(chunk)
        self._tally.add(chunk)
        if self._also is not None:
            self._also.write(chunk)
        self._tell(self._tally.size, self._whole)

    def _forget(self) -> None:
        if self._tally.size:
            self._file.seek(0)
            self._file.truncate()
            if self._also is not None:
                self._also.restart()
        self._tally = Tally(self._build.digest)
        self._mark = ""

    def _spoiled(self, why: str) -> None:
        self._forget()
        raise BrokenBuild(f"{self._build.file_name}: {why} ({self._build.url})")


def _mark(stream: Stream) -> str:
    """What If-Range may be asked with. A weak ETag promises too little: two such files may differ in bytes."""
    etag = stream.headers.get("ETag", "")
    return etag if etag.startswith('"') else stream.headers.get("Last-Modified", "")
