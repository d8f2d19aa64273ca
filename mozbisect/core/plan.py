"""Which stretch of history to search: first, from what was asked for; then, from what the last stretch came to.

    nightlies ──► pushes of the repository they were built from ──► pushes of the branch that a merge came from
    releases  ──►   "

A finer leg begins at the last revision that was really judged and ends at the first that was; nothing in
between is taken as good or bad without a test. Merges are followed by the changesets they brought, never by
the words of a message. Pure: the servers are asked by a ``Source``, which lists the leg that is planned here.
"""

from __future__ import annotations

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
class Reach:
    """Which kinds of builds there are to search. ``start``: of which kind the first leg is; ``pushes``: single pushes
    have builds; ``nightlies_of``: the repository whose nightlies hold, a little later, all that lands on the searched
    one; None if there are none of this kind."""

    start: LegKind
    pushes: bool = True
    nightlies_of: str | None = None


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
    old: Bound, new: Bound, *, repo: str, reach: Reach, check_ends: bool, terms: Terms, search_back: bool = False
) -> Leg:
    """The leg that a bisection begins with.

    Two revisions are searched push by push at once, where pushes have builds; anything with a day in it begins on
    nightlies where there are any. Raises ``UsageError`` for a reversed range.
    """
    _in_order(old, new, terms)
    named = isinstance(old, Revision | Tag) and isinstance(new, Revision | Tag)
    if named and old == new:
        raise NothingToSearch(f"Both ends are {old}: there is nothing between them.")
    kind = LegKind.PUSHES if named and reach.pushes else reach.start
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


def instead_of(leg: Leg, reach: Reach) -> Leg | None:
    """The other kind of builds for the range of a first leg that has none of its own; None if there is none."""
    if leg.instead or not leg.check_ends:
        return None
    if leg.kind is LegKind.NIGHTLIES and reach.pushes:
        why = f"the pushes to {leg.repo} in their place"
        return replace(leg, kind=LegKind.PUSHES, why=why, instead="no nightly of the range has such a build")
    if leg.kind is LegKind.PUSHES and reach.nightlies_of:
        why = f"the nightlies of {reach.nightlies_of} in their place"
        gone = "the builds of the pushes are gone"
        return replace(leg, kind=LegKind.NIGHTLIES, repo=reach.nightlies_of, why=why, instead=gone)
    return None


def next_leg(finding: Finding, reach: Reach) -> Leg | str:
    """A closer stretch of history to search, or the reason why there is none, as a sentence."""
    if finding.leg.kind in (LegKind.NIGHTLIES, LegKind.RELEASES):
        return _pushes_between(finding) if reach.pushes else "There are no builds of single pushes of this app."
    brought = brought_by(finding)
    if len(brought) <= 1:
        return "The push holds a single changeset."
    if finding.leg.kind is LegKind.MERGED and finding.untested:
        return "No build between the two could be tested."
    return _landed_earlier(finding, brought)


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
