"""Shells that are shell scripts, a real SpiderMonkey where one is installed, and a terminal that is a real one."""

from __future__ import annotations

import os
import pty
import queue
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.model import Build
from mozbisect.launch.settings import LaunchSettings
from mozbisect.launch.shell import ShellApp, ShellLauncher, with_libraries

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

SETTINGS = LaunchSettings(app="jsshell", os="linux", binary_names=("js", "js.exe"), interactive=False)

Shells = Callable[[str], Path]


@pytest.fixture
def shell_with(tmp_path: Path) -> Shells:
    """An unpacked zip whose ``js``, at its top, is the given shell script."""

    def make(script: str) -> Path:
        tree = tmp_path / "a tree"
        tree.mkdir(exist_ok=True)
        (tree / "js").write_text(f"#!/bin/sh\n{script}\n")
        return tree

    return make


class Seat:
    def __init__(self, settings: LaunchSettings = SETTINGS, patience: float = 20) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self.launcher = ShellLauncher(settings, show=self.lines.put, patience=patience, at_terminal=lambda: False)

    @contextmanager
    def run(self, tree: Path, build: Build) -> Iterator[ShellApp]:
        with self.launcher.install(tree, build) as app:
            app.start()
            yield app


def test_the_shell_at_the_top_is_found_made_executable_and_given_the_persons_arguments(
    shell_with: Shells, build: Build
) -> None:
    tree = shell_with('for word; do echo "<$word>"; done; echo to err >&2; exit 7')
    with Seat(replace(SETTINGS, args=("-e", "print(1)", "two words"))).run(tree, build) as app:
        assert app.binary == tree / "js"
        assert app.wait() == 7
        assert app.output() == "<-e>\n<print(1)>\n<two words>\nto err\n"
        assert app.crashed() is None
        assert app.facts == {}
        assert not app.running()


def test_a_build_without_a_shell_is_broken(tmp_path: Path, build: Build) -> None:
    with pytest.raises(BrokenBuild, match="no program"), Seat().launcher.install(tmp_path, build):
        pass


def test_what_a_script_ends_with_at_once_is_evidence_and_no_broken_build(shell_with: Shells, build: Build) -> None:
    with Seat().run(shell_with("exit 3"), build) as app:
        assert app.wait() == 3
    with Seat().run(shell_with("kill -SEGV $$"), build) as app:
        assert app.wait() == -signal.SIGSEGV
        assert app.crashed() == "killed by SIGSEGV"


def test_a_shell_that_the_system_cannot_load_is_broken_and_the_library_is_named(
    shell_with: Shells, build: Build
) -> None:
    said = "js: error while loading shared libraries: libnspr4.so: cannot open shared object file: No such file"
    with (
        pytest.raises(BrokenBuild, match=r"(?s)cannot be loaded \(exit status 127\).*libnspr4\.so.*package"),
        Seat().run(shell_with(f"echo '{said}' >&2; exit 127"), build),
    ):
        pass


def test_a_shell_of_another_machine_is_broken(shell_with: Shells, build: Build) -> None:
    tree = shell_with("")
    (tree / "js").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(BrokenBuild, match="Exec format error"), Seat().run(tree, build):
        pass


def test_libraries_beside_the_shell_are_found_and_nothing_is_set_without_them(shell_with: Shells, build: Build) -> None:
    tree = shell_with('echo "${LD_LIBRARY_PATH-unset}"')
    env = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}

    def told(**own: str) -> str:
        launcher = ShellLauncher(SETTINGS, own_environment={**env, **own}, patience=20)
        with launcher.install(tree, build) as app:
            app.start()
            return app.output()

    assert told() == "unset\n"
    (tree / "libnspr4.so").write_text("")
    assert told() == f"{tree}\n"
    assert told(LD_LIBRARY_PATH="/mine") == f"{tree}{os.pathsep}/mine\n"


def test_each_system_has_its_own_name_for_it(tmp_path: Path) -> None:
    (tmp_path / "libnspr4.dylib").write_text("")
    assert with_libraries({}, tmp_path, "mac") == {"DYLD_LIBRARY_PATH": str(tmp_path)}
    assert with_libraries({}, tmp_path, "linux") == {}
    assert with_libraries({"A": "1"}, tmp_path, "win") == {"A": "1"}


def test_stop_ends_it_with_its_children(shell_with: Shells, build: Build) -> None:
    with Seat(patience=0.01).run(shell_with("echo begun; sleep 60 & wait"), build) as app:
        assert app.wait(0.01) is None
        assert app.running()
    assert not app.running()


def test_output_is_shown_to_a_person_whose_answers_come_from_a_file(shell_with: Shells, build: Build) -> None:
    seat = Seat(replace(SETTINGS, interactive=True))
    with seat.run(shell_with("echo hello; cat"), build) as app:  # cat ends: nothing comes from standard input
        assert app.wait() == 0
    assert seat.lines.get(timeout=20) == "hello"


# ------------------------------------------------------------------------------------------- at a terminal

AT_TERMINAL = """
import sys
from pathlib import Path
from dataclasses import replace
from tests.launch.conftest import BUILD
from tests.launch.test_shell import SETTINGS
from mozbisect.launch.shell import ShellLauncher
settings = replace(SETTINGS, interactive=True, args=tuple(sys.argv[2:]))
with ShellLauncher(settings).install(Path(sys.argv[1]), BUILD) as app:
    app.start()
    print("START RETURNED", app.wait(), app.running(), app.crashed(), flush=True)
    print("ANSWER", input("good or bad? "), flush=True)
"""


def at_terminal(tree: Path, *args: str) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_TERMINAL, str(tree), *args], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    return process, ours


def read_until(terminal: int, word: str) -> str:
    text = ""
    while word not in text:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"waited in vain for {word!r} after {text!r}"
        with suppress(OSError):  # Linux: the other side has closed it
            chunk = os.read(terminal, 4096)
            if chunk:
                text += chunk.decode()
                continue
        pytest.fail(f"it ended before {word!r}: {text!r}")
    return text


def test_at_a_terminal_the_shell_is_the_persons_until_they_leave_it(shell_with: Shells) -> None:
    tree = shell_with('while read -r line; do echo "js says $line"; [ "$line" = quit ] && exit 5; done')
    process, terminal = at_terminal(tree)
    read_until(terminal, "The shell is yours")
    os.write(terminal, b"one\n")
    assert "RETURNED" not in read_until(terminal, "js says one")
    os.write(terminal, b"quit\n")
    assert "START RETURNED 5 False None" in read_until(terminal, "good or bad?")
    os.write(terminal, b"bad\n")
    read_until(terminal, "ANSWER bad")
    assert process.wait(30) == 0
    os.close(terminal)


def test_a_crash_at_a_terminal_is_known(shell_with: Shells) -> None:
    process, terminal = at_terminal(shell_with("kill -ABRT $$"))
    assert "killed by SIGABRT" in read_until(terminal, "good or bad?")
    process.kill()
    process.wait()
    os.close(terminal)


# ------------------------------------------------------------------------------------------ real SpiderMonkey

JS = next((found for found in map(shutil.which, ("js", "js128", "js115", "js102", "js91", "js78")) if found), None)
needs_js = pytest.mark.skipif(JS is None, reason="no SpiderMonkey is installed (libmozjs-102-dev)")


@pytest.fixture
def spidermonkey(tmp_path: Path) -> Path:
    assert JS is not None
    tree = tmp_path / "zip"
    tree.mkdir()
    shutil.copy(JS, tree / "js")
    return tree


@pytest.mark.spidermonkey
@needs_js
def test_a_real_shell_runs_a_script_and_its_output_is_caught(spidermonkey: Path, build: Build) -> None:
    with Seat(replace(SETTINGS, args=("-e", "print([1, 2, 3].map(x => x * 2)); printErr('e'); quit(6)"))).run(
        spidermonkey, build
    ) as app:
        assert app.wait() == 6
        assert app.output() == "2,4,6\ne\n"
        assert app.crashed() is None


@pytest.mark.spidermonkey
@needs_js
def test_an_error_in_a_script_for_a_real_shell_is_evidence(spidermonkey: Path, build: Build) -> None:
    with Seat(replace(SETTINGS, args=("-e", "throw new Error('broken')"))).run(spidermonkey, build) as app:
        assert app.wait() == 3
        assert "Error: broken" in app.output()


@pytest.mark.spidermonkey
@needs_js
def test_a_real_shell_that_is_killed_by_a_crash_has_crashed(spidermonkey: Path, build: Build) -> None:
    with Seat(replace(SETTINGS, args=("-e", "for (;;);")), patience=0.1).run(spidermonkey, build) as app:
        assert app._run is not None
        os.kill(app._run.pid, signal.SIGABRT)  # it has a handler of its own for SIGSEGV
        assert app.wait() == -signal.SIGABRT
        assert app.crashed() == "killed by SIGABRT"


@pytest.mark.spidermonkey
@needs_js
def test_a_real_shell_talks_to_a_person(spidermonkey: Path) -> None:
    process, terminal = at_terminal(spidermonkey)
    read_until(terminal, "js>")
    os.write(terminal, b"6 * 7\n")
    read_until(terminal, "42")
    os.write(terminal, b"quit()\n")
    assert "START RETURNED 0 False None" in read_until(terminal, "good or bad?")
    os.write(terminal, b"good\n")
    read_until(terminal, "ANSWER good")
    assert process.wait(30) == 0
    os.close(terminal)
