"""Packed streams in a row, read as one plain file: all of them, or an error.

For the decoders of Python, which xz and bzip2 share. ``lzma.open`` and ``bz2.open`` take for the end whatever follows
a stream and is none, so also a stream whose head is damaged; and what came before it for the whole file.

    stream, stream, zeros     whole             stream, rubbish     ValueError, or what the decoder raises
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

NO_END = "what follows its end is neither zeros nor more of it"

_READ = 1 << 16  # bytes


class Unpacker(Protocol):
    """``lzma.LZMADecompressor``, ``bz2.BZ2Decompressor``."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Padding:
    """The zeros that a format has behind a stream: of whole units, and at the end of the file or also before it."""

    unit: int
    between: bool


class Plain(io.RawIOBase):
    """``fresh`` makes the unpacker of each stream."""

    def __init__(self, packed: Any, fresh: Callable[[], Unpacker], padding: Padding) -> None:
        self._packed = packed
        self._fresh = fresh
        self._padding = padding
        self._unpacker: Unpacker | None = fresh()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, and nothing only at the end."""
        while self._unpacker is not None:
            if self._unpacker.eof:
                plain = self._next_stream(self._unpacker.unused_data, size)
            else:
                chunk = self._packed.read(_READ) if self._unpacker.needs_input else b""
                if self._unpacker.needs_input and not chunk:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
                plain = self._unpacker.decompress(chunk, size)
            if plain:
                return plain
        return b""

    def _next_stream(self, rest: bytes, size: int) -> bytes:
        """The beginning of the stream after this one, if there is one."""
        zeros = 0
        while rest or (rest := self._packed.read(_READ)):
            more = rest.lstrip(b"\0")
            zeros += len(rest) - len(more)
            rest = more
            if rest:
                break
        if zeros % self._padding.unit or (rest and zeros and not self._padding.between):
            raise ValueError(NO_END)
        self._unpacker = self._fresh() if rest else None
        return self._unpacker.decompress(rest, size) if self._unpacker else b""
