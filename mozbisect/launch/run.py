"""A build that runs: its processes and, read by a thread, what it writes. It judges nothing and knows no app."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from io import BufferedReader
from typing import IO, cast

from mozbisect.processes import ProcessTree, in_haste

log = logging.getLogger(__name__)

KEPT = 1 << 20
"""So many bytes of a build's output are kept, its last ones."""

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
_LAST_WAIT, _HASTY_LAST_WAIT = 1.0, 0.1  # seconds for the last words: somebody far away may have inherited the pipe
_SOON = 0.3  # seconds until the last words of a program that has ended are here, unless somebody else holds the pipe


class Run:
    """A running build, in the shape that mozrunner wants of a process handler. ``show`` gets its lines."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], show: Callable[[str], None] | None) -> None:
        log.debug("starting %s", command)
        self._show = show
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._tree = ProcessTree(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, dies_with_us=True)
        self._reader = threading.Thread(target=self._read, args=(self._tree.output,), daemon=True)
        self._reader.start()

    def run(self, _timeout: float | None, _output_timeout: float | None) -> None:
        """Called by mozrunner once it has the handler; ours runs already."""

    @property
    def pid(self) -> int:
        return self._tree.pid

    def poll(self) -> int | None:
        return self._tree.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        return self._tree.wait(timeout)

    def kill(self) -> None:
        self._tree.end()
        self._reader.join(_HASTY_LAST_WAIT if in_haste() else _LAST_WAIT)

    def output(self) -> str:
        """What it has written so far, both streams, at most the last ``KEPT`` bytes of it."""
        if self.poll() is not None:
            self._reader.join(_SOON)
        with self._lock:
            return self._kept.decode("utf-8", "replace")

    def last_lines(self, count: int) -> list[str]:
        return [line.rstrip() for line in self.output().splitlines() if line.strip()][-count:]

    def _read(self, output: IO[bytes] | None) -> None:
        pipe = cast(BufferedReader, output)  # it was asked for as a pipe
        rest = b""
        with pipe:
            while chunk := pipe.read1(_CHUNK):
                with self._lock:
                    self._kept += chunk
                    del self._kept[:-KEPT]
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                self._tell(lines)
        if rest:
            self._tell([rest])

    def _tell(self, lines: Sequence[bytes]) -> None:
        if self._show is not None:
            for line in lines:
                self._show(line.decode("utf-8", "replace").rstrip())


def how(status: int) -> str:
    """How a program ended, in words."""
    return f"exit status {status}" if status >= 0 else f"killed by signal {-status}"


def with_last_words(what: str, lines: Sequence[str]) -> str:
    """A reason, and below it what the program said last."""
    said = "".join(f"\n  {line}" for line in lines)
    return f"{what}{':' if said else ''}{said}"
