"""A private folder for what a run needs for a while, and the care that nothing of it stays behind.

What is put there goes at the latest with ``close``. A run that was killed cannot close: its folder is found by
the next run, which knows by a lock that nobody lives there any more. That lock is the last thing in a folder to be
removed, so that a run may be killed at that, too. Nothing outside such folders is ever removed.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from mozbisect.core.errors import CacheTrouble
from mozbisect.fetch.locks import LOCK, locked, still_at

log = logging.getLogger(__name__)

_PREFIX = "mozbisect-"
_MOVING_IN = 60.0  # seconds; an older folder without a lock will not get one

OURS = re.compile(r".+--.+--[0-9a-f]{8}--.+")
"""How the names of builds that we keep look (see ``cache.file_name``), also with an ending."""

FULL = (errno.ENOSPC, errno.EDQUOT)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)

_ADVICE = {
    errno.ENOSPC: "Free some space there, or name another folder (--persist, or TMPDIR for what is temporary).",
    errno.EDQUOT: "Your quota is used up: free some space there, or name another folder (--persist, TMPDIR).",
    errno.EROFS: "It is on a disk that cannot be written: name another folder (--persist, or TMPDIR).",
    errno.EACCES: "You may not write there: name another folder (--persist, or TMPDIR), or change its permissions.",
    errno.EPERM: "You may not write there: name another folder (--persist, or TMPDIR), or change its permissions.",
}


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Within this, what the disk refuses is ``CacheTrouble`` that names the folder and says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not from the system, but from a library that also says OSError
            raise
        error.filename = error.filename or str(folder)  # which disk it was
        why = (error.strerror or str(error)).lower()
        raise CacheTrouble(f"cannot write in {folder}: {why}", advice=_ADVICE.get(error.errno, "")) from error


class Scratch:
    """The private folder; it comes into being with the first thing put there. Thread-safe."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._lived_in: IO[bytes] | None = None
        self._closed = False

    def fresh(self, name: str) -> Path:
        """A new, empty folder. Raises ``CacheTrouble``, also after the close: nobody would remove it."""
        home = self._home()
        with on_disk(home):
            return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=home))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            folder, self._folder = self._folder, None
            lived_in, self._lived_in = self._lived_in, None
        if lived_in is not None:
            lived_in.close()
        if folder is not None:
            remove_home(folder)

    def _home(self) -> Path:
        with self._lock:
            if self._closed:  # by a thread that was left to itself, as it did not end in time
                raise CacheTrouble("the run is over: nothing temporary is made any more")
            if self._folder is None or not self._folder.is_dir():  # somebody may clear up while we run
                if self._lived_in is not None:
                    self._lived_in.close()
                root = self._root or Path(tempfile.gettempdir())
                with on_disk(root):
                    root.mkdir(parents=True, exist_ok=True)
                    clear_the_abandoned(root)
                    self._folder, self._lived_in = _move_in(root)
            return self._folder


def remove(tree: Path) -> None:
    """Remove a folder or a file, also what is read-only or very deep; never raises. What resists is left to the log."""
    if tree.is_dir() and not tree.is_symlink():
        with suppress(RecursionError):  # a build can make a tree as deep as it likes
            shutil.rmtree(tree, ignore_errors=True)
        if tree.exists():
            _remove_level_by_level(tree)
    else:
        with suppress(OSError):
            tree.unlink(missing_ok=True)
    if tree.exists():
        log.debug("cannot remove %s", tree)


def _remove_level_by_level(tree: Path) -> None:
    """Folders are moved up before they are emptied: so no path is too long, and no depth too great."""
    numbers = itertools.count()
    todo = _opened(tree)
    while todo:
        folder = todo.pop()
        for inner in _opened(folder):
            up = next(up for number in numbers if not (up := tree / str(number)).exists())
            with suppress(OSError):
                inner.rename(up)
                todo.append(up)
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        tree.rmdir()


def _opened(folder: Path) -> list[Path]:
    """Make a folder writable and remove its files; the folders in it, writable too: else they could not be moved."""
    inner = []
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    inner.append(path)
                    path.chmod(stat.S_IRWXU)
                    continue
                if sys.platform == "win32" and not entry.is_symlink():  # where a file can be read-only itself
                    path.chmod(stat.S_IRWXU)
                path.unlink()
    return inner


def remove_home(home: Path) -> None:
    """Remove a folder with a lock in it, and the lock last: whoever is killed here leaves what the next run finds."""
    with suppress(OSError):
        for path in list(home.iterdir()):
            if path.name != LOCK:
                remove(path)
        if all(path.name == LOCK for path in home.iterdir()):
            (home / LOCK).unlink(missing_ok=True)
            home.rmdir()


def _move_in(root: Path) -> tuple[Path, IO[bytes]]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lived_in = (folder / LOCK).open("wb")
        if locked(lived_in) and still_at(lived_in, folder / LOCK):
            return folder, lived_in
        # Somebody who clears up was quicker, and took the folder for an abandoned one; by now it may be gone.
        lived_in.close()


def clear_the_abandoned(root: Path, now: Callable[[], float] = time.time) -> None:
    """Remove the folders that killed runs have left there. Never raises."""
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode) or not _is_ours(folder):
                continue
            if not (folder / LOCK).exists():  # killed before it came, or after it went: then there is nothing else
                if now() - folder.lstat().st_mtime > _MOVING_IN:
                    folder.rmdir()
                continue
            with (folder / LOCK).open("r+b") as lived_in:
                if not locked(lived_in) or not still_at(lived_in, folder / LOCK):
                    continue
                log.debug("removing %s, left behind by a run that was killed", folder)
                remove_home(folder)
            remove_home(folder)  # once more for Windows, where a file that is open cannot be removed
        except OSError as error:
            log.debug("%s is left alone: %s", folder, error)


def _is_ours(folder: Path) -> bool:
    return sys.platform == "win32" or folder.lstat().st_uid == os.getuid()
