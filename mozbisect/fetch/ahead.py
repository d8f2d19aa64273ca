"""Gets the next builds ready while a person thinks: the only threads of a plain run.

It runs errands, two at a time, and never says a word: an errand that fails is forgotten, and whoever needs its
build then meets the same error in daylight. What an errand does is not known here.

    want([a, b]) ─ patience ─► a ████████ ready          claim(a) → the errand, running or done
                               b █████·····              want([c]) → b is stopped and thrown away

Patience is for judges who answer at once: they would only make us start what nobody wants any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mozbisect.core.errors import MozbisectError
from mozbisect.core.model import Build, Candidate
from mozbisect.fetch.download import Stop, Stopped

log = logging.getLogger(__name__)

AT_ONCE = 2
_LAST_WAIT = 1.0  # seconds for threads to end; one that hangs in a connection dies with the process

Cancel = Callable[[], None]
Later = Callable[[float, Callable[[], None]], Cancel]
"""Call something after some seconds, from another thread; what it returns calls that off."""


class Errand:
    """One build on its way. The thread that runs it fills in the facts; ``done`` is set last."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.stop = Stop()
        self.done = threading.Event()
        self.build: Build | None = None
        self.here = 0
        self.whole: int | None = None
        self.tree: Path | None = None  # the unpacked build, for who claims the errand

    def tell(self, here: int, whole: int | None) -> None:
        self.here, self.whole = here, whole


class LookAhead:
    """``run`` does an errand, in a thread of its own; ``discard`` removes the tree of one that nobody claimed.

    ``keep``: an errand that is under way is not stopped when it is not wanted any more.
    """

    def __init__(
        self,
        run: Callable[[Errand], None],
        discard: Callable[[Path], None],
        *,
        patience: float = 0.25,
        keep: bool = False,
        later: Later | None = None,
    ) -> None:
        self._run = run
        self._discard = discard
        self._patience = patience
        self._keep = keep
        self._later = later or _later
        self._lock = threading.RLock()
        self._queue: list[Candidate] = []
        self._errands: dict[Candidate, Errand] = {}  # under way or ready, and still of use to somebody
        self._threads: dict[Errand, threading.Thread] = {}
        self._call_off: Cancel = _nothing
        self._closed = False

    def want(self, candidates: Sequence[Candidate]) -> None:
        """These and no others, likeliest first. Returns at once."""
        with self._lock:
            if self._closed:
                return
            self._call_off()
            self._queue = [candidate for candidate in candidates if candidate not in self._errands]
            for candidate in set(self._errands).difference(candidates):
                self._drop(candidate)
            self._call_off = self._later(self._patience, self._start) if self._queue else _nothing

    def claim(self, candidate: Candidate) -> Errand | None:
        """The errand for this candidate, for the caller alone; ``None`` if none was begun.

        If the caller has to wait, nothing else is to take from the line: what else is under way is stopped.
        """
        with self._lock:
            self._call_off()
            self._queue.clear()
            claimed = self._errands.pop(candidate, None)
            if claimed is None or not claimed.done.is_set():
                for other in [errand.candidate for errand in self._errands.values() if not errand.done.is_set()]:
                    self._drop(other)
            return claimed

    def ready(self, candidate: Candidate) -> bool:
        with self._lock:
            errand = self._errands.get(candidate)
            return errand is not None and errand.tree is not None

    def close(self) -> None:
        """Stop everything, and wait for it, but not for long."""
        with self._lock:
            self._closed = True
            self._call_off()
            self._queue.clear()
            self._errands.clear()
            threads = dict(self._threads)
        for errand in threads:
            errand.stop.now()
        until = time.monotonic() + _LAST_WAIT
        for thread in threads.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _drop(self, candidate: Candidate) -> None:
        errand = self._errands[candidate]
        if errand.done.is_set():
            del self._errands[candidate]
            if errand.tree is not None:
                self._discard(errand.tree)
        elif not self._keep:
            del self._errands[candidate]
            errand.stop.now()

    def _start(self) -> None:
        """Begin as many errands as may be under way or ready; the rest wait for one that comes to nothing."""
        with self._lock:
            while self._queue and not self._closed and len(self._errands.keys()) < AT_ONCE:
                candidate = self._queue.pop(0)
                errand = self._errands[candidate] = Errand(candidate)
                thread = threading.Thread(target=self._work, args=(errand,), name="look-ahead", daemon=True)
                self._threads[errand] = thread
                thread.start()

    def _work(self, errand: Errand) -> None:
        try:
            self._run(errand)
        except (MozbisectError, Stopped) as error:
            log.debug("look-ahead for %s: %r", errand.candidate.key, error)
        except Exception:  # noqa: BLE001  (whoever needs the build meets it again, where it can be told)
            log.debug("look-ahead for %s", errand.candidate.key, exc_info=True)
        with self._lock:
            errand.done.set()
            del self._threads[errand]
