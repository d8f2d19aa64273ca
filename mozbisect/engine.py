"""The loop: where the session's value and the five ports meet, and the only place where they do.

It asks the session what to test, brings the build, installs it, has it judged, writes the answer down and asks
again, until there is no closer leg. It prints nothing, knows no service and keeps no state but the session.
Every event is written before anything is done with it: a run that dies resumes with the very next question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
from mozbisect.core.journal import Ended, Event, Judged, Listed, Missing, Next, Session, Undone
from mozbisect.core.model import Build, Candidate, Changeset, Clash, Finding, Leg, Move, Side, Terms, Verdict
from mozbisect.core.news import Listing, Note, Trying
from mozbisect.core.ports import App, Fetcher, Judge, Launcher, Question, Reporter, Source
from mozbisect.core.search import EQUAL_COSTS, Costs

SURVEYS = {2: 8, 10: 24, 34: 64}
"""After so many candidates without a build in a row, the next so many are looked up side by side."""
SURVEYED_AT_LAST = 64

FAILED_FETCHES = 6
"""So many builds in a row that exist but cannot be fetched are no property of the builds: the run stops."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that is worldly. ``clock`` gives seconds, only to measure how long tests take. ``use_kept``: builds that an
    earlier run has left here are preferred to their neighbours. ``broken_is``: the side of a build that is here whole
    but cannot be installed or started. ``deadline``: no test is begun that will probably not end before it.
    ``check_judge`` raises ``UsageError`` where nobody can judge; it is called before anything is downloaded."""

    source: Source
    fetcher: Fetcher
    launcher: Launcher
    judge: Judge
    reporters: Sequence[Reporter]
    clock: Callable[[], float] = time.monotonic
    use_kept: bool = True
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
        self._at_hand: dict[int, frozenset[int]] = {}  # by the number of the leg
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
        while True:
            step = self.session.ask(self._costs())
            match step:
                case Next():
                    self._test_in_time(step)
                case Clash():
                    self._look_back(step)
                case Finding():
                    if self.session.ended is not None:
                        return step
                    self._look_closer(step)
                case other:
                    assert_never(other)

    def undo(self) -> None:
        """Take back the last verdict. Raises ``UsageError`` if there is none."""
        if not self.session.questions:
            raise UsageError("No verdict has been given yet: there is nothing to take back.")
        self._happened(Undone())

    # ------------------------------------------------------------------------------------------------ legs

    def _open(self, leg: Leg, finding: Finding | None = None) -> None:
        self._tell(Listing(leg))
        timeline = self._ports.source.timeline(leg)
        ends = (finding.old_build, finding.new_build) if finding else (None, None)
        self._happened(Listed(timeline, *ends))
        if leg.check_ends:
            self._ports.source.look_up(self.session.stage.opening(self._costs()))

    def _open_first(self, leg: Leg) -> None:
        """Open the first leg; or the other kind of builds for its range, if its own are not kept any more."""
        try:
            self._open(leg)
        except Expired as expired:
            other = plan.instead_of(leg, self._reach)
            if other is None:
                raise
            self._tell(Note(expired.what))
            self._open(other)

    def _look_back(self, clash: Clash) -> None:
        """Go on further back if the old end was only a guess. Raises ``EndsContradict`` if it was not."""
        terms = self.session.opened.terms
        leg = plan.further_back(self.session.stage.timeline.leg, clash)
        if leg is None:
            raise _contradiction(clash, terms)
        try:
            self._open(leg)
        except NothingToSearch as none:
            raise EndsContradict(
                f"No {terms.old} build was found: the {clash.seen_new.title} is {terms.new} as well, and {none.what}"
            ) from none

    def _look_closer(self, finding: Finding) -> None:
        if finding.leg.check_ends and not self.session.verdicts:
            self._use_other_builds(finding)
            return
        if not finding.leg.check_ends:
            finding = self._with_trusted_builds(finding)
        leg = plan.next_leg(finding, self._reach)
        if isinstance(leg, str):
            self._end(finding, leg)
            return
        try:
            self._open(leg, finding)
        except (NothingToSearch, UsageError) as error:
            self._end(finding, error.what)

    def _use_other_builds(self, finding: Finding) -> None:
        """Not one build of the range could be tested. Raises ``NothingToSearch`` unless there is another kind."""
        leg = None if self.session.stage.judged else plan.instead_of(finding.leg, self._reach)
        if leg is None:
            raise self._nothing_testable(finding)
        self._tell(Note(self._nothing_testable(finding).what))
        self._open(leg)

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
            self._refuse_mere_claims(finding)
        self._happened(Ended(why, self._changesets(finding), self._git_hashes(finding)))

    def _refuse_mere_claims(self, finding: Finding) -> None:
        """What was not tested is never taken as good or bad, also if a person said so."""
        terms = self.session.opened.terms
        ends = ((finding.old_build, terms.old, "an earlier"), (finding.new_build, terms.new, "a later"))
        for build, word, further in ends:
            if build is None:
                raise NothingToSearch(
                    f"No build was ever seen {word}: none at that end of the range could be tested.",
                    advice=f"Give {further} --{word}.",
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
        count = len(self.session.stage.timeline.candidates)
        reason = next(iter(self.session.stage.reasons.values()), "not tried")
        return NothingToSearch(
            f"None of the {count} {finding.leg.kind.of.many} in this range has a build that can be tested ({reason}).",
            advice="Try another range, --build-type, --arch or --lang.",
        )

    def _costs(self) -> Costs:
        """A build that an earlier run has left here is cheaper than one to download. Looked at once a leg."""
        leg = len(self.session.stages)
        if not self._ports.use_kept:
            return EQUAL_COSTS
        if leg not in self._at_hand:
            self._at_hand[leg] = self._ports.fetcher.at_hand(self.session.stage.timeline.candidates)
        return Costs(at_hand=self._at_hand[leg])

    # --------------------------------------------------------------------------------------------- one test

    def _test_in_time(self, step: Next) -> None:
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
            self._test(step)
        finally:
            self._longest = max(self._longest, clock() - began)

    def _test(self, step: Next) -> None:
        try:
            build = self._ports.source.find(step.candidate)
        except NoBuild as none:
            self._missed(step.candidate, none.what)
            return
        self._tell(Trying(self.session.questions + 1, step.candidate, build, step.left))
        try:
            self._judge(step, build)
        except NoBuild as none:
            self._missed(step.candidate, none.what)
        except BrokenBuild as broken:
            self._happened(Judged(step.candidate.key, Side.UNTESTABLE, broken.what, build, 0.0, asked=False))

    def _missed(self, candidate: Candidate, reason: str) -> None:
        self._happened(Missing(candidate.key, reason))
        self._misses += 1
        last = max(SURVEYS)
        many = SURVEYS.get(self._misses) or (self._misses > last and (self._misses - last) % SURVEYED_AT_LAST == 0)
        if many:
            self._ports.source.look_up(self.session.stage.if_missing(SURVEYS.get(self._misses, SURVEYED_AT_LAST)))

    def _judge(self, step: Next, build: Build) -> None:
        began = self._ports.clock()
        likely = self.session.stage.ahead(self._costs())
        self._ports.fetcher.ahead(tuple(likely), tuple(likely.values()), present=step.candidate)
        with ExitStack() as stack:
            tree = self._bring(build, stack)
            try:
                app = stack.enter_context(self._ports.launcher.install(tree, build))
                # Before the question: an answer must not be lost to a server that is silent just then.
                build = self._ports.source.with_origin(_completed(build, app))
                began = self._ports.clock()
                answer = self._ports.judge.judge(app, build, self._question(step))
            except BrokenBuild as broken:
                answer = self._verdict_on(broken)
                build = self._ports.source.with_origin(build)  # it will not tell itself
            seconds = round(self._ports.clock() - began, 3)
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
