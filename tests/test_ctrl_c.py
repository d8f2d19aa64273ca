"""Ctrl-C: within a second all has ended and nothing is left; a second one ends it at once. With real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mozbisect.practice.faults import Fault
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from tests.test_doors import Program, asked, program, world
from tests.test_processes import is_alive

__all__ = ["program", "world"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

A_SECOND = 1.0

STUBBORN = "trap '' TERM INT; echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 60; sleep 60"


class Silent(PracticeServer):
    """Gives the oldest so many builds; of the others it says nothing, or only half."""

    def __init__(self, world: World, fault: Fault | None, after: int) -> None:
        super().__init__(world)
        self._fault, self._good = fault, [nightly.folder for nightly in world.nightlies[:after]]
        self.silent = threading.Event()

    def strikes(self, target: str, *, is_build: bool) -> Fault | None:
        if not is_build:
            return None
        if any(folder in target for folder in self._good):
            return None
        self.silent.set()
        if self._fault is None:
            self.pause(None)
        return self._fault


@pytest.fixture
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


def until(run: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    limit = time.monotonic() + 8
    while not happened():
        assert time.monotonic() < limit
        assert run.poll() is None, run.communicate()
        time.sleep(0.005)


def ends(run: subprocess.Popen[str], *signals: signal.Signals, after: float = 0.15) -> tuple[float, str]:
    """Seconds from the last of the signals to the end, and what was told."""
    for at, number in enumerate(signals):
        time.sleep(after if at else 0)
        began = time.monotonic()
        run.send_signal(number)
    _, told = run.communicate(timeout=20)
    return time.monotonic() - began, told


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_will_not_end_is_ended_within_a_second(
    number: signal.Signals, program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    run = program.start(*asked(world, server, f'sh -c "{STUBBORN.format(pid=pid)}"'))
    until(run, pid.exists)
    took, told = ends(run, number)
    assert took < A_SECOND
    assert run.returncode == 130
    assert "Traceback" not in told
    assert "mozbisect resume" in told
    assert not is_alive(pid.read_text().strip())
    assert left(program.temp) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_one_ends_all_at_once_and_the_next_run_tidies_up(
    number: signal.Signals, program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    pid, kept = tmp_path / "pid", tmp_path / "kept"
    words = asked(world, server, f'sh -c "{STUBBORN.format(pid=pid)}"')
    run = program.start(*words, "--persist", str(kept))
    until(run, pid.exists)
    took, told = ends(run, number, number)
    assert took < A_SECOND
    assert "mozbisect resume" not in told  # the first one alone would have said it
    assert run.returncode == 130
    assert "Traceback" not in told
    until_gone(pid)
    done = program(*asked(world, server), "--persist", str(kept))
    assert done.returncode == 0, done.stderr
    assert left(program.temp) == []
    assert [path for path in kept.iterdir() if path.name.startswith("mozbisect-")] == []


def until_gone(pid: Path) -> None:
    """What was killed is gone when the kernel has come to it."""
    limit = time.monotonic() + 5
    while is_alive(pid.read_text().strip()) and time.monotonic() < limit:
        time.sleep(0.005)
    assert not is_alive(pid.read_text().strip())


# The same without the help of a command: while the main thread is in a call that it cannot leave, and tidies up.
BUSY = """
import os, signal, sys, time
from mozbisect.cli import door
from mozbisect.processes import ProcessTree
class Main:
    def main(self, **_):
        tree = ProcessTree(["sleep", "60"], env=dict(os.environ))
        try:
            print(tree.pid, flush=True)
            time.sleep(60)
        finally:
            print("tidying", flush=True)
            time.sleep(60)
door.mozbisect = Main()
door.main()
"""


def test_the_second_one_ends_also_who_tidies_up_for_long() -> None:
    run = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
    assert run.stdout
    pid = run.stdout.readline().strip()
    run.send_signal(signal.SIGINT)
    assert run.stdout.readline() == "tidying\n"
    time.sleep(0.06)  # else it is still the same one
    run.send_signal(signal.SIGINT)
    assert run.wait(5) == 130
    limit = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < limit:
        time.sleep(0.005)
    assert not is_alive(pid)


def test_one_that_a_wrapper_passes_on_as_well_is_still_the_first(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    run = program.start(*asked(world, server, f'sh -c "{STUBBORN.format(pid=pid)}"'))
    until(run, pid.exists)
    _, told = ends(run, signal.SIGINT, signal.SIGINT, after=0.001)
    assert "mozbisect resume" in told
    assert left(program.temp) == []


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("fault", [None, Fault.STALL])
@pytest.mark.parametrize("after", [0, 1])
def test_nobody_waits_for_a_server_that_has_fallen_silent(
    after: int, fault: Fault | None, kept: bool, program: Program, world: World, tmp_path: Path
) -> None:
    """``after`` 0: the build that is waited for does not come; 1: it is judged, and the next does not come."""
    pid, folder = tmp_path / "pid", tmp_path / "kept"
    with Silent(world, fault, after) as server:
        words = asked(world, server, f'sh -c "{STUBBORN.format(pid=pid)}"')
        run = program.start(*words, *(["--persist", str(folder)] if kept else []))
        until(run, lambda: server.silent.is_set() and (pid.exists() or not after))
        time.sleep(0.2)  # until it waits
        took, told = ends(run, signal.SIGINT)
        assert took < A_SECOND
        assert run.returncode == 130
        assert "Traceback" not in told
        assert left(program.temp) == []
        # The bytes that came are kept, for the next run.
        assert {path.suffix for path in left(folder)} <= {".xz", ".seal", ".tree", *([".part"] if fault else [])}
    if after:
        assert not is_alive(pid.read_text().strip())
