"""The judges that watch a build by themselves: what each makes of how a build ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild, CannotRun, UsageError
from mozbisect.core.model import FIX, REGRESSION, Side, Terms, Verdict
from mozbisect.core.ports import Judge, Question
from mozbisect.judge.crash import CrashJudge
from mozbisect.judge.output import OutputJudge
from mozbisect.judge.starts import StartsJudge
from tests.judge.conftest import NIGHTLY, FakeApp

GOOD, BAD, SKIP = Side.OLD, Side.NEW, Side.UNTESTABLE
AT_ONCE = "it ended at once (exit status 1):\n  cannot open display"
SEGV, REPORT = "killed by SIGSEGV", "a crash report was left: a.dmp"


@dataclass(frozen=True)
class End:
    """How a build ends."""

    status: int | None = None
    crash: str | None = None
    broken: str | None = None
    said: str = ""

    def app(self) -> FakeApp:
        error = BrokenBuild(self.broken) if self.broken else None
        return FakeApp(status=self.status, crash=self.crash, error=error, said=self.said)


LIVES, DONE = End(), End(status=0)
FAILS, KILLED = End(status=3), End(status=-9)
CRASHES, CHILD_CRASHES = End(status=-11, crash=SEGV), End(crash=REPORT)
DIES, CRASHES_AT_ONCE = End(broken=AT_ONCE), End(broken="it ended at once (killed by signal 11)", crash=SEGV)


def crash(terms: Terms = REGRESSION) -> Judge:
    return CrashJudge(within=30, terms=terms)


def starts(terms: Terms = REGRESSION) -> Judge:
    return StartsJudge(within=30, terms=terms)


def output(pattern: str = "hello", terms: Terms = REGRESSION) -> Judge:
    return OutputJudge(pattern, within=30, terms=terms)


@pytest.mark.parametrize(
    ("judge", "end", "verdict"),
    [
        (crash(), LIVES, Verdict(GOOD, "no crash within 30 s")),
        (crash(), DONE, Verdict(GOOD, "it ended without a crash (exit status 0)")),
        (crash(), CRASHES, Verdict(BAD, f"it crashed: {SEGV}")),
        (crash(), CHILD_CRASHES, Verdict(BAD, f"it crashed: {REPORT}")),
        (crash(), CRASHES_AT_ONCE, Verdict(BAD, f"it crashed: {SEGV}")),
        (crash(), FAILS, Verdict(SKIP, "it ended early, but did not crash (exit status 3)")),
        (crash(), KILLED, Verdict(SKIP, "it ended early, but did not crash (killed by SIGKILL)")),
        (starts(), LIVES, Verdict(GOOD, "it still ran after 30 s")),
        (starts(), DONE, Verdict(GOOD, "it ended (exit status 0)")),
        (starts(), CRASHES, Verdict(BAD, f"it crashed: {SEGV}")),
        (starts(), CHILD_CRASHES, Verdict(BAD, f"it crashed: {REPORT}")),
        (starts(), CRASHES_AT_ONCE, Verdict(BAD, "it ended at once (killed by signal 11)")),
        (starts(), DIES, Verdict(BAD, "it ended at once (exit status 1)")),
        (starts(), FAILS, Verdict(BAD, "it ended (exit status 3)")),
        (starts(), KILLED, Verdict(BAD, "it ended (killed by SIGKILL)")),
        (output(), LIVES, Verdict(GOOD, "it did not print it within 30 s")),
        (output(), DONE, Verdict(GOOD, "it did not print it before it ended")),
        (output(), FAILS, Verdict(GOOD, "it did not print it before it ended")),
        (output(), CRASHES, Verdict(SKIP, "it crashed (killed by SIGSEGV), and had not printed it")),
        (output(), replace(LIVES, said="one\n  say hello \nthree"), Verdict(BAD, "it printed: say hello")),
        (output(), replace(CRASHES, said="hello"), Verdict(BAD, "it printed: hello")),
        (output(), replace(DIES, said="hello"), Verdict(BAD, "it printed: hello")),
    ],
)
def test_how_a_build_ends_is_its_verdict(judge: Judge, end: End, verdict: Verdict, question: Question) -> None:
    app = end.app()
    assert judge.judge(app, NIGHTLY, question) == verdict
    assert app.done == ["start", "stop"]


@pytest.mark.parametrize("judge", [crash(), output()])
def test_a_build_that_cannot_start_stays_untestable(judge: Judge, question: Question) -> None:
    app = DIES.app()
    with pytest.raises(BrokenBuild, match="cannot open display"):
        judge.judge(app, NIGHTLY, question)
    assert app.done == ["start", "stop"]


@pytest.mark.parametrize("judge", [crash(), starts(), output()])
def test_trouble_of_this_machine_is_no_verdict_and_the_build_is_stopped(judge: Judge, question: Question) -> None:
    app = FakeApp(error=CannotRun("The add-on cannot be installed."))
    with pytest.raises(CannotRun):
        judge.judge(app, NIGHTLY, question)
    assert app.done == ["start", "stop"]


@pytest.mark.parametrize("judge", [crash(), starts(), output()])
def test_it_watches_as_long_as_it_was_told(judge: Judge, question: Question) -> None:
    app = LIVES.app()
    judge.judge(app, NIGHTLY, question)
    assert app.waited == [30]


@pytest.mark.parametrize(
    ("made", "good", "bad"),
    [(crash, LIVES, CRASHES), (starts, LIVES, DIES), (lambda terms: output(terms=terms), DONE, End(0, said="hello"))],
)
def test_when_a_fix_is_looked_for_good_is_the_new_side(made: type, good: End, bad: End, question: Question) -> None:
    judge = made(FIX)
    assert judge.judge(good.app(), NIGHTLY, question).side is Side.NEW
    assert judge.judge(bad.app(), NIGHTLY, question).side is Side.OLD


def sides(judge: Judge, app: str, *ends: End) -> list[Side]:
    question = Question(1, 1, can_go_back=False, terms=REGRESSION, title="")
    answers = [judge.judge(end.app(), replace(NIGHTLY, app=app), question) for end in ends]
    return [answer.side for answer in answers if isinstance(answer, Verdict)]


def test_an_error_of_a_shells_script_is_no_crash() -> None:
    assert sides(crash(), "jsshell", FAILS, CRASHES, KILLED) == [GOOD, BAD, SKIP]


def test_on_android_where_nobody_tells_how_an_app_ended_its_end_is_not_taken_for_a_good_one() -> None:
    assert sides(crash(), "fenix", LIVES, DONE, CHILD_CRASHES) == [GOOD, SKIP, BAD]
    assert sides(starts(), "fenix", LIVES, DONE, CHILD_CRASHES, DIES) == [GOOD, BAD, BAD, BAD]


# --------------------------------------------------------------------------------------------------- regex


@pytest.mark.parametrize("pattern", ["(", "*", "[a", "(?P<n", "\\"])
def test_what_is_no_regular_expression_is_refused_at_once(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no regular expression") as caught:
        output(pattern)
    assert repr(pattern) in caught.value.what


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("^two$", True), ("^wo", False), ("TWO", False), ("(?i)TWO", True), ("one.two", False), (r"one\ntwo", True)],
)
def test_ends_of_lines_count_and_cases_differ(pattern: str, found: bool, question: Question) -> None:
    verdict = output(pattern).judge(End(said="one\ntwo\nthree\n").app(), NIGHTLY, question)
    assert isinstance(verdict, Verdict)
    assert (verdict.side is BAD) is found


@given(st.text(), st.text(), st.text(min_size=1))
def test_a_reason_is_one_line_and_not_long(before: str, after: str, word: str) -> None:
    question = Question(1, 1, can_go_back=False, terms=REGRESSION, title="")
    verdict = output(re.escape(word)).judge(End(said=before + word + after).app(), NIGHTLY, question)
    assert isinstance(verdict, Verdict)
    assert verdict.side is BAD
    assert len(verdict.reason.splitlines()) == 1
    assert len(verdict.reason) < 150
