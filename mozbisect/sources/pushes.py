"""Timelines of pushes: between two judged builds, and between what a person gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from mozbisect.catalog.repos import A_YEAR, repo
from mozbisect.core.errors import NothingToSearch
from mozbisect.core.model import Bound, Candidate, Changeset, Finding, Kind, Leg, LegKind, Revision, Tag, Timeline
from mozbisect.sources.landings import landings
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.revisions import Revisions
from mozbisect.sources.span import at_or_after, at_or_before, in_order, span

SPARE_PUSHES = 10
"""How many pushes beyond the bounds are listed, to stand in for an end without a build."""

MOST_DESCRIBED = 200  # pushes; a longer list of changesets is no help in a report


class Pushes:
    """Lists legs of pushes."""

    def __init__(self, pushlog: Pushlog, revisions: Revisions) -> None:
        self._pushlog = pushlog
        self._revisions = revisions

    def timeline(self, leg: Leg) -> Timeline:
        """Raises ``NothingToSearch``, ``UsageError`` (an unknown revision, a reversed range), ``NetworkError``."""
        match leg.kind:
            case LegKind.MERGED:
                return landings(self._pushlog, leg)
            case LegKind.PUSHES if leg.ends:
                return self._between_judged(leg)
            case LegKind.PUSHES:
                return self._between_bounds(leg)
            case LegKind.NIGHTLIES | LegKind.RELEASES:
                raise ValueError(f"a leg of {leg.kind} holds no pushes")
            case other:
                assert_never(other)

    def at(self, bound: Bound, repo_name: str) -> Sequence[Candidate]:
        """The pushes of one bound, the latest first. Raises ``NothingToSearch``."""
        first, last = span(bound, lambda text: self._revisions.push_of(text, repo_name))
        pushes = self._pushlog.by_day(repo_name, first.date(), last.date())
        found = [push for push in pushes if first <= push.when <= last]
        if not found:
            raise NothingToSearch(f"There is no push to {repo_name} of {bound}.")
        return found[::-1]

    def near(self, bound: Bound, repo_name: str, within: timedelta) -> Sequence[Candidate]:
        """The pushes around a bound, the nearest first."""
        first, last = span(bound, lambda text: self._revisions.push_of(text, repo_name))
        pushes = self._pushlog.by_day(repo_name, (first - within).date(), (last + within).date())
        middle = first + (last - first) / 2
        return sorted(pushes, key=lambda push: abs(push.when - middle))

    def describe(self, finding: Finding) -> tuple[Changeset, ...]:
        """What the pushes after last old up to first new brought; empty if they are not pushes of one repository."""
        pushes = (*(item.candidate for item in finding.untested), finding.first_new)
        repos = {push.repo for push in pushes}
        if len(repos) != 1 or len(pushes) > MOST_DESCRIBED or any(push.kind is not Kind.PUSH for push in pushes):
            return ()
        told = self._pushlog.describe(finding.first_new.repo, push_id(pushes[0]), push_id(pushes[-1]))
        brought = {node for push in pushes for node in push.changesets}
        return tuple(changeset for changeset in told if changeset.node in brought)

    # ------------------------------------------------------------------------------------- between judged ends

    def _between_judged(self, leg: Leg) -> Timeline:
        """What came after the judged old revision, up to the judged new one: also within the pushes that hold them.

        push 7: a b [old] c d │ push 8: e f │ push 9: g [new] h        →  old │ c d │ e f │ g new
        """
        old_end, new_end = leg.ends
        assert old_end.revision is not None
        assert new_end.revision is not None
        pushes = self._from_push_to_push(leg, old_end.revision, new_end.revision)
        if not pushes:
            raise NothingToSearch(
                f"The pushlog of {leg.repo} has no pushes between {old_end.revision} and {new_end.revision}."
            )
        first, last = pushes[0], pushes[-1]
        old_at, new_at = _position(first, old_end.revision), _position(last, new_end.revision)
        inner = list(pushes[1:])
        if old_at is not None and old_at + 1 < len(first.changesets):
            inner.insert(0, _part(first, old_at + 1, None))
        if inner and new_at is not None:
            inner[-1] = _part(inner[-1], None, _upto(inner[-1], new_end.revision))
        if not inner:
            raise NothingToSearch(f"The pushlog of {leg.repo} has both revisions in one push, in this order.")
        start = replace(old_end, changesets=(first.changesets[old_at],)) if old_at is not None else old_end
        return Timeline(leg, (start, *inner), 0, len(inner))

    def _from_push_to_push(self, leg: Leg, old: str, new: str) -> Sequence[Candidate]:
        """The pushes from the one that brought ``old`` to the one that brought ``new``, both included.

        One request, as a nightly is built soon after its push; three where it was not.
        """
        days = leg.ends[0].when.date() - timedelta(days=1), leg.ends[1].when.date()
        window = self._pushlog.by_day(leg.repo, *days)
        first, last = (_holder(window, revision) for revision in (old, new))
        if first is not None and last is not None and first <= last:
            return window[first : last + 1]
        before = self._pushlog.of(leg.repo, old)
        after = self._pushlog.after(leg.repo, old, new)
        return (before, *after) if before and after else ()

    # ---------------------------------------------------------------------------------------- between bounds

    def _between_bounds(self, leg: Leg) -> Timeline:
        found: Sequence[Candidate]
        if isinstance(leg.old, Revision | Tag) and isinstance(leg.new, Revision | Tag):
            old, new = self._revisions.both(str(leg.old), str(leg.new), leg.repo)
            found = self._pushlog.by_id(old.repo, push_id(old) - SPARE_PUSHES, push_id(new) + SPARE_PUSHES)
            leg = replace(leg, repo=old.repo)
            keys = [push.key for push in found]
            old_at, new_at = keys.index(old.key), keys.index(new.key)
        else:
            found, old_at, new_at = self._by_time(leg)
        if old_at >= new_at:
            raise NothingToSearch(f"There is no push to {leg.repo} between {leg.old} and {leg.new}.")
        # What lies further out than the spare ends is of no use.
        start = max(old_at - SPARE_PUSHES, 0)
        shown = tuple(found[start : new_at + SPARE_PUSHES + 1])
        return Timeline(leg, shown, old_at - start, new_at - start, _notes(leg, found[old_at], found[new_at]))

    def _by_time(self, leg: Leg) -> tuple[Sequence[Candidate], int, int]:
        old, new = (span(bound, lambda text: self._revisions.push_of(text, leg.repo)) for bound in (leg.old, leg.new))
        in_order(leg, old, new)
        first, last = old[0].date() - timedelta(days=1), new[1].date() + timedelta(days=1)
        found = self._pushlog.by_day(leg.repo, first, last)
        if not found:
            kept = repo(leg.repo).days
            raise NothingToSearch(
                f"There is no push to {leg.repo} from {first} to {last}.",
                advice=f"Taskcluster keeps the builds of {leg.repo} for {kept} days." if kept < A_YEAR else "",
            )
        return found, at_or_before(found, old), at_or_after(found, new)


def _notes(leg: Leg, old: Candidate, new: Candidate) -> tuple[str, ...]:
    return tuple(
        f"{bound} is taken as the push of {push.when:%Y-%m-%d %H:%M} UTC to {leg.repo} ({push.revision})."
        for bound, push in ((leg.old, old), (leg.new, new))
        if not (isinstance(bound, Revision) and push.revision and push.revision.startswith(bound.hex))
    )


def _position(push: Candidate, revision: str) -> int | None:
    """Where in the push a revision stands, of which the first digits will do: until 2012 the archive gave twelve."""
    return next((at for at, node in enumerate(push.changesets) if node.startswith(revision)), None)


def _holder(pushes: Sequence[Candidate], revision: str) -> int | None:
    return next((at for at, push in enumerate(pushes) if _position(push, revision) is not None), None)


def _upto(push: Candidate, revision: str) -> int | None:
    at = _position(push, revision)
    return None if at is None else at + 1


def _part(push: Candidate, start: int | None, stop: int | None) -> Candidate:
    return replace(push, changesets=push.changesets[start:stop], git_changesets=push.git_changesets[start:stop])
