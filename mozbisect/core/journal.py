"""What happened in one bisection, as events; a ``Session`` is those events added up.

Only what cannot be derived is recorded: what was asked for, what the servers listed, what the judge said.
So there is no state to save beside the journal, and to resume, to go back, to replay and to report are one
and the same: fold the events again. The file itself is written in ``sessions.py``; here is no I/O.

    Opened  Listed  (Missing | Judged | Undone)*  Listed  …  Ended

``Undone`` takes back the last verdict of the judge and all that followed from it, also a leg that was opened
since; it can be repeated to any depth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, assert_never

from mozbisect.core import plan
from mozbisect.core.codec import from_json, to_json
from mozbisect.core.errors import JournalDamaged
from mozbisect.core.model import (
    Build,
    Candidate,
    Changeset,
    Clash,
    Finding,
    LegKind,
    Side,
    Terms,
    Timeline,
    Untested,
)
from mozbisect.core.search import EQUAL_COSTS, Contradiction, Costs, Found, Search, Try

FORMAT = 1
"""Version of the journal's lines. A reader refuses a newer one; an older one it must go on to understand."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The first line: what was asked for. ``options`` are the command line's, enough to resume without it."""

    format: int
    program: str  # "mozbisect 0.1.0"
    started: datetime
    terms: Terms
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A leg was opened. The builds are those that were judged at its ends before, if they were."""

    timeline: Timeline
    old_build: Build | None = None
    new_build: Build | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A candidate of the present leg has no build, and why. No question was asked."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on a candidate of the present leg. ``asked``: it came from the judge (and can be taken back);
    else the build could not be fetched, installed or started. ``seconds``: how long judging took."""

    key: str
    side: Side
    reason: str
    build: Build
    seconds: float
    asked: bool


@dataclass(frozen=True, slots=True)
class Undone:
    """The last verdict of the judge is taken back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """No closer leg exists, and why. ``changesets`` are those between last old and first new, if they are few; ``git``
    has Git hashes by Mercurial ones, where only now somebody was asked for them. ``since``: of two releases on two
    branches, the changeset after which the new one's pushlog tells what the old one has not."""

    why: str
    changesets: tuple[Changeset, ...] = ()
    git: dict[str, str] = field(default_factory=dict)
    since: str = ""


Event = Opened | Listed | Missing | Judged | Undone | Ended


@dataclass(frozen=True, slots=True)
class Next:
    """What to test next: a candidate of the present stage."""

    candidate: Candidate
    left: int


@dataclass(frozen=True)
class Stage:
    """One leg on its way: its timeline, and what is known about it. ``builds`` are by candidate key."""

    timeline: Timeline
    search: Search
    builds: Mapping[str, Build]
    reasons: Mapping[str, str]  # why a candidate is missing or untestable
    judged: tuple[Judged, ...] = ()

    @classmethod
    def of(cls, listed: Listed, earlier: Sequence[Stage] = ()) -> Stage:
        """A new leg. What earlier stages know about its candidates (a merge may lead back) holds here, too."""
        timeline = listed.timeline
        search = Search(
            len(timeline.candidates),
            timeline.old_at,
            timeline.new_at,
            check_ends=timeline.leg.check_ends,
            missing=frozenset(at for run in timeline.shut for at in range(run.first, run.last + 1)),
        )
        ends = {timeline.old_at: listed.old_build, timeline.new_at: listed.new_build}
        known = {timeline.candidates[at].key: build for at, build in ends.items() if build}
        shut = {
            timeline.candidates[at].key: run.reason for run in timeline.shut for at in range(run.first, run.last + 1)
        }
        stage = cls(timeline, search, builds=known, reasons=shut)
        for before in earlier:
            stage = stage._reminded(before)
        return stage

    @cached_property
    def _places(self) -> dict[str, int]:
        return {candidate.key: at for at, candidate in enumerate(self.timeline.candidates)}

    def place(self, key: str) -> int:
        try:
            return self._places[key]
        except KeyError:
            raise JournalDamaged(f"The session speaks of {key!r}, which its timeline does not hold.") from None

    def is_missing(self, candidate: Candidate) -> bool:
        """Is it known to have no build?"""
        return self.place(candidate.key) in self.search.missing

    def _reminded(self, before: Stage) -> Stage:
        search, shared = self.search, self._places.keys() & before._places.keys()
        for key in shared:
            here, there = self.place(key), before.place(key)
            if there in before.search.missing:
                search = search.miss(here)
            elif (side := before.search.seen(there)) is not None and search.seen(here) is None:
                search = search.tell(here, side)
        told_of = shared | {push.key for push in self.timeline.leg.unbuilt}
        reasons = {key: before.reasons[key] for key in told_of if key in before.reasons}
        builds = {key: before.builds[key] for key in shared if key in before.builds}
        return replace(self, search=search, builds={**builds, **self.builds}, reasons={**self.reasons, **reasons})

    def places(self, candidates: Iterable[Candidate]) -> frozenset[int]:
        """Where they are; those of other stages are left out."""
        return frozenset(at for one in candidates if (at := self._places.get(one.key)) is not None)

    def missing(self, event: Missing) -> Stage:
        search = self.search.miss(self.place(event.key))
        return replace(self, search=search, reasons={**self.reasons, event.key: event.reason})

    def told(self, event: Judged) -> Stage:
        reasons = {**self.reasons, event.key: event.reason} if event.side is Side.UNTESTABLE else self.reasons
        return replace(
            self,
            search=self.search.tell(self.place(event.key), event.side),
            builds={**self.builds, event.key: event.build},
            reasons=reasons,
            judged=(*self.judged, event),
        )

    def ask(self, costs: Costs = EQUAL_COSTS) -> Next | Finding | Clash:
        candidates = self.timeline.candidates
        match self.search.ask(costs):
            case Try(at=at, left=left):
                return Next(candidates[at], left)
            case Found() as found:
                return self._finding(found)
            case Contradiction(seen_old=old, seen_new=new, refuted=refuted):
                return Clash(candidates[old], candidates[new], refuted)
            case other:
                assert_never(other)

    def _finding(self, found: Found) -> Finding:
        old, new = (self.timeline.candidates[at] for at in (found.last_old, found.first_new))
        # The push before those that a merge brought is no suspect: all that it has is in the judged old build.
        leg = self.timeline.leg
        between = [self.timeline.candidates[at] for at in found.untested]
        if leg.brought:
            between = [candidate for candidate in between if not set(leg.brought).isdisjoint(candidate.changesets)]
        if found.first_new == len(self.timeline.candidates) - 1:
            between += [push for push in leg.unbuilt if not set(new.changesets).isdisjoint(push.changesets)]
        return Finding(
            leg=leg,
            last_old=old,
            first_new=new,
            old_build=self._judged_build(found.last_old, Side.OLD),
            new_build=self._judged_build(found.first_new, Side.NEW),
            untested=tuple(Untested(item, self.reasons.get(item.key, "no build to test")) for item in between),
        )

    def _judged_build(self, at: int, side: Side) -> Build | None:
        """The build at an end, if that end was really judged, here or before; what was only claimed has none."""
        claimed = self.timeline.leg.check_ends and self.search.seen(at) is not side
        return None if claimed else self.builds.get(self.timeline.candidates[at].key)

    def opening(self, costs: Costs = EQUAL_COSTS) -> tuple[Candidate, ...]:
        """What is asked about first if the ends are what they are said to be: both of them, and what lies between."""
        search = self.search
        candidates: list[Candidate] = []
        for side in (Side.OLD, Side.NEW, Side.UNTESTABLE):
            step = search.ask(costs)
            if not isinstance(step, Try):
                break
            candidates.append(self.timeline.candidates[step.at])
            search = search.tell(step.at, side)
        return tuple(candidates)

    def if_missing(self, most: int) -> tuple[Candidate, ...]:
        """What would be asked about next, and next again, if none of them had a build."""
        search = self.search
        candidates: list[Candidate] = []
        while len(candidates) < most and isinstance(step := search.ask(), Try):
            candidates.append(self.timeline.candidates[step.at])
            search = search.miss(step.at)
        return tuple(candidates)

    def ahead(self, costs: Costs = EQUAL_COSTS) -> dict[Candidate, float]:
        """What will probably be asked after the present question, likeliest first, with how likely it is."""
        return {self.timeline.candidates[likely.at]: likely.probability for likely in self.search.ahead(costs)}


@dataclass(frozen=True)
class Session:
    """Events added up. ``events`` are those that still hold: what was undone is gone from them.

    ``again`` is the candidate whose verdict was just taken back: it is asked about first.
    """

    opened: Opened
    events: tuple[Event, ...] = ()
    stages: tuple[Stage, ...] = ()
    ended: Ended | None = None
    again: str | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Session:
        """The session that these events make. Raises ``JournalDamaged`` if they make none."""
        rest = iter(events)
        opened = next(rest, None)
        if not isinstance(opened, Opened):
            raise JournalDamaged("The session does not begin with what was asked for.")
        session = cls(opened)
        for event in rest:
            session = session.after(event)
        return session

    @property
    def stage(self) -> Stage:
        """The leg that is being searched. There is one as soon as a timeline was listed."""
        return self.stages[-1]

    @property
    def finding(self) -> Finding | None:
        """What the last leg came to that came to something; None as long as none did.

        A leg that tests its own ends, and found one of them without a build, says less than what was known before it.
        """
        found = [step for stage in reversed(self.stages) if isinstance(step := stage.ask(), Finding)]
        sure = (item for item in found if not item.leg.check_ends or (item.old_build and item.new_build))
        return next(sure, next(iter(found), None))

    @property
    def released(self) -> Finding | None:
        """The two releases between whose branches the present leg looks on the trunk; None if it is another leg."""
        before = self.stages[-2].ask() if len(self.stages) > 1 and self.stage.timeline.leg.check_ends else None
        return before if isinstance(before, Finding) and before.leg.kind is LegKind.RELEASES else None

    @property
    def questions(self) -> int:
        """How many answers of the judge stand, skips among them."""
        return sum(isinstance(event, Judged) and event.asked for event in self.events)

    @property
    def verdicts(self) -> int:
        """How many builds are known to be old or new."""
        return sum(isinstance(event, Judged) and event.side is not Side.UNTESTABLE for event in self.events)

    @property
    def can_go_on(self) -> bool:
        """Is there something left to ask or to look up?"""
        if self.ended is not None:
            return False
        step = self.ask() if self.stages else None
        if not isinstance(step, Clash) or (self.released is not None and step.refuted is not None):
            return True
        return plan.further_back(self.stage.timeline.leg, step) is not None

    def after(self, event: Event) -> Session:
        """The session once ``event`` has happened. Raises ``JournalDamaged`` if it cannot have."""
        match event:
            case Opened():
                raise JournalDamaged("The session begins twice.")
            case Undone():
                return self._undone()
            case Listed():
                stages = (*self.stages, Stage.of(event, self.stages))
                return self._grown(event, stages=stages)
            case Missing():
                return self._grown(event, stages=self._with(self._open().missing(event)))
            case Judged():
                return self._grown(event, stages=self._with(self._open().told(event)))
            case Ended():
                return self._grown(event, ended=event)
            case other:
                assert_never(other)

    def ask(self, costs: Costs = EQUAL_COSTS) -> Next | Finding | Clash:
        """What to do now in the present stage: a question to put, or what the stage came to."""
        step = self.stage.ask(costs)
        if self.again is None or not isinstance(step, Next):
            return step
        return Next(self.stage.timeline.candidates[self.stage.place(self.again)], step.left)

    def _grown(self, event: Event, **changes: Any) -> Session:
        return replace(self, events=(*self.events, event), again=None, **changes)

    def _open(self) -> Stage:
        if not self.stages:
            raise JournalDamaged("The session holds a verdict before any leg was opened.")
        return self.stage

    def _with(self, stage: Stage) -> tuple[Stage, ...]:
        return (*self.stages[:-1], stage)

    def _undone(self) -> Session:
        for at in reversed(range(len(self.events))):
            last = self.events[at]
            if isinstance(last, Judged) and last.asked:
                return replace(Session.of((self.opened, *self.events[:at])), again=last.key)
        raise JournalDamaged("The session takes back a verdict where there is none.")


def to_line(event: Event) -> str:
    """One line of the journal, without its line end."""
    return json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))


def from_line(line: str) -> Event:
    """The event of one line. Raises ``JournalDamaged``."""
    try:
        row = json.loads(line)
        if isinstance(row, dict) and row.get("is") == "Opened" and row.get("format", 0) > FORMAT:
            raise JournalDamaged(
                "The session was written by a newer mozbisect.",
                advice="Resume it with that version, or update this one.",
            )
        event: Event = from_json(Event, row)
    except (ValueError, TypeError) as error:
        raise JournalDamaged(f"A line of the session cannot be read: {error}") from error
    return event
