"""Events ↔ JSON lines, and sessions as events added up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.codec import from_json, to_json
from mozbisect.core.errors import JournalDamaged
from mozbisect.core.journal import (
    FORMAT,
    Ended,
    Event,
    Judged,
    Listed,
    Missing,
    Next,
    Opened,
    Session,
    Undone,
    from_line,
    to_line,
)
from mozbisect.core.model import (
    FIX,
    Build,
    BuildId,
    Candidate,
    Changeset,
    Day,
    Digest,
    Finding,
    Kind,
    Leg,
    LegKind,
    Release,
    Revision,
    Side,
    Terms,
    Timeline,
)

text = st.text(max_size=20)
moments = st.datetimes(datetime(2004, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
hashes = st.text("0123456789abcdef", min_size=40, max_size=40)
candidates = st.builds(
    Candidate,
    st.sampled_from(Kind),
    text,
    text,
    moments,
    st.lists(hashes, max_size=3).map(tuple),
    st.lists(st.none() | hashes, max_size=3).map(tuple),
)
bounds = st.one_of(
    st.dates(date(2004, 1, 1), date(2030, 1, 1)).map(Day),
    moments.map(BuildId),
    st.just(Release("149")),
    hashes.map(Revision),
)
legs = st.builds(
    Leg,
    st.sampled_from(LegKind),
    text,
    bounds,
    bounds,
    text,
    st.booleans(),
    st.lists(candidates, max_size=2).map(tuple),
    st.lists(hashes, max_size=2).map(tuple),
    st.lists(text, max_size=2).map(tuple),
)
builds = st.builds(
    Build,
    candidates,
    text,
    text,
    text,
    text,
    text,
    st.none() | hashes,
    st.none() | hashes,
    st.none() | text.filter(bool),
    st.none() | st.integers(0, 10**12),
    st.none() | st.builds(Digest, st.just("sha256"), hashes),
    st.none() | text.filter(bool),
)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Opened, st.just(FORMAT), text, moments, st.builds(Terms, text, text), st.dictionaries(text, jsons)),
    st.builds(
        Listed,
        st.builds(
            Timeline,
            legs,
            st.lists(candidates, max_size=3).map(tuple),
            st.integers(0, 9),
            st.integers(0, 9),
            st.lists(text, max_size=2).map(tuple),
        ),
        st.none() | builds,
        st.none() | builds,
    ),
    st.builds(Missing, text, text),
    st.builds(Judged, text, st.sampled_from(Side), text, builds, st.floats(0, 1e6), st.booleans()),
    st.just(Undone()),
    st.builds(Ended, text, st.lists(st.builds(Changeset, hashes, st.none() | hashes, text), max_size=2).map(tuple)),
)


@given(events)
def test_every_event_survives_its_line(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line) == event


def test_a_line_is_plain_json_that_names_its_kind() -> None:
    assert json.loads(to_line(Missing("autoland:7", "no build"))) == {
        "is": "Missing",
        "key": "autoland:7",
        "reason": "no build",
    }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        '{"is":"Nonsense"}',
        '{"is":"Missing","key":7,"reason":"x"}',
        '{"is":"Missing","key":"a","reason":"b","colour":"red"}',
        '{"is":"Judged","key":"a","side":"maybe","reason":"","build":{},"seconds":1,"asked":true}',
    ],
)
def test_a_line_that_says_nothing_is_damage_and_not_a_crash(line: str) -> None:
    with pytest.raises(JournalDamaged):
        from_line(line)


def test_a_journal_of_a_newer_version_is_refused_with_advice() -> None:
    line = json.dumps({"is": "Opened", "format": FORMAT + 1, "news": "unheard of"})
    with pytest.raises(JournalDamaged, match="newer mozbisect"):
        from_line(line)


def test_a_number_is_no_truth_value_and_a_truth_value_no_number() -> None:
    with pytest.raises(ValueError, match="expected"):
        from_json(int, *[True])
    assert to_json(*[True]) is True


# ------------------------------------------------------------------------------------------------ sessions


def candidate(at: int) -> Candidate:
    return Candidate(
        Kind.PUSH, f"central:{at}", "mozilla-central", datetime(2026, 9, 1, at, tzinfo=UTC), (f"{at:040x}",)
    )


def build(at: int) -> Build:
    return Build(candidate(at), "firefox", "opt", "https://x", "target.tar.xz", "mozilla-central", f"{at:040x}")


LEG = Leg(LegKind.PUSHES, "mozilla-central", Revision("0" * 40), Revision("9" * 40), "", check_ends=False)
LISTED = Listed(Timeline(LEG, tuple(candidate(at) for at in range(9)), 0, 8))
OPENED = Opened(FORMAT, "test", datetime(2026, 9, 1, tzinfo=UTC), FIX, {})


def judged(at: int, side: Side, *, asked: bool = True) -> Judged:
    return Judged(f"central:{at}", side, "", build(at), 1.0, asked)


def test_undone_takes_back_the_last_answer_and_what_followed_and_asks_it_again() -> None:
    session = Session.of([OPENED, LISTED])
    first = session.ask()
    assert isinstance(first, Next)
    went_on = session.after(judged(4, Side.OLD)).after(Missing("central:6", "gone")).after(LISTED)
    back = went_on.after(Undone())
    assert back.stages == session.stages
    assert back.questions == 0
    assert back.ask() == first


def test_undone_does_not_count_what_no_one_was_asked() -> None:
    session = Session.of([OPENED, LISTED, judged(4, Side.OLD), judged(6, Side.UNTESTABLE, asked=False), Undone()])
    assert session.questions == 0
    assert session.again == "central:4"


def test_the_taken_back_candidate_is_asked_first_even_if_another_would_be_better_now() -> None:
    session = Session.of([OPENED, LISTED, Missing("central:4", "gone"), judged(7, Side.NEW), Undone()])
    step = session.ask()
    assert isinstance(step, Next)
    assert step.candidate == candidate(7)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [LISTED],
        [OPENED, OPENED],
        [OPENED, judged(4, Side.OLD)],
        [OPENED, LISTED, Undone()],
        [OPENED, LISTED, judged(20, Side.OLD)],
    ],
)
def test_events_that_cannot_have_happened_are_damage(events: list[Event]) -> None:
    with pytest.raises(JournalDamaged):
        Session.of(events)


def test_an_end_that_was_claimed_and_could_not_be_tested_has_no_build() -> None:
    claimed = replace(LISTED, timeline=replace(LISTED.timeline, leg=replace(LEG, check_ends=True)))
    events = [judged(0, Side.UNTESTABLE), *(judged(at, Side.NEW) for at in (8, 1))]
    finding = Session.of([OPENED, claimed, *events]).ask()
    assert isinstance(finding, Finding)
    assert (finding.last_old, finding.old_build) == (candidate(0), None)
    assert finding.new_build == build(1)
