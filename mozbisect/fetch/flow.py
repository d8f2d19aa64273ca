"""Bytes on their way from the thread that downloads to the one that unpacks: in order, bounded, and each only once.

The writer waits when the reader is behind, the reader when nothing has come yet; a download that breaks and goes
on is to the reader but a pause. Neither knows what the bytes are, or where they come from.

    download ──write──► ▒▒▒▒▒▒░░  at most ROOM bytes ──read──► unpacker
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

ROOM = 8 << 20  # bytes; what comes while a big file is decompressed, and no more
_GLANCE = 0.2  # seconds between two looks whether the wait still makes sense


class Dried(Exception):
    """The writer gave up: what was read so far is no use. Nobody's fault, so not one of ``core.errors``."""


class Flow:
    """One writer, one reader, each in a thread of its own."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._changed = threading.Condition()
        self._chunks: deque[memoryview] = deque()
        self._held = 0
        self._ended = self._dried = self._unread = False
        self.taken = 0  # bytes read

    def write(self, chunk: bytes, check: Callable[[], None]) -> None:
        """Hand over; waits while there is no room. ``check`` is called while it waits, and may end that by raising."""
        with self._changed:
            while self._held >= self._room and not self._unread:
                self._changed.wait(_GLANCE)
                check()
            if not self._unread and chunk:
                self._chunks.append(memoryview(chunk))
                self._held += len(chunk)
                self._changed.notify_all()

    def end(self) -> None:
        """That was all."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def dry(self) -> None:
        """Nothing more will come, and what came was not all: the reader is woken with ``Dried``."""
        with self._changed:
            self._dried = True
            self._chunks.clear()
            self._changed.notify_all()

    def leave(self) -> None:
        """The reader wants no more: whatever is written from now on goes nowhere, and nobody waits."""
        with self._changed:
            self._unread = True
            self._chunks.clear()
            self._held = 0
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, at least one but at the end. Raises ``Dried``. Like the ``read`` of a raw file."""
        with self._changed:
            while not self._chunks and not self._ended and not self._dried:
                self._changed.wait()
            if self._dried:
                raise Dried
            if not self._chunks:
                return b""
            chunk = self._chunks.popleft()
            if 0 <= size < len(chunk):
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            self._held -= len(chunk)
            self.taken += len(chunk)
            self._changed.notify_all()
            return bytes(chunk)
