"""Unpacks bzip2 on several cores, with nothing but the ``bz2`` of Python. Until November 2024 all builds came so.

A bzip2 file is a row of blocks of at most 900 kB that know nothing of each other; but they follow each other to the
bit, without a table of where they begin. So the 48 bits with which each begins are looked for at all eight shifts,
and each block is made a file of its own, which a thread unpacks (``bz2`` lets other threads run meanwhile):

    BZh9 |block····|block······|block···|end crc|          the file
    BZh9 |block····|end crc|   BZh9 |block······|end crc|  …  what the threads get

All builds share one pool of threads: two that are unpacked side by side with twice as many threads as there are cores
took 18 s in place of 12.

The check sum of each block is tested by ``bz2``, that of the whole row here. Should the 48 bits turn up inside a block
by chance, which three in a million builds must expect, the file counts as damaged.
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
from typing import Any, Protocol

MOST_CORES = 4  # of a machine that others use, too; and a hostile block may become 46 MB in memory

_READ = 1 << 20
_BLOCK = 0x314159265359
_END = 0x177245385090
_BITS = 48  # of both
_CRC = 32
_HEAD = 4  # bytes: BZh, and the size of blocks


def _whole_bytes(mark: int) -> dict[int, bytes]:
    """The mark at each shift, as far as it fills whole bytes: what can be looked for quickly."""
    return {shift: (mark << 8 >> shift).to_bytes(7, "big")[1 if shift else 0 : 6] for shift in range(8)}


_LOOK_FOR = {mark: _whole_bytes(mark) for mark in (_BLOCK, _END)}


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def open_plain(packed: Any, cores: int | None = None) -> AbstractContextManager[Any]:
    """A file to read what ``packed`` unpacks to. Reading raises ``OSError``, ``EOFError`` or ``ValueError`` if damaged.

    ``cores``: how many to use; by default those of this machine.
    """
    many = min(cores or _cores(), MOST_CORES)
    if many < 2:
        return bz2.open(packed)
    return closing(_Plain(packed, many))


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


class _Plain(io.RawIOBase):
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
    """Each block as a file of its own. Whatever follows the last end is passed over, as ``bz2`` does."""
    bits = _Bits(packed)
    head = bits.bytes_at(0, _HEAD)
    while head[:3] == b"BZh" and head[3:] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"):
        at, row = _HEAD * 8, 0
        while (mark := bits.number(at, _BITS)) == _BLOCK:
            crc = bits.number(at + _BITS, _CRC)
            row = (row << 1 | row >> 31) & 0xFFFFFFFF ^ crc
            end = bits.end_of_block(at)
            yield _alone(head, bits.number(at, end - at), end - at, crc)
            at = bits.forget_before(end)
        if mark != _END:
            raise OSError("Invalid data stream: neither a block nor the end")
        if bits.number(at + _BITS, _CRC) != row:
            raise OSError("Invalid data stream: a block is missing or too many")
        bits.forget_before((at + _BITS + _CRC + 7) // 8 * 8)
        head = bits.bytes_at(0, _HEAD)
    if not bits.moved:
        raise OSError("Invalid data stream")


def _alone(head: bytes, block: int, length: int, crc: int) -> bytes:
    row = ((block << _BITS) | _END) << _CRC | crc  # of a single block, the sum of the row is its own
    length += _BITS + _CRC
    spare = -length % 8
    return head + (row << spare).to_bytes((length + spare) // 8, "big")


class _Bits:
    """The bits of a file from some place on, which only moves forward, and no more of them than are needed."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._held = bytearray()
        self._ended = False
        self.moved = False

    def bytes_at(self, at: int, count: int) -> bytes:
        """Fewer at the end of the file."""
        while len(self._held) < at + count and self._more():
            pass
        return bytes(self._held[at : at + count])

    def number(self, at: int, count: int) -> int:
        """The bits from ``at`` on as a number. Raises ``EOFError``."""
        first, last = at // 8, (at + count + 7) // 8
        held = self.bytes_at(first, last - first)
        if len(held) < last - first:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        return int.from_bytes(held, "big") >> (last * 8 - at - count) & ((1 << count) - 1)

    def end_of_block(self, start: int) -> int:
        """Where the block that begins at a bit ends: at the next one, or at the end of its row."""
        inside = start + _BITS
        looked = dict.fromkeys(range(8), inside // 8)
        while (after := self._find(_BLOCK, looked)) is None:
            if not self._more():
                return self._end_of_row(inside)
        if after % 8 == 0 and self._held[after // 8 - _HEAD : after // 8 - 1] == b"BZh":
            return self._end_of_row(inside)
        return after

    def forget_before(self, at: int) -> int:
        """Returns where that bit is now."""
        self.moved = True
        del self._held[: at // 8]
        return at % 8

    def _find(self, mark: int, looked: dict[int, int]) -> int | None:
        """The first bit at which the mark stands, as far as is held; ``looked`` remembers where each shift was."""
        found = []
        for shift, whole in _LOOK_FOR[mark].items():
            at = looked[shift]
            while (at := self._held.find(whole, at)) >= 0:
                bit = at * 8 - (8 - shift if shift else 0)
                if (bit + _BITS + 7) // 8 > len(self._held):
                    break
                if self.number(bit, _BITS) == mark:
                    found.append(bit)
                    break
                at += 1
            looked[shift] = at if at >= 0 else max(looked[shift], len(self._held) - len(whole) + 1)
        return min(found, default=None)

    def _end_of_row(self, start: int) -> int:
        at = self._find(_END, dict.fromkeys(range(8), start // 8))
        if at is None:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        return at

    def _more(self) -> bool:
        if not self._ended:
            chunk = self._packed.read(_READ)
            self._ended = not chunk
            self._held += chunk
        return not self._ended
