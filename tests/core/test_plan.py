"""Which stretch of history comes first, and which comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mozbisect.core.errors import NothingToSearch, UsageError
from mozbisect.core.model import (
    FIX,
    REGRESSION,
    Before,
    Bound,
    Build,
    BuildId,
    Candidate,
    Clash,
    Day,
    Finding,
    Kind,
    Leg,
    LegKind,
    Release,
    Revision,
    Side,
    Tag,
    Untested,
)
from mozbisect.core.plan import (
    Place,
    Reach,
    first_leg,
    further_back,
    in_order,
    instead_of,
    moment_of,
    next_legs,
    rest_of,
    since_branching,
    with_defaults,
)

TODAY = date(2026, 11, 23)
NIGHTLIES = Place(LegKind.NIGHTLIES, "mozilla-central")
PUSHES = Place(LegKind.PUSHES, "mozilla-central")
ALL = Reach((NIGHTLIES, PUSHES))
OLD, NEW = "1" * 40, "2" * 40


def next_leg(finding: Finding, reach: Reach = ALL) -> Leg | str:
    legs = next_legs(finding, reach)
    if isinstance(legs, str):
        return legs
    (leg,) = legs
    return leg


def day(text: str) -> Day:
    return Day(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, None, (day("2025-11-23"), day("2026-11-23"))),
        (day("2026-09-01"), None, (day("2026-09-01"), day("2026-11-23"))),
        (None, day("2026-09-01"), (day("2025-09-01"), day("2026-09-01"))),
        (None, BuildId(datetime(2026, 9, 1, 9, tzinfo=UTC)), (day("2025-09-01"), None)),
        (None, Revision(NEW), (Before(52, Revision(NEW)), None)),
        (None, Release("149"), (Before(52, Release("149")), None)),
    ],
)
def test_an_end_that_is_not_given_is_today_or_a_year_before(
    old: Bound | None, new: Bound | None, expected: tuple[Bound, Bound | None]
) -> None:
    assert with_defaults(old, new, today=TODAY) == (expected[0], expected[1] or new)


def first(old: Bound, new: Bound, *, nightlies: bool = True, fix: bool = False) -> Leg:
    terms = FIX if fix else REGRESSION
    reach = Reach(in_order((NIGHTLIES, PUSHES) if nightlies else (PUSHES,), old, new))
    return first_leg(old, new, reach=reach, check_ends=True, terms=terms)


@pytest.mark.parametrize(
    ("old", "new", "nightlies", "kind"),
    [
        (day("2026-09-01"), day("2026-09-30"), True, LegKind.NIGHTLIES),
        (day("2026-09-01"), Revision(NEW), True, LegKind.NIGHTLIES),
        (Release("149"), day("2026-09-30"), True, LegKind.NIGHTLIES),
        (Revision(OLD), Revision(NEW), True, LegKind.PUSHES),
        (Tag("FIREFOX_149_0_RELEASE"), Revision(NEW), True, LegKind.PUSHES),
        (Tag("FIREFOX_149_0_RELEASE"), day("2026-09-30"), True, LegKind.NIGHTLIES),
        (day("2026-09-01"), day("2026-09-30"), False, LegKind.PUSHES),
    ],
)
def test_days_begin_on_nightlies_and_revisions_on_pushes(
    old: Bound, new: Bound, nightlies: bool, kind: LegKind
) -> None:
    leg = first(old, new, nightlies=nightlies)
    assert (leg.kind, leg.old, leg.new, leg.check_ends) == (kind, old, new, True)


def test_a_reversed_range_is_refused_and_find_fix_named() -> None:
    with pytest.raises(UsageError, match=r"good build .2026-10-01. is newer than the bad one") as caught:
        first(day("2026-10-01"), day("2026-09-01"))
    assert "--find-fix" in caught.value.advice


def test_a_reversed_range_of_a_fix_says_so_in_its_own_words() -> None:
    with pytest.raises(UsageError, match=r"bad build .2026-10-01. is newer than the good one") as caught:
        first(day("2026-10-01"), day("2026-09-01"), fix=True)
    assert "no --find-fix" in caught.value.advice


def test_one_revision_twice_is_nothing_to_search() -> None:
    with pytest.raises(NothingToSearch):
        first(Revision(OLD), Revision(OLD))


def looking_back(new: Bound) -> Leg:
    old, new = with_defaults(None, new, today=TODAY, search_back=True)
    return first_leg(old, new, reach=ALL, check_ends=True, terms=REGRESSION, search_back=True)


def refuted_at(when: str) -> Clash:
    seen = Candidate(Kind.NIGHTLY, when, "mozilla-central", datetime.fromisoformat(f"{when}T09:00+00:00"))
    return Clash(seen, seen, Side.OLD)


def test_without_an_old_end_it_looks_back_in_jumps_that_double() -> None:
    leg: Leg | None = looking_back(day("2026-09-30"))
    weeks = []
    for when in ("2026-09-23", "2026-09-09", "2026-08-12"):
        assert leg is not None
        assert isinstance(leg.old, Before)
        weeks.append((leg.back, leg.old.weeks, moment_of(leg.old)))
        leg = further_back(leg, refuted_at(when))
        assert leg is not None
        assert leg.new == BuildId(datetime.fromisoformat(f"{when}T09:00+00:00")), "what was seen is the next new end"
    assert weeks == [(1, 1, date(2026, 9, 23)), (2, 3, date(2026, 9, 9)), (4, 7, date(2026, 8, 12))]


def test_an_old_end_that_a_person_gave_is_no_guess() -> None:
    leg = first(day("2026-09-01"), day("2026-09-30"))
    assert further_back(leg, refuted_at("2026-09-01")) is None
    guessed = looking_back(day("2026-09-30"))
    assert further_back(guessed, replace(refuted_at("2026-09-23"), refuted=Side.NEW)) is None, "the new end is no guess"


def test_a_range_without_builds_of_its_kind_is_searched_in_the_next_place_and_in_each_once() -> None:
    leg = first(day("2026-09-01"), day("2026-09-30"))
    other = instead_of(leg, ALL)
    assert other is not None
    assert (other.kind, other.old, other.new, other.repo) == (LegKind.PUSHES, leg.old, leg.new, "mozilla-central")
    assert instead_of(other, ALL, {leg.kind}) is None
    assert instead_of(leg, Reach((NIGHTLIES,), pushes=False)) is None
    assert instead_of(replace(leg, check_ends=False), ALL) is None, "between judged builds there is no other range"


def test_gone_pushes_of_a_branch_are_looked_for_among_the_nightlies_of_the_trunk() -> None:
    leg = replace(first(day("2024-09-01"), day("2024-09-30"), nightlies=False), repo="autoland")
    autoland = Place(LegKind.PUSHES, "autoland")
    other = instead_of(leg, Reach((autoland, NIGHTLIES)))
    assert other is not None
    assert (other.kind, other.repo) == (LegKind.NIGHTLIES, "mozilla-central")
    assert instead_of(leg, Reach((autoland,))) is None


def test_what_the_pushes_have_left_open_at_an_end_is_looked_for_in_the_next_place_up_to_what_was_judged() -> None:
    reach = Reach((Place(LegKind.PUSHES, "autoland"), NIGHTLIES))
    leg = first(day("2025-09-01"), day("2026-09-30"), nightlies=False)
    (_, build), new = nightly(4, NEW), push(9, "autoland", NEW)
    open_ = Finding(leg, push(1, "autoland", OLD), new, None, build)
    rest = rest_of(open_, reach, {LegKind.PUSHES})
    assert rest is not None
    assert (rest.kind, rest.old, rest.new, rest.check_ends) == (LegKind.NIGHTLIES, leg.old, Revision(NEW), True)
    assert rest_of(replace(open_, old_build=build), reach, {LegKind.PUSHES}) is None, "nothing is open at an end"
    assert rest_of(open_, reach, {LegKind.PUSHES, LegKind.NIGHTLIES}) is None


# ----------------------------------------------------------------------------------------------- the next leg


def nightly(at: int, revision: str | None) -> tuple[Candidate, Build]:
    when = datetime(2026, 9, at, 9, tzinfo=UTC)
    candidate = Candidate(Kind.NIGHTLY, f"2026-09-{at:02}-09-00-00-mozilla-central", "mozilla-central", when)
    return candidate, Build(candidate, "firefox", "nightly", "u", "f", "mozilla-central", revision)


def push(at: int, repo: str, *nodes: str) -> Candidate:
    return Candidate(Kind.PUSH, f"{repo}:{at}", repo, datetime(2026, 9, 1, at, tzinfo=UTC), nodes)


def of_nightlies(old: str | None = OLD, new: str | None = NEW) -> Finding:
    (first_one, old_build), (last_one, new_build) = nightly(3, old), nightly(4, new)
    return Finding(first(day("2026-09-01"), day("2026-09-30")), first_one, last_one, old_build, new_build)


def test_an_app_without_builds_of_pushes_ends_with_its_nightlies() -> None:
    assert next_leg(of_nightlies(), replace(ALL, pushes=False)) == "There are no builds of single pushes of this app."


def test_after_nightlies_come_the_pushes_between_their_revisions_with_judged_ends() -> None:
    leg = next_leg(of_nightlies())
    assert isinstance(leg, Leg)
    assert (leg.kind, leg.old, leg.new, leg.check_ends) == (LegKind.PUSHES, Revision(OLD), Revision(NEW), False)
    assert [end.revision for end in leg.ends] == [OLD, NEW]


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (of_nightlies(old=None), "does not say which revisions"),
        (of_nightlies(new=OLD), "same revision"),
        (replace(of_nightlies(), old_build=None, new_build=None), "could be tested"),
    ],
)
def test_where_no_revision_is_known_the_nightlies_are_the_answer_and_the_reason_is_said(
    finding: Finding, why: str
) -> None:
    said = next_leg(finding)
    assert isinstance(said, str)
    assert why in said


def test_an_end_without_a_build_is_tested_again_among_the_pushes_from_its_moment_on() -> None:
    leg = next_leg(replace(of_nightlies(), old_build=None))
    assert isinstance(leg, Leg)
    assert (leg.kind, leg.old, leg.new) == (
        LegKind.PUSHES,
        BuildId(datetime(2026, 9, 3, 9, tzinfo=UTC)),
        Revision(NEW),
    )
    assert leg.check_ends
    assert leg.ends == ()


def of_pushes(*brought: str, untested: tuple[Untested, ...] = ()) -> Finding:
    leg = next_leg(of_nightlies())
    assert isinstance(leg, Leg)
    return Finding(leg, push(1, "mozilla-central", OLD), push(3, "mozilla-central", *brought), None, None, untested)


def test_a_push_of_one_changeset_is_the_end() -> None:
    assert next_leg(of_pushes("a" * 40)) == "The push holds a single changeset."


def test_what_one_push_brought_is_looked_for_where_it_landed_first_and_not_where_it_came_to() -> None:
    leg = next_leg(of_pushes("a" * 40, "b" * 40, NEW))
    assert isinstance(leg, Leg)
    assert (leg.kind, leg.brought, leg.tried) == (LegKind.MERGED, ("a" * 40, "b" * 40, NEW), ("mozilla-central",))
    assert [end.revision for end in leg.ends] == [OLD, NEW]


def test_what_several_pushes_brought_belongs_together() -> None:
    between = Untested(push(2, "mozilla-central", "c" * 40), "no build")
    leg = next_leg(of_pushes("a" * 40, NEW, untested=(between,)))
    assert isinstance(leg, Leg)
    assert leg.brought == ("c" * 40, "a" * 40, NEW)
    assert leg.tried == ("mozilla-central",)


def test_a_merge_that_could_not_be_narrowed_is_not_tried_again() -> None:
    leg = next_leg(of_pushes("a" * 40, "b" * 40, NEW))
    assert isinstance(leg, Leg)
    inner = Untested(push(7, "autoland", "a" * 40, "b" * 40), "expired")
    again = Finding(leg, leg.ends[0], push(3, "mozilla-central", NEW), None, None, (inner,))
    assert next_leg(again) == "No build between the two could be tested."


def test_an_exact_finding_on_a_branch_is_not_followed_back_to_where_it_came_from() -> None:
    leg = next_leg(of_pushes("a" * 40, "b" * 40, NEW))
    assert isinstance(leg, Leg)
    found = Finding(leg, push(6, "autoland", "d" * 40), push(7, "autoland", "a" * 40, "b" * 40), None, None)
    again = next_leg(found)
    assert isinstance(again, Leg)
    assert set(again.tried) == {"mozilla-central", "autoland"}


# ------------------------------------------------------------------------------------------------ two branches

RELEASES = Reach((Place(LegKind.RELEASES, "mozilla-release"),), trunk="mozilla-central", left="FIREFOX_NIGHTLY_{}_END")


def of_releases(old: str, new: str) -> Finding:
    ends = [
        Candidate(
            Kind.RELEASE, key, "mozilla-beta" if "b" in key else "mozilla-release", datetime(2026, 9, 1, tzinfo=UTC)
        )
        for key in (old, new)
    ]
    builds = [
        Build(end, "firefox-release", "release", "u", "f", end.repo, node)
        for end, node in zip(ends, (OLD, NEW), strict=True)
    ]
    leg = Leg(LegKind.RELEASES, "mozilla-release", Release(old), Release(new), "", check_ends=True)
    return Finding(leg, ends[0], ends[1], builds[0], builds[1])


def test_between_two_branches_lies_the_trunk_from_where_the_one_left_it_to_where_the_other_did() -> None:
    legs = next_legs(of_releases("155.0.2", "156.0b1"), RELEASES)
    assert isinstance(legs, tuple)
    along, trunk = legs
    assert (along.repo, along.old, along.new) == ("mozilla-beta", Revision(OLD), Revision(NEW))
    assert (trunk.kind, trunk.repo) == (LegKind.PUSHES, "mozilla-central")
    assert (trunk.old, trunk.new) == (Tag("FIREFOX_NIGHTLY_155_END"), Tag("FIREFOX_NIGHTLY_156_END"))
    assert trunk.check_ends, "nobody has tested the trunk"


def test_two_releases_of_one_version_lie_on_one_line() -> None:
    legs = next_legs(of_releases("155.0b9", "155.0.2"), RELEASES)
    assert isinstance(legs, tuple)
    assert len(legs) == 1


def test_what_was_good_where_the_new_release_left_the_trunk_broke_on_its_branch() -> None:
    released = of_releases("155.0.2", "156.0b5")
    tip, build = push(7, "mozilla-central", "d" * 40), nightly(4, "d" * 40)[1]
    leg = since_branching(released, Clash(tip, tip, Side.NEW), build)
    assert leg is not None
    assert (leg.repo, leg.old, leg.new, leg.check_ends) == ("mozilla-beta", Revision("d" * 40), Revision(NEW), False)
    assert since_branching(released, Clash(tip, tip, Side.OLD), build) is None, (
        "fixed on the branch: no first bad there"
    )
