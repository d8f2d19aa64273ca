"""Where the rows of a bzip2 file, and the blocks in them, begin and end; to the bit, and without unpacking anything.

A block begins with 48 bits, and so does the end of a row; nothing else tells where they are. So these are looked for at
all eight shifts. Each shift looks at each byte once: a file of a megabyte may have 30,000 rows.

    BZh9 |block····|block······|block···|end crc|  BZh9 |block··|end crc|  zeros     all counted in bits of the file
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mozbisect.fetch.unpack.streams import NO_END

BLOCK = 0x314159265359
END = 0x177245385090
BITS = 48  # of both
CRC = 32
HEAD = 4  # bytes: BZh, and the size of blocks

_READ = 1 << 20
_LONGEST = 4 << 20  # bytes, that a block may take: 900,000 symbols of 20 bits are 2.3 MB
_EARLY = "Compressed file ended before the end-of-stream marker was reached"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_head(head: bytes) -> bool:
    """Does a row begin so? Its first block, or its end, comes next."""
    return len(head) == HEAD and head[:3] == b"BZh" and head[3:] in b"123456789"


class Bits:
    """The bits of a file, of which none before some place is needed any more, and no more read than are needed."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._held = bytearray()
        self._first = 0  # the byte of the file with which it begins
        self._ended = False
        self._blocks = _Places(BLOCK)
        self._ends = _Places(END)

    def bytes_at(self, at: int, count: int) -> bytes:
        """Fewer at the end of the file."""
        at -= self._first
        while len(self._held) < at + count and self._more():
            pass
        return bytes(self._held[at : at + count])

    def number(self, at: int, count: int) -> int:
        """The bits from ``at`` on as a number. Raises ``EOFError``."""
        first, last = at // 8, (at + count + 7) // 8
        held = self.bytes_at(first, last - first)
        if len(held) < last - first:
            raise EOFError(_EARLY)
        return _number(held, at % 8, count)

    def end_of_block(self, start: int) -> int:
        """Where the block that begins at a bit ends: at the next one, or at the end of its row."""
        inside = start + BITS
        while (after := self._blocks.first(self._held, self._first, inside)) is None:
            if len(self._held) > _LONGEST or not self._more():
                return self._end_of_row(inside)
        if after % 8 == 0 and self.bytes_at(after // 8 - HEAD, HEAD)[:3] == b"BZh":
            return self._end_of_row(inside)
        return after

    def forget_before(self, at: int) -> None:
        del self._held[: at // 8 - self._first]
        self._first = at // 8

    def refuse_more(self) -> None:
        """Raises ``ValueError`` if there is more than zeros."""
        while self._held or self._more():
            if self._held.strip(b"\0"):
                raise ValueError(NO_END)
            self._held.clear()

    def _end_of_row(self, start: int) -> int:
        at = self._ends.first(self._held, self._first, start)
        if at is None:
            raise EOFError(_EARLY)
        return at

    def _more(self) -> bool:
        if not self._ended:
            chunk = self._packed.read(_READ)
            self._ended = not chunk
            self._held += chunk
        return not self._ended


class Watched:
    """A bzip2 file that others unpack, ``lbzip2`` above all: it takes what follows a row for the end, and is content.

    So this looks where the rows end, which takes a tenth of the time that ``lbzip2`` does. ``read`` raises
    ``EOFError`` or ``ValueError`` for an early end, or for what follows the last one.
    """

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._held = b""
        self._first = self._at = 0  # the byte of the file with which it begins, and the one that comes next
        self._ends = _Places(END)
        self._look: Callable[[], bool] = self._head

    def read(self, size: int, /) -> bytes:
        chunk = self._packed.read(size)
        self._held += chunk
        while self._look():
            pass
        if not chunk:
            if self._look == self._row or self._at == 0 or self._at > self._first + len(self._held):
                raise EOFError(_EARLY)
            self._zeros()
        passed = min(max(0, self._at - self._first), len(self._held))
        self._held, self._first = self._held[passed:], self._first + passed
        return chunk

    # Each says whether it came on, and whether there may be more to see.

    def _head(self) -> bool:
        head = self._held[self._at - self._first :][:HEAD] if self._at >= self._first else b""
        if len(head) < HEAD:
            return False
        self._look = self._row if is_head(head) else self._zeros
        self._at += HEAD if is_head(head) else 0
        return True

    def _row(self) -> bool:
        end = self._ends.first(self._held, self._first, self._at * 8)
        if end is None:  # no whole one, but maybe the beginning of one
            self._at = max(self._at, self._first + len(self._held) - BITS // 8 - 1)
            return False
        self._at = (end + BITS + CRC + 7) // 8
        self._look = self._head
        return True

    def _zeros(self) -> bool:
        if self._held[max(0, self._at - self._first) :].strip(b"\0"):
            raise ValueError(NO_END)
        self._at = self._first + len(self._held)
        return False


class _Places:
    """Where one mark stands in a file, of which a piece is held, later ones as it goes on."""

    def __init__(self, mark: int) -> None:
        self._mark = mark
        # At each shift, what of the mark fills whole bytes: these can be looked for quickly.
        self._whole = [(mark << 8 >> shift).to_bytes(7, "big")[1 if shift else 0 : 6] for shift in range(8)]
        self._looked = [0] * 8  # up to this byte of the file, by shift
        self._seen: list[int] = [-1] * 8  # the last place that was found

    def first(self, held: bytes | bytearray, first: int, at: int) -> int | None:
        """The first bit not before ``at``, as far as is held; ``first``: the byte with which that begins."""
        for shift in range(8):
            if self._seen[shift] < at:
                self._look_on(held, first, at, shift)
        return min((seen for seen in self._seen if seen >= at), default=None)

    def _look_on(self, held: bytes | bytearray, first: int, at: int, shift: int) -> None:
        whole = self._whole[shift]
        start = max(self._looked[shift], at // 8, first) - first
        while (start := held.find(whole, start)) >= 0:
            bit = start * 8 - (8 - shift if shift else 0)
            piece = held[bit // 8 : bit // 8 + 7] if bit >= 0 else b""
            if bit >= 0 and bit + BITS > len(held) * 8:
                self._looked[shift] = first + start
                return
            start += 1
            if piece and first * 8 + bit >= at and _number(piece, bit % 8, BITS) == self._mark:
                self._seen[shift] = first * 8 + bit
                self._looked[shift] = first + start
                return
        self._looked[shift] = max(self._looked[shift], first + len(held) - len(whole) + 1)


def _number(held: bytes | bytearray, at: int, count: int) -> int:
    """Some bits as a number, from the bit ``at`` on; all of them are there."""
    return int.from_bytes(held, "big") >> (len(held) * 8 - at - count) & ((1 << count) - 1)
