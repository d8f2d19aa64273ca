"""What is kept for later runs need not fill the memory of this machine, too.

Files that were just written stay in memory (the system's page cache) until others need the room. A search writes some
300 MB a build and hardly reads any of it twice: where memory is small (a container) or must first be had from a host
(a virtual machine), the kernel works for each new page, and that takes as long as a third of the unpacking. So what was
judged is let go of: the next build is then written into the same memory.

Asks the system and never insists: where it has no such call (macOS, Windows), nothing is done.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_STEP = 8 << 20  # bytes at a time: a call may wait for the disk, and cannot be interrupted then
_WRITTEN_IN = 1.0  # seconds


def forget(path: Path) -> None:
    """Let go of a file that is on the disk by now; of one that is not, begin to write it."""
    if not hasattr(os, "posix_fadvise"):
        return
    with suppress(OSError), path.open("rb", buffering=0) as file:
        for at in range(0, os.fstat(file.fileno()).st_size, _STEP):
            os.posix_fadvise(file.fileno(), at, _STEP, os.POSIX_FADV_DONTNEED)


def forget_soon(paths: Iterable[Path]) -> None:
    """The same for files that were just written: first they have to be on the disk, and nobody waits for that."""
    files = list(paths)

    def work() -> None:
        for path in files:
            forget(path)
        time.sleep(_WRITTEN_IN)
        for path in files:
            forget(path)

    with suppress(RuntimeError):  # no more threads
        threading.Thread(target=work, name="page-cache", daemon=True).start()
