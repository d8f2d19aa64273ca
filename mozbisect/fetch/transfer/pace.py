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
    """For one file; ``worth``: so many paid for the last one. Told by any thread, asked for more by one."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, *, worth: int = 1) -> None:
        self.connections = 1
        self.worth = min(worth, most)
        self._most = most
        self._clock = clock
        self._known = False  # one more than ``worth`` would not pay
        self._speed = 0.0  # bytes a second, with what was before the last one
        self._grown = False  # there is a new one since that was measured
        self._from: float | None = None  # when to begin to measure
        self._begun: tuple[float, int] | None = None

    @property
    def explores(self) -> bool:
        """Is the number still open?"""
        return self.connections < min(self.worth, self._most) or (
            not self._known and (self._grown or self.connections < self._most)
        )

    def one_more(self, here: int) -> bool:
        """``here`` bytes have come. Should another connection be tried? If so, and if it can be, call ``grew``."""
        if not self.explores:
            return False
        if self.connections < min(self.worth, self._most):
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
        self._from = self._begun = None

    def lost(self, *, for_good: bool) -> None:
        """One has left; ``for_good``: and no other is to come in its place while this file lasts."""
        self.connections = max(1, self.connections - 1)
        self._grown, self._from, self._begun = False, None, None
        if for_good:
            self._most = self.connections

    def only_one(self) -> None:
        """No more for the rest of this file."""
        self.connections = self._most = 1
        self._grown = False

    def _measured(self, speed: float) -> bool:
        self._begun = None
        if self._grown and speed <= self._speed * (1 + PAYS / (self.connections - 1)):
            self.connections -= 1
            self._known = True
        else:
            self._speed = speed
        self._grown = False
        self.worth = self.connections
        return self.explores
