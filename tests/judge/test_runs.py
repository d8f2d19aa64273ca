"""Several runs, one verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild, CommandBroken, UsageError
from mozbisect.core.model import FIX, REGRESSION, Answer, Build, Move, Side, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge.runs import RunsJudge, Tally
from tests.judge.conftest import NIGHTLY, FakeApp

WORDS = ("good", "bad", "skip")


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    runs = draw(st.integers(1, 12))
    return Tally(runs, draw(st.integers(1, runs)))


def counted(empty: Tally, words: Iterator[str] | list[str]) -> Tally:
    """As many runs as it takes."""
    tally = empty
    for word in words:
        if tally.word is not None:
            break
        tally = tally.add(word)
    return tally


@given(tallies(), st.lists(st.sampled_from(WORDS), min_size=12, max_size=12))
def test_stopping_early_never_changes_the_verdict(empty: Tally, words: list[str]) -> None:
    """The rule, told without any thought of stopping."""
    all_of_them = words[: empty.runs]
    if all_of_them.count("bad") >= empty.required:
        expected = "bad"
    else:
        expected = "good" if "good" in all_of_them else "skip"
    tally = counted(empty, all_of_them)
    assert tally.word == expected
    assert len(tally.seen) <= empty.runs


@given(tallies(), st.lists(st.sampled_from(WORDS), min_size=12, max_size=12))
def test_no_run_is_made_whose_outcome_cannot_matter(empty: Tally, words: list[str]) -> None:
    """Before the last run, two continuations still led to different verdicts."""
    tally = counted(empty, words)
    before = Tally(empty.runs, empty.required, tally.seen[:-1])
    left = empty.runs - len(before.seen)
    ends = {counted(before, [word] * left).word for word in WORDS}
    assert len(ends) > 1


@given(tallies())
def test_only_skips_are_a_skip_and_one_kind_of_answer_is_that_answer(empty: Tally) -> None:
    for word in WORDS:
        assert counted(empty, [word] * empty.runs).word == word


@pytest.mark.parametrize(("runs", "required"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (10, 6)])
def test_more_than_half_is_required_unless_it_is_said(runs: int, required: int) -> None:
    assert Tally.of(runs, None) == Tally(runs, required)
    assert Tally.of(runs, 1) == Tally(runs, 1)


@pytest.mark.parametrize(("runs", "required"), [(0, None), (-1, None), (3, 0), (3, 4), (1, 2)])
def test_numbers_that_make_no_sense_are_refused(runs: int, required: int | None) -> None:
    with pytest.raises(UsageError, match="--r"):
        Tally.of(runs, required)


# --------------------------------------------------------------------------------------------- the judge


@dataclass
class Scripted:
    """Gives prepared answers, or raises them."""

    answers: list[Answer | Exception]
    asked: list[Build] = field(default_factory=list)

    def judge(self, app: App, build: Build, question: Question) -> Answer:
        self.asked.append(build)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def says(word: str, reason: str = "", terms: Terms = REGRESSION) -> Verdict:
    return Verdict(terms.side(word), reason)


def run(answers: list[Answer | Exception], tally: Tally, question: Question, terms: Terms = REGRESSION) -> Answer:
    return RunsJudge(Scripted(answers), tally, terms).judge(FakeApp(), NIGHTLY, question)


def test_the_reason_tells_the_count_and_why(app: FakeApp, question: Question) -> None:
    good, bad = says("good", "exit status 0"), says("bad", "exit status 7")
    assert run([bad, good, bad, good, bad], Tally(5, 3), question) == Verdict(
        Side.NEW, "3 of 5 runs bad (exit status 7)"
    )
    assert run([bad, bad, bad], Tally(5, 3), question) == Verdict(Side.NEW, "3 of 3 runs bad (exit status 7)")
    assert run([good, bad, good, good], Tally(5, 3), question) == Verdict(Side.OLD, "1 of 4 runs bad (exit status 0)")
    skip = says("skip", "no sound card")
    assert run([skip, good, skip], Tally(3, 1), question) == Verdict(
        Side.OLD, "0 of 3 runs bad, 2 skipped (exit status 0)"
    )
    assert run([says("skip")] * 2, Tally(2, 1), question) == Verdict(Side.UNTESTABLE, "0 of 2 runs bad, 2 skipped")


def test_only_bad_runs_that_are_too_few_are_no_reason_to_call_it_good(question: Question) -> None:
    answer = run([says("skip", "odd"), says("bad"), says("skip", "odd")], Tally(3, 2), question)
    assert answer == Verdict(Side.UNTESTABLE, "1 of 3 runs bad, 2 skipped (odd)")


def test_when_a_fix_is_looked_for_bad_runs_are_still_the_bad_ones(question: Question) -> None:
    bad, good = says("bad", terms=FIX), says("good", terms=FIX)
    assert run([bad, good, bad], Tally(3, 2), question, FIX) == Verdict(Side.OLD, "2 of 3 runs bad")
    assert run([good, good], Tally(3, 2), question, FIX) == Verdict(Side.NEW, "0 of 2 runs bad")


def test_a_run_that_cannot_start_is_a_skipped_one(question: Question) -> None:
    broken = BrokenBuild("it ended at once (exit status 1):\n  no display")
    assert run([broken, says("bad"), says("bad")], Tally(3, 2), question) == Verdict(
        Side.NEW, "2 of 3 runs bad, 1 skipped"
    )
    assert run([says("skip", "odd"), broken], Tally(2, 1), question) == Verdict(
        Side.UNTESTABLE, "0 of 2 runs bad, 2 skipped (it ended at once (exit status 1))"
    )


def test_a_build_that_never_starts_is_broken_so_that_the_person_may_say_what_that_means(question: Question) -> None:
    with pytest.raises(BrokenBuild, match="no display"):
        run([BrokenBuild("no display"), BrokenBuild("no display")], Tally(2, 1), question)


def test_a_broken_command_stops_everything_and_so_does_a_move(question: Question) -> None:
    with pytest.raises(CommandBroken):
        run([says("good"), CommandBroken("no such program")], Tally(5, 3), question)
    assert run([says("good"), Move.QUIT], Tally(5, 3), question) is Move.QUIT


def test_each_build_begins_to_count_anew(question: Question) -> None:
    judge = RunsJudge(
        Scripted([says("bad"), says("good"), says("good"), says("bad"), says("bad")]), Tally(3, 2), REGRESSION
    )
    assert judge.judge(FakeApp(), NIGHTLY, question) == Verdict(Side.OLD, "1 of 3 runs bad")
    assert judge.judge(FakeApp(), NIGHTLY, question) == Verdict(Side.NEW, "2 of 2 runs bad")
