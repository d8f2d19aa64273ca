"""Which bytes of a file are here, which are on their way, and which nobody has asked for yet. Knows numbers only.

    ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▓▓▓▓▒▒▒▒▒▒▒▒▓▓▓▓▒▒▒▓▓▓▓▓░░░░░░░░░░░░░░░░░
    └── here ──────┘└ a piece  └ a piece    └── free ──────┘
                    front: all before it is here

Every byte is in one of the three, and in no two pieces at once. What somebody holds, another may wish for, and take
once he is sure to get it:

    held   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    wish           ┌──────┐
    taken  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░

Not for several threads at once: see ``filling``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

ENDLESS = sys.maxsize
"""Where a file ends of which nobody has said where it ends."""


@dataclass(slots=True, eq=False)
class Piece:
    """The bytes from ``at`` until ``end`` are somebody's to bring."""

    at: int
    end: int

    @property
    def left(self) -> int:
        return self.end - self.at


class Ranges:
    """Of a file of ``whole`` bytes (``None``: not known yet), of which the first ``here`` are here."""

    def __init__(self, whole: int | None, here: int = 0) -> None:
        self.whole = whole
        self.arrived = here
        self._free = [Piece(here, ENDLESS if whole is None else whole)]
        self._open: list[Piece] = []

    @property
    def front(self) -> int:
        """Every byte before this one is here."""
        missing = [one.at for one in (*self._free, *self._open) if one.left]
        return min(missing) if missing else (self.whole or 0)

    @property
    def complete(self) -> bool:
        return self.arrived == self.whole

    def claim(self, size: int | None = None) -> Piece | None:
        """The lowest bytes that are free, at most ``size`` of them; ``None`` when none are."""
        self._free = sorted((one for one in self._free if one.left), key=lambda one: one.at)
        if not self._free:
            return None
        lowest = self._free[0]
        end = lowest.end if size is None else min(lowest.end, lowest.at + size)
        piece, lowest.at = Piece(lowest.at, end), end
        self._open.append(piece)
        return piece

    def holds(self, piece: Piece) -> bool:
        """Is it (still) for who claimed it to bring?"""
        return piece in self._open

    def came(self, piece: Piece, size: int) -> None:
        """The next bytes of a piece that is held are here."""
        piece.at += size
        self.arrived += size

    def beside(self, size: int) -> Piece | None:
        """A wish: ``size`` bytes of the widest piece, as far behind what its holder brings next; ``None`` when all are
        too narrow for that."""
        widest = max(self._open, key=lambda one: one.left, default=None)
        if widest is None or widest.left < 2 * size:
            return None
        at = widest.at + size
        return Piece(at, min(at + size, widest.end))

    def lowest(self) -> Piece | None:
        """The piece that everything else waits for."""
        return min((one for one in self._open if one.left), key=lambda one: one.at, default=None)

    def take(self, wish: Piece) -> Piece | None:
        """Make a wish a piece, as far as it is missing; of what it was a part, or ``None`` if all of it came meanwhile.

        Who had it keeps what lies before it, and what lies behind it is free.
        """
        for one in sorted((*self._free, *self._open), key=lambda one: one.at):
            at, end = max(one.at, wish.at), min(one.end, wish.end)
            if at < end:
                self._free.append(Piece(end, one.end))
                one.end = wish.at = at
                wish.end = end
                self._open.append(wish)
                return one
        return None

    def release(self, piece: Piece) -> None:
        """Nobody brings it any more: what is missing of it is free. Harmless when it was released before."""
        if self.holds(piece):
            self._open.remove(piece)
            self._free.append(Piece(piece.at, piece.end))

    def ends(self, piece: Piece) -> None:
        """The file turns out to end where this piece has come to."""
        self.whole = piece.end = piece.at
        self._free = []
