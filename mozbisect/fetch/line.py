"""Who may use the line to the servers: the build that is waited for comes first.

Whether two transfers disturb each other cannot be known, only tried. For a moment the urgent one has the line for
itself, then it has company; if it became slower by that, the others wait until it is done:

    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 19 MB/s ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    (a limit for each connection: the others go on)
    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 10 MB/s ▒▒▒▒ 20 MB/s ▒▒▒    (a line that is full: the others wait)
    others       ·       ██████████████      ·  or  ████
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

ALONE_FOR = 0.3  # seconds
IN_COMPANY_FOR = 0.5
STILL_FAST = 0.8  # of the speed it had alone
_GLANCE = 0.1


class _Phase(Enum):
    ALONE = "alone"
    IN_COMPANY = "in company"
    SHARED = "shared"
    FIRST = "first"


class Line:
    """One for all transfers of a run. Never raises anything of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._urgent = 0
        self._phase = _Phase.ALONE
        self._since: tuple[float, int] | None = None  # when a phase began, and the bytes that were here then
        self._speed = 0.0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Somebody waits for a transfer while this lasts."""
        with self._changed:
            self._urgent += 1
            self._phase, self._since = _Phase.ALONE, None
        try:
            yield
        finally:
            with self._changed:
                self._urgent -= 1
                self._changed.notify_all()

    def saw(self, here: int) -> None:
        """The urgent transfer has come so far, in bytes."""
        with self._changed:
            now = self._clock()
            if self._since is None or here < self._since[1]:
                self._since = now, here
            seconds, brought = now - self._since[0], here - self._since[1]
            if self._phase is _Phase.ALONE and seconds >= ALONE_FOR:
                self._speed = brought / seconds
                self._turn_to(_Phase.IN_COMPANY, now, here)
            elif self._phase is _Phase.IN_COMPANY and seconds >= IN_COMPANY_FOR:
                fast = brought / seconds >= STILL_FAST * self._speed
                self._turn_to(_Phase.SHARED if fast else _Phase.FIRST, now, here)

    def give_way(self, check: Callable[[], None], *, unless: Callable[[], bool]) -> None:
        """Called by the other transfers with each piece: waits while the line is not theirs, ``unless`` they become
        urgent themselves."""
        with self._changed:
            while self._urgent and self._phase in (_Phase.ALONE, _Phase.FIRST) and not unless():
                self._changed.wait(_GLANCE)
                check()

    def _turn_to(self, phase: _Phase, now: float, here: int) -> None:
        self._phase, self._since = phase, (now, here)
        self._changed.notify_all()
