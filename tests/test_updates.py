"""That there is a newer release is said at most once a day, to people, and never in the way."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect import __version__
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from mozbisect.updates import Notices, may_ask, newest_of
from tests.test_doors import SMALL, Program, asked
from tests.test_mach import fake_pip

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def notices(tmp_path: Path) -> Notices:
    return Notices(tmp_path / "state" / "updates")


def told(notices: Notices, now: datetime) -> list[str]:
    lines: list[str] = []
    notices.tell(now, say=lines.append)
    return lines


def ask(notices: Notices, now: datetime, answer: str = "99.0") -> int:
    """How often pip was asked."""
    asked: list[Path] = []
    notices.ask(now, begin=asked.append)
    for path in asked:
        path.write_text(answer)
    return len(asked)


# -------------------------------------------------------------------------------------------------- versions

NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(st.lists(NUMBERS, min_size=1, max_size=6), NUMBERS)
def test_the_newest_is_told_if_it_is_newer_however_it_is_listed(found: list[list[int]], own: list[int]) -> None:
    def name(numbers: list[int]) -> str:
        return ".".join(map(str, numbers))

    def plain(numbers: list[int]) -> list[int]:
        return plain(numbers[:-1]) if numbers and not numbers[-1] else numbers

    said = newest_of(f"Available versions: {', '.join(map(name, found))}\n", own=name(own))
    newest = max(found, key=plain)
    if plain(newest) > plain(own):
        assert said is not None
        assert plain([int(part) for part in said.split(".")]) == plain(newest)
    else:
        assert said is None


@pytest.mark.parametrize(
    ("own", "newest", "newer"),
    [
        ("1.0", "1.0.0", False),
        ("1.0rc1", "1.0", True),
        ("1.1.dev3", "1.0", False),
        ("1.0", "1.0.post1", True),
        ("1.0+local", "1.0", False),
        ("1.0.post2", "1.0.post1", False),
        ("nonsense", "1.0", True),
    ],
)
def test_odd_versions_are_in_their_order(own: str, newest: str, newer: bool) -> None:
    assert (newest_of(f"Available versions: {newest}", own=own) is not None) == newer


# ------------------------------------------------------------------------------------------------- once a day


def test_pip_is_asked_and_the_person_told_at_most_once_a_day(notices: Notices) -> None:
    assert told(notices, NOW) == []
    assert ask(notices, NOW) == 1
    (line,) = told(notices, NOW)
    assert "99.0" in line
    assert __version__ in line
    later = NOW + timedelta(hours=23)
    assert (ask(notices, later), told(notices, later)) == (0, [])
    tomorrow = NOW + timedelta(hours=25)
    assert (ask(notices, tomorrow), len(told(notices, tomorrow))) == (1, 1)


@pytest.mark.parametrize("answer", ["", "0.0.1", __version__, "nonsense", "99.0rc1", "\0"])
def test_what_is_no_newer_release_is_not_told(notices: Notices, answer: str) -> None:
    ask(notices, NOW, answer)
    assert told(notices, NOW) == []


def test_after_an_update_it_is_quiet_at_once(notices: Notices) -> None:
    ask(notices, NOW, __version__)
    assert told(notices, NOW + timedelta(days=9)) == []


def test_a_folder_that_cannot_be_written_or_holds_rubbish_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert ask(Notices(file / "updates"), NOW) == 0
    assert told(Notices(file / "updates"), NOW) == []
    odd = Notices(tmp_path / "odd")
    ask(odd, NOW)
    (tmp_path / "odd" / "newest").write_bytes(b"\xff\xfe")
    (tmp_path / "odd" / "asked").write_text("yesterday")
    assert told(odd, NOW) == []
    assert ask(odd, NOW) == 1


def test_a_clock_that_was_set_back_does_not_silence_it_for_years(notices: Notices) -> None:
    ask(notices, NOW + timedelta(days=4000))
    assert ask(notices, NOW) == 1


def test_only_a_person_at_a_terminal_is_told() -> None:
    assert may_ask({}, terminal=True)
    assert may_ask({"CI": ""}, terminal=True)
    assert not may_ask({}, terminal=False)
    assert not may_ask({"CI": "true"}, terminal=True)
    assert not may_ask({"MOZBISECT_BINARY": "/x"}, terminal=True)  # called by a test command


# ------------------------------------------------------------------------------------------------ the program


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


def at_a_terminal(own: dict[str, str], *words: str) -> tuple[int, str]:
    """What a person sees on standard error, and the exit status."""
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "mozbisect", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=own,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not some:
            break
        seen += some
    os.close(ours)
    return run.wait(60), seen.decode(errors="replace")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.02)


def test_the_next_run_says_what_the_first_has_asked(
    world: World, server: PracticeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, go = Program(tmp_path), tmp_path / "go"
    wait = f"while not os.path.exists({str(go)!r}): time.sleep(0.02)"
    called = fake_pip(tmp_path, monkeypatch, f"{wait}\nprint('Available versions: 99.5')")
    own = {**program.own, "PYTHONPATH": str(tmp_path / "fake")}
    own.pop("CI", None)
    words = ["--launch", world.nightlies[0].build_id, *asked(world, server)[4:]]
    newest = program.state / "updates" / "newest"
    for quiet in ({**own, "CI": "true"}, {**own, "MOZBISECT_UPDATE_CHECK": "0"}):
        assert at_a_terminal(quiet, *words)[0] == 0
    assert at_a_terminal(own, *words, "--no-update-check")[0] == 0
    assert program(*words, more={"PYTHONPATH": str(tmp_path / "fake"), "CI": ""}).returncode == 0  # no terminal
    assert not called.exists()
    assert not newest.parent.exists()

    status, seen = at_a_terminal(own, *words)
    assert status == 0
    assert "99.5 is out" not in seen
    go.touch()
    wait_for(newest)
    status, seen = at_a_terminal(own, *words)
    assert status == 0
    assert seen.rstrip().splitlines()[-1].startswith("mozbisect 99.5 is out")
    assert "99.5" not in at_a_terminal(own, *words)[1]


def test_after_an_error_the_person_has_other_worries(world: World, server: PracticeServer, tmp_path: Path) -> None:
    program = Program(tmp_path)
    folder = program.state / "updates"
    folder.mkdir(parents=True)
    (folder / "newest").write_text("99.5")
    (folder / "asked").write_text(datetime.now(UTC).isoformat())
    own = {key: value for key, value in program.own.items() if key != "CI"}
    status, seen = at_a_terminal(own, *asked(world, server, "false"))
    assert status == 4
    assert "99.5" not in seen
    assert not (folder / "told").exists()
