"""Who fetches a file: one thread at a time, so that the others find it when it is here. Knows nothing of files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mozbisect.fetch.stop import Stop

_GLANCE = 0.1  # seconds between two looks whether the other one, or this one, was told to stop


class Turns:
    """One for each name. Who was told to stop has no turn any more: it may hang in a connection for long."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: dict[str, Stop] = {}

    @contextmanager
    def of(self, name: str, stop: Stop) -> Iterator[None]:
        """Waits for the turn, and has it within this. Raises ``Stopped`` for who is told so while it waits."""
        with self._changed:
            while (other := self._taken.get(name)) is not None and not other.told:
                self._changed.wait(_GLANCE)
                stop.check()
            self._taken[name] = stop
        try:
            yield
        finally:
            with self._changed:
                if self._taken.get(name) is stop:  # else another one has taken it over
                    del self._taken[name]
                self._changed.notify_all()
