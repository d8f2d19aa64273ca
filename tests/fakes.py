"""A small world in memory, for tests of the loop: real values, no servers, no files, no clock.

``History`` is linear on mozilla-central; each push there may be a merge of pushes to autoland. The verdict on a
build is computed from what its revision contains, as it would be in life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mozbisect.core.errors import BrokenBuild, Expired, NoBuild, NothingToSearch
from mozbisect.core.model import (
    Answer,
    Before,
    Bound,
    Build,
    BuildId,
    Candidate,
    Changeset,
    Day,
    Finding,
    Kind,
    Leg,
    LegKind,
    Revision,
    Shut,
    Side,
    Timeline,
    Verdict,
)
from mozbisect.core.ports import App, Kept, Question
from mozbisect.engine import Ports

START = datetime(2026, 9, 1, 9, 30, tzinfo=UTC)


def sha(*words: object) -> str:
    return hashlib.sha1(repr(words).encode()).hexdigest()


@dataclass
class FakeSource:
    """Nightlies, one for each push to central; pushes to central, each a merge of ``merged`` pushes to autoland."""

    pushes: int = 30
    merged: int = 5
    no_build: frozenset[str] = frozenset()  # keys
    looked_up: list[str] = field(default_factory=list)
    side_by_side: list[tuple[str, ...]] = field(default_factory=list)
    says_origin: bool = True  # of a nightly, at once
    origins: list[str] = field(default_factory=list)  # that were asked for later
    git_asked: list[str] = field(default_factory=list)
    expired: frozenset[LegKind] = frozenset()
    shut: tuple[Shut, ...] = ()

    def __post_init__(self) -> None:
        self.autoland: list[Candidate] = []
        self.central: list[Candidate] = []
        self.contains: dict[str, frozenset[str]] = {}
        have: frozenset[str] = frozenset()
        for at in range(self.pushes):
            brought: list[str] = []
            for number in range(self.merged):
                nodes = tuple(sha("autoland", at, number, one) for one in range(2))
                have = have | set(nodes)
                brought += nodes
                self._push(self.autoland, "autoland", at, number * 60, nodes)
                self.contains[nodes[-1]] = have
            merge = sha("merge", at)
            have = have | {merge}
            self.contains[merge] = have
            self._push(self.central, "mozilla-central", at, 600, (*brought, merge))

    def _push(self, onto: list[Candidate], repo: str, day: int, minutes: int, nodes: tuple[str, ...]) -> None:
        when = START + timedelta(days=day, minutes=minutes - 700)
        onto.append(Candidate(Kind.PUSH, f"{repo}:{len(onto) + 1}", repo, when, nodes))

    @property
    def nightlies(self) -> list[Candidate]:
        return [
            Candidate(
                Kind.NIGHTLY,
                f"{push.when + timedelta(hours=1):%Y-%m-%d-%H-%M-%S}-mozilla-central",
                push.repo,
                push.when,
            )
            for push in self.central
        ]

    def timeline(self, leg: Leg) -> Timeline:
        match leg.kind:
            case _ if leg.kind in self.expired:
                raise Expired("They are gone.")
            case LegKind.NIGHTLIES if leg.back:
                return self._before(leg)
            case LegKind.NIGHTLIES:
                found = self.nightlies
                return Timeline(leg, tuple(found), 2, len(found) - 3, shut=self.shut)
            case LegKind.PUSHES:
                old, new = self._at(leg.old, 0), self._at(leg.new, len(self.central) - 1)
                if not leg.ends:
                    return Timeline(leg, tuple(self.central), old, new)
                between = self.central[old + 1 : new + 1]
                return Timeline(leg, (leg.ends[0], *between), 0, len(between))
            case LegKind.MERGED:
                hits = [at for at, push in enumerate(self.autoland) if set(leg.brought) & set(push.changesets)]
                if leg.repo != "mozilla-central" or not hits:
                    raise NothingToSearch("No other repository had these changesets earlier.")
                inner = self.autoland[max(hits[0] - 1, 0) : hits[-1] + 1]
                new = replace(leg.ends[1], changesets=leg.ends[1].changesets[-1:])
                return Timeline(leg, (leg.ends[0], *inner, new), 0, len(inner) + 1)

    def _before(self, leg: Leg) -> Timeline:
        """The nightlies from so many weeks before the last one, up to the one that was seen last."""
        assert isinstance(leg.old, Before)
        found = self.nightlies
        old_at = max(len(found) - 1 - 7 * leg.old.weeks, 0)
        new_at = [item.when for item in found].index(leg.new.stamp) if isinstance(leg.new, BuildId) else len(found) - 1
        if old_at >= new_at:
            raise NothingToSearch("there is nothing older.")
        return Timeline(leg, tuple(found), old_at, new_at)

    def _at(self, bound: Bound, of_a_day: int) -> int:
        if isinstance(bound, Revision):
            return [push.revision for push in self.central].index(bound.hex)
        if isinstance(bound, Day):
            return of_a_day
        assert isinstance(bound, BuildId)
        return [push.when for push in self.central].index(bound.stamp)

    def revision(self, candidate: Candidate) -> str:
        """What is in a candidate, also in a nightly."""
        if candidate.revision:
            return candidate.revision
        push = self.central[[nightly.key for nightly in self.nightlies].index(candidate.key)]
        assert push.revision
        return push.revision

    def find(self, candidate: Candidate) -> Build:
        self.looked_up.append(candidate.key)
        if candidate.key in self.no_build:
            raise NoBuild("no build")
        said = self.says_origin or candidate.kind is not Kind.NIGHTLY
        url, revision = f"https://builds/{candidate.key}", self.revision(candidate) if said else None
        return Build(candidate, "firefox", "opt", url, "target.tar.xz", candidate.repo, revision)

    def with_origin(self, build: Build) -> Build:
        if build.revision is not None:
            return build
        self.origins.append(build.candidate.key)
        return replace(build, revision=self.revision(build.candidate))

    def look_up(self, candidates: Sequence[Candidate]) -> None:
        self.side_by_side.append(tuple(candidate.key for candidate in candidates))

    def since(self, finding: Finding) -> str | None:
        return None

    def git_of(self, revision: str) -> str | None:
        self.git_asked.append(revision)
        return sha("git", revision)

    def describe(self, finding: Finding) -> tuple[Changeset, ...]:
        return tuple(Changeset(node, None, f"Bug 123 - {node[:6]}") for node in finding.first_new.changesets)


@dataclass
class FakeFetcher:
    """Brings nothing, but remembers what it was asked for; some builds cannot be fetched.

    ``seconds``: how long each takes that was not begun before; with ``bets`` the likeliest of those ahead is begun.
    """

    broken: frozenset[str] = frozenset()
    trouble: type[BrokenBuild] = BrokenBuild
    here: frozenset[str] = frozenset()
    bets: bool = False
    seconds: float = 0.0
    now: float = 0.0
    waited: int = 0
    under_way: frozenset[Candidate] = frozenset()
    brought: list[str] = field(default_factory=list)
    ahead_of: list[tuple[str, ...]] = field(default_factory=list)

    @contextmanager
    def bring(self, build: Build) -> Iterator[Path]:
        if build.candidate.key in self.broken:
            raise self.trouble("the archive is damaged")
        self.brought.append(build.candidate.key)
        if build.candidate not in self.under_way:
            self.now += self.seconds
            self.waited += 1
        yield Path("tree")

    def clock(self) -> float:
        return self.now

    def ahead(self, likely: Mapping[Candidate, float], *, present: Candidate | None = None, left: int = 0) -> None:
        self.ahead_of.append(tuple(candidate.key for candidate in likely))
        kept = self.under_way & {present, *likely}
        self.under_way = frozenset(kept | {one for one, chance in likely.items() if self.bets and chance > 0.6})

    def begun(self) -> Collection[Candidate]:
        return self.under_way

    def may_bet(self, left: int) -> bool:
        return self.bets

    def kept(self, candidates: Sequence[Candidate]) -> Kept:
        return Kept(frozenset(at for at, candidate in enumerate(candidates) if candidate.key in self.here))

    def close(self) -> None:
        return


@dataclass
class FakeApp:
    """``status``: what it ends with; ``None`` for one that does not end by itself."""

    binary: Path
    facts: dict[str, str] = field(default_factory=dict)
    status: int | None = 0
    said: str = ""
    crash: str | None = None

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, bool | int | str] = {}) -> None:
        return

    def running(self) -> bool:
        return self.status is None

    def wait(self, timeout: float | None = None) -> int | None:
        return self.status

    def output(self) -> str:
        return self.said

    def crashed(self) -> str | None:
        return self.crash

    def stop(self) -> None:
        return


@dataclass
class FakeLauncher:
    """``facts``: what each build says of itself."""

    facts: Callable[[Build], dict[str, str]] = lambda build: {}

    def check(self) -> None:
        return

    @contextmanager
    def install(self, tree: Path, build: Build) -> Iterator[FakeApp]:
        yield FakeApp(tree / "firefox", self.facts(build))


@dataclass
class TruthfulJudge:
    """Answers by what the build contains; ``answers`` are given first, in their order."""

    contains: dict[str, frozenset[str]]
    culprit: str
    before: Callable[[Build, Question], Answer | None] = lambda build, question: None
    asked: list[str] = field(default_factory=list)

    def judge(self, app: App, build: Build, question: Question) -> Answer:
        said = self.before(build, question)
        if said is not None:
            return said
        self.asked.append(build.candidate.key)
        assert build.revision
        return Verdict(Side.NEW if self.culprit in self.contains[build.revision] else Side.OLD)


@dataclass
class Listener:
    """A reporter that remembers what it was told."""

    heard: list[object] = field(default_factory=list)

    def tell(self, news: object) -> None:
        self.heard.append(news)


def ports(source: FakeSource, judge: TruthfulJudge, fetcher: FakeFetcher | None = None) -> Ports:
    return Ports(source, fetcher or FakeFetcher(), FakeLauncher(), judge, [Listener()], clock=lambda: 0.0)
