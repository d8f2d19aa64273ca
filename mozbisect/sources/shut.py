"""Which candidates of a timeline are not asked about: what a person excluded, and what Taskcluster keeps no more.

They stay in the timeline, since the change may have come with one of them, and the answer names those that it had to
leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mozbisect.catalog.repos import FOUR_WEEKS, repo
from mozbisect.catalog.versions import key_of
from mozbisect.core.errors import Expired, NoBuild
from mozbisect.core.model import Bound, Build, Candidate, Kind, LegKind, Release, Shut, Timeline
from mozbisect.sources.clock import by_folders
from mozbisect.sources.span import Pushed, span
from mozbisect.sources.together import together

PROBES = 3
"""So many of the pushes that should be gone are asked for: only if none has a build they are taken as gone."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A range that a person knows to be untestable, both ends included; ``said`` is how it was written."""

    said: str
    first: Bound
    last: Bound

    @property
    def of_versions(self) -> bool:
        return isinstance(self.first, Release) and isinstance(self.last, Release)


def without_excluded(timeline: Timeline, excluded: Sequence[Excluded], pushed: Pushed) -> Timeline:
    """The timeline with the excluded candidates shut. Raises what ``pushed`` raises."""
    runs = [*timeline.shut]
    for item in excluded:
        within = _within(item, timeline.leg.kind, pushed)
        places = [at for at, candidate in enumerate(timeline.candidates) if within(candidate)]
        runs += _runs(places, f"excluded (--exclude {item.said})")
    return replace(timeline, shut=tuple(runs))


def _within(item: Excluded, kind: LegKind, pushed: Pushed) -> Callable[[Candidate], bool]:
    if kind is LegKind.RELEASES and isinstance(item.first, Release) and isinstance(item.last, Release):
        low, high = key_of(item.first.version), key_of(item.last.version)
        return lambda candidate: low <= key_of(candidate.key) <= high
    first, last = span(item.first, pushed)[0], span(item.last, pushed)[1]
    if kind is LegKind.NIGHTLIES:  # in doubt a nightly is not excluded
        first = by_folders(item.first, (first, first), old=False)[0]
        last = by_folders(item.last, (last, last), old=True)[1]
    return lambda candidate: first <= candidate.when <= last


def without_expired(timeline: Timeline, find: Callable[[Candidate], Build], now: datetime) -> Timeline:
    """The timeline with the pushes shut whose builds are gone: what is said to be the old end stays it.

    If the first push that has a build proves new, the change came with one that has none, and not before that end.
    Raises ``Expired`` when all of a range that a person gave is gone.
    """
    leg = timeline.leg
    kept_for = timedelta(days=repo(_repo_of(timeline)).days)
    old = [
        at
        for at in range(timeline.new_at + 1)
        if timeline.candidates[at].kind is Kind.PUSH and timeline.candidates[at].when < now - kept_for
    ]
    if not leg.check_ends:
        old = [at for at in old if at not in (timeline.old_at, timeline.new_at)]
    if not old or _any_is_left([timeline.candidates[at] for at in old], find):
        return timeline
    said = _said(timeline, sum(at >= timeline.old_at for at in old), now - kept_for)  # not those beyond the range
    if not leg.check_ends:
        return _shut(timeline, old, said)
    first = next((at for at in range(timeline.old_at, timeline.new_at) if at not in set(old)), None)
    if first is None:
        raise Expired(said, advice="The archive keeps nightlies, and releases (--app firefox-release), for ever.")
    began = timeline.candidates[first]
    if first == timeline.old_at:
        return _shut(timeline, old, said)
    return _shut(timeline, old, f"{said} The search begins at the push of {began.when:%Y-%m-%d %H:%M}.")


def _repo_of(timeline: Timeline) -> str:
    return next((item.repo for item in timeline.candidates if item.kind is Kind.PUSH), timeline.leg.repo)


def _any_is_left(pushes: Sequence[Candidate], find: Callable[[Candidate], Build]) -> bool:
    """Ask for the newest, the oldest and one in the middle."""
    asked = {push.key: push for push in (pushes[-1], pushes[0], pushes[len(pushes) // 2])}
    return any(together([partial(_has_build, find, push) for push in list(asked.values())[:PROBES]]))


def _has_build(find: Callable[[Candidate], Build], push: Candidate) -> bool:
    try:
        find(push)
    except NoBuild:
        return False
    return True


def _said(timeline: Timeline, count: int, horizon: datetime) -> str:
    name = _repo_of(timeline)
    life = "28 days" if repo(name).days == FOUR_WEEKS else "a year"
    return (
        f"Taskcluster keeps the builds of {name} for {life}: those of {count} push{'es' if count > 1 else ''} before "
        f"{horizon:%Y-%m-%d} are gone."
    )


def _shut(timeline: Timeline, places: Iterable[int], note: str) -> Timeline:
    runs = _runs(places, "expired from Taskcluster")
    return replace(timeline, shut=(*timeline.shut, *runs), notes=(*timeline.notes, note))


def _runs(places: Iterable[int], reason: str) -> Iterator[Shut]:
    """Places in growing order, as runs of neighbours."""
    first = last = None
    for at in places:
        if first is None or last is None:
            first = last = at
        elif at == last + 1:
            last = at
        else:
            yield Shut(first, last, reason)
            first = last = at
    if first is not None and last is not None:
        yield Shut(first, last, reason)
