"""Gets the next builds ready while the present one comes or is judged: the only threads that outlive a question.

It runs errands, two at a time, and never says a word: an errand that fails is forgotten, and whoever needs its
build then meets the same error in daylight. What an errand does is not known here.

    want([a, b]) ─ patience ─► a ████████ ready          claim(a) → the errand, running or done
                               b █████·····              want([c]) → b is stopped and thrown away

What is nearly certain to be wanted is begun at once. What may or may not be waits for patience to be over (a judge
who answers at once would only make us start what nobody wants any more), unless it is likely, and a small share of
all bytes, the ``Purse``, still has room for a bet.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from mozbisect.core.errors import MozbisectError
from mozbisect.core.model import Build, Candidate
from mozbisect.fetch.stop import Stop, Stopped, await_end

log = logging.getLogger(__name__)

AT_ONCE = 2
NEARLY_CERTAIN = 0.8
LIKELY = 0.6
SMALL_SHARE = 0.15  # of all bytes may be for builds that nobody will have wanted, while there is no patience
_LAST_WAIT = 0.4  # seconds for threads to end what they write; one that only waits dies with the process

Cancel = Callable[[], None]
Later = Callable[[float, Callable[[], None]], Cancel]
"""Call something after some seconds, from another thread; what it returns calls that off."""


class Errand:
    """One build on its way. The thread that runs it fills in the facts; ``done`` is set last."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.stop = Stop()
        self.done = threading.Event()
        self.claimed = False
        self.build: Build | None = None
        self.here = 0
        self.whole: int | None = None
        self.tree: Path | None = None  # the unpacked build, for who claims the errand

    def tell(self, here: int, whole: int | None) -> None:
        self.here, self.whole = here, whole


class Purse:
    """Bytes that were fetched: for builds that were wanted, and for others."""

    def __init__(self) -> None:
        self.used = 0
        self.wasted = 0
        self._builds = 0

    def use(self, size: int) -> None:
        self.used += size
        self._builds += size > 0

    def allows(self, bets: int, left: int) -> bool:
        """Will the share of the wasted be small in the end, were one more bet lost beside so many that are open?

        ``left``: about how many builds will still be wanted, the present one included.
        """
        if not self._builds:
            return False
        one = self.used / self._builds
        lost = self.wasted + (bets + 1) * one
        return lost <= SMALL_SHARE * (self.used + left * one + lost)


class LookAhead:
    """``run`` does an errand, in a thread of its own; ``discard`` removes the tree of one that nobody claimed.

    ``keep``: an errand that is under way is not stopped when it is not wanted any more. ``idle``: does a thread do
    nothing but wait, so that nobody need wait for it?
    """

    def __init__(
        self,
        run: Callable[[Errand], None],
        discard: Callable[[Path], None],
        *,
        patience: float = 1.0,
        keep: bool = False,
        idle: Callable[[threading.Thread], bool] = lambda _: False,
        later: Later | None = None,
    ) -> None:
        self._run = run
        self._idle = idle
        self._discard = discard
        self._patience = patience
        self._keep = keep
        self._later = later or _later
        self._lock = threading.RLock()
        self._wanted: dict[Candidate, float] = {}  # with how likely each is
        self._queue: deque[Candidate] = deque()  # those of the wanted that are not begun
        self._patient = True
        self._left = 0
        self.purse = Purse()
        self._errands: dict[Candidate, Errand] = {}  # under way, or ready and not yet claimed
        self._threads: dict[Errand, threading.Thread] = {}
        self._call_off: Cancel | None = None  # while patience lasts
        self._closed = self._given_up = False

    def want(self, likely: Mapping[Candidate, float], *, present: Candidate | None = None, left: int = 0) -> None:
        """These and no others, likeliest first, with how likely each is. Returns at once.

        ``present``: what will be claimed now; it is not begun, but if it was, it goes on. ``left``: about how many more
        will be wanted after it.
        """
        with self._lock:
            if self._closed or self._given_up:
                return
            self._rest()
            self._left = left
            self._queue.clear()
            self._wanted = dict(likely)
            if present is not None:
                self._wanted[present] = 1.0
            self._queue.extend(candidate for candidate in likely if candidate not in self._errands)
            for errand in list(self._errands.values()):
                if errand.candidate not in self._wanted:
                    self._drop(errand)
            self._begin()
            self.be_patient()

    def be_patient(self) -> None:
        """From now on the present build is judged: if that lasts, begin also what is less likely."""
        with self._lock:
            if self._queue and self._patient and self._call_off is None and not self._closed:
                self._call_off = self._later(self._patience, self._patience_is_over)

    def claim(self, candidate: Candidate) -> Errand | None:
        """The errand for this candidate, for the caller alone; ``None`` if none was begun.

        What else is wanted goes on: that it does not take from the line what the caller waits for, is for ``run``.
        """
        with self._lock:
            self._rest()
            claimed = self._errands.pop(candidate, None)
            if claimed is not None:
                claimed.claimed = True
                self._begin()
            if candidate in self._queue:
                self._queue.remove(candidate)
            return claimed

    def used(self, size: int) -> None:
        """So many bytes were fetched for a build that is judged."""
        with self._lock:
            self.purse.use(size)

    def may_bet(self, left: int) -> bool:
        """Is there room for one more build that is likely, but not certain? ``left``: as for ``want``."""
        with self._lock:
            bets = sum(self._wanted.get(one, 0.0) < NEARLY_CERTAIN for one in self._errands)
            return self.purse.allows(bets, left + 1)

    def begun(self) -> frozenset[Candidate]:
        """What is under way or ready."""
        with self._lock:
            return frozenset(self._errands)

    def give_up(self) -> bool:
        """Room is needed more than haste: throw away what nobody has claimed, and begin nothing more. Was there any?"""
        with self._lock:
            mine = [errand.done for errand in self._errands.values()]
            self._given_up = True
            self._rest()
            self._queue.clear()
            for errand in [*self._errands.values()]:
                self._drop(errand, even_if_kept=True)
            threads = [thread for errand, thread in self._threads.items() if not errand.claimed]
        await_end(threads, _LAST_WAIT, idle=self._idle)
        return bool(mine)

    def close(self) -> None:
        """Stop everything, and wait for what still writes, but not for long."""
        with self._lock:
            self._closed = True
            self._rest()
            self._queue.clear()
            self._wanted = {}
            for errand in [*self._errands.values()]:
                self._drop(errand, even_if_kept=True)
            threads = dict(self._threads)
        for errand in threads:
            errand.stop.now()
        await_end(threads.values(), _LAST_WAIT, idle=self._idle)
        log.debug("%d bytes were fetched for what was judged, %d for other builds", self.purse.used, self.purse.wasted)

    def _rest(self) -> None:
        """Begin nothing new but what is nearly certain."""
        self._patient = True
        if self._call_off is not None:
            self._call_off()
            self._call_off = None

    def _drop(self, errand: Errand, *, even_if_kept: bool = False) -> None:
        """Nobody wants it any more. One that is kept goes to its end, and is dropped then.

        Of one that is stopped nothing is kept: verdicts have ruled it out, and every run would leave some. Only when
        the run itself is broken off, the next one may want to carry it on.
        """
        if self._keep and not even_if_kept and not errand.done.is_set():
            return
        self._errands.pop(errand.candidate, None)
        errand.stop.now(for_good=not self._closed)
        if errand.done.is_set():
            self._throw_away(errand)

    def _patience_is_over(self) -> None:
        with self._lock:
            self._call_off = None
            self._patient = False
            self._begin()

    def _throw_away(self, errand: Errand) -> None:
        """Nobody will claim what has come to its end."""
        self.purse.wasted += errand.here
        if errand.tree is not None:
            self._discard(errand.tree)

    def _begin(self) -> None:
        """As many errands as may be under way or ready; the others wait, should one come to nothing."""
        while self._queue and len(self._errands) < AT_ONCE and self._is_worth_it(self._queue[0]):
            errand = Errand(self._queue[0])
            thread = threading.Thread(target=self._work, args=(errand,), name="look-ahead", daemon=True)
            try:
                thread.start()  # it cannot end before we let go of the lock
            except RuntimeError as error:  # no more threads: at the next occasion, perhaps
                log.debug("look-ahead for %s cannot begin: %s", errand.candidate.key, error)
                return
            self._queue.popleft()
            self._errands[errand.candidate] = errand
            self._threads[errand] = thread

    def _is_worth_it(self, candidate: Candidate) -> bool:
        chance = self._wanted.get(candidate, 0.0)
        return not self._patient or chance >= NEARLY_CERTAIN or (chance >= LIKELY and self.may_bet(self._left))

    def _work(self, errand: Errand) -> None:
        arrived = self._arrived(errand)
        with self._lock:
            del self._threads[errand]
            errand.done.set()
            if errand.claimed:
                return
            # By now it may have been dropped, and even begun anew: what is in the table need not be this one.
            mine = self._errands.get(errand.candidate) is errand
            if not (mine and arrived and errand.candidate in self._wanted):
                if mine:
                    del self._errands[errand.candidate]
                self._throw_away(errand)
            if not self._closed:
                self._begin()

    def _arrived(self, errand: Errand) -> bool:
        try:
            self._run(errand)
        except (MozbisectError, Stopped) as error:
            log.debug("look-ahead for %s: %r", errand.candidate.key, error)
            return False
        except Exception:  # whoever needs the build meets it again, where it can be told
            log.debug("look-ahead for %s", errand.candidate.key, exc_info=True)
            return False
        return True


def _later(seconds: float, then: Callable[[], None]) -> Cancel:
    timer = threading.Timer(seconds, then)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError as error:  # no more threads: then there is none for an errand either
        log.debug("look-ahead: %s", error)
    return timer.cancel
