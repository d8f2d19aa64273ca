"""Unpacks xz with the quickest decoder that is here, and with an end to the memory that a file may ask for.

The decoder is a matter of which liblzma: since 5.6 it takes a third less time than those before (``docs/reference/
benchmarks.md``), and many a Python is linked with an older one. So ``lzma_mt`` is asked first, which brings 5.8 and
has the interface of ``lzma``, its errors included; where it is not to be had, Python's own does the same, later.

How much memory unpacking takes, the file says itself, up to 4 GiB; ``lzma.open`` has no limit for it. Otherwise this
does as ``lzma.open``: several streams in a row are one, and what follows them and is no stream is passed over.
"""

from __future__ import annotations

import io
import lzma
from contextlib import AbstractContextManager, closing
from functools import cache
from types import ModuleType
from typing import Any, cast

MOST_MEMORY = 256 << 20  # bytes: `xz -9`, as Mozilla packs, needs 65 MiB to unpack

_READ = 1 << 16  # bytes
_MAGIC = b"\xfd7zXZ\x00"


class TooMuchMemory(Exception):
    """The file asks for more memory than it may have."""


def open_plain(packed: Any) -> AbstractContextManager[Any]:
    """A file to read what ``packed`` unpacks to. Reading raises ``EOFError`` or ``LZMAError`` if damaged.

    Or else ``TooMuchMemory``.
    """
    return closing(_Plain(packed))


class _Plain(io.RawIOBase):
    def __init__(self, packed: Any) -> None:
        self._packed = packed
        self._unpacker: lzma.LZMADecompressor | None = _fresh()

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
                plain = _unpack(self._unpacker, chunk, size)
            if plain:
                return plain
        return b""

    def _next_stream(self, rest: bytes, size: int) -> bytes:
        """The beginning of the stream after this one, if there is one."""
        while not (rest := rest.lstrip(b"\0")) and (rest := self._packed.read(_READ)):
            pass
        is_stream = rest and _MAGIC.startswith(rest[: len(_MAGIC)])
        self._unpacker = _fresh() if is_stream else None
        try:
            return _unpack(self._unpacker, rest, size) if self._unpacker else b""
        except lzma.LZMAError:  # it is something else
            self._unpacker = None
            return b""


@cache
def decoder() -> ModuleType:
    """``lzma``, or what is quicker and has the same interface."""
    try:
        import lzma_mt
    except ImportError:  # no wheel for this machine
        return lzma
    return lzma_mt


def _fresh() -> lzma.LZMADecompressor:
    return cast(lzma.LZMADecompressor, decoder().LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY))


def _unpack(unpacker: lzma.LZMADecompressor, chunk: bytes, size: int) -> bytes:
    try:
        return unpacker.decompress(chunk, size)
    except lzma.LZMAError as error:
        if "limit" in str(error):  # there is no class of its own for it
            raise TooMuchMemory(f"it takes more than {MOST_MEMORY >> 20} MiB of memory to unpack") from error
        raise
