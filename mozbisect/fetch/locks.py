"""A lock that dies with its process: by it, a run that lives is told from one that was killed. Nothing waits here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOCK = ".lived-in"
"""The file in a folder that is locked while somebody lives there."""

if sys.platform == "win32":
    import msvcrt

    def locked(file: IO[bytes]) -> bool:
        """Take the lock of an open file, if nobody has it; the system gives it back when its process ends."""
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # a byte that need not be there
        except OSError:
            return False
        return True

    @contextmanager
    def being_read(_path: Path) -> Iterator[None]:
        """Nothing to do: the system itself keeps a file that somebody has open."""
        yield

    def is_read(_path: Path) -> bool:
        """Nobody says so here; an attempt to remove the file will show it."""
        return False

else:
    import fcntl

    def locked(file: IO[bytes]) -> bool:
        """Take the lock of an open file, if nobody has it; the system gives it back when its process ends."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    @contextmanager
    def being_read(path: Path) -> Iterator[None]:
        """Let others see that the file is needed. Where that cannot be said, or there is no file, it is not."""
        try:
            file = path.open("rb")
        except OSError:
            yield
            return
        with file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            yield

    def is_read(path: Path) -> bool:
        """Does anybody say so, be it this run or another?"""
        try:
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
        return False


def still_at(lock: IO[bytes], path: Path) -> bool:
    """Is what was locked the file at the path? Somebody may have removed it before it was locked."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except OSError:
        return False
