"""The loop: where the session's value and the five ports meet, and the only place where they do.

It asks the session what to test, brings the build, installs it, has it judged, writes the answer down and asks
again, until there is no closer leg. It prints nothing, knows no service and keeps no state but the session.
Every event is written before anything is done with it: a run that dies resumes with the very next question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from mozbisect.core import plan
from mozbisect.core.deadline import Deadline
from mozbisect.core.errors import (
    BrokenBuild,
    EndsContradict,
    Expired,
    Interrupted,
    MozbisectError,
    NetworkError,
    NoBuild,
    NotFetched,
    NothingToSearch,
    OutOfTime,
    UsageError,
)
from mozbisect.core.journal import Ended, Event, Judged, Listed, Missing, Next, Session, Stage, Undone
from mozbisect.core.model import (
    Build,
    Candidate,
    Changeset,
    Clash,
    Finding,
    Leg,
    LegKind,
    Move,
    Side,
    Terms,
    Timeline,
    Verdict,
)
from mozbisect.core.news import Listing, Note, Trying
from mozbisect.core.ports import App, Fetcher, Judge, Kept, Launcher, Question, Reporter, Source
from mozbisect.core.search import Costs

SURVEYS = {2: 8, 10: 24, 34: 64}
"""After so many candidates without a build in a row, the next so many are looked up side by side."""
SURVEYED_AT_LAST = 64

LONG_FETCH = 1.0
"""Seconds; where builds come quicker than that, it is not worth while to bring two at once."""

FAILED_FETCHES = 6
"""So many builds in a row that exist but cannot be fetched are no property of the builds: the run stops."""


KEPT_FOR_EVER = (
    "The archive keeps nightlies and releases (--app firefox-release) for ever: without --repo and --build-type, or by "
    "other bounds, there may be some."
)


@dataclass(frozen=True, slots=True)
class Ports:
    """All that is worldly. ``clock`` gives seconds, only to measure how long tests take. ``use_kept``: builds that an
    earlier run has left here are preferred to their neighbours. ``unattended``: no person is asked, and a few tests
    more are no matter. ``broken_is``: the side of a build that is here whole but cannot be installed or started.
    ``deadline``: no test is begun that will probably not end before it. ``check_judge`` raises ``UsageError`` where
    nobody can judge; it is called before anything is downloaded."""

    source: Source
    fetcher: Fetcher
    launcher: Launcher
    judge: Judge
    reporters: Sequence[Reporter]
    clock: Callable[[], float] = time.monotonic
    use_kept: bool = True
    unattended: bool = False
    broken_is: Side = Side.UNTESTABLE
    deadline: Deadline | None = None
    check_judge: Callable[[], None] = lambda: None


class Engine:
    """Runs one session to its end. ``write`` makes an event durable; ``reach``: which kinds of builds there are."""

    def __init__(self, session: Session, ports: Ports, write: Callable[[Event], None], reach: plan.Reach) -> None:
        self.session = session
        self._ports = ports
        self._reach = reach
        self._write = write
        self._misses = 0
        self._failed_fetches = 0
        self._kept_of: dict[int, Kept] = {}  # by the number of the leg
        self._fetching = self._judging = 0.0  # seconds of the longest fetch so far, and of the last verdict
        self._said_unverified: set[str] = set()
        # Seconds of the longest test so far; those of an earlier run were without the download.
        self._longest = max((event.seconds for event in session.events if isinstance(event, Judged)), default=0.0)

    def run(self, first: Leg) -> Finding:
        """Search until there is no closer leg; ``first`` is opened unless the session already has one.

        Raises ``NothingToSearch``, ``EndsContradict``, ``CannotRun``, ``Interrupted``, ``OutOfTime``,
        ``CommandBroken``, ``NetworkError`` and ``CacheTrouble``; whichever it is, the session can go on later.
        """
        if self.session.ended is None:
            self._ports.launcher.check()
            self._ports.check_judge()
        if not self.session.stages:
            self._open_first(first)
        while self.session.ended is None:
            costs = self._costs()
            step = self.session.ask(costs)
            match step:
                case Next():
                    self._test_in_time(step, costs)
                case Clash():
                    self._look_back(step)
                case Finding():
                    self._look_closer(step)
                case other:
                    assert_never(other)
        finding = self.session.finding
        assert finding, "only what was found ends a session"
        return finding

    def undo(self) -> None:
        """Take back the last verdict. Raises ``UsageError`` if there is none."""
        if not self.session.questions:
            raise UsageError("No verdict has been given yet: there is nothing to take back.")
        self._happened(Undone())

    # ------------------------------------------------------------------------------------------------ legs

    def _open(self, leg: Leg, finding: Finding | None = None) -> None:
        self._tell(Listing(leg))
        self._begin(self._ports.source.timeline(leg), finding)

    def _begin(self, timeline: Timeline, finding: Finding | None = None) -> None:
        """``finding``: whose builds were judged at the ends of this leg; without one, its ends are still to be."""
        ends = (finding.old_build, finding.new_build) if finding and timeline.leg.ends else (None, None)
        self._happened(Listed(timeline, *ends))
        if timeline.leg.check_ends:
            self._ports.source.look_up(self.session.stage.opening(self._costs()))

    def _open_first(self, leg: Leg) -> None:
        """Open the first leg; or the next place for its range, if all builds there are gone."""
        self._begin(first_listed(leg, self._reach, self._ports.source, self._tell, self._tried))

    @property
    def _tried(self) -> frozenset[LegKind]:
        return frozenset(stage.timeline.leg.kind for stage in self.session.stages)

    def _look_back(self, clash: Clash) -> None:
        """Go on further back if the old end was only a guess. Raises ``EndsContradict`` if it was not."""
        terms = self.session.opened.terms
        leg = plan.further_back(self.session.stage.timeline.leg, clash)
        if leg is None and self.session.released is not None and clash.refuted is not None:
            self._leave_the_trunk(self.session.released, clash)
            return
        if leg is None:
            raise _contradiction(clash, terms)
        try:
            self._open(leg)
        except NothingToSearch as none:
            raise EndsContradict(
                f"No {terms.old} build was found: the {clash.seen_new.title} is {terms.new} as well, and {none.what}"
            ) from none

    def _leave_the_trunk(self, released: Finding, clash: Clash) -> None:
        """The change is not where two releases left the trunk: on with what came to the branch of the new one."""
        terms, still_old = self.session.opened.terms, clash.refuted is Side.NEW
        tip = self.session.stage.builds[(clash.seen_old if still_old else clash.seen_new).key]
        why = (
            f"Where the newer release left {tip.repo}, it was still {terms.old}: the change came to its branch."
            if still_old
            else f"Where the older one left {tip.repo}, it was {terms.new} already, and {terms.old} on its branch only."
        )
        self._try(released, why, plan.since_branching(released, clash, tip), as_old=tip)

    def _try(self, finding: Finding, why: str, *legs: Leg | None, as_old: Build | None = None) -> None:
        """Open the first of these legs that has something to search; without one, that is the end, and why."""
        known = replace(finding, old_build=as_old) if as_old else finding
        reasons: list[str] = []
        for leg in filter(None, legs):
            try:
                self._open(leg, known)
            except (NothingToSearch, UsageError) as error:
                reasons.append(error.what)
            else:
                return
        self._end(finding, " ".join(filter(None, (why, *reasons[-1:]))))  # the last leg is the most that was hoped for

    def _look_closer(self, finding: Finding) -> None:
        if finding.leg.check_ends and not self.session.verdicts:
            self._use_other_builds(finding)
            return
        if self._look_elsewhere(finding):
            return
        if not finding.leg.check_ends:
            finding = self._with_trusted_builds(finding)
        closer = plan.next_legs(finding, self._reach)
        if isinstance(closer, str):
            self._end(finding, closer)
        else:
            self._try(finding, "", *closer)

    def _use_other_builds(self, finding: Finding) -> None:
        """Not one build of the range could be tested. Raises ``NothingToSearch`` unless there is another place."""
        nothing = self._nothing_testable(finding)
        leg = None if self.session.stage.judged else plan.instead_of(finding.leg, self._reach, self._tried)
        if leg is None:
            raise nothing
        self._tell(Note(nothing.what))
        self._open_first(leg)

    def _look_elsewhere(self, finding: Finding) -> bool:
        """The builds at one end are gone, and all that is left was tested: on with the next place, if there is one."""
        gone = [word for build, end, word in self._ends(finding) if not build and self.session.stage.is_missing(end)]
        leg = plan.rest_of(finding, self._reach, self._tried) if gone and finding.leg.check_ends else None
        if leg is None:
            return False
        self._tell(Note(f"No build was seen {gone[0]} so far: those at that end of the range are gone."))
        try:
            self._open_first(leg)
        except (NothingToSearch, UsageError) as error:
            self._tell(Note(error.what))
            return False
        return True

    def _with_trusted_builds(self, finding: Finding) -> Finding:
        """With --mode no-first-check an end may stay untested; a closer leg still needs the revision of its build."""
        found: list[Build | None] = []
        for build, candidate in ((finding.old_build, finding.last_old), (finding.new_build, finding.first_new)):
            try:
                found.append(build or self._ports.source.with_origin(self._ports.source.find(candidate)))
            except NoBuild:
                found.append(None)
        return replace(finding, old_build=found[0], new_build=found[1])

    def _end(self, finding: Finding, why: str) -> None:
        if finding.leg.check_ends:
            finding = self.session.finding or finding
        if finding.leg.check_ends:
            self._refuse_mere_claims(finding)
        since = self._ports.source.since(finding) or ""
        self._happened(Ended(why, self._changesets(finding), self._git_hashes(finding), since))

    def _ends(self, finding: Finding) -> tuple[tuple[Build | None, Candidate, str], ...]:
        terms = self.session.opened.terms
        return (finding.old_build, finding.last_old, terms.old), (finding.new_build, finding.first_new, terms.new)

    def _refuse_mere_claims(self, finding: Finding) -> None:
        """What was not tested is never taken as good or bad, also if a person said so."""
        for (build, end, word), further in zip(self._ends(finding), ("an earlier", "a later"), strict=True):
            if build is None:
                reason = self.session.stage.reasons.get(end.key, "not tried")
                gone = self.session.stage.is_missing(end)
                raise NothingToSearch(
                    f"No build was ever seen {word}: none at that end of the range could be tested ({reason}).",
                    advice=KEPT_FOR_EVER if gone else f"Give {further} --{word}.",
                )

    def _changesets(self, finding: Finding) -> tuple[Changeset, ...]:
        try:
            return self._ports.source.describe(finding)
        except NetworkError as error:
            self._tell(Note(f"The descriptions of the changesets could not be had: {error.what}"))
            return ()

    def _git_hashes(self, finding: Finding) -> dict[str, str]:
        """Mercurial → Git, of the two ends whose Git hash nobody has told so far."""
        found: dict[str, str] = {}
        for candidate, build in ((finding.last_old, finding.old_build), (finding.first_new, finding.new_build)):
            revision = candidate.revision or (build.revision if build else None)
            told = candidate.git_revision or (build.git_revision if build else None)
            if revision and not told and (git := self._ports.source.git_of(revision)):
                found[revision] = git
        return found

    def _nothing_testable(self, finding: Finding) -> NothingToSearch:
        timeline = self.session.stage.timeline
        count = timeline.new_at - timeline.old_at + 1  # those beyond only stand in
        reason = next(iter(self.session.stage.reasons.values()), "not tried")
        return NothingToSearch(
            f"None of the {count} {finding.leg.kind.of.many} in this range has a build that can be tested ({reason}).",
            advice="Try another range, --build-type, --arch or --lang.",
        )

    def _costs(self) -> Costs:
        """What an earlier run has left here is cheaper than a download, and so is what came beside another build."""
        stage, fetcher = self.session.stage, self._ports.fetcher
        kept = self._kept(stage) if self._ports.use_kept else Kept()
        costs = Costs(at_hand=kept.unpacked, packed=kept.packed)
        if not self._only_fetches():
            return costs
        at_hand = kept.unpacked | stage.places(fetcher.begun())
        return replace(costs, at_hand=at_hand, two_at_once=fetcher.may_bet(stage.search.left()))

    def _kept(self, stage: Stage) -> Kept:
        """Looked at once a leg."""
        leg = len(self.session.stages)
        if leg not in self._kept_of:
            self._kept_of[leg] = self._ports.fetcher.kept(stage.timeline.candidates)
        return self._kept_of[leg]

    def _only_fetches(self) -> bool:
        """Is nearly all the time spent on bringing builds here?"""
        waits = self._fetching >= LONG_FETCH and self._judging < self._fetching / 2
        return self._ports.unattended and waits

    # --------------------------------------------------------------------------------------------- one test

    def _test_in_time(self, step: Next, costs: Costs) -> None:
        """A test is expected to last as long as the longest so far. Raises ``OutOfTime`` if that is too long."""
        clock, deadline = self._ports.clock, self._ports.deadline
        began = clock()
        if deadline is not None and not deadline.has_room(began, self._longest):
            left = max(deadline.left(began), 0)
            raise OutOfTime(
                f"The deadline is in {left:.0f} s, and the longest test so far took {self._longest:.0f} s: "
                "no further one is begun."
            )
        try:
            self._test(step, costs)
        finally:
            self._longest = max(self._longest, clock() - began)

    def _test(self, step: Next, costs: Costs) -> None:
        likely = self.session.stage.ahead(costs)  # first, so that all that is to come is looked up side by side
        self._ports.fetcher.ahead(likely, present=step.candidate, left=step.left)
        try:
            build = self._ports.source.find(step.candidate)
        except NoBuild as none:
            self._missed(step.candidate, none.what)
            return
        self._tell(Trying(self.session.questions + 1, step.candidate, build, step.left))
        self._tell_if_preferred(step, costs)
        self._say_unverified(build)
        try:
            self._judge(step, build)
        except NoBuild as none:
            self._missed(step.candidate, none.what)
        except BrokenBuild as broken:
            self._happened(Judged(step.candidate.key, Side.UNTESTABLE, broken.what, build, 0.0, asked=False))

    def _tell_if_preferred(self, step: Next, costs: Costs) -> None:
        stage, kept = self.session.stage, self._kept_of.get(len(self.session.stages), Kept())
        if stage.places([step.candidate]) <= kept.unpacked | kept.packed:
            usual = stage.ask(replace(costs, at_hand=frozenset(), packed=frozenset()))
            if isinstance(usual, Next) and usual.candidate != step.candidate:
                self._tell(Note(f"Taken in place of the {usual.candidate.title}, as it is here already."))

    def _say_unverified(self, build: Build) -> None:
        """Once for each reason: of old years none has a digest, and the report tells of each build."""
        if build.unverified and build.unverified not in self._said_unverified:
            self._said_unverified.add(build.unverified)
            self._tell(Note(f"    not verified: {build.unverified} (this is said once)"))

    def _missed(self, candidate: Candidate, reason: str) -> None:
        self._happened(Missing(candidate.key, reason))
        self._misses += 1
        last = max(SURVEYS)
        many = SURVEYS.get(self._misses) or (self._misses > last and (self._misses - last) % SURVEYED_AT_LAST == 0)
        if many:
            self._ports.source.look_up(self.session.stage.if_missing(SURVEYS.get(self._misses, SURVEYED_AT_LAST)))

    def _judge(self, step: Next, build: Build) -> None:
        began = self._ports.clock()
        with ExitStack() as stack:
            tree = self._bring(build, stack)
            self._fetching = max(self._fetching, self._ports.clock() - began)
            try:
                app = stack.enter_context(self._ports.launcher.install(tree, build))
                # Before the question: an answer must not be lost to a server that is silent just then.
                build = self._ports.source.with_origin(_completed(build, app))
                began = self._ports.clock()
                answer = self._ports.judge.judge(app, build, self._question(step))
            except BrokenBuild as broken:
                answer = self._verdict_on(broken)
                build = self._ports.source.with_origin(build)  # it will not tell itself
            self._judging = self._ports.clock() - began
            seconds = round(self._judging, 3)
        match answer:
            case Verdict(side=side, reason=reason):
                self._happened(Judged(step.candidate.key, side, reason, build, seconds, asked=True))
            case Move.RETRY:
                return
            case Move.BACK:
                self.undo()
            case Move.QUIT:
                raise Interrupted("Stopped.")
            case other:
                assert_never(other)

    def _verdict_on(self, broken: BrokenBuild) -> Verdict:
        """A build that came whole but cannot be installed or started. Raises it again where that is no evidence."""
        if self._ports.broken_is is Side.UNTESTABLE:
            raise broken
        return Verdict(self._ports.broken_is, broken.what)

    def _bring(self, build: Build, stack: ExitStack) -> Path:
        try:
            tree = stack.enter_context(self._ports.fetcher.bring(build))
        except NotFetched as broken:
            self._failed_fetches += 1
            if self._failed_fetches < FAILED_FETCHES:
                raise
            raise MozbisectError(
                f"{self._failed_fetches} builds in a row could not be fetched; the last: {broken.what}",
                advice="That looks like trouble with the servers or the network, not with the builds. Go on later.",
            ) from broken
        self._failed_fetches = self._misses = 0
        return tree

    def _question(self, step: Next) -> Question:
        return Question(
            number=self.session.questions + 1,
            left=step.left,
            can_go_back=self.session.questions > 0,
            terms=self.session.opened.terms,
            title=step.candidate.title,
        )

    # ------------------------------------------------------------------------------------------------- news

    def _happened(self, event: Event) -> None:
        after = self.session.after(event)  # first: what cannot happen must not be written
        self._write(event)
        self.session = after
        self._tell(event)

    def _tell(self, news: object) -> None:
        for reporter in self._ports.reporters:
            reporter.tell(news)


def first_listed(
    leg: Leg, reach: plan.Reach, source: Source, tell: Callable[[object], None], tried: Collection[LegKind] = ()
) -> Timeline:
    """The timeline of a leg; where all its builds are gone, that of its range in the next place, which is told.

    Raises what ``Source.timeline`` does; with all the reasons if no place has any.
    """
    reasons: list[str] = []
    while True:
        tell(Listing(leg))
        try:
            return source.timeline(leg)
        except NothingToSearch as none:
            if not reasons and not isinstance(none, Expired):
                raise
            reasons.append(none.what)
            tried = {*tried, leg.kind}
            other = plan.instead_of(leg, reach, tried)
            if other is None:
                raise Expired(" ".join(reasons), advice=none.advice) from none
            tell(Note(none.what))
            leg = other


def _completed(build: Build, app: App) -> Build:
    """The build with what the archive did not say but the installed program does."""
    facts = app.facts
    # Of a build that was made from Git we would take its hash for one of Mercurial; the archive tells both.
    from_git = "github.com/" in facts.get("application_repository", "")
    return replace(
        build,
        revision=build.revision or (None if from_git else facts.get("application_changeset")),
        build_id=build.build_id or facts.get("application_buildid"),
    )


def _contradiction(clash: Clash, terms: Terms) -> EndsContradict:
    undo = "If an answer was a slip, take it back with: mozbisect resume --undo"
    match clash.refuted:
        case Side.OLD:
            return EndsContradict(
                f"Both ends are {terms.new}: "
                f"the {clash.seen_new.title}, which should be {terms.old}, is {terms.new} as well.",
                advice=f"Give an earlier --{terms.old}, or look at whether the test tells the two apart. {undo}",
            )
        case Side.NEW:
            return EndsContradict(
                f"Both ends are {terms.old}: "
                f"the {clash.seen_old.title}, which should be {terms.new}, is {terms.old} as well.",
                advice=f"Give a later --{terms.new}, or look at whether the test tells the two apart. {undo}",
            )
        case _:
            return EndsContradict(
                f"The {clash.seen_new.title} was {terms.new}, the later {clash.seen_old.title} {terms.old} again.",
                advice=f"The bug may come and go, or have been fixed in between. {undo}",
            )
