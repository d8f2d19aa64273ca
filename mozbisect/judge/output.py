"""Does it print a certain thing? Start the build, let it end or run for a while, and search what it wrote.

    a line of its output matches           bad
    none does                              good
    none does, as it failed before that    skip: it crashed, or could not start

For the JavaScript shell and whatever runs without a window. Standard output and standard error are one text here.
"""

from __future__ import annotations

import re

from mozbisect.core.errors import UsageError
from mozbisect.core.model import Build, Side, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge.ending import watch

_SHOWN = 120  # characters of the line that was found


class OutputJudge:
    """Bad is a build that prints what ``pattern`` matches (``re.search``; ``^`` and ``$`` are ends of a line).

    It is read when the build has ended, or after ``within`` seconds. Raises ``UsageError`` for an invalid pattern.
    """

    def __init__(self, pattern: str, *, within: float, terms: Terms) -> None:
        self._pattern = compiled(pattern)
        self._within = within
        self._terms = terms

    def judge(self, app: App, build: Build, question: Question) -> Verdict:  # noqa: ARG002
        """Raises ``BrokenBuild`` for a build that cannot start, unless what it says of that is what is looked for."""
        seen = watch(app, self._within)
        match = self._pattern.search(seen.output)
        if match is not None:
            return Verdict(self._terms.side("bad"), f"it printed: {_line_of(match)}")
        if seen.broken is not None:
            raise seen.broken
        if seen.crash is not None:
            return Verdict(Side.UNTESTABLE, f"it crashed ({seen.crash}), and had not printed it")
        when = f"within {self._within:g} s" if seen.status is None else "before it ended"
        return Verdict(self._terms.side("good"), f"it did not print it {when}")


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises ``UsageError``, which tells the place."""
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise UsageError(
            f"--judge output: {pattern!r} is no regular expression: {error}.",
            advice=r"Put a backslash before a sign that means itself, such as \( or \*.",
        ) from None


def _line_of(match: re.Match[str]) -> str:
    """The line in which a match begins."""
    begin = match.string.rfind("\n", 0, match.start()) + 1
    line = match.string[begin:].partition("\n")[0]
    return " ".join(line.split())[:_SHOWN]
