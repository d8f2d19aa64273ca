"""One verdict from several runs of the same build, for a bug that shows only now and then (``--runs``, ``--required``).

    at least K runs are bad                                bad, as soon as that is certain
    that cannot come true any more, and a run was good     good
    otherwise                                              skip: no run said anything for good

A run that skips counts as neither. Each run is the whole of the judge's work: it starts the build anew, with a profile
of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from mozbisect.core.errors import BrokenBuild, UsageError
from mozbisect.core.model import Answer, Build, Move, Side, Terms, Verdict
from mozbisect.core.ports import App, Judge, Question
from mozbisect.judge.ending import in_short


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen so far of at most ``runs`` runs, of which ``required`` must be bad for bad."""

    runs: int
    required: int
    seen: tuple[str, ...] = ()  # "good", "bad" or "skip"

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise UsageError(f"--runs must be at least 1, and is {self.runs}.")
        if not 1 <= self.required <= self.runs:
            raise UsageError(
                f"--required {self.required} of --runs {self.runs} can never be told.",
                advice="--required must be at least 1, and no more than --runs.",
            )

    @classmethod
    def of(cls, runs: int, required: int | None) -> Tally:
        """``required`` is more than half of the runs unless it is said. Raises ``UsageError``."""
        return cls(runs, runs // 2 + 1 if required is None else required)

    def add(self, word: str) -> Tally:
        return replace(self, seen=(*self.seen, word))

    @property
    def word(self) -> str | None:
        """The verdict, as soon as it is certain; else ``None``: one more run is needed."""
        count, left = Counter(self.seen), self.runs - len(self.seen)
        if count["bad"] >= self.required:
            return "bad"
        if count["good"] and count["bad"] + left < self.required:
            return "good"
        return None if left else "skip"

    def __str__(self) -> str:
        """``3 of 5 runs bad``: of those that took place."""
        skipped = self.seen.count("skip")
        more = f", {skipped} skipped" if skipped else ""
        return f"{self.seen.count('bad')} of {len(self.seen)} runs bad{more}"


class RunsJudge:
    """Has another judge look at each build several times. ``tally`` is the empty one that every build begins with."""

    def __init__(self, once: Judge, tally: Tally, terms: Terms) -> None:
        self._once = once
        self._tally = tally
        self._terms = terms

    def judge(self, app: App, build: Build, question: Question) -> Answer:
        """A build that cannot start in a run has skipped that run; one that never can is broken.

        Raises what the judge raises otherwise, and ``BrokenBuild``.
        """
        tally, reasons, broken = self._tally, dict[str, str](), list[BrokenBuild]()
        while (word := tally.word) is None:
            answer = self._run(app, build, question, broken)
            if isinstance(answer, Move):
                return answer
            said = self._terms.word(answer.side)
            tally, reasons[said] = tally.add(said), answer.reason
        if len(broken) == len(tally.seen):
            raise broken[-1]
        last = reasons.get(word)
        return Verdict(self._terms.side(word), f"{tally} ({last})" if last else str(tally))

    def _run(self, app: App, build: Build, question: Question, broken: list[BrokenBuild]) -> Answer:
        try:
            return self._once.judge(app, build, question)
        except BrokenBuild as error:
            broken.append(error)
            return Verdict(Side.UNTESTABLE, in_short(error))
