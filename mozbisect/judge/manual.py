"""A person as the judge: start the build, ask, stop it.

It understands answers; what they mean for the search it leaves to ``Terms`` and to the engine.
"""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from mozbisect.core.model import Answer, Build, Move, Terms, Verdict
from mozbisect.core.ports import App, Question

HELP = "help"


@dataclass(frozen=True, slots=True)
class Word:
    """Something a person can say: ``name`` in full, or one of ``short``."""

    name: str
    short: tuple[str, ...]
    means: str


WORDS = (
    Word("good", ("g",), "the build does not have the bug"),
    Word("bad", ("b",), "the build has the bug"),
    Word("skip", ("s", "broken"), "it cannot be tested; a reason may follow: skip crashes at start"),
    Word("retry", ("r",), "start the same build again, with a fresh profile"),
    Word("back", ("ba", "u", "undo"), "take the last answer back and test that build again"),
    Word("quit", ("q", "exit"), "stop; mozbisect resume goes on from here"),
    Word(HELP, ("h", "?"), "this list"),
)
"""``b`` is bad, the more frequent of the two words that begin with it."""

_BY_WORD = {said: word.name for word in WORDS for said in (word.name, *word.short)}
_MOVES = {move.value: move for move in Move}


_COMMENT = re.compile(r"(^|\s)#.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unclear:
    """Not an answer: these lines are for the person, who is then asked again."""

    lines: tuple[str, ...]


def understand(text: str, terms: Terms, *, can_go_back: bool) -> Answer | Unclear:
    """What a person means; upper and lower case and spaces around are one. What follows a ``#`` is a comment.

    So the lines of ``mozbisect log`` can be given back as answers.
    """
    said, reason, *_ = (*_COMMENT.sub("", text).split(maxsplit=1), "", "")
    name, reason = _BY_WORD.get(said.lower()), reason.strip()
    if not said and text.strip():
        return Unclear(())  # only a comment
    if name is None or (reason and name != "skip"):
        return Unclear((f"Please answer with one of: {_offered(can_go_back=can_go_back)}.",))
    if name == HELP:
        return Unclear(_help(can_go_back=can_go_back))
    if name == Move.BACK and not can_go_back:
        return Unclear(("There is no earlier answer to go back to.",))
    if name in _MOVES:
        return _MOVES[name]
    return Verdict(terms.side(name), reason)


def _words(*, can_go_back: bool) -> list[Word]:
    return [word for word in WORDS if can_go_back or word.name != Move.BACK]


def _offered(*, can_go_back: bool) -> str:
    return ", ".join(word.name for word in _words(can_go_back=can_go_back))


def _help(*, can_go_back: bool) -> tuple[str, ...]:
    return tuple(f"  {', '.join((word.name, *word.short)):<22}{word.means}" for word in _words(can_go_back=can_go_back))


def ask_terminal(prompt: str) -> str:
    """Ask on standard error, as standard output may be a file or a program. Raises ``EOFError``."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise EOFError
    return line


def nobody_answers(stream: TextIO | None) -> bool:
    """Is it certain that no answer will come from there: closed, or at its end, as /dev/null and the input of a CI are?

    A pipe that is open may still bring answers, and a terminal does. To be asked before anything is read.
    """
    if stream is None or stream.closed:
        return True
    try:
        if stream.isatty():
            return False
        ready, _, _ = select.select([stream], [], [], 0)
        return bool(ready) and not stream.buffer.peek(1)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # no real file; or Windows, where only sockets can be asked
        return False


def say_terminal(line: str) -> None:
    sys.stderr.write(line + "\n")


class ManualJudge:
    """Asks a person about each build. ``ask`` shows a prompt and gives the line, or raises ``EOFError``."""

    def __init__(
        self, terms: Terms, *, ask: Callable[[str], str] = ask_terminal, say: Callable[[str], None] = say_terminal
    ) -> None:
        self._terms = terms
        self._ask = ask
        self._say = say

    def judge(self, app: App, build: Build, question: Question) -> Answer:  # noqa: ARG002
        """Start the build, ask until the answer is clear, stop it. The end of standard input means quit."""
        try:
            app.start()
            while True:
                answer = self._once(app, question)
                if not isinstance(answer, Unclear):
                    return answer
                for line in answer.lines:
                    self._say(line)
        finally:
            app.stop()

    def _once(self, app: App, question: Question) -> Answer | Unclear:
        ended = "" if app.running() else "The build is no longer running. "
        offered = _offered(can_go_back=question.can_go_back)
        try:
            text = self._ask(f"{ended}Was this build good, bad, or broken? ({offered}): ")
        except EOFError:
            return Move.QUIT
        return understand(text, self._terms, can_go_back=question.can_go_back)
