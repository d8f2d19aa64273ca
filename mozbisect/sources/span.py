"""From when to when a bound is, in UTC: a day is all of it, a build id and a push are a moment; and what lies there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from mozbisect.catalog import releases
from mozbisect.catalog.versions import LEFT_TRUNK
from mozbisect.core.errors import SWAP, UsageError
from mozbisect.core.model import Before, Bound, BuildId, Candidate, Day, Leg, Release, Revision, Tag

Span = tuple[datetime, datetime]

Pushed = Callable[[str], Candidate]
"""Gives the push of a revision or a tag. May raise ``UsageError`` (nobody knows it) and ``NetworkError``."""


LONGEST_ON_CENTRAL = timedelta(weeks=14)
"""No version of the table was there for longer; usually it is four to six weeks."""


def span(bound: Bound, pushed: Pushed) -> Span:
    """First and last moment of a bound. Raises what ``pushed`` raises."""
    match bound:
        case Day(date=day):
            return _whole(day)
        case Release():
            return _of_version(bound, pushed)
        case BuildId(stamp=stamp):
            return stamp, stamp
        case Revision(hex=text) | Tag(name=text):
            when = pushed(text).when
            return when, when
        case Before(weeks=weeks, bound=inner):
            start, end = span(inner, pushed)
            return start - timedelta(weeks=weeks), end - timedelta(weeks=weeks)
        case other:
            assert_never(other)


def _of_version(release: Release, pushed: Pushed) -> Span:
    """149: the last day of that version on mozilla-central. 149.0a1, as its nightlies call themselves: all its days."""
    number = releases.nightly(release)
    if number is None:
        # On that day the next version began: the day before is surely still this one.
        return _whole(_left_central(releases.whole(release), pushed) - timedelta(days=1))
    first = _whole(_left_central(number - 1, pushed))[0]
    try:
        return first, _whole(_left_central(number, pushed))[0] - timedelta(seconds=1)
    except UsageError:  # it is the newest, and has not left yet
        return first, first + LONGEST_ON_CENTRAL


def _left_central(number: int, pushed: Pushed) -> date:
    """A version that the table does not have is asked for by the tag that mozilla-central got on that day."""
    known = releases.LEFT_CENTRAL.get(number)
    if known is not None:
        return known
    try:
        return pushed(LEFT_TRUNK["gecko"].format(number)).when.date()
    except UsageError:
        raise UsageError(
            f"It is not known when version {number} left mozilla-central, or it has not left it yet.",
            advice="Give a day instead: about six weeks before it was released, or, of the newest version, today.",
        ) from None


def _whole(day: date) -> Span:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1) - timedelta(seconds=1)


def in_order(leg: Leg, old: Span, new: Span) -> None:
    """Raises ``UsageError`` if the old bound lies wholly after the new one."""
    if old[0] > new[1]:
        first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (old[0], new[1]))
        raise UsageError(
            f"The range is reversed: {leg.old} ({first}) is later than {leg.new} ({last}).",
            advice=SWAP,
        )


def at_or_before(found: Sequence[Candidate], moments: Span) -> int:
    """The first candidate within the moments; if there is none the last one before, else the first of all."""
    within = [at for at, item in enumerate(found) if moments[0] <= item.when <= moments[1]]
    before = [at for at, item in enumerate(found) if item.when < moments[0]]
    return within[0] if within else before[-1] if before else 0


def at_or_after(found: Sequence[Candidate], moments: Span) -> int:
    """The last candidate within the moments; if there is none the first one after, else the last of all."""
    within = [at for at, item in enumerate(found) if moments[0] <= item.when <= moments[1]]
    after = [at for at, item in enumerate(found) if item.when > moments[1]]
    return within[-1] if within else after[0] if after else len(found) - 1
