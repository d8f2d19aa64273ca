"""A file on disk that several connections fill, each its own piece, and that is read in order behind them.

The file is the only buffer: however far the connections are apart, and however slow the reader, no memory is needed
for it. A piece that was taken back can be written no more, also by a thread that wakes up late.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mozbisect.fetch.transfer.ranges import Piece, Ranges


class Filling:
    """``path`` exists, and its first ``here`` bytes are right. ``changed`` is told of every change."""

    def __init__(self, path: Path, whole: int | None, here: int = 0) -> None:
        self.path = path
        self.changed = threading.Condition(threading.RLock())
        self._ranges = Ranges(whole, here)
        self._wake: dict[Piece, Callable[[], None]] = {}  # whoever waits for bytes of a piece

    @property
    def whole(self) -> int | None:
        return self._ranges.whole

    @property
    def arrived(self) -> int:
        return self._ranges.arrived

    @property
    def front(self) -> int:
        with self.changed:
            return self._ranges.front

    @property
    def complete(self) -> bool:
        return self._ranges.complete

    def open(self) -> IO[bytes]:
        """For one connection. Without a buffer: what was put is in the file, whoever reads it."""
        return self.path.open("r+b", buffering=0)

    def claim(self, size: int | None = None) -> Piece | None:
        with self.changed:
            return self._ranges.claim(size)

    def put(self, piece: Piece, file: IO[bytes], chunk: bytes) -> int:
        """Write the next bytes of a piece; how many of them belong to it, which may be none. Raises ``OSError``."""
        with self.changed:
            mine = memoryview(chunk)[: piece.left] if self._ranges.holds(piece) else memoryview(b"")
            if mine:
                file.seek(piece.at)
                rest = mine
                while rest:
                    rest = rest[file.write(rest) :]
                self._ranges.came(piece, len(mine))
                self.changed.notify_all()
            return len(mine)

    @contextmanager
    def held(self, piece: Piece, wake: Callable[[], None]) -> Iterator[None]:
        """Afterwards what is missing of it is free. ``wake`` is called when all of it was taken by another."""
        with self.changed:
            self._wake[piece] = wake
        try:
            yield
        finally:
            with self.changed:
                del self._wake[piece]
                self.give_back(piece)

    def give_back(self, piece: Piece) -> None:
        with self.changed:
            self._ranges.release(piece)
            self.changed.notify_all()

    def beside(self, size: int) -> Piece | None:
        with self.changed:
            return self._ranges.beside(size)

    def lowest(self) -> Piece | None:
        with self.changed:
            return self._ranges.lowest()

    def take(self, wish: Piece) -> bool:
        """Is any of it still to be brought? Then that is for the caller to bring, and for nobody else."""
        with self.changed:
            had = self._ranges.take(wish)
            if had is not None and not had.left and had in self._wake:
                self._wake[had]()
            return had is not None

    def ends(self, piece: Piece) -> None:
        with self.changed:
            self._ranges.ends(piece)
