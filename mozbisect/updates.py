"""Is there a newer mozbisect? pip is asked, so that this person's index, proxy and certificates count.

The command line never waits for it:

    today's first run ──► a child, which asks pip and writes what it said into the state folder
    a later run       ◄── reads it, and says so after the answer, at most once a day

In CI, without a terminal, or when told not to, nothing is asked and nothing is said. Whatever goes wrong here, nobody
hears of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mozbisect import __version__

A_DAY = timedelta(days=1)
PATIENCE = 4.5
"""Seconds that pip has to answer: with what is around it, less than five."""

_RELEASE = re.compile(r"(\d+(?:\.\d+)*)(?:\.post(\d+))?")
_OWN = re.compile(r"(\d+(?:\.\d+)*)(.*)")
_VERSIONS = re.compile(r"^Available versions:(.*)$", re.MULTILINE)


def newer_release(patience: float = PATIENCE) -> str | None:
    """The newest release that pip would install, if it is newer than this one. Raises ``OSError``."""
    with tempfile.TemporaryFile() as out:  # no pipe: what pip has started could hold it open
        command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        run = subprocess.Popen(
            [*command, "index", "versions", "mozbisect"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        try:
            run.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        finally:
            run.kill()
            run.wait()
        out.seek(0)
        return newest_of(out.read().decode(errors="replace"), own=__version__)


def newest_of(said: str, *, own: str) -> str | None:
    """From what ``pip index versions`` prints: the newest release, without those that are only tried, if newer."""
    line = _VERSIONS.search(said)
    names = [name.strip() for name in line[1].split(",")] if line else []
    releases = [(key, name) for name in names if (key := _key(name)) is not None]
    newest = max(releases, default=None)
    return newest[1] if newest is not None and newest[0] > _own_key(own) else None


Key = tuple[tuple[int, ...], int]


def _key(name: str) -> Key | None:
    """Orders releases; ``None`` for one that is only tried (1.0rc1, 1.0.dev2)."""
    match = _RELEASE.fullmatch(name)
    return (_numbers(match[1]), int(match[2] or 0)) if match else None


def _own_key(name: str) -> Key:
    """Also of a version that is no release: it comes just before that."""
    match = _OWN.match(name)
    if match is None:
        return ((), 0)
    return _key(name.partition("+")[0]) or (_numbers(match[1]), -1)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in text.split(".")]
    while numbers and not numbers[-1]:  # 1.0 is 1
        numbers.pop()
    return tuple(numbers)


# ------------------------------------------------------------------------------------------- the command line


def may_ask(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Is there a person who would want to know?"""
    return terminal and not environment.get("CI") and "MOZBISECT_BINARY" not in environment


@contextmanager
def in_passing(*, wanted: bool) -> Iterator[None]:
    """Around a run. After an error nothing is said: the person has other worries."""
    if not wanted or not may_ask(os.environ, terminal=sys.stderr is not None and sys.stderr.isatty()):
        yield
        return
    from mozbisect.running import state_folder

    notices = Notices(state_folder() / "updates")
    notices.ask(datetime.now(UTC), begin=_begin)
    try:
        yield
    except SystemExit:
        notices.tell(datetime.now(UTC), say=_say)
        raise
    notices.tell(datetime.now(UTC), say=_say)


class Notices:
    """What is remembered between runs: when pip was asked, what it said, and when the person was told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, now: datetime, *, begin: Callable[[Path], None]) -> None:
        """Once a day: ``begin`` starts what writes the newest release into the file that it is given."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._is_due("asked", now):
                self._note("asked", now)  # first: where nothing can be written, pip is not asked again and again
                begin(self._folder / "newest")

    def tell(self, now: datetime, *, say: Callable[[str], None]) -> None:
        """Once a day, as long as there is a newer one than this."""
        with suppress(OSError, UnicodeDecodeError):
            newest = (self._folder / "newest").read_text(encoding="utf-8").strip()
            key = _key(newest)
            if key is not None and key > _own_key(__version__) and self._is_due("told", now):
                self._note("told", now)
                say(f"mozbisect {newest} is out (this is {__version__}): python -m pip install -U mozbisect")

    def _is_due(self, name: str, now: datetime) -> bool:
        try:
            before = datetime.fromisoformat((self._folder / name).read_text(encoding="utf-8"))
            return abs(now - before) >= A_DAY  # also when a clock was set back
        except (OSError, ValueError, TypeError):
            return True

    def _note(self, name: str, now: datetime) -> None:
        (self._folder / name).write_text(now.isoformat(), encoding="utf-8")


def _say(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def _begin(path: Path) -> None:
    """Start this module as a program that nobody waits for, and that outlives us."""
    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "IDLE_PRIORITY_CLASS", 0)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "mozbisect.updates", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=os.name != "nt",
        creationflags=flags,
        cwd=path.parent,
    )
    child.returncode = 0  # not to be waited for, also not when the object goes


def main(path: Path) -> None:
    """The child: ask, with all the time there is, and write a release or nothing."""
    if hasattr(os, "nice"):
        os.nice(10)
    newest = newer_release(60.0) or ""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(newest, encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
