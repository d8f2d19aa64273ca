"""How many connections one file is worth: one more is tried as long as the one before it clearly paid.

Whether a server gives each connection so much, or the line is full with one, cannot be known, only tried:

    1 ▒▒▒ 20 MB/s   2 ▒▒▒ 40 MB/s   3 ▒▒▒ 41 MB/s → 2 from now on     (and never more than the bound)

What paid for one file is taken at once for the next, which only tries whether one more would pay by now. Decides;
connects nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SETTLES_IN = 0.2  # seconds until a new connection runs at its speed
MEASURED_FOR = 0.3
PAYS = 0.5  # of what one more connection would bring at best


class Pace:
    """For one file; ``worth``: so many paid for the last one. Told by one thread; others may read ``connections``."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, *, worth: int = 1) -> None:
        self.connections = 1
        self.explores = most > 1
        self.worth = min(worth, most)
        self._most = most
        self._clock = clock
        self._speed = 0.0  # bytes a second, with what was before the last one
        self._grown = False  # there is a new one since that was measured
        self._from: float | None = None  # when to begin to measure
        self._begun: tuple[float, int] | None = None

    def one_more(self, here: int) -> bool:
        """``here`` bytes have come. Should another connection be tried? If so, and if it can be, call ``grew``."""
        if not self.explores:
            return False
        if self.connections < self.worth:
            return True
        now = self._clock()
        if self._from is None:
            self._from = now + SETTLES_IN
        if now < self._from:
            return False
        if self._begun is None:
            self._begun = now, here
        since, had = self._begun
        if now - since < MEASURED_FOR:
            return False
        return self._measured((here - had) / (now - since))

    def grew(self) -> None:
        self.connections += 1
        self._grown = self.connections > self.worth
        self.worth = max(self.worth, self.connections)
        self.explores = self._grown or self.connections < self._most
        self._from = self._begun = None

    def only_one(self) -> None:
        """No more for the rest of this file."""
        self.connections, self.explores = 1, False

    def _measured(self, speed: float) -> bool:
        self._begun = None
        if self._grown and speed <= self._speed * (1 + PAYS / (self.connections - 1)):
            self.connections -= 1
            self.explores = False
        else:
            self._speed, self._grown = speed, False
            self.explores = self.connections < self._most
        self.worth = self.connections
        return self.explores
