"""Unpacks xz with the quickest decoder that is here, and with an end to the memory that a file may ask for.

The decoder is a matter of which liblzma: since 5.6 it takes a third less time than those before (``docs/reference/
benchmarks.md``), and many a Python is linked with an older one. So ``lzma_mt`` is asked first, which brings 5.8 and
has the interface of ``lzma``, its errors included; where it is not to be had, Python's own does the same, later.

How much memory unpacking takes, the file says itself, up to 4 GiB; ``lzma.open`` has no limit for it.
"""

from __future__ import annotations

import lzma
from contextlib import AbstractContextManager, closing
from functools import cache
from types import ModuleType
from typing import Any, cast

from mozbisect.fetch.unpack.streams import Padding, Plain

MOST_MEMORY = 256 << 20  # bytes: `xz -9`, as Mozilla packs, needs 65 MiB to unpack

_PADDING = Padding(unit=4, between=True)  # "Stream Padding" of the format


class TooMuchMemory(Exception):
    """The file asks for more memory than it may have."""


def open_plain(packed: Any) -> AbstractContextManager[Any]:
    """A file to read what ``packed`` unpacks to.

    Reading raises ``EOFError``, ``ValueError`` or ``LZMAError`` if it is damaged, or else ``TooMuchMemory``.
    """
    return closing(_Limited(Plain(packed, _fresh, _PADDING)))


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


class _Limited:
    """A file, of whose errors one is told apart."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, and nothing only at the end."""
        try:
            return self._plain.read(size)
        except lzma.LZMAError as error:
            if "limit" in str(error):  # there is no class of its own for it
                raise TooMuchMemory(f"it takes more than {MOST_MEMORY >> 20} MiB of memory to unpack") from error
            raise

    def close(self) -> None:
        self._plain.close()
