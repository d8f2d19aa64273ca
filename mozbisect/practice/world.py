"""A made-up stretch of Mozilla's history with a known culprit: the truth that a practice run is measured against.

Pure and seeded: the same parameters give the same world, hash for hash. It serves nothing and packs nothing.
``history`` makes the changesets; here are the nouns, and the two questions whose answers are the truth:
does a revision contain the culprit (by ancestry, and by nothing else), and is there a build of it?

What is missing or broken is drawn for each build by itself, from the seed and its name. So the same history can be
had whole and with holes, and a share of 0.2 makes a hole of everything that a share of 0.1 does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Literal

from mozbisect.catalog.releases import LEFT_CENTRAL

CENTRAL = "mozilla-central"

LAST_DAY = date(2026, 9, 30)
DAYS = 60


@dataclass(frozen=True, slots=True)
class WorldParameters:
    """What kind of history, and what is wrong with it. Shares are from 0 to 1.

    ``culprit``: a push to the branch ("autoland"), a push straight to central ("direct"), the changeset of a merge
    ("merge"), or the place of a branch push, counted from 0. ``fixes``: builds are bad before the culprit, and good
    from it on.
    """

    seed: int = 1
    start: date = LAST_DAY - timedelta(days=DAYS - 1)
    days: int = DAYS

    # the history
    branch: str = "autoland"  # or mozilla-inbound, fx-team
    nightlies_per_day: Literal["1", "2", "1-2"] = "1"
    pushes_per_day: int = 40
    changesets_per_push: int = 4  # at most
    merges_per_day: int = 3
    direct_per_day: float = 0.2
    merge_backs: float = 0.3  # share of merges after which central is merged back to the branch
    fast_forwards: float = 0.0  # share of merges without a changeset of their own, where history allows it
    merge_not_last: float = 0.0  # share of merges that a changeset follows in the same push
    merge_words: Literal["autoland", "firefox-autoland", "mixed", "wordless"] = "autoland"
    first_push_id: int = 230_400
    first_central_push_id: int = 45_001
    push_id_holes: float = 0.0
    unordered_dates: float = 0.0  # share of pushes that the pushlog dates before their predecessors
    culprit: Literal["autoland", "direct", "merge"] | int = "autoland"
    fixes: bool = False

    # Git hashes beside the Mercurial ones
    git: bool = True
    git_nulls: float = 0.0

    # holes in the archive
    missing_days: float = 0.0
    mid_push_nightlies: float = 0.0  # share of nightlies built from the middle of a push, where it holds no merge
    empty_folders: float = 0.0  # the folder is there, without the builds that can be had here
    missing_txt: float = 0.0
    missing_origin: float = 0.0  # neither .txt nor .json tells the revision
    broken_nightlies: tuple[int, int] = (0, 0)  # from which nightly on, how many

    # holes in Taskcluster
    expired: bool = False  # all of it
    missing_tasks: float = 0.0
    failed_tasks: float = 0.0
    retried_tasks: float = 0.0  # run 0 failed, run 1 made the build

    # holes in both
    dead_packages: float = 0.0  # listed, and 404 when asked for
    broken_builds: float = 0.0
    broken_how: Literal["no-binary", "dies", "no-archive", "mixed"] = "no-binary"

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Commit:
    """A changeset. ``git`` is its Git hash, if hg knows one."""

    node: str
    git: str | None
    parents: tuple[str, ...]
    author: str
    desc: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """``when`` is what the pushlog says; ``number`` the push id. Commits are oldest first, never none."""

    repo: str
    number: int
    when: datetime
    user: str
    commits: tuple[Commit, ...]

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    @property
    def build_id(self) -> str:
        """The build id of what Taskcluster makes of a push: the moment of the push."""
        return f"{self.when:%Y%m%d%H%M%S}"


@dataclass(frozen=True, slots=True)
class Nightly:
    """A folder of the archive; ``push`` is the push to central that it was built from, as far as it goes."""

    number: int
    when: datetime
    push: Push

    @property
    def build_id(self) -> str:
        return f"{self.when:%Y%m%d%H%M%S}"

    @property
    def folder(self) -> str:
        return f"{self.when:%Y-%m-%d-%H-%M-%S}-{CENTRAL}"

    @property
    def version(self) -> str:
        return version_on(self.when.date())


@dataclass(frozen=True, slots=True)
class Culprit:
    """What did it: the changeset, the push that first landed it anywhere, the push that brought it to central."""

    commit: Commit
    push: Push
    central_push: Push


@dataclass(frozen=True, slots=True)
class Expected:
    """What the best of searches comes to, if every build can be had: two neighbours on the branch ``repo``.

    When the merge itself did it, ``last_old`` is the branch push that was merged and ``first_new`` the push to central.
    """

    repo: str
    last_old: Push
    first_new: Push


class Task(Enum):
    """What became of the build of a push."""

    DONE = "done"
    RETRIED = "retried"
    FAILED = "failed"
    MISSING = "missing"


class Package(StrEnum):
    """What one gets who asks for a build."""

    FINE = "fine"
    DEAD = "dead"
    NO_BINARY = "no-binary"
    DIES = "dies"
    NO_ARCHIVE = "no-archive"


class World:
    """A history and its truth. ``commits`` in the order in which they were made: parents before children."""

    def __init__(
        self,
        parameters: WorldParameters,
        commits: tuple[Commit, ...],
        pushes: Mapping[str, tuple[Push, ...]],
        nightlies: tuple[Nightly, ...],
        culprit: Culprit,
    ) -> None:
        self.parameters = parameters
        self.commits = commits
        self.pushes = pushes
        self.nightlies = nightlies
        self.culprit = culprit

    # ------------------------------------------------------------------------------------------- the truth

    def contains_culprit(self, revision: str) -> bool:
        """Is the culprit the revision itself or an ancestor of it? A prefix will do. Raises ``KeyError``."""
        return self.commit(revision).node in self._tainted

    def is_good(self, revision: str) -> bool:
        """Raises ``KeyError``."""
        return self.contains_culprit(revision) == self.parameters.fixes

    def expected(self) -> Expected:
        """The two neighbours that a search should end with."""
        first_new = self.culprit.push
        if first_new.repo == CENTRAL and len(self.culprit.commit.parents) == 2:
            merged = self.culprit.commit.parents[1]
            last_old = next(push for push in self.branch_pushes if push.head.node == merged)
            return Expected(CENTRAL, last_old, first_new)
        there = self.pushes[first_new.repo]
        return Expected(first_new.repo, there[there.index(first_new) - 1], first_new)

    def suspects(self, old: str, new: str) -> frozenset[str]:
        """The changesets that ``new`` has and ``old`` has not: how narrow a finding is. Raises ``KeyError``."""
        return self._history(new) - self._history(old)

    def _history(self, revision: str) -> frozenset[str]:
        """A changeset with all its ancestors."""
        found: set[str] = set()
        to_do = [self.commit(revision).node]
        while to_do:
            node = to_do.pop()
            if node not in found:
                found.add(node)
                to_do.extend(self._by_node[node].parents)
        return frozenset(found)

    @property
    def branch_pushes(self) -> tuple[Push, ...]:
        return self.pushes[self.parameters.branch]

    @property
    def central_pushes(self) -> tuple[Push, ...]:
        return self.pushes[CENTRAL]

    def commit(self, revision: str) -> Commit:
        """The commit of an hg hash or of an unambiguous beginning of one. Raises ``KeyError``."""
        at = bisect_left(self._nodes, revision)
        fitting = [node for node in self._nodes[at : at + 2] if node.startswith(revision)]
        if not revision or len(fitting) != 1:
            raise KeyError(revision)
        return self._by_node[fitting[0]]

    @cached_property
    def _by_node(self) -> dict[str, Commit]:
        return {commit.node: commit for commit in self.commits}

    @cached_property
    def _nodes(self) -> list[str]:
        return sorted(self._by_node)

    @cached_property
    def _tainted(self) -> frozenset[str]:
        found = {self.culprit.commit.node}
        for commit in self.commits:
            if not found.isdisjoint(commit.parents):
                found.add(commit.node)
        return frozenset(found)

    # ------------------------------------------------------------------------------------------- the holes

    def task(self, push: Push) -> Task:
        """What became of the builds of a push: all builds of a push share one fate."""
        own = self.parameters
        name = f"{push.repo}:{push.number}"
        if own.expired or self._drawn("missing task", name, own.missing_tasks):
            return Task.MISSING
        if self._drawn("failed task", name, own.failed_tasks):
            return Task.FAILED
        if self._drawn("retried task", name, own.retried_tasks):
            return Task.RETRIED
        return Task.DONE

    def package(self, origin: Push | Nightly) -> Package:
        """What one gets who asks for the build of a push or a nightly, if there is one."""
        own = self.parameters
        name = origin.folder if isinstance(origin, Nightly) else f"{origin.repo}:{origin.number}"
        if self._drawn("dead package", name, own.dead_packages):
            return Package.DEAD
        first, count = own.broken_nightlies
        in_block = isinstance(origin, Nightly) and first <= origin.number < first + count
        if not in_block and not self._drawn("broken build", name, own.broken_builds):
            return Package.FINE
        if own.broken_how != "mixed":
            return Package(own.broken_how)
        kinds = (Package.NO_BINARY, Package.DIES, Package.NO_ARCHIVE)
        return kinds[int(3 * self._chance("broken how", name))]

    def has_builds(self, nightly: Nightly) -> bool:
        return not self._drawn("empty folder", nightly.folder, self.parameters.empty_folders)

    def has_txt(self, nightly: Nightly) -> bool:
        gone = self._drawn("missing txt", nightly.folder, self.parameters.missing_txt)
        return self.has_origin(nightly) and not gone

    def has_origin(self, nightly: Nightly) -> bool:
        """Does the folder hold any build information at all?"""
        return not self._drawn("missing origin", nightly.folder, self.parameters.missing_origin)

    def testable(self, origin: Push | Nightly) -> bool:
        """Is there a build, and does it start?"""
        if self.package(origin) is not Package.FINE:
            return False
        if isinstance(origin, Nightly):
            return self.has_builds(origin)
        return self.task(origin) in (Task.DONE, Task.RETRIED)

    def _drawn(self, what: str, name: str, share: float) -> bool:
        return share > 0 and self._chance(what, name) < share

    def _chance(self, what: str, name: str) -> float:
        return chance(self.parameters.seed, what, name)


def chance(seed: int, what: str, name: str) -> float:
    """A number from [0, 1) that depends on nothing but the arguments."""
    return int.from_bytes(sha256(f"{seed}/{what}/{name}".encode()).digest()[:6], "big") / (1 << 48)


def version_on(day: date) -> str:
    """The version of mozilla-central on a day, by Mozilla's calendar; every four weeks a new one after its end."""
    number = min((version for version, left in LEFT_CENTRAL.items() if left > day), default=None)
    if number is None:
        last, left = max(LEFT_CENTRAL.items())
        number = last + 1 + (day - left).days // 28
    return f"{number}.0a1"


def moment(day: date, hour: float = 0.0) -> datetime:
    """That many hours into a day, to the second."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(seconds=round(hour * 3600))
