"""Who may use the line to the servers: the build that is waited for comes first.

Whether two transfers disturb each other cannot be known, only tried. For a moment the urgent one has the line for
itself, then it has company; if it became slower by that, the others wait until it is done:

    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 19 MB/s ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    (a limit for each connection: the others go on)
    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 10 MB/s ▒▒▒▒ 20 MB/s ▒▒▒    (a line that is full: the others wait)
    others       ·       ██████████████      ·  or  ████

The urgent one may have several connections while it is the only one that is wanted: each build gets one connection
before any gets two. All transfers together have no more than ``most``: one that begins later waits for its turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
    """One for all transfers of a run. Never raises anything of its own.

    ``most``: connections to one host. (Builds come from one host at a time, so all are counted together.)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 1) -> None:
        self.most = most
        self._clock = clock
        self._transfers = 0  # that do not wait
        self._waiting = 0
        self._extra = 0  # connections beside the first one of a transfer
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

    def saw(self, here: int, *, settled: bool = True) -> None:
        """The urgent transfer has come so far, in bytes; ``settled``: and does not try more connections any more."""
        with self._changed:
            if not settled:
                self._phase, self._since = _Phase.ALONE, None
                return
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
            if self._is_free() or unless():
                return
            self._transfers, self._waiting = self._transfers - 1, self._waiting + 1
            try:
                while not (self._is_free(joining=1) or unless()):
                    self._changed.wait(_GLANCE)
                    check()
            finally:
                self._transfers, self._waiting = self._transfers + 1, self._waiting - 1

    @contextmanager
    def transfer(self) -> Iterator[None]:
        """One more of them, with one connection."""
        with self._changed:
            self._transfers += 1
        try:
            yield
        finally:
            with self._changed:
                self._transfers -= 1

    def is_lonely(self) -> bool:
        """Is there but one transfer?"""
        with self._changed:
            return self._transfers + self._waiting == 1

    def one_more(self) -> bool:
        """Another connection for the urgent transfer, if there may be one; to be given back by ``one_less``."""
        with self._changed:
            if self._transfers + self._extra >= self.most:
                return False
            self._extra += 1
            return True

    def one_less(self) -> None:
        with self._changed:
            self._extra -= 1
            self._changed.notify_all()

    def _is_free(self, joining: int = 0) -> bool:
        if self._urgent and self._phase in (_Phase.ALONE, _Phase.FIRST):
            return False
        return not self._extra or self._transfers + joining + self._extra <= self.most

    def _turn_to(self, phase: _Phase, now: float, here: int) -> None:
        self._phase, self._since = phase, (now, here)
        self._changed.notify_all()


class Lane:
    """The line as one transfer sees it. ``urgent``: does somebody wait for it by now?"""

    def __init__(self, line: Line, urgent: Callable[[], bool]) -> None:
        self._line = line
        self.urgent = urgent

    @property
    def most(self) -> int:
        return self._line.most

    def transfer(self) -> AbstractContextManager[None]:
        return self._line.transfer()

    def saw(self, here: int, check: Callable[[], None], *, settled: bool) -> None:
        """So many bytes have come. Waits if it is others' turn; ``check`` may end that by raising."""
        if self.urgent():
            self._line.saw(here, settled=settled)
        else:
            self._line.give_way(check, unless=self.urgent)

    def may_widen(self) -> bool:
        """Is this transfer waited for, and no other wanted?"""
        return self.urgent() and self._line.is_lonely()

    def one_more(self) -> bool:
        return self.may_widen() and self._line.one_more()

    def one_less(self) -> None:
        self._line.one_less()
