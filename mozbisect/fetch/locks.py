"""A lock that dies with its process: by it, a run that lives is told from one that was killed. Nothing waits here."""

from __future__ import annotations

import os
import sys
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

else:
    import fcntl

    def locked(file: IO[bytes]) -> bool:
        """Take the lock of an open file, if nobody has it; the system gives it back when its process ends."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def still_at(lock: IO[bytes], path: Path) -> bool:
    """Is what was locked the file at the path? Somebody may have removed it before it was locked."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except OSError:
        return False
