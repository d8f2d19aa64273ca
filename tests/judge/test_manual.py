from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.model import FIX, REGRESSION, Answer, Move, Side, Terms, Verdict
from mozbisect.core.ports import Question
from mozbisect.judge.manual import WORDS, ManualJudge, Unclear, understand
from tests.judge.conftest import PUSH, FakeApp

MEANINGS: dict[str, Answer] = {
    "good": Verdict(Side.OLD),
    "bad": Verdict(Side.NEW),
    "skip": Verdict(Side.UNTESTABLE),
    "retry": Move.RETRY,
    "back": Move.BACK,
    "quit": Move.QUIT,
}
SHORT = {
    "g": "good", "b": "bad", "s": "skip", "r": "retry", "q": "quit",
    "ba": "back", "u": "back", "undo": "back", "broken": "skip", "exit": "quit",
}  # fmt: skip
ALL = {word: MEANINGS[SHORT.get(word, word)] for word in (*MEANINGS, *SHORT)}
SPACES = st.text(alphabet=" \t\n", max_size=3)


@given(st.sampled_from(sorted(ALL)), SPACES, SPACES, st.randoms())
def test_every_word_is_understood_in_upper_and_lower_case_and_between_spaces(
    word: str, before: str, after: str, random: object
) -> None:
    written = "".join(letter.upper() if random.random() < 0.5 else letter for letter in word)  # type: ignore[attr-defined]
    assert understand(before + written + after, REGRESSION, can_go_back=True) == ALL[word]


@given(st.text())
def test_no_text_is_a_verdict_by_accident(text: str) -> None:
    first = (text.lower().split() or [""])[0]
    answer = understand(text, REGRESSION, can_go_back=True)
    assert isinstance(answer, Unclear) or first in ALL


@pytest.mark.parametrize("text", ["", " ", "yes", "goodbad", "god", "good or not", "bad no wait good", "gb"])
def test_what_is_not_clear_is_asked_again(text: str) -> None:
    answer = understand(text, REGRESSION, can_go_back=True)
    assert answer == Unclear(("Please answer with one of: good, bad, skip, retry, back, quit, help.",))


@pytest.mark.parametrize(
    "text", ["skip Crashes at start", "s Crashes at start", "SKIP \t Crashes at start \n", "broken Crashes at start"]
)
def test_a_skip_may_say_why(text: str) -> None:
    assert understand(text, REGRESSION, can_go_back=False) == Verdict(Side.UNTESTABLE, "Crashes at start")


def test_when_a_fix_is_looked_for_the_words_still_mean_the_build() -> None:
    assert understand("good", FIX, can_go_back=False) == Verdict(Side.NEW)
    assert understand("b", FIX, can_go_back=False) == Verdict(Side.OLD)


def test_back_is_only_there_when_there_is_something_behind() -> None:
    for word in ("back", "ba", "u", "undo"):
        assert isinstance(understand(word, REGRESSION, can_go_back=False), Unclear)
    for text in ("help", "nonsense"):
        unclear = understand(text, REGRESSION, can_go_back=False)
        assert isinstance(unclear, Unclear)
        assert "back" not in " ".join(unclear.lines).replace("go back", "")


@pytest.mark.parametrize("word", ["help", "h", "?", "HELP"])
def test_help_explains_each_word_in_one_line(word: str) -> None:
    unclear = understand(word, REGRESSION, can_go_back=True)
    assert isinstance(unclear, Unclear)
    assert [line.split(",")[0].strip() for line in unclear.lines] == [one.name for one in WORDS]


# --------------------------------------------------------------------------------------------- the judge


class Person:
    """Gives prepared answers; ``None`` is the end of standard input, an exception is raised."""

    def __init__(self, *answers: str | BaseException | None, before: Callable[[], None] = lambda: None) -> None:
        self._answers: Iterator[str | BaseException | None] = iter(answers)
        self._before = before
        self.prompts: list[str] = []
        self.heard: list[str] = []

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        answer = next(self._answers)
        self._before()
        if answer is None:
            raise EOFError
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def judge(self, app: FakeApp, question: Question, terms: Terms = REGRESSION) -> Answer:
        return ManualJudge(terms, ask=self.ask, say=self.heard.append).judge(app, PUSH, question)


def test_the_build_runs_while_the_person_is_asked_and_not_after(app: FakeApp, question: Question) -> None:
    seen: list[bool] = []
    person = Person("good\n", before=lambda: seen.append(app.running()))
    assert person.judge(app, question) == Verdict(Side.OLD)
    assert seen == [True]
    assert app.done == ["start", "stop"]
    assert person.prompts == ["Was this build good, bad, or broken? (good, bad, skip, retry, back, quit, help): "]


def test_it_asks_until_the_answer_is_clear(app: FakeApp, question: Question) -> None:
    person = Person("what\n", "\n", "?\n", "b\n")
    assert person.judge(app, replace(question, can_go_back=False)) == Verdict(Side.NEW)
    assert len(person.prompts) == 4
    assert "back" not in person.prompts[0]
    assert len(person.heard) == 2 + len(WORDS) - 1
    assert app.done == ["start", "stop"]


def test_the_end_of_standard_input_means_quit(app: FakeApp, question: Question) -> None:
    assert Person(None).judge(app, question) is Move.QUIT
    assert app.done == ["start", "stop"]


def test_an_interruption_stops_the_build_and_goes_on_its_way(app: FakeApp, question: Question) -> None:
    with pytest.raises(KeyboardInterrupt):
        Person(KeyboardInterrupt()).judge(app, question)
    assert app.done == ["start", "stop"]


def test_a_build_that_cannot_start_is_stopped_and_nobody_is_asked(app: FakeApp, question: Question) -> None:
    app.error = BrokenBuild("it ended at once")
    person = Person()
    with pytest.raises(BrokenBuild):
        person.judge(app, question)
    assert app.done == ["start", "stop"]
    assert person.prompts == []


def test_the_person_is_told_when_the_build_has_died(app: FakeApp, question: Question) -> None:
    app.dies = True
    person = Person("skip it died")
    assert person.judge(app, question) == Verdict(Side.UNTESTABLE, "it died")
    assert person.prompts[0].startswith("The build is no longer running. Was this build")


def test_by_default_the_terminal_is_asked_and_standard_output_stays_clean(
    app: FakeApp, question: Question, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hm\ngood\n"))
    assert ManualJudge(REGRESSION).judge(app, PUSH, question) == Verdict(Side.OLD)
    assert ManualJudge(REGRESSION).judge(app, PUSH, question) is Move.QUIT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("Was this build") == 3
    assert err.count("Please answer") == 1
    assert err.endswith(": \n")
