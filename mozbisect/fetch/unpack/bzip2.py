"""Unpacks bzip2 on several cores, with nothing but the ``bz2`` of Python. Until November 2024 all builds came so.

A bzip2 file is a row of blocks of at most 900 kB that know nothing of each other; but they follow each other to the
bit, without a table of where they begin. So these places are looked for (``bzip2_marks``), and each block is made a
file of its own, which a thread unpacks (``bz2`` lets other threads run meanwhile):

    BZh9 |block····|block······|block···|end crc|          the file
    BZh9 |block····|end crc|   BZh9 |block······|end crc|  …  what the threads get

All builds share one pool of threads: two that are unpacked side by side with twice as many threads as there are cores
took 18 s in place of 12.

The check sum of each block is tested by ``bz2``, that of the whole row here. Should the 48 bits with which a block
begins turn up inside one by chance, which three in a million builds must expect, the file counts as damaged.
"""

from __future__ import annotations

import bz2
import io
import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from typing import Any

from mozbisect.fetch.unpack.bzip2_marks import BITS, BLOCK, CRC, END, HEAD, Bits, Readable, is_head
from mozbisect.fetch.unpack.streams import Padding, Plain

MOST_CORES = 4  # of a machine that others use, too; and a hostile block may become 46 MB in memory

_PADDING = Padding(unit=1, between=False)  # the format has none, but who pads a file pads it with zeros


def open_plain(packed: Any, cores: int | None = None) -> AbstractContextManager[Any]:
    """A file to read what ``packed`` unpacks to. Reading raises ``OSError``, ``EOFError`` or ``ValueError`` if damaged.

    ``cores``: how many to use; by default those of this machine.
    """
    many = min(cores or _cores(), MOST_CORES)
    if many < 2:
        return closing(Plain(packed, bz2.BZ2Decompressor, _PADDING))
    return closing(_Blocks(packed, many))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Threads:
    """Those of all builds together, as long as there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._builds = 0
        self._pool: ThreadPoolExecutor | None = None

    def join(self, cores: int) -> ThreadPoolExecutor:
        with self._lock:
            self._builds += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(cores, thread_name_prefix="unpacking-bzip2")
            return self._pool

    def leave(self) -> None:
        with self._lock:
            self._builds -= 1
            if self._builds == 0 and self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None


_THREADS = _Threads()


class _Blocks(io.RawIOBase):
    """The blocks, unpacked, in their order. No more of them are under way than there are threads to do it."""

    def __init__(self, packed: Readable, cores: int) -> None:
        self._cores = cores
        self._pool = _THREADS.join(cores)
        self._blocks = _blocks(packed)
        self._under_way: deque[Future[bytes]] = deque()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            for one in self._under_way:
                one.cancel()
            _THREADS.leave()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, and nothing only at the end."""
        while not self._rest:
            while len(self._under_way) <= self._cores and (block := next(self._blocks, None)) is not None:
                self._under_way.append(self._pool.submit(_unpacked, block))
            if not self._under_way:
                return b""
            self._rest = memoryview(self._under_way.popleft().result())
        piece = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(piece) :]
        return bytes(piece)


def _unpacked(alone: bytes) -> bytes:
    unpacker = bz2.BZ2Decompressor()
    plain = unpacker.decompress(alone)
    if not unpacker.eof:
        raise EOFError("a block ends too early")
    return plain


def _blocks(packed: Readable) -> Iterator[bytes]:
    """Each block as a file of its own."""
    bits = Bits(packed)
    at = 0
    while is_head(head := bits.bytes_at(at // 8, HEAD)):
        at, row = at + HEAD * 8, 0
        while (mark := bits.number(at, BITS)) == BLOCK:
            crc = bits.number(at + BITS, CRC)
            row = (row << 1 | row >> 31) & 0xFFFFFFFF ^ crc
            end = bits.end_of_block(at)
            yield _alone(head, bits.number(at, end - at), end - at, crc)
            bits.forget_before(at := end)
        if mark != END:
            raise OSError("Invalid data stream: neither a block nor the end")
        if bits.number(at + BITS, CRC) != row:
            raise OSError("Invalid data stream: a block is missing or too many")
        bits.forget_before(at := (at + BITS + CRC + 7) // 8 * 8)
    if at == 0:
        raise OSError("Invalid data stream")
    bits.refuse_more()


def _alone(head: bytes, block: int, length: int, crc: int) -> bytes:
    row = ((block << BITS) | END) << CRC | crc  # of a single block, the sum of the row is its own
    length += BITS + CRC
    spare = -length % 8
    return head + (row << spare).to_bytes((length + spare) // 8, "big")
