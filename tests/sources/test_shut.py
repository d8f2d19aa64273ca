"""What is not asked about: exclusions, and builds that Taskcluster does not keep any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mozbisect.core.errors import Expired, NoBuild
from mozbisect.core.model import (
    Bound,
    Build,
    Candidate,
    Day,
    Kind,
    Leg,
    LegKind,
    Release,
    Revision,
    Shut,
    Timeline,
)
from mozbisect.sources.shut import Excluded, without_excluded, without_expired

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def push(days_ago: int, repo: str = "autoland") -> Candidate:
    return Candidate(Kind.PUSH, f"{repo}:{1000 - days_ago}", repo, NOW - timedelta(days=days_ago), (f"{days_ago:040}",))


def timeline(*candidates: Candidate, check_ends: bool = True, kind: LegKind = LegKind.PUSHES) -> Timeline:
    leg = Leg(kind, "autoland", Day(date(2025, 1, 1)), Day(date(2026, 11, 1)), "", check_ends=check_ends)
    return Timeline(leg, candidates, 0, len(candidates) - 1)


def finder(*kept: int) -> tuple[Callable[[Candidate], Build], list[str]]:
    asked: list[str] = []

    def find(candidate: Candidate) -> Build:
        asked.append(candidate.key)
        if candidate.key not in {push(days).key for days in kept}:
            raise NoBuild("gone")
        return Build(candidate, "firefox", "opt", "u", "f", candidate.repo)

    return find, asked


def nobody(text: str) -> Candidate:
    raise AssertionError(text)


# ------------------------------------------------------------------------------------------------- expired


def test_the_part_that_is_gone_is_shut_and_the_search_begins_where_builds_begin() -> None:
    line = timeline(*(push(days) for days in (500, 450, 400, 300, 200, 100)))
    find, asked = finder(300, 200, 100)
    found = without_expired(line, find, NOW)
    assert (found.old_at, found.new_at) == (0, 5), "what a person said stays the end: the change may have come then"
    assert found.shut == (Shut(0, 2, "expired from Taskcluster"),)
    (note,) = found.notes
    assert "for a year: those of 3 pushes before 2025-11-24 are gone" in note
    assert note.endswith("The search begins at the push of 2026-01-28 00:00.")
    assert len(asked) == 3


def test_pushes_beyond_the_range_are_not_counted_as_gone() -> None:
    line = replace(timeline(*(push(days) for days in (500, 450, 400, 300, 200, 100))), old_at=2)
    (note,) = without_expired(line, finder(300, 200, 100)[0], NOW).notes
    assert "those of 1 push before" in note


def test_builds_that_are_kept_longer_than_promised_are_used() -> None:
    line = timeline(*(push(days) for days in (500, 450, 400, 300)))
    find, _ = finder(450)
    assert without_expired(line, find, NOW) is line


def test_a_year_is_never_asked_about_where_nothing_is_old() -> None:
    find, asked = finder()
    line = timeline(push(300), push(200))
    assert without_expired(line, find, NOW) is line
    assert asked == []


def test_try_keeps_its_builds_for_four_weeks() -> None:
    line = timeline(push(40, "try"), push(30, "try"), push(20, "try"), push(10, "try"))
    found = without_expired(line, finder()[0], NOW)
    assert found.shut == (Shut(0, 1, "expired from Taskcluster"),)
    assert "builds of try for 28 days" in found.notes[0]


def test_a_range_that_is_wholly_gone_says_where_older_builds_are() -> None:
    line = timeline(push(500), push(450), push(400))
    with pytest.raises(Expired, match="those of 3 pushes before 2025-11-24 are gone") as caught:
        without_expired(line, finder()[0], NOW)
    assert "firefox-release" in caught.value.advice


def test_between_two_judged_builds_what_is_gone_is_shut_and_the_ends_stay() -> None:
    line = timeline(*(push(days) for days in (500, 499, 498, 497)), check_ends=False)
    found = without_expired(line, finder()[0], NOW)
    assert (found.old_at, found.new_at) == (0, 3)
    assert found.shut == (Shut(1, 2, "expired from Taskcluster"),)


# ------------------------------------------------------------------------------------------------ excluded


def nightly(day: int, hour: int = 9) -> Candidate:
    when = datetime(2026, 9, day, hour, tzinfo=UTC)
    return Candidate(Kind.NIGHTLY, f"{when:%Y-%m-%d-%H}", "mozilla-central", when)


def excluded(first: Bound, last: Bound, said: str = "x") -> Excluded:
    return Excluded(said, first, last)


def test_an_excluded_range_takes_in_both_of_its_days() -> None:
    line = timeline(*(nightly(day) for day in range(1, 9)), nightly(8, 21), kind=LegKind.NIGHTLIES)
    both = (excluded(Day(date(2026, 9, 3)), Day(date(2026, 9, 4)), "2026-09-03..2026-09-04"),)
    assert without_excluded(line, both, nobody).shut == (Shut(2, 3, "excluded (--exclude 2026-09-03..2026-09-04)"),)
    whole_day = (excluded(Day(date(2026, 9, 8)), Day(date(2026, 9, 8))),)
    assert without_excluded(line, whole_day, nobody).shut == (Shut(7, 8, "excluded (--exclude x)"),)


def test_a_revision_is_excluded_by_its_push() -> None:
    line = timeline(*(push(days) for days in (5, 4, 3, 2)))
    only = (excluded(Revision("a" * 12), Revision("a" * 12)),)
    assert without_excluded(line, only, lambda text: push(4)).shut == (Shut(1, 1, "excluded (--exclude x)"),)


def test_pushes_of_buildbots_years_exclude_the_nightlies_that_were_surely_built_between_them() -> None:
    night = [datetime(2015, 3, day, 3, tzinfo=UTC) for day in range(1, 6)]  # eleven o'clock in UTC
    line = timeline(
        *(Candidate(Kind.NIGHTLY, f"{when:%d}", "mozilla-central", when) for when in night), kind=LegKind.NIGHTLIES
    )
    pushed = {
        digit * 12: Candidate(Kind.PUSH, digit, "mozilla-central", datetime(2015, 3, day, 5, tzinfo=UTC), (digit * 40,))
        for digit, day in (("a", 2), ("b", 4))
    }
    between = (excluded(Revision("a" * 12), Revision("b" * 12)),)
    assert without_excluded(line, between, pushed.__getitem__).shut == (Shut(1, 2, "excluded (--exclude x)"),)


def test_a_range_outside_of_the_search_excludes_nothing() -> None:
    line = timeline(nightly(1), nightly(2), kind=LegKind.NIGHTLIES)
    assert without_excluded(line, (excluded(Day(date(2020, 1, 1)), Day(date(2020, 2, 1))),), nobody).shut == ()


def test_versions_are_excluded_by_their_order() -> None:
    versions = [
        Candidate(Kind.RELEASE, text, "mozilla-release", NOW) for text in ("130.0", "131.0", "131.0.2", "132.0")
    ]
    line = timeline(*versions, kind=LegKind.RELEASES)
    found = without_excluded(line, (excluded(Release("131"), Release("131.0.9")),), nobody)
    assert found.shut == (Shut(1, 2, "excluded (--exclude x)"),)
