"""Programs that unpack quicker than Python does, where this machine happens to have them.

Measured on a Firefox of 2024 (98 MB of bzip2, two cores): Python's bz2 takes 9 s, lbzip2 4 s, as it uses every core.
Two at the same time are in each other's way, and take 14 s; so each waits for its turn, and takes 8 s with the other.
For xz there is nothing to win: Mozilla packs in one block, which no program can share out, and Python's lzma is as
quick. Which file is damaged, the program says by its exit status, and is not asked for words.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_GLANCE = 0.1  # seconds
LONGEST_TURN = 6.0  # seconds: one and a half Firefoxes


class ProgramLacking(Exception):
    """The program cannot be started; nothing was read."""


Read = Callable[[int], bytes]


def quicker(magic: bytes) -> tuple[str, ...] | None:
    """The command that unpacks its standard input to its standard output; ``None``: Python is as quick."""
    program = shutil.which("lbzip2") if magic == b"BZh" and (os.cpu_count() or 1) > 1 else None
    return (program, "-dc") if program else None


_TURN = threading.Lock()


@contextmanager
def piped(command: tuple[str, ...], read: Read, check: Callable[[], None]) -> Iterator[IO[bytes]]:
    """What the program makes of the bytes that ``read`` gives. Raises ``ProgramLacking``.

    It may have to wait until another one has ended; ``check`` is called meanwhile, and may end that by raising. After
    ``LONGEST_TURN`` it counts as lacking: the other one's archive may come slowly, or not at all.
    At the end of the ``with`` the program has ended. At the end of its output ``EOFError`` says that it failed; what
    ``read`` raised is raised there, too. Unless the program fails, ``read`` is called until it has no more.
    """
    until = time.monotonic() + LONGEST_TURN
    while not _TURN.acquire(timeout=_GLANCE):
        check()
        if time.monotonic() > until:
            raise ProgramLacking(f"{command[0]}: still busy with another build")
    try:
        with _started(command, read) as output:
            yield output
    finally:
        _TURN.release()


@contextmanager
def _started(command: tuple[str, ...], read: Read) -> Iterator[IO[bytes]]:
    # A Ctrl-C in the terminal is for us: we end it ourselves.
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise ProgramLacking(f"{command[0]}: {error}") from error
    feeder = _Feeder(process, read)
    try:
        yield io.BufferedReader(_Output(process, feeder), _CHUNK)
    finally:
        process.kill()
        process.wait()
        feeder.join()
        assert process.stdout is not None
        process.stdout.close()


class _Output(io.RawIOBase):
    """The output of a program, whose end is only believed if it ended well, and if all that it was given was right."""

    def __init__(self, process: subprocess.Popen[bytes], feeder: _Feeder) -> None:
        self._process = process
        self._feeder = feeder

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self._process.stdout is not None
        chunk = self._process.stdout.read1(len(buffer))  # type: ignore[attr-defined]
        if not chunk:
            if self._process.wait() != 0 and self._feeder.error is None:
                raise EOFError("it could not be unpacked")
            self._feeder.finish()
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Feeder:
    """A thread that gives a program its input. What ``read`` raises ends the program, and is kept in ``error``."""

    def __init__(self, process: subprocess.Popen[bytes], read: Read) -> None:
        self.error: Exception | None = None
        self._process = process
        self._read = read
        self._thread = threading.Thread(target=self._feed, name="unpacking", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def finish(self) -> None:
        """Of a program that has ended: what it did not care for is read, too. Raises what ``read`` raised."""
        self.join()
        if self.error is not None:
            raise self.error
        while self._read(_CHUNK):
            pass

    def _feed(self) -> None:
        assert self._process.stdin is not None
        try:
            while chunk := self._next():
                self._process.stdin.write(chunk)
        except OSError as error:  # the program has ended: its exit status tells how
            log.debug("no more to unpack: %r", error)
        finally:
            with suppress(OSError):
                self._process.stdin.close()

    def _next(self) -> bytes:
        try:
            return self._read(_CHUNK)
        except Exception as error:  # noqa: BLE001  (for who reads the output; what the program makes of it is no use)
            log.debug("no more to unpack: %r", error)
            self.error = error
            self._process.kill()
            return b""
