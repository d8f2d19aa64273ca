"""An answer whose body is still to come: how it is read, and when it is given up.

``requests`` is imported by who opened it.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from mozbisect.net.troubles import CHECK_NETWORK, Busy, CutShort

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds: for a connection, for every silence in an answer, and for a body that trickles
SLOWEST = 4096  # bytes a second, while a body is waited for; a connection that brings less is as good as broken


class Stream:
    """An answer whose body is still to come. Read it once, from one thread. ``patience`` is in seconds."""

    def __init__(self, response: requests.Response, patience: float = PATIENCE) -> None:
        self._response = response
        self._patience = patience
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers  # asked for in any case: "etag", "ETag"
        self.url: str = response.url

    @property
    def encoded(self) -> bool:
        """Was the body packed for the way, though we asked for it plain? Then no length is known in advance."""
        return self.headers.get("Content-Encoding", "identity").lower() not in ("", "identity")

    @property
    def length(self) -> int | None:
        """Bytes that ``chunks`` will give in all, if the server said so."""
        return None if self.encoded else self._on_the_wire

    @property
    def _on_the_wire(self) -> int | None:
        said = self.headers.get("Content-Length", "")
        return int(said) if said.isdecimal() and len(said) < 19 and "Transfer-Encoding" not in self.headers else None

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body as it comes, unpacked, in pieces of about ``size`` bytes or less.

        Raises ``CutShort``, or ``Busy`` (an encoding nobody asked for).
        """
        if self.encoded:
            return self._gunzipped(size)
        return self._raw(size)

    def abort(self) -> None:
        """End the transfer from another thread: a reader who waits for bytes wakes up with ``CutShort``."""
        raw = self._response.raw
        try:
            if hasattr(raw, "shutdown"):  # urllib3 2.3
                raw.shutdown()
            elif (connection := getattr(raw, "connection", None)) is not None and connection.sock is not None:
                connection.sock.shutdown(0)
        except (OSError, ValueError, RuntimeError) as error:
            log.debug("%s: was over before it was aborted: %s", self.url, error)

    def _raw(self, size: int) -> Iterator[bytes]:
        import urllib3

        raw = self._response.raw
        read = getattr(raw, "read1", raw.read)  # urllib3 2.1; the other one waits until all of a piece has come
        here = 0
        try:
            for chunk in _flowing(partial(read, size, decode_content=False), self._patience):
                here += len(chunk)
                yield chunk
        except _Trickle:
            self._cut_short(here, f"brought fewer than {SLOWEST:,} bytes a second, and was given up")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            log.debug("%s: %r", self.url, error)
            self._cut_short(here)
        # requests does not notice a body that is shorter than announced, nor did urllib3 before 2.0.
        if self._on_the_wire is not None and here != self._on_the_wire:
            self._cut_short(here)

    def _gunzipped(self, size: int) -> Iterator[bytes]:
        if self.headers["Content-Encoding"].lower() not in ("gzip", "x-gzip"):
            raise Busy(
                f"{self.url}: packed as {self.headers['Content-Encoding']}, which nobody asked for", url=self.url
            )
        unpacker = zlib.decompressobj(wbits=31)
        here = 0
        try:
            for chunk in self._raw(size):
                here += len(chunk)
                yield unpacker.decompress(chunk)
            yield unpacker.flush()
        except zlib.error as error:
            raise Busy(f"{self.url}: said to be gzip, but is not ({error})", url=self.url) from error
        if not unpacker.eof:
            self._cut_short(here)

    def _cut_short(self, here: int, how: str = "broke off") -> NoReturn:
        whole = "" if self._on_the_wire is None else f" of {self._on_the_wire:,}"
        what = f"{self.url}: the transfer {how} after {here:,}{whole} bytes"
        raise CutShort(what, url=self.url, advice=CHECK_NETWORK)


class _Trickle(Exception):
    """What is read comes, but at that pace it would never be here."""


def _flowing(read: Callable[[], bytes], patience: float) -> Iterator[bytes]:
    """What is read until nothing more comes. Only waiting counts, not what the caller does with a piece meanwhile."""
    waited, came = 0.0, 0
    while True:
        begun = time.monotonic()
        if not (chunk := read()):
            return
        waited, came = waited + time.monotonic() - begun, came + len(chunk)
        if waited >= patience:
            if came < SLOWEST * waited:
                raise _Trickle
            waited, came = 0.0, 0
        yield chunk
