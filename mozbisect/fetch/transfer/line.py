"""Who may use the line to the servers: the build that is waited for comes first.

Whether two transfers disturb each other cannot be known, only tried. Once the urgent one has found its speed (what lies
in buffers comes at once), it has the line for itself for a moment, then company; if it became slower by that, the
others wait until it is done:

    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 19 MB/s ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    (a limit for each connection: the others go on)
    urgent  ▒▒▒▒ 20 MB/s ▒▒▒▒▒▒ 10 MB/s ▒▒▒▒ 20 MB/s ▒▒▒    (a line that is full: the others wait)
    others       ·       ██████████████      ·  or  ████

Or the line is not what takes the time, since unpacking is slower: then it is for all.

Each build gets one connection before any gets two. Then the urgent one may have several, if company does it no harm,
and after it whoever is left. All together have no more than ``most``: who begins later gets one of those that others
have too many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum

SETTLES_IN = 0.2  # seconds
ALONE_FOR = 0.3
IN_COMPANY_FOR = 0.5
SILENT = 1.0
MOST_CUTS = 3  # of several connections for one file, in a run
STILL_FAST = 0.8  # of the speed it had alone
_GLANCE = 0.1


class _Phase(Enum):
    BEGINNING = "beginning"
    ALONE = "alone"
    IN_COMPANY = "in company"
    SHARED = "shared"
    FIRST = "first"
    AT_EASE = "at ease"


class Line:
    """One for all transfers of a run. Never raises anything of its own.

    ``most``: connections to one host. (Builds come from one host at a time, so all are counted together.)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 1) -> None:
        self.most = most
        self.worth = 1  # connections that paid for the last file: the next one need not try them one by one
        self.one_each = False  # several for one file went wrong: not tried again in this run
        self.cuts = 0
        self._seen = 0.0  # when the urgent transfer last brought something
        self._clock = clock
        self._transfers = 0  # that do not wait
        self._waiting = 0
        self._extra = 0  # connections beside the first one of a transfer
        self._changed = threading.Condition()
        self._urgent = 0
        self._phase = _Phase.BEGINNING
        self._since: tuple[float, int] | None = None  # when a phase began, and the bytes that were here then
        self._speed = 0.0  # of each of its connections, while it had the line for itself

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Somebody waits for a transfer while this lasts."""
        with self._changed:
            self._urgent += 1
            shared = self._phase in (_Phase.SHARED, _Phase.AT_EASE)
            self._phase, self._since = self._first_phase(shared=shared), None
        try:
            yield
        finally:
            with self._changed:
                self._urgent -= 1
                self._changed.notify_all()

    def saw(self, here: int, *, settled: bool = True, at_ease: bool = False) -> None:
        """The urgent transfer has come so far, in bytes; ``settled``: and does not try more connections any more.

        ``at_ease``: it could be slower, and would be ready as soon.
        """
        with self._changed:
            now = self._seen = self._clock()
            if at_ease:
                if self._phase is not _Phase.AT_EASE:
                    self._turn_to(_Phase.AT_EASE, now, here)
                return
            if self._phase is _Phase.AT_EASE:
                self._turn_to(self._first_phase(shared=True), now, here)
            if not settled:
                if self._phase is not _Phase.SHARED:
                    self._phase, self._since = _Phase.ALONE, None
                return
            if self._since is None or here < self._since[1]:
                self._since = now, here
            seconds, brought = now - self._since[0], (here - self._since[1]) / (1 + self._extra)
            if self._phase is _Phase.BEGINNING and seconds >= SETTLES_IN:
                self._turn_to(_Phase.ALONE, now, here)
            elif self._phase is _Phase.ALONE and seconds >= ALONE_FOR:
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

    def has_room(self, *, urgent: bool) -> bool:
        """May this transfer have more than one connection? If it is the only one, or if the others do no harm.

        Only while somebody waits: what is fetched for later has no such hurry.
        """
        with self._changed:
            if self.one_each:
                return False
            lonely = self._transfers + self._waiting == 1
            harmless = self._phase is _Phase.AT_EASE or (urgent and self._phase is _Phase.SHARED)
            return (urgent or self._urgent > 0) and (lonely or harmless)

    def is_crowded(self) -> bool:
        """Is there a connection too many, now that a transfer came that has none?"""
        with self._changed:
            return self._transfers + self._waiting + self._extra > self.most

    def one_more(self) -> bool:
        """Another connection for a transfer, if there may be one; to be given back by ``one_less``."""
        with self._changed:
            if self._transfers + self._extra >= self.most:
                return False
            self._count(+1)
            return True

    def one_less(self) -> None:
        with self._changed:
            self._count(-1)
            self._changed.notify_all()

    def _count(self, more: int) -> None:
        self._extra += more
        self._since = None  # what was measured was with another number

    def _is_free(self, joining: int = 0) -> bool:
        """``joining``: 1 if who asks is not among the transfers now, as it waits."""
        others = self._transfers - (not joining)
        first = self._urgent and self._phase in (_Phase.ALONE, _Phase.FIRST)
        # Who brings nothing holds nobody up: it may wait for a server that is busy with just these others.
        if others > 0 and first and self._clock() - self._seen < SILENT:
            return False
        return not self._extra or self._transfers + joining + self._extra <= self.most

    def _first_phase(self, *, shared: bool) -> _Phase:
        """Where others did no harm the last time, that is seen again at once, without a pause for them."""
        return _Phase.IN_COMPANY if shared and self._speed else _Phase.BEGINNING

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

    @property
    def worth(self) -> int:
        return self._line.worth

    def was_worth(self, connections: int) -> None:
        """So many have paid for this file."""
        self._line.worth = connections

    def transfer(self) -> AbstractContextManager[None]:
        return self._line.transfer()

    def saw(self, here: int, check: Callable[[], None], *, settled: bool, at_ease: bool) -> None:
        """So many bytes have come. Waits if it is others' turn; ``check`` may end that by raising."""
        if self.urgent():
            self._line.saw(here, settled=settled, at_ease=at_ease)
        else:
            self._line.give_way(check, unless=self.urgent)

    def may_widen(self) -> bool:
        """May this transfer have more than one connection?"""
        return self._line.has_room(urgent=self.urgent())

    def one_more(self) -> bool:
        return self.may_widen() and self._line.one_more()

    def one_less(self) -> None:
        self._line.one_less()

    def no_more(self) -> None:
        """Several connections for one file went wrong: one for each, from now on."""
        self._line.one_each = True

    def was_cut(self) -> None:
        """One of several for one file broke off, or was too slow."""
        self._line.cuts += 1
        if self._line.cuts >= MOST_CUTS:
            self.no_more()

    def is_crowded(self) -> bool:
        return self._line.is_crowded()
