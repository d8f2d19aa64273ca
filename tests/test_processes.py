"""Programs of our own on a real system: what is started must be gone, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mozbisect import processes
from mozbisect.processes import ProcessTree

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="found through /proc")


def lives(pid: int) -> bool:
    """A process that has ended but was not yet waited for by its new parent does not live."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self/stat").exists():
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it went while we looked
        return False


def started(script: str) -> tuple[ProcessTree, list[int]]:
    """A shell that runs ``script``, which prints the process ids of its children in one line when all is set up."""
    tree = ProcessTree(["/bin/sh", "-c", script], env=os.environ, stdout=subprocess.PIPE)
    assert tree.output is not None
    return tree, [tree.pid, *map(int, tree.output.readline().split())]


def test_a_tree_ends_with_its_children_and_grandchildren() -> None:
    tree, pids = started("sh -c 'sleep 60 & echo $$ $!; wait'; exit")
    assert len(pids) == 3
    assert all(map(lives, pids))
    tree.end()
    assert not any(map(lives, pids))


@needs_proc
def test_a_program_whose_file_is_still_open_elsewhere_is_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    writer = program.open("ab")
    threading.Timer(0.1, writer.close).start()
    tree = ProcessTree([str(program)], env=os.environ)
    assert tree.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_just_being_started_when_we_are_interrupted_ends_as_well(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    class Slow(subprocess.Popen[bytes]):
        """The signal comes while it is known to nobody but itself."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            begun.append(self)
            signal.raise_signal(number)

    monkeypatch.setattr(subprocess, "Popen", Slow)
    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            ProcessTree(["sleep", "60"], env=os.environ)
        assert signal.getsignal(number) is interrupt
    finally:
        signal.signal(number, before)
    assert len(begun) == 1
    assert not lives(begun[0].pid)


def test_who_ignores_the_question_is_killed() -> None:
    tree, pids = started("trap '' TERM; sh -c 'sleep 60 & echo $$ $!; wait'; sleep 60")
    tree.end(grace=0.2)
    assert not any(map(lives, pids))
    assert tree.poll() == -signal.SIGKILL


def test_who_can_end_by_itself_is_not_killed(tmp_path: Path) -> None:
    left = tmp_path / "left"
    tree, _ = started(f"trap 'echo tidy >{left}; exit 7' TERM; echo; while :; do sleep 0.01; done")
    tree.end()
    assert left.read_text() == "tidy\n"
    assert tree.poll() == 7


def test_children_that_outlive_the_program_are_ended_too() -> None:
    tree, pids = started("sleep 60 & echo $!; exit 3")
    assert tree.wait() == 3
    assert lives(pids[1])
    tree.end()
    assert not lives(pids[1])


@needs_proc
@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
def test_a_daemon_that_left_the_session_is_ended_too() -> None:
    tree, pids = started("setsid sh -c 'echo $$; exec sleep 60'; exit")
    tree.end()
    assert not any(map(lives, pids))


@needs_proc
def test_a_child_with_a_cleared_environment_is_ended_too() -> None:
    tree, pids = started("env -i sleep 60 & echo $!; wait")
    tree.end()
    assert not any(map(lives, pids))


def test_nobody_else_is_touched() -> None:
    other, (other_pid,) = started("echo; exec sleep 60")
    tree, _ = started("echo; exec sleep 60")
    tree.end()
    assert lives(other_pid)
    other.end()


def test_to_end_twice_is_harmless() -> None:
    tree, _ = started("echo; exec sleep 60")
    tree.end()
    tree.end()
    assert tree.poll() == -signal.SIGTERM


def test_an_interruption_while_ending_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, pids = started("trap '' TERM; echo; sleep 60; sleep 60")

    def interrupted(_seconds: float) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr("mozbisect.processes.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tree.end(grace=60)
    assert not any(map(lives, pids))


def test_waiting_has_a_limit_and_gives_the_status() -> None:
    tree, _ = started("echo; exec sleep 60")
    assert tree.wait(0.01) is None
    tree.end()
    assert tree.wait(0.01) == -signal.SIGTERM


def test_what_a_person_types_does_not_go_to_the_program() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"good\n")
    ours = os.dup(0)
    os.dup2(reading, 0)
    try:
        assert ProcessTree(["/bin/sh", "-c", "read line"], env=os.environ).wait() == 1
    finally:
        os.dup2(ours, 0)
        for descriptor in (ours, reading, writing):
            os.close(descriptor)


def test_a_program_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ProcessTree([str(tmp_path / "none")], env=os.environ)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked for it")
def test_a_program_that_dies_with_us_does_so_even_if_we_are_killed(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from mozbisect import processes
from mozbisect.processes import ProcessTree
tree = ProcessTree(["sleep", "600"], env=dict(os.environ), dies_with_us=True)
print(tree.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    until = time.monotonic() + 5
    while is_alive(done.stdout.strip()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(done.stdout.strip())


def is_alive(pid: str) -> bool:
    try:
        return b") Z" not in Path("/proc", pid, "stat").read_bytes()
    except OSError:
        return False


def test_who_has_the_terminal_stays_in_our_session_and_is_ended_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_proc in {processes._HAS_PROC, False}:
        monkeypatch.setattr(processes, "_HAS_PROC", has_proc)
        tree = ProcessTree(["sleep", "60"], env=os.environ, has_terminal=True)
        assert os.getsid(tree.pid) == os.getsid(0)
        assert os.getpgid(tree.pid) == os.getpgid(0)
        tree.end()
        assert tree.poll() == -signal.SIGTERM


# What Windows does with a tree, seen through a stand-in for taskkill that takes only its last word for a process.
TASKKILL = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/log"
for pid; do :; done
case "$*" in *"/F "*) kill -9 "$pid" ;; *) kill "$pid" ;; esac
"""


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "taskkill").write_text(TASKKILL)
    (folder / "taskkill").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(processes, "_WINDOWS", True)
    monkeypatch.setattr(processes, "_HAS_PROC", False)
    return folder


def test_windows_is_asked_to_end_a_tree_gently_first(windows: Path) -> None:
    tree, _ = started("echo; exec sleep 60")
    tree.end()
    assert tree.poll() == -signal.SIGTERM
    assert (windows / "log").read_text() == f"/T /PID {tree.pid}\n"


def test_windows_is_made_to_end_who_does_not_go(windows: Path) -> None:
    tree, _ = started("trap '' TERM; echo; while :; do sleep 0.05; done")
    tree.end(grace=0.2)
    assert tree.poll() == -signal.SIGKILL
    assert (windows / "log").read_text().splitlines()[:2] == [f"/T /PID {tree.pid}", f"/T /F /PID {tree.pid}"]


def test_windows_without_its_tools_ends_at_least_the_program(windows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, _ = started("echo; exec sleep 60")
    (windows / "taskkill").unlink()
    monkeypatch.setenv("PATH", str(windows))
    tree.end(grace=0.2)
    assert tree.poll() == -signal.SIGKILL


def test_windows_is_left_alone_when_the_program_has_ended(windows: Path) -> None:
    tree, _ = started("echo; exit 3")
    assert tree.wait() == 3
    tree.end()
    assert not (windows / "log").exists()


def test_who_does_not_go_is_killed_also_where_each_look_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, pids = started("trap '' TERM; echo; while :; do sleep 0.05; done")
    monkeypatch.setattr(processes, "_LAST_WAIT", -1.0)  # over before the first look
    tree.end(grace=0.0)
    tree.wait(5)
    assert not any(map(lives, pids))
