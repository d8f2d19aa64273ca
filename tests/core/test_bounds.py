"""Bounds: each form has a round trip, and what is none of them gets a sentence that helps."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.bounds import OLDEST, parse
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Bound, BuildId, Day, Release, Revision

TODAY = date(2026, 11, 23)

days = st.dates(OLDEST, TODAY).map(Day)
build_ids = st.datetimes(datetime(2004, 1, 1), datetime(2026, 11, 23)).map(
    lambda stamp: BuildId(stamp.replace(microsecond=0, tzinfo=UTC))
)
releases = st.sampled_from(["3", "36", "149", "131.0.3", "100.0b3", "115.3.0esr", "3.6.17", "145.0a1", "128.0esr"]).map(
    Release
)
revisions = st.text("0123456789abcdef", min_size=7, max_size=40).filter(lambda text: not text.isdigit()).map(Revision)


@given(st.one_of(days, build_ids, releases, revisions))
def test_every_bound_reads_back_what_it_prints(bound: Bound) -> None:
    assert parse(str(bound), today=TODAY) == bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("2026-9-1", Day(date(2026, 9, 1))),
        (" 2026-09-01\n", Day(date(2026, 9, 1))),
        ("2026-11-24", Day(date(2026, 11, 24))),  # already tomorrow in New Zealand
        ("20260914093122", BuildId(datetime(2026, 9, 14, 9, 31, 22, tzinfo=UTC))),
        ("920A52BE5D43", Revision("920a52be5d43")),
        ("99887766554433221100", Revision("99887766554433221100")),  # a hash without a letter, no date
        ("100.0B3", Release("100.0b3")),
    ],
)
def test_what_people_type(text: str, bound: Bound) -> None:
    assert parse(text, today=TODAY) == bound


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-02-30", "no day 2026-02-30"),
        ("2026-12-24", "lies in the future"),
        ("20261224000000", "lies in the future"),
        ("2003-12-31", "before the first nightly"),
        ("2026091409312", "has 13 digits"),
        ("202609140931222", "has 15 digits"),
        ("20260914", "Did you mean 2026-09-14?"),
        ("20260914993122", "no such moment"),
        ("2026", "has 4 digits"),
        ("last week", "no place in history"),
        ("abcdef", "no place in history"),  # six hex digits are too few
        ("g" * 12, "no place in history"),
        ("a" * 41, "no place in history"),
        ("1" * 41, "41 digits"),
        ("", "no place in history"),
    ],
)
def test_what_is_no_bound_gets_a_helpful_sentence(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, today=TODAY)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
