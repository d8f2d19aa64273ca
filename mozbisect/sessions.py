"""Sessions on disk: one private folder each, with the journal in it, one line an event.

A line is written, flushed and synced before the run goes on, so that a run that dies at any moment has lost
nothing that was answered. A last line without its end was cut off in the middle of being written; it is dropped.

A folder is pruned once it is older than ``KEEP_DAYS`` and not among the ``KEEP_NEWEST`` newest; a session that
is running is never touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from mozbisect.core.errors import CacheTrouble, JournalDamaged, UsageError
from mozbisect.core.journal import Event, Session, from_line, to_line

KEEP_NEWEST = 50
KEEP_DAYS = 90
JOURNAL = "journal.jsonl"


class Journal:
    """The open journal of one running session; no other process can have it open."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self.path = path

    @property
    def name(self) -> str:
        """What ``mozbisect resume`` calls this session."""
        return self.path.parent.name

    def write(self, event: Event) -> None:
        """Make one event durable. Raises ``CacheTrouble`` (a full disk); the journal then ends as before."""
        whole = self._file.tell()
        try:
            rest = to_line(event).encode() + b"\n"
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(whole)
                self._file.seek(whole)
            raise CacheTrouble(
                f"The session could not be written to {self.path}: {error.strerror}.",
                advice="Make room, then go on with: mozbisect resume",
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()  # and with it goes the lock

    def discard(self) -> None:
        """Forget the session: it never got as far as to ask anything."""
        self.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The folder of all sessions."""

    root: Path

    def create(self, now: datetime) -> Journal:
        """A new, empty journal; old sessions are pruned on the way. Raises ``CacheTrouble``."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = self._fresh(now)
            self._prune(now, but=folder)
            return _open(folder / JOURNAL, "xb")
        except OSError as error:
            raise CacheTrouble(
                f"The session cannot be kept in {self.root}: {error.strerror}.",
                advice="Make that folder writable, or name another in MOZBISECT_STATE_DIR.",
            ) from error

    def _fresh(self, now: datetime) -> Path:
        """An empty folder. The milliseconds keep the order of runs that begin within one second."""
        while True:
            folder = self.root / f"{now:%Y-%m-%d-%H%M%S}-{now.microsecond // 1000:03}{secrets.token_hex(1)}"
            with suppress(FileExistsError):  # of another run, which began in the same millisecond
                folder.mkdir(mode=0o700)
                return folder

    def open(self, name: str | None, *, ended: bool = False) -> tuple[Journal, Session]:
        """A session to go on with: the named one, else the newest that has not ended, else the newest.

        ``ended``: without a name the newest is meant, ended or not. Raises ``UsageError``, ``JournalDamaged``.
        """
        path = self._path(name or (None if ended else self._newest_open()))
        journal = _open(path, "r+b")
        try:
            session = _read(path)
            _cut_torn_line(journal)
        except BaseException:
            journal.close()
            raise
        return journal, session

    def read(self, name: str | None) -> Session:
        """A session to look at; it may be running."""
        return _read(self._path(name))

    def name_of(self, name: str | None) -> str:
        return self._path(name).parent.name

    def all(self) -> Iterator[tuple[str, Session]]:
        """Every session that can be read, newest first."""
        for folder in self._folders():
            with suppress(JournalDamaged):
                yield folder.name, _read(folder / JOURNAL)

    def _newest_open(self) -> str | None:
        """The newest session that can go on: it has not ended, does not contradict itself, and does not run."""
        return next((one for one, session in self.all() if session.can_go_on and not self._runs(one)), None)

    def _runs(self, name: str) -> bool:
        return _is_running(self.root / name / JOURNAL)

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted((item for item in self.root.iterdir() if _begun(item / JOURNAL)), reverse=True)

    def _path(self, name: str | None) -> Path:
        folders = self._folders()
        if name is None:
            if not folders:
                raise UsageError("There is no session to go on with.", advice="Begin one: mozbisect --good … --bad …")
            return folders[0] / JOURNAL
        fitting = [folder for folder in folders if folder.name.startswith(name)]
        exact = [folder for folder in fitting if folder.name == name]
        if len(exact or fitting) != 1:
            problem = "Several sessions begin with" if fitting else "There is no session"
            raise UsageError(f"{problem} {name!r}.", advice="`mozbisect sessions` lists them.")
        return (exact or fitting)[0] / JOURNAL

    def _prune(self, now: datetime, but: Path) -> None:
        old = now.timestamp() - timedelta(days=KEEP_DAYS).total_seconds()
        for folder in self._folders()[KEEP_NEWEST:]:
            path = folder / JOURNAL
            if folder != but and path.stat().st_mtime < old and not _is_running(path):
                shutil.rmtree(folder, ignore_errors=True)


def _begun(path: Path) -> bool:
    """A run that was killed before its first line has left nothing to go on with."""
    return path.is_file() and path.stat().st_size > 0


def _read(path: Path) -> Session:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise JournalDamaged(f"The session {path.parent.name} cannot be read: {error}") from error
    whole, _, _torn = text.rpartition("\n")
    try:
        return Session.of(from_line(line) for line in whole.split("\n"))
    except JournalDamaged as error:
        raise JournalDamaged(f"The session {path.parent.name} ({path}): {error.what}", advice=error.advice) from error


def _cut_torn_line(journal: Journal) -> None:
    file = journal._file
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)
    file.seek(whole)


def _open(path: Path, mode: str) -> Journal:
    """Open and lock a journal. The lock goes with the process, however it ends."""
    file = os.fdopen(
        os.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if "x" in mode else 0), 0o600), "r+b", buffering=0
    )
    if not _lock(file):
        file.close()
        raise UsageError(
            f"The session {path.parent.name} is running in another process.",
            advice="Wait for it, or begin another one.",
        )
    return Journal(file, path)


def _is_running(path: Path) -> bool:
    try:
        with path.open("r+b") as file:
            return not _lock(file)
    except OSError:
        return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        # A byte far behind the end: on Windows a locked byte cannot be read by others.
        try:
            file.seek(1 << 40)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
