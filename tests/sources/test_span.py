"""Where a bound lies among candidates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.model import Candidate, Kind
from mozbisect.sources.span import nearest

NOON = datetime(2026, 9, 14, 12, tzinfo=UTC)


def at(hours: int) -> Candidate:
    return Candidate(Kind.NIGHTLY, str(hours), "mozilla-central", NOON + timedelta(hours=hours))


def keys(*hours: int) -> list[int]:
    found = nearest([at(each) for each in hours], (NOON - timedelta(hours=12), NOON + timedelta(hours=12)))
    return [int(item.key) for item in found]


def test_those_of_the_bound_come_first_the_latest_of_them_in_front() -> None:
    assert keys(-30, -1, 11, 13, -13) == [11, -1, 13, -13, -30]


@given(st.lists(st.integers(-200, 200), unique=True))
def test_none_is_lost_and_none_comes_before_a_nearer_one(hours: list[int]) -> None:
    found = keys(*hours)
    distances = [max(abs(each) - 12, 0) for each in found]
    assert sorted(found) == sorted(hours)
    assert distances == sorted(distances)
