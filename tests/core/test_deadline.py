"""Until when: what is written, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.deadline import Deadline, parse
from mozbisect.core.errors import UsageError

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("1h30m", NOW + timedelta(minutes=90)),
        ("5400s", NOW + timedelta(minutes=90)),
        (" 2d ", NOW + timedelta(days=2)),
        ("18:31", NOW + timedelta(minutes=1)),
        ("18:30", NOW + timedelta(days=1)),
        ("08:15", datetime(2026, 11, 24, 8, 15, tzinfo=NOW.tzinfo)),
        ("17:45+00:00", datetime(2026, 11, 23, 17, 45, tzinfo=UTC)),
        ("2026-11-23T20:00", datetime(2026, 11, 23, 20, 0, tzinfo=NOW.tzinfo)),
        ("2026-11-23T20:00Z", datetime(2026, 11, 23, 20, 0, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=NOW.tzinfo)),
    ],
)
def test_a_duration_or_a_time_is_understood(text: str, meant: datetime) -> None:
    assert parse(text, now=NOW) == meant


@pytest.mark.parametrize("text", ["", "soon", "90", "2026", "90 m", "30m1h", "-5m", "25:00", "h", "9" * 40 + "d"])
def test_what_could_be_anything_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, now=NOW)
    assert "90m" in caught.value.advice


@pytest.mark.parametrize("text", ["0s", "2026-11-23T18:30", "2026-11-22", "2026-11-23T17:00Z"])
def test_a_moment_that_is_over_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="over already"):
        parse(text, now=NOW)


@given(at=st.floats(0, 1e9), now=st.floats(0, 1e9), seconds=st.floats(0, 1e6))
def test_what_has_room_is_over_before_the_deadline(at: float, now: float, seconds: float) -> None:
    deadline = Deadline(at)
    assert deadline.has_room(now, seconds) == (now + seconds < at)
    assert deadline.has_room(now, 0.0) == (deadline.left(now) > 0)
