"""Real commands: small shell scripts on disk."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import CommandBroken, UsageError
from mozbisect.core.model import FIX, REGRESSION, Side, Terms, Verdict
from mozbisect.core.ports import Question
from mozbisect.judge.command import CommandJudge, split
from mozbisect.processes import ProcessTree
from tests.judge.conftest import NIGHTLY, PUSH, FakeApp
from tests.test_processes import lives

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are shell scripts")

Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A shell script on disk, as the words of a command."""

    def make(text: str) -> str:
        path = tmp_path / "my test.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return shlex.quote(str(path))

    return make


def judge(
    command: str, *, timeout: float | None = None, on_timeout: str = "bad", terms: Terms = REGRESSION
) -> CommandJudge:
    return CommandJudge(command, timeout=timeout, on_timeout=on_timeout, terms=terms)


@pytest.mark.parametrize(
    ("ending", "side", "reason"),
    [
        ("exit 0", Side.OLD, "exit status 0"),
        ("exit 1", Side.NEW, "exit status 1"),
        ("exit 124", Side.NEW, "exit status 124"),
        ("exit 125", Side.UNTESTABLE, "exit status 125"),
        ("exit 128", Side.NEW, "exit status 128"),
        ("exit 255", Side.NEW, "exit status 255"),
        ("kill -SEGV $$", Side.NEW, "killed by SIGSEGV"),
        ("kill -KILL $$", Side.NEW, "killed by SIGKILL"),
        ("kill -35 $$", Side.NEW, "killed by signal 35"),
    ],
)
def test_the_exit_status_is_the_verdict(
    script: Script, app: FakeApp, question: Question, ending: str, side: Side, reason: str
) -> None:
    assert judge(script(ending)).judge(app, PUSH, question) == Verdict(side, reason)
    assert app.done == []  # the command starts the build, if it wants to


@pytest.mark.parametrize(("status", "side"), [(0, Side.NEW), (1, Side.OLD), (125, Side.UNTESTABLE)])
def test_when_a_fix_is_looked_for_good_is_the_new_side(
    script: Script, app: FakeApp, question: Question, status: int, side: Side
) -> None:
    verdict = judge(script(f"exit {status}"), terms=FIX).judge(app, PUSH, question)
    assert isinstance(verdict, Verdict)
    assert verdict.side is side


@pytest.mark.parametrize("status", [126, 127])
def test_a_command_that_says_it_is_broken_stops_the_run(
    script: Script, app: FakeApp, question: Question, status: int
) -> None:
    command = script(f"exit {status}")
    with pytest.raises(CommandBroken, match=f"exit status {status}") as caught:
        judge(command).judge(app, PUSH, question)
    assert command in caught.value.what
    assert "chmod +x" in caught.value.advice


def test_a_program_that_vanished_or_cannot_be_run_stops_the_run(
    script: Script, app: FakeApp, question: Question, tmp_path: Path
) -> None:
    no_script = tmp_path / "data"
    no_script.write_bytes(b"\x7fELF")
    no_script.chmod(0o755)
    with pytest.raises(CommandBroken, match="Exec format error"):
        judge(str(no_script)).judge(app, PUSH, question)
    vanished = judge(script("exit 0"))
    (tmp_path / "my test.sh").unlink()
    with pytest.raises(CommandBroken, match="No such file"):
        vanished.judge(app, PUSH, question)
    with pytest.raises(CommandBroken, match="No such file"):
        judge("{binary} --headless").judge(app, PUSH, question)


def test_a_program_that_does_not_exist_is_found_out_before_anything_is_downloaded(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(stat.S_IRUSR)
    with pytest.raises(CommandBroken, match="there is no such program"):
        judge("no-such-program-anywhere {binary}")
    with pytest.raises(CommandBroken, match="it is not executable"):
        judge(str(plain))
    judge("sh -c true")
    judge("{binary}")
    judge("'{binary}-wrapper'")


@pytest.mark.parametrize("command", ["", "  ", "sh 'open", 'sh "open', "sh {nothing}", "sh {", "{nothing}"])
def test_a_command_that_cannot_be_understood_is_refused_at_once(command: str) -> None:
    with pytest.raises(UsageError):
        judge(command)


def test_each_word_stays_one_argument_whatever_its_placeholders_hold(
    script: Script, app: FakeApp, question: Question, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    app.binary = Path("/a b/$HOME;'\"*")
    command = script(f'printf "%s\\n" "$@" >{shlex.quote(str(told))}')
    judge(command + " {binary} --x={app_name}  'two words' '{{}}' ~ $HOME").judge(app, PUSH, question)
    assert told.read_text().splitlines() == ["/a b/$HOME;'\"*", "--x=firefox", "two words", "{}", "~", "$HOME"]


def test_the_environment_tells_the_same(script: Script, app: FakeApp, question: Question, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = script(f"env >{shlex.quote(str(told))}")
    given = {"PATH": os.environ["PATH"], "MINE": "1"}
    made = CommandJudge(command, timeout=None, on_timeout="bad", terms=REGRESSION, own_environment=given)
    made.judge(app, NIGHTLY, question)
    env = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert env["MINE"] == "1"
    assert env["MOZBISECT_BINARY"] == env["MOZREGRESSION_BINARY"] == "/builds/with space/firefox"
    assert env["MOZBISECT_BUILD_DATE"] == "2026-09-14"
    assert env["MOZREGRESSION_BUILD_TYPE"] == "nightly"
    assert env["MOZBISECT_TASK_ID"] == ""


def test_our_standard_output_stays_for_results(
    script: Script, app: FakeApp, question: Question, capfd: pytest.CaptureFixture[str]
) -> None:
    judge(script("echo to out; echo to err >&2")).judge(app, PUSH, question)
    assert capfd.readouterr() == ("", "to out\nto err\n")


def test_a_command_has_no_standard_input(script: Script, app: FakeApp, question: Question) -> None:
    assert judge(script("read line || exit 0; exit 1")).judge(app, PUSH, question) == Verdict(Side.OLD, "exit status 0")


def test_the_command_line_that_is_run_is_shown(script: Script, app: FakeApp, question: Question) -> None:
    shown: list[str] = []
    command = script("exit 0")
    CommandJudge(command + " {binary}", timeout=None, on_timeout="bad", terms=REGRESSION, show=shown.append).judge(
        app, PUSH, question
    )
    assert shown == [f"Running {command} '/builds/with space/firefox'"]


def test_the_home_folder_of_a_program_is_found(
    script: Script, app: FakeApp, question: Question, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script("exit 0")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert judge("'~/my test.sh'").judge(app, PUSH, question) == Verdict(Side.OLD, "exit status 0")


# ------------------------------------------------------------------------------------------ processes

# Prints its processes into the fifo {pids} once all of them run, and none of them heeds SIGTERM.
STUBBORN = "trap '' TERM\nsh -c 'sleep 60 & echo $$ $! >\"$0\"; wait' {pids} &\nwait; sleep 60"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessTree.end, "__defaults__", (0.2,))  # else each takes three seconds


Wait = Callable[[ProcessTree, float | None], int | None]


def when_all_run(monkeypatch: pytest.MonkeyPatch, fifo: Path, then: Wait) -> list[int]:
    """The judge's waiting first hears from the command that all its processes run; they are put into the list."""
    os.mkfifo(fifo)
    started: list[int] = []
    waits = iter([True])

    def wait(tree: ProcessTree, timeout: float | None = None) -> int | None:
        if not next(waits, False):
            return real(tree, timeout)
        started.extend([tree.pid, *map(int, fifo.read_text().split())])
        assert len(started) == 3
        assert all(map(lives, started))
        return then(tree, timeout)

    real = ProcessTree.wait
    monkeypatch.setattr(ProcessTree, "wait", wait)
    return started


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("on_timeout", "side"), [("bad", Side.NEW), ("good", Side.OLD), ("skip", Side.UNTESTABLE)])
def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    script: Script,
    app: FakeApp,
    question: Question,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_timeout: str,
    side: Side,
) -> None:
    fifo = tmp_path / "pids"
    command = script(STUBBORN.format(pids=shlex.quote(str(fifo))))
    started = when_all_run(monkeypatch, fifo, ProcessTree.wait)
    verdict = judge(command, timeout=0.05, on_timeout=on_timeout).judge(app, PUSH, question)
    assert verdict == Verdict(side, "timed out after 0.05 s")
    assert len(started) == 3
    assert not any(map(lives, started))


@pytest.mark.usefixtures("impatient")
def test_an_interruption_ends_the_command_with_all_it_started(
    script: Script, app: FakeApp, question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_tree: ProcessTree, _timeout: float | None) -> int | None:
        raise KeyboardInterrupt

    fifo = tmp_path / "pids"
    command = script(STUBBORN.format(pids=shlex.quote(str(fifo))))
    started = when_all_run(monkeypatch, fifo, interrupted)
    with pytest.raises(KeyboardInterrupt):
        judge(command).judge(app, PUSH, question)
    assert len(started) == 3
    assert not any(map(lives, started))


def test_what_a_command_leaves_behind_does_not_meet_the_next_build(
    script: Script, app: FakeApp, question: Question, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    verdict = judge(script(f"sleep 60 & echo $! >{shlex.quote(str(pid))}; exit 1")).judge(app, PUSH, question)
    assert verdict == Verdict(Side.NEW, "exit status 1")
    assert not lives(int(pid.read_text()))


# ------------------------------------------------------------------------------------------ splitting


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_posix_words_come_back_as_they_were_quoted(words: list[str]) -> None:
    words[0] = f"./{words[0]}"
    assert split(shlex.join(words), windows=False) == tuple(words)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (r"C:\tests\run.exe {binary}", (r"C:\tests\run.exe", "{binary}")),
        (r'"C:\my tests\run.exe"  --x="a b" c', (r"C:\my tests\run.exe", "--x=a b", "c")),
        (r"py it's.py", ("py", "it's.py")),
        (r'run ""', ("run", "")),
    ],
)
def test_on_windows_a_backslash_belongs_to_the_path(command: str, words: tuple[str, ...]) -> None:
    assert split(command, windows=True) == words
    with pytest.raises(UsageError):
        split(command + ' "', windows=True)
