"""What a person reads while a bisection runs: quiet lines, readable without colour, one bar for what takes long.

Progress goes to standard error, so that standard output holds the answer and nothing else.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, TextIO

from mozbisect.core.journal import Judged, Listed, Missing, Undone
from mozbisect.core.model import Candidate, Kind, LegKind, Side, Terms
from mozbisect.core.news import Bringing, Listing, Note, Trying
from mozbisect.report.words import Result, open_sentence, place, why_no_closer

BAR_AFTER_BYTES = 2_000_000
"""A download of less needs no bar: it is over before one could be read."""


MISSING_SHOWN = 3
"""So many candidates without a build are named in a row, the rest are counted: an expired branch has hundreds."""


class Terminal:
    """A ``Reporter`` for a person. ``say`` writes one line."""

    def __init__(self, terms: Terms, stream: TextIO | None = None) -> None:
        self._terms = terms
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._missing = 0  # in a row

    def tell(self, news: object) -> None:
        match news:
            case Bringing():
                self._progress(news)
                return
            case _:
                self._close_bar()
        if not isinstance(news, Missing):
            self._sum_up_missing()
        match news:
            case Listing(leg=leg) if leg.kind is not LegKind.MERGED:  # often there is no closer leg
                self._say(f"Looking at {leg.why} …")
            case Listed():
                self._listed(news)
            case Trying(number=number, candidate=candidate, build=build, left=left):
                steps = f"about {left} step{'s' if left > 1 else ''} left" if left else "last step"
                kind = f", {build.build_type}" if build.build_type not in (candidate.kind, "nightly") else ""
                self._say(f"{number:>2}. {candidate.title}{kind} ({steps})")
            case Judged(side=side, reason=reason, asked=asked):
                word = self._terms.word(side) if asked or side is not Side.UNTESTABLE else "cannot be tested"
                self._say(f"    {word}{f' ({reason})' if reason else ''}")
            case Missing(key=key, reason=reason):
                self._missing += 1
                if self._missing <= MISSING_SHOWN:
                    self._say(f"    {key}: {reason}; going around it")
                return
            case Undone():
                self._say("    the last answer is taken back")
            case Note(text=text):
                self._say(text)
            case _:
                return  # the beginning and the end are told by whoever prints the answer

    def _sum_up_missing(self) -> None:
        if self._missing > MISSING_SHOWN:
            self._say(f"    … and {self._missing - MISSING_SHOWN} more without a build")
        self._missing = 0

    def _listed(self, listed: Listed) -> None:
        timeline = listed.timeline
        ends = 1 if timeline.leg.check_ends else 0  # those of a finer leg were judged before
        shown = timeline.candidates[timeline.old_at + 1 - ends : timeline.new_at + ends]
        if shown:
            what = timeline.leg.kind.of.many
            repos = dict.fromkeys(candidate.repo for candidate in shown if candidate.kind is Kind.PUSH)
            where = f" to {' and '.join(repos)}" if repos else ""
            self._say(f"{len(shown)} {what}{where}, from {_when(shown[0])} to {_when(shown[-1])}.")
        for note in timeline.notes:
            self._say(f"    {note}")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # that nobody listens is no reason to stop a search
            print(line, file=self._stream, flush=True)

    def _progress(self, news: Bringing) -> None:
        if not self._stream.isatty() or (news.total or 0) < BAR_AFTER_BYTES:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=news.total, unit="B", unit_scale=True, desc="    fetching", file=self._stream, leave=False
            )
        self._bar.update(news.done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _when(candidate: Candidate) -> str:
    return candidate.key if candidate.kind is Kind.RELEASE else f"{candidate.when:%Y-%m-%d}"


def final_lines(result: Result) -> list[str]:
    """The answer, for people and for scripts: the last link is the pushlog's."""
    finding = result.finding
    last, first = result.last_revision or "unknown", result.first_revision or "unknown"
    lines = [
        f"{result.last_label}: {last} {place(result, finding.last_old, finding.old_build)}",
        f"{result.first_label}: {first} {place(result, finding.first_new, finding.new_build)}",
    ]
    lines += [f"  {changeset.node[:12]} {changeset.summary}".rstrip() for changeset in result.changesets[:20]]
    if len(result.changesets) > 20:
        lines.append(f"  … and {len(result.changesets) - 20} more")
    lines += filter(None, (open_sentence(result), why_no_closer(result)))
    if result.is_merge_itself and not result.finding.untested:
        lines.append("All that was merged is fine by itself: the merge did it.")
    if result.bugs:
        lines.append("Bugs: " + ", ".join(str(bug) for bug in result.bugs))
    if result.pushlog:
        lines += ["Pushlog:", result.pushlog]
    return lines
