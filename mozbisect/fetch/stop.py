"""How a piece of work is told, from any thread, that it is not wanted any more, and how long its end is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from mozbisect.net.stream import Stream

_GLANCE = 0.02


class Stopped(Exception):
    """The work was not wanted any more. Nobody's fault, so not one of ``core.errors``."""


class Stop:
    """One for each piece of work."""

    def __init__(self) -> None:
        self.for_good = False  # nobody will want it later either
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None

    def now(self, *, for_good: bool = False) -> None:
        self.for_good = self.for_good or for_good
        self._event.set()
        with self._lock:
            if self._stream is not None:
                self._stream.abort()

    @property
    def told(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        if self._event.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise Stopped

    @contextmanager
    def ends(self, stream: Stream) -> Iterator[None]:
        """Within this, ``now`` also wakes a reader who waits for bytes of the stream."""
        with self._lock:
            self._stream = stream
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._stream = None


def await_end(
    threads: Iterable[threading.Thread], seconds: float, *, idle: Callable[[threading.Thread], bool] = lambda _: False
) -> None:
    """Wait until these have ended, for so long at most; not for one that is ``idle``, and can do no harm any more."""
    until = time.monotonic() + seconds
    for thread in threads:
        while thread.is_alive() and not idle(thread) and time.monotonic() < until:
            thread.join(_GLANCE)
