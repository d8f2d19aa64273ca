"""From when to when a bound is, in UTC: a day is all of it, a build id and a push are a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from mozbisect.catalog import releases
from mozbisect.core.model import Bound, BuildId, Candidate, Day, Release, Revision


def span(bound: Bound, pushed: Callable[[str], Candidate]) -> tuple[datetime, datetime]:
    """First and last moment of a bound. ``pushed`` gives the push of a revision, and may raise ``UsageError``."""
    match bound:
        case Day(date=day):
            return _whole(day)
        case Release():
            # On that day the next version began on mozilla-central: the day before is surely still this one.
            return _whole(releases.day_of(bound) - timedelta(days=1))
        case BuildId(stamp=stamp):
            return stamp, stamp
        case Revision(hex=text):
            when = pushed(text).when
            return when, when
        case other:
            assert_never(other)


def _whole(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1) - timedelta(seconds=1)
