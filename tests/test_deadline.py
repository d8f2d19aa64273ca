"""In time: no test is begun that will not end, what hangs is ended, and nothing that was answered is lost."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.alarm import alarm
from mozbisect.core.deadline import Deadline
from mozbisect.core.errors import Interrupted, OutOfTime
from mozbisect.core.journal import Judged, from_line
from mozbisect.core.model import Answer, Build, Move
from mozbisect.core.ports import Question
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from tests.fakes import FakeSource, TruthfulJudge
from tests.test_doors import SMALL, Program, asked, last_and_first, truth
from tests.test_engine import Run, culprit_of

# --------------------------------------------------------------------------------------------- the loop


class Clock:
    """Moves when somebody works, and only then."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def worker(self, seconds: list[float]) -> TruthfulJudge:
        """A judge whose tests take so long, one after the other; the last goes on for ever."""
        source = FakeSource()

        def work(build: Build, question: Question) -> Answer | None:
            self.now += seconds.pop(0) if len(seconds) > 1 else seconds[0]
            return None

        return TruthfulJudge(source.contains, culprit_of(source, 77), before=work)


@given(seconds=st.lists(st.floats(0.1, 100), min_size=1, max_size=8), budget=st.floats(0, 1000))
@settings(max_examples=200)
def test_no_test_is_begun_that_would_end_too_late_if_it_took_as_long_as_the_longest(
    seconds: list[float], budget: float
) -> None:
    clock, began = Clock(), list[float]()
    judge = clock.worker(list(seconds))
    work = judge.before

    def noted(build: Build, question: Question) -> Answer | None:
        began.append(clock.now)
        return work(build, question)

    judge.before = noted
    deadline = Deadline(clock.now + budget)
    run = Run(FakeSource(), judge, clock=clock, deadline=deadline)
    try:
        run.go()
        in_time = True
    except OutOfTime:
        in_time = False
    took = [after - before for before, after in pairwise([*began, clock.now])]
    assert in_time or not deadline.has_room(clock.now, max(took, default=0))
    for at, moment in enumerate(began):
        assert deadline.has_room(moment, max(took[:at], default=0))


def test_what_was_answered_in_time_is_kept_and_a_later_run_ends_the_search() -> None:
    source, clock = FakeSource(), Clock()
    whole = Run(source, TruthfulJudge(source.contains, culprit_of(source, 77))).go()
    run = Run(source, clock.worker([10.0]), clock=clock, deadline=Deadline(clock.now + 45))
    with pytest.raises(OutOfTime, match="in 5 s, and the longest test so far took 10 s"):
        run.go()
    assert len(run.judge.asked) == 4
    run.more["deadline"] = None
    assert run.go() == whole
    assert len(run.judge.asked) == len(set(run.judge.asked))


def test_what_an_earlier_run_measured_counts_in_the_next() -> None:
    clock = Clock()
    run = Run(FakeSource(), clock.worker([30.0]), clock=clock, deadline=Deadline(clock.now + 70))
    with pytest.raises(OutOfTime):
        run.go()
    seen = len(run.judge.asked)
    run.more["deadline"] = Deadline(clock.now + 20)
    with pytest.raises(OutOfTime, match="took 30 s"):
        run.go()
    assert len(run.judge.asked) == seen


def test_without_a_deadline_nothing_is_too_long_and_an_end_in_time_is_an_end() -> None:
    clock = Clock()
    assert Run(FakeSource(), clock.worker([1e6]), clock=clock).go()
    assert Run(FakeSource(), clock.worker([1.0]), clock=clock, deadline=Deadline(clock.now + 60)).go()


def test_quit_is_quit_also_with_a_deadline() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 77), before=lambda build, question: Move.QUIT)
    with pytest.raises(Interrupted):
        Run(source, judge, deadline=Deadline(1.0)).go()


# --------------------------------------------------------------------------------------------- the alarm


def test_it_wakes_the_main_thread_from_a_wait_that_would_not_end() -> None:
    before = signal.getsignal(signal.SIGALRM)
    rang = []

    def wait_too_long() -> None:
        with alarm(0.05) as bell:
            try:
                threading.Event().wait(60)
            finally:
                rang.append(bell.rang)

    with pytest.raises(KeyboardInterrupt):
        wait_too_long()
    assert rang == [True]
    assert signal.getsignal(signal.SIGALRM) == before


@pytest.mark.parametrize("seconds", [None, 60.0, 1e12])
def test_it_does_not_ring_when_all_is_over_before(seconds: float | None) -> None:
    threads = threading.active_count()
    with alarm(seconds) as bell:
        pass
    assert not bell.rang
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads


def test_in_another_thread_it_is_silent() -> None:
    rang: list[bool] = []

    def work() -> None:
        with alarm(0.01) as bell:
            time.sleep(0.05)
        rang.append(bell.rang)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert rang == [False]


# --------------------------------------------------------------------------------------------- the program


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_a_test_that_hangs_is_ended_with_status_6_and_the_line_to_resume(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    script, summary, hung = tmp_path / "test.sh", tmp_path / "summary.md", tmp_path / "hung"
    # The third build hangs, once, and what it has started goes with it.
    script.write_text(
        f"#!/bin/sh\necho >>{tmp_path}/count\n[ $(wc -l <{tmp_path}/count) = 3 ] && {{ touch {hung}; sleep 61; }}\n"
        'exec "$1" --check\n'
    )
    script.chmod(0o755)
    summary.write_text("# Before\n")
    words = [*asked(world, server, f"{script} {{binary}}"), "--summary", str(summary)]
    began = time.monotonic()
    done = program(*words, "--deadline", "12s", "--output", "json")
    assert done.returncode == 6, done.stderr
    assert time.monotonic() - began < 50
    assert done.stdout == ""
    assert "deadline" in done.stderr
    match = re.search(r"go on with mozbisect resume (\S+)", done.stderr)
    assert match
    assert list(program.temp.iterdir()) == []
    text = summary.read_text()
    assert text.startswith("# Before\n## mozbisect\n\n**Not found.**")
    assert f"mozbisect resume {match[1]}" in text
    kept = program.verdicts()
    if hung.exists():  # else the machine was so slow that it did not come to that
        assert kept == 2
    # The session knows of no deadline.
    again = program("resume", match[1], "--summary", str(summary), more={"CI": "true"})
    assert again.returncode == 0, again.stderr
    assert last_and_first(again.stdout) == truth(world)
    assert truth(world)[1] in summary.read_text()
    keys = [event.key for line in program.journal() if isinstance(event := from_line(line), Judged)]
    assert len(keys) == len(set(keys)) > kept


def test_a_run_in_time_is_as_without_a_deadline_and_adds_its_summary(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    done = program(*asked(world, server), "--deadline", "1h30m", "--summary", str(summary), "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["first_bad"]["revision"] == truth(world)[1]
    assert summary.read_text() == f"## mozbisect\n\n{program('report', '--output', 'markdown').stdout}"
    assert "--deadline" not in program("log").stdout


def test_the_environment_sets_both_and_empty_is_none(program: Program, world: World, server: PracticeServer) -> None:
    done = program(*asked(world, server), more={"MOZBISECT_DEADLINE": "90"})
    assert done.returncode == 2
    assert "neither a duration nor a time" in done.stderr
    done = program(*asked(world, server), "--summary", "", "--deadline", "")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--deadline", "2020-01-01"], "over already"),
        (["--summary", "/no/such/folder/file.md"], "in a folder that does not exist"),
        (["--summary", "/"], "is a folder"),
    ],
)
def test_what_could_not_be_kept_is_refused_before_anything_begins(
    program: Program, world: World, server: PracticeServer, words: list[str], says: str
) -> None:
    done = program(*asked(world, server), *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (program.state / "sessions").exists()


def test_a_summary_that_cannot_be_written_does_not_cost_the_answer(
    program: Program, world: World, server: PracticeServer
) -> None:
    done = program(*asked(world, server), "--summary", "/dev/full")
    assert done.returncode == 0, done.stderr
    assert last_and_first(done.stdout) == truth(world)
    assert "could not be written to /dev/full" in done.stderr


# --------------------------------------------------------------------------------------------- nobody is there


def test_where_nobody_can_answer_that_is_said_before_anything_is_downloaded(
    program: Program, world: World, server: PracticeServer
) -> None:
    before = len(server.log)
    done = program(*asked(world, server, None), "--headless", typed="")
    assert done.returncode == 2
    assert "--command" in done.stderr
    assert "Nobody can be asked" in done.stderr
    assert "good, bad, or broken" not in done.stderr
    assert len(server.log) == before
