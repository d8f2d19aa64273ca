"""Which stretch of history to search: first, from what was asked for; then, from what the last stretch came to.

    nightlies ──► pushes of the repository they were built from ──► pushes of the branch that a merge came from
    releases  ──►   "

A range is looked for in one place after another (``Reach.places``): the next one whenever the one before has no build
for it, be that before the first verdict or after some.

A finer leg begins at the last revision that was really judged and ends at the first that was; nothing in
between is taken as good or bad without a test. Merges are followed by the changesets they brought, never by
the words of a message. Pure: the servers are asked by a ``Source``, which lists the leg that is planned here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from mozbisect.core.errors import NothingToSearch, UsageError
from mozbisect.core.model import (
    Before,
    Bound,
    Build,
    BuildId,
    Candidate,
    Clash,
    Day,
    Finding,
    Leg,
    LegKind,
    Release,
    Revision,
    Side,
    Tag,
    Terms,
)

A_YEAR = timedelta(days=365)
WEEKS_OF_A_YEAR = 52


@dataclass(frozen=True, slots=True)
class Place:
    """Builds of one kind, of one repository."""

    kind: LegKind
    repo: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Where there are builds for what was asked for. ``places``: in this order, each for when those before have none
    (left). ``pushes``: single pushes have builds. ``trunk``: the repository that released versions branch off from, and
    ``left`` the tag that it got when it did, with braces for the version; both empty where no versions are searched."""

    places: tuple[Place, ...]
    pushes: bool = True
    trunk: str = ""
    left: str = ""


def in_order(places: Sequence[Place], old: Bound, new: Bound) -> tuple[Place, ...]:
    """Two revisions are searched push by push at once, where pushes have builds; a day is first looked for by date."""
    return tuple(sorted(places, key=lambda place: place.kind is not LegKind.PUSHES)) if _named(old, new) else (*places,)


def _named(old: Bound, new: Bound) -> bool:
    return isinstance(old, Revision | Tag) and isinstance(new, Revision | Tag)


def with_defaults(
    old: Bound | None, new: Bound | None, *, today: date, search_back: bool = False
) -> tuple[Bound, Bound]:
    """Both ends of the search: no new end is today, no old end is a year before the new one.

    ``search_back``: without an old end it is a week before the new one, for a start.
    """
    last = new if new is not None else Day(today)
    if old is not None:
        return old, last
    assert not isinstance(last, Before), "nobody can type that"
    if search_back:
        return Before(1, last), last
    match last:
        case Day(date=day):
            return Day(day - A_YEAR), last
        case BuildId(stamp=stamp):
            return Day(stamp.date() - A_YEAR), last
        case Release() | Revision() | Tag():
            return Before(WEEKS_OF_A_YEAR, last), last
        case other:
            assert_never(other)


def first_leg(
    old: Bound, new: Bound, *, reach: Reach, check_ends: bool, terms: Terms, search_back: bool = False
) -> Leg:
    """The leg that a bisection begins with: in the first of the places. Raises ``UsageError`` for a reversed range."""
    _in_order(old, new, terms)
    named = _named(old, new)
    if named and old == new:
        raise NothingToSearch(f"Both ends are {old}: there is nothing between them.")
    kind, repo = reach.places[0].kind, reach.places[0].repo
    why = {
        LegKind.NIGHTLIES: "the nightlies between the two bounds",
        LegKind.RELEASES: "the releases between the two bounds",
        LegKind.PUSHES: f"the pushes to {repo} between the two {'revisions' if named else 'bounds'}",
    }
    back = old.weeks if search_back and isinstance(old, Before) else 0
    return Leg(kind, repo, old, new, why[kind], check_ends, back=back)


def further_back(leg: Leg, clash: Clash) -> Leg | None:
    """The leg before one whose guessed old end proved new, twice as far; None when that end was no guess."""
    if not leg.back or clash.refuted is not Side.OLD or not isinstance(leg.old, Before):
        return None
    jump = 2 * leg.back
    return replace(
        leg,
        old=replace(leg.old, weeks=leg.old.weeks + jump),
        new=BuildId(clash.seen_new.when),
        why=f"{jump} weeks further back",
        back=jump,
    )


def instead_of(leg: Leg, reach: Reach, tried: Collection[LegKind] = ()) -> Leg | None:
    """The range of a leg in the next place where nobody has looked so far; None if there is none.

    ``tried``: the kinds of builds that were searched already, beside that of the leg.
    """
    if not leg.check_ends:
        return None
    place = next((place for place in reach.places if place.kind is not leg.kind and place.kind not in tried), None)
    if place is None:
        return None
    why = f"the {place.kind.value} {'of' if place.kind is LegKind.NIGHTLIES else 'to'} {place.repo} in their place"
    return replace(leg, kind=place.kind, repo=place.repo, why=why, instead=_GONE[leg.kind])


_GONE = {
    LegKind.NIGHTLIES: "no nightly of the range has such a build",
    LegKind.PUSHES: "the builds of the pushes are gone",
}


def rest_of(finding: Finding, reach: Reach, tried: Collection[LegKind]) -> Leg | None:
    """What an end without any build has left open among the pushes, in the next place; None if there is none.

    gone gone gone [new] ? ? new  →  typed old … [new]
    """
    leg = finding.leg
    if leg.kind is not LegKind.PUSHES or (finding.old_build and finding.new_build):
        return None
    old, new = finding.old_build and finding.last_old.revision, finding.new_build and finding.first_new.revision
    left = replace(leg, old=Revision(old) if old else leg.old, new=Revision(new) if new else leg.new)
    return instead_of(left, reach, tried)


def next_legs(finding: Finding, reach: Reach) -> tuple[Leg, ...] | str:
    """Closer stretches of history, each for when those before have nothing to search; or why there is none."""
    closer = _next_leg(finding, reach)
    if isinstance(closer, str):
        return closer
    return closer, *_between_branches(finding, reach)


def _next_leg(finding: Finding, reach: Reach) -> Leg | str:
    if finding.leg.kind in (LegKind.NIGHTLIES, LegKind.RELEASES):
        return _pushes_between(finding) if reach.pushes else "There are no builds of single pushes of this app."
    brought = brought_by(finding)
    if len(brought) <= 1:
        return "The push holds a single changeset."
    if finding.leg.kind is LegKind.MERGED and finding.untested:
        return "No build between the two could be tested."
    return _landed_earlier(finding, brought)


def _between_branches(finding: Finding, reach: Reach) -> tuple[Leg, ...]:
    r"""The stretch of the trunk between the places where two released versions left it.

    trunk    ──────o───────────────o──       What 156.0b1 has and 155.0.2 has not, came this way, or was uplifted to
                    \──155.0.2     \──156.0b1   beta since. That the old one was good says nothing of the trunk: what
                                            is bad there may have been fixed on its branch. So both ends are tested.
    """
    if finding.leg.kind is not LegKind.RELEASES or not reach.trunk:
        return ()
    old, new = (Tag(reach.left.format(major_of(item))) for item in (finding.last_old, finding.first_new))
    if old == new:
        return ()
    why = f"the pushes to {reach.trunk} between where the two releases left it"
    return (Leg(LegKind.PUSHES, reach.trunk, old, new, why, check_ends=True),)


def major_of(release: Candidate) -> str:
    """131.0.3 → 131"""
    return release.key.partition(".")[0]


def since_branching(released: Finding, clash: Clash, tip: Build) -> Leg | None:
    """The pushes to the branch of the new release after it left the trunk, where that was still old (``tip``).

    None where the trunk was new already at the place where the old release left it, or no revision is known.
    """
    new = released.new_build
    if clash.refuted is not Side.NEW or tip.revision is None or new is None or new.revision is None:
        return None
    return Leg(
        LegKind.PUSHES,
        new.repo,
        Revision(tip.revision),
        Revision(new.revision),
        f"the pushes to {new.repo} since it left {tip.repo}",
        check_ends=False,
        ends=(_as_judged(clash.seen_old, tip), _as_judged(released.first_new, new)),
    )


def brought_by(finding: Finding) -> tuple[str, ...]:
    """The changesets of every push after last old up to first new, oldest first."""
    pushes = (*(open_.candidate for open_ in finding.untested), finding.first_new)
    return tuple(dict.fromkeys(node for push in pushes for node in push.changesets))


def _pushes_between(finding: Finding) -> Leg | str:
    old, new = finding.old_build, finding.new_build
    if old is None or new is None:
        return _pushes_around_an_untested_end(finding)
    if old.revision is None or new.revision is None:
        return "The archive does not say which revisions the two builds were made from."
    if old.revision == new.revision:
        return "Both builds were made from the same revision: the difference between them is not in the code."
    what = "releases" if finding.leg.kind is LegKind.RELEASES else "nightlies"
    return Leg(
        LegKind.PUSHES,
        new.repo,
        Revision(old.revision),
        Revision(new.revision),
        f"the pushes to {new.repo} between the two {what}",
        check_ends=False,
        ends=(_as_judged(finding.last_old, old), _as_judged(finding.first_new, new)),
    )


def _pushes_around_an_untested_end(finding: Finding) -> Leg | str:
    """An end without a build is only what the person said: it is tested again among the pushes of its day."""
    judged = finding.new_build or finding.old_build
    if judged is None or judged.revision is None:
        return "No end of the range could be tested, so that no revision is known."
    if finding.leg.kind is LegKind.RELEASES:
        return "One end of the range could not be tested."
    known = Revision(judged.revision)
    return Leg(
        LegKind.PUSHES,
        judged.repo,
        known if finding.old_build else BuildId(finding.last_old.when),
        known if finding.new_build else BuildId(finding.first_new.when),
        f"the pushes to {judged.repo} from the nightly without a build on",
        check_ends=True,
    )


def _as_judged(candidate: Candidate, build: Build) -> Candidate:
    """A nightly as an end of a finer leg: it now has the revision that its build was made from."""
    assert build.revision is not None
    return replace(candidate, repo=build.repo, changesets=(build.revision,), git_changesets=(build.git_revision,))


def _landed_earlier(finding: Finding, brought: tuple[str, ...]) -> Leg | str:
    old, new = finding.last_old, finding.first_new
    if old.revision is None or new.revision is None:
        return "One end of the range could not be tested, so that its revision is not known."
    # What a push brought was new to its repository. And where we came from, every build has been tried.
    been = (finding.leg.repo, old.repo) if finding.leg.kind is LegKind.MERGED else ()
    return Leg(
        LegKind.MERGED,
        new.repo,
        Revision(old.revision),
        Revision(new.revision),
        f"the pushes that first landed what came to {new.repo} with it",
        # An end that was not tested, since it had no build, is still only what somebody said.
        check_ends=finding.leg.check_ends and None in (finding.old_build, finding.new_build),
        ends=(old, new),
        brought=brought,
        unbuilt=tuple(item.candidate for item in finding.untested),
        tried=tuple(dict.fromkeys((*finding.leg.tried, *been, new.repo))),
    )


def _in_order(old: Bound, new: Bound, terms: Terms) -> None:
    first, last = moment_of(old), moment_of(new)
    if first is None or last is None or first <= last:
        return
    other = "--find-fix" if terms.old == "good" else "no --find-fix"
    raise UsageError(
        f"The {terms.old} build ({old}) is newer than the {terms.new} one ({new}).",
        advice=f"Swap them if that was a slip. To find what turned {terms.new} into {terms.old}, use {other}.",
    )


def moment_of(bound: Bound) -> date | None:
    """The day of a bound, as far as it can be told without asking anybody."""
    match bound:
        case Day(date=day):
            return day
        case BuildId(stamp=stamp):
            return _day(stamp)
        case Before(weeks=weeks, bound=inner):
            last = moment_of(inner)
            return last and last - timedelta(weeks=weeks)
        case Release() | Revision() | Tag():
            return None
        case other:
            assert_never(other)


def _day(stamp: datetime) -> date:
    return stamp.date()
