"""A file that still grows, read in order by the thread that unpacks, while others write it.

The reader waits when nothing more has come yet; a download that breaks and goes on is to the reader but a pause. The
bytes lie in the file, and nowhere else: the writers never wait for the reader. Knows not what the bytes are.

    download ──write──► file ▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░
                             └─read──► unpacker
"""

from __future__ import annotations

import threading
from pathlib import Path

_MOST = 1 << 20  # bytes read at once


class Dried(Exception):
    """The download gave up: what was read so far is no use. Nobody's fault, so not one of ``core.errors``."""


class Flow:
    """One reader; ``reached``, ``end`` and ``dry`` are called from another thread. Raises ``OSError`` at birth."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("rb", buffering=0)
        self._changed = threading.Condition()
        self._here = 0
        self._ended = self._dried = False
        self._left = threading.Event()
        self.taken = 0  # bytes read

    def reached(self, here: int) -> None:
        """The first so many bytes of the file are there to be read."""
        with self._changed:
            self._here = here
            self._changed.notify_all()

    @property
    def unread(self) -> int:
        """Bytes that are here and that the reader has not come to; 0 also if it reads no more."""
        return 0 if self._left.is_set() else max(0, self._here - self.taken)

    def end(self) -> None:
        """That was all."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def dry(self) -> None:
        """Nothing more will come, and what came was not all: the reader is woken with ``Dried``."""
        with self._changed:
            self._dried = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raises ``Dried`` if it is so."""
        if self._dried:
            raise Dried

    def leave(self) -> None:
        """The reader wants no more, and lets go of the file."""
        self._file.close()
        self._left.set()

    def is_left(self, seconds: float) -> bool:
        """Has the reader let go of the file? Waits for it, but not longer."""
        return self._left.wait(seconds)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, at least one but at the end. Raises ``Dried``. Like the ``read`` of a raw file."""
        with self._changed:
            while self.taken >= self._here and not self._ended and not self._dried:
                self._changed.wait()
            if self._dried:
                raise Dried
            room = min(self._here - self.taken, _MOST)
        chunk = self._file.read(room if size < 0 else min(size, room))
        self.taken += len(chunk)
        return chunk
