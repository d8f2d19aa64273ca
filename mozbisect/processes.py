"""Programs that we start, and their end: never the program alone, always with all that it has started.

Used for the app under test and for a person's test command. It never judges an exit status, and never touches a
process that does not descend from one it started.

What belongs to a program is known by four signs, since none holds for everybody:

    its session     children stay in it, even in a process group of their own     (not: a daemon)
    its mark        an environment variable that descendants inherit              (not: a cleared environment)
    its group       where there is no /proc to read the other two from            (not: a group of their own)
    its children    on Windows, while the program itself lives                    (not: who has outlived a parent)

The second is no luxury: Firefox's own crash helper is a daemon, and mozprocess gives a browser its own group.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

MARK = "MOZBISECT_PROCESS_TREE"

GRACE = 3.0
"""Seconds between asking a tree to end and ending it."""

HASTY_GRACE = 0.2
"""The same after Ctrl-C: a person wants the terminal back."""

_LAST_WAIT, _HASTY_LAST_WAIT = 1.0, 0.1  # what was killed is gone at once, unless the kernel itself holds it
_AGAIN = 3  # times that all of a tree are killed when nobody waits: some may be born meanwhile
_PAUSE = 0.02
_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "environ").exists()
_WINDOWS = os.name == "nt"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def in_haste() -> bool:
    """Is it Ctrl-C, or what is like it, that ends things just now? Asked by those who tidy up on its way."""
    return isinstance(sys.exception(), KeyboardInterrupt)


def _libc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None) if sys.platform == "linux" else None
    except OSError:
        return None


_LIBC = _libc()
_BUSY_FOR = (0.01, 0.05, 0.2, 0.5)  # seconds between tries


def _die_with_us() -> None:
    """Linux: should this process be killed, so is the program that it has started."""
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _begun(begin: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A program that was just unpacked is busy while a process that another thread starts still holds its file."""
    for pause in _BUSY_FOR:
        try:
            return begin()
        except OSError as error:
            if error.errno != errno.ETXTBSY:
                raise
            time.sleep(pause)
    return begin()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off what Ctrl-C and its like do until the block is over.

    A program starts within milliseconds, but if the interruption came while Popen waits for it, it would run on.
    """
    came: list[int] = []
    before: dict[int, Callable[..., object]] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            handler = signal.getsignal(number) if number is not None else None
            if number is not None and callable(handler):
                before[number] = handler
                signal.signal(number, lambda seen, _: came.append(seen))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        before[number](number, None)


_TREES: set[ProcessTree] = set()  # those that nobody has ended


def kill_all() -> None:
    """Kill all that we have started and not ended, and wait for nobody. For who is about to leave without a word."""
    for tree in list(_TREES):
        tree.kill()


class ProcessTree:
    """A running program and its descendants, in a session of their own and with nothing on standard input.

    ``stdout`` and ``stderr`` as for ``subprocess.Popen``. ``dies_with_us``: on Linux, if this process is killed, the
    program is, too (which makes the start four times as slow: 3 ms). ``has_terminal``: a person types to it, so it
    stays in our session and has our standard input. Raises ``OSError`` when it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        dies_with_us: bool = False,
        has_terminal: bool = False,
    ) -> None:
        mark = uuid4().hex
        self._mark = f"{MARK}={mark}".encode()
        self._over = False
        self._alone = has_terminal  # in our group, which must not be ended as a whole
        process = None
        try:
            with _undisturbed():
                self._process = process = _begun(
                    lambda: subprocess.Popen(
                        list(command),
                        env={**env, MARK: mark},
                        stdin=None if has_terminal else subprocess.DEVNULL,
                        stdout=stdout,
                        stderr=stderr,
                        start_new_session=not has_terminal and not _WINDOWS,
                        preexec_fn=_die_with_us if dies_with_us and _LIBC else None,
                        creationflags=0 if has_terminal else getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                    )
                )
                _TREES.add(self)
        except KeyboardInterrupt:
            if process is not None:
                self.end()  # nobody else will ever hold it
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> IO[bytes] | None:
        """What the tree writes, when ``stdout`` was ``subprocess.PIPE``."""
        return self._process.stdout

    def poll(self) -> int | None:
        """The program's exit status, negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the program ends by itself; ``None`` if it still runs after ``timeout`` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def end(self, grace: float | None = None) -> None:
        """Ask everything that is left of the tree to end, after ``grace`` seconds make it; then harmless to call.

        ``grace`` is ``GRACE`` unless it is said, and ``HASTY_GRACE`` after Ctrl-C.
        """
        if self._over:
            return
        self._over = True
        try:
            self._end((HASTY_GRACE if in_haste() else GRACE) if grace is None else grace)
        finally:
            _TREES.discard(self)

    def kill(self) -> None:
        """Kill everything that is left of the tree, and do not wait until it has gone. From a signal handler, too."""
        for _ in range(_AGAIN):
            self._signal(self.pid if self._process.returncode is None else None, gently=False)

    def _end(self, grace: float) -> None:
        # Once the program has been waited for, its number may be given to another: then only the mark counts.
        session = self.pid if self._process.poll() is None else None
        if session is None and not self._lives(None):
            return  # as a rule a test command leaves nothing behind
        try:
            self._signal(session, gently=True)
            deadline = time.monotonic() + grace
            while self._lives(session) and time.monotonic() < deadline:
                time.sleep(_PAUSE)
        finally:  # whatever comes in between, a second Ctrl-C for example
            self._make_end(session)

    def _make_end(self, session: int | None) -> None:
        last_wait = _HASTY_LAST_WAIT if in_haste() else _LAST_WAIT
        deadline = time.monotonic() + last_wait
        while self._lives(session):  # on a machine that is busy, that look alone may take until the deadline
            self._signal(session, gently=False)  # again and again: some may be born meanwhile
            if time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        self.wait(last_wait)

    def _lives(self, session: int | None) -> bool:
        if _HAS_PROC:
            return bool(_living(self._mark, session))
        if _WINDOWS or self._alone:
            return self._process.poll() is None
        self._process.poll()
        try:
            os.killpg(self.pid, 0)
        except OSError:  # nobody there, or (macOS) only the dead
            return False
        return True

    def _signal(self, session: int | None, *, gently: bool) -> None:
        if _WINDOWS:
            self._taskkill(*([] if gently else ["/F"]))
            return
        number = signal.SIGTERM if gently else signal.SIGKILL
        if not _HAS_PROC and self._alone:
            self._process.send_signal(number)
            return
        if not _HAS_PROC:
            with suppress(OSError):
                os.killpg(self.pid, number)
            return
        for pid in _living(self._mark, session):
            with suppress(OSError):  # it was quicker
                os.kill(pid, number)

    def _taskkill(self, *how: str) -> None:
        """Of Windows: it finds the children by their parent, so it must be called while that lives."""
        try:
            subprocess.run(["taskkill", "/T", *how, "/PID", str(self.pid)], capture_output=True, check=False)
        except OSError:  # not on the PATH: then at least the program itself
            self._process.kill()


def _living(mark: bytes, session: int | None) -> list[int]:
    """The processes that bear the mark or are of the session; the dead that nobody has waited for do not count."""
    numbers = [name for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208  (of all processes, after each test)
    return [int(number) for number in numbers if _is_of(number, session) or mark in _told(number, "environ")]


def _is_of(number: str, session: int | None) -> bool:
    """From ``/proc/<pid>/stat``: ``pid (name) state parent group session …``."""
    if session is None:
        return False
    try:
        state, _parent, _group, its_session = _told(number, "stat").rpartition(b")")[2].split()[:4]
    except ValueError:  # it has just ended
        return False
    return int(its_session) == session and state not in (b"Z", b"X")


def _told(number: str, what: str) -> bytes:
    """A file of ``/proc/<pid>``; empty for a process that is another person's, or has just ended."""
    try:
        with open(f"{_PROC}/{number}/{what}", "rb", buffering=0) as file:  # noqa: PTH123  (as above)
            return file.read()
    except OSError:
        return b""
