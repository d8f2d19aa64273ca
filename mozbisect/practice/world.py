"""A made-up stretch of Mozilla's history with a known culprit: the truth that a practice run is measured against.

Pure and seeded: the same parameters give the same world, hash for hash. It serves nothing and packs nothing.
``history`` makes the changesets, ``trains`` the release branches. Here are the nouns, and the two questions whose
answers are the truth: does a revision contain the culprit (by ancestry, and by nothing else); is there a build of it?

What is missing or broken is drawn for each build by itself, from the seed and its name. So the same history can be
had whole and with holes, and a share of 0.2 makes a hole of everything that a share of 0.1 does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from functools import cached_property
from types import MappingProxyType

from mozbisect.practice.parameters import CENTRAL, DAYS, LAST_DAY, WorldParameters, chance, moment, version_on

__all__ = [
    "CENTRAL",
    "DAYS",
    "LAST_DAY",
    "Commit",
    "Culprit",
    "Expected",
    "Nightly",
    "Package",
    "Push",
    "Release",
    "Tag",
    "Task",
    "World",
    "WorldParameters",
    "chance",
    "moment",
    "version_on",
]

TAGS_BRANCH = "tags-unified"
"""The branch of changesets that do nothing but tag others: in Mercurial only, and never built."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A changeset. ``git`` is its Git hash, if hg knows one; ``branch`` Mercurial's word in the changeset itself."""

    node: str
    git: str | None
    parents: tuple[str, ...]
    author: str
    desc: str
    when: datetime
    branch: str = "default"


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

    @property
    def only_tags(self) -> bool:
        """Does it bring nothing that could be built?"""
        return all(commit.branch == TAGS_BRANCH for commit in self.commits)


@dataclass(frozen=True, slots=True)
class Nightly:
    """A folder of the archive; ``push`` is the push to central that it was built from, as far as it goes."""

    number: int
    when: datetime
    push: Push
    version: str

    @property
    def build_id(self) -> str:
        return f"{self.when:%Y%m%d%H%M%S}"

    @property
    def stamp(self) -> str:
        """How the names of its folders begin."""
        return f"{self.when:%Y-%m-%d-%H-%M-%S}"

    @property
    def folder(self) -> str:
        return f"{self.stamp}-{self.push.repo}"


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for a changeset. It is known wherever the changeset is."""

    name: str
    node: str


@dataclass(frozen=True, slots=True)
class Release:
    """A version that went out. ``channel``: release, beta or esr. ``builds``: the pushes that its build1, build2 …
    were made from, of which the last went out."""

    version: str
    channel: str
    day: date
    builds: tuple[Push, ...]

    @property
    def push(self) -> Push:
        return self.builds[-1]


@dataclass(frozen=True, slots=True)
class Culprit:
    """What did it: the changeset, the push that first landed it anywhere, the push that brought it to central.

    An uplift never came to central: its two pushes are the same.
    """

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
    """A history and its truth. ``commits`` in the order in which they were made: parents before children.

    ``others``: worlds of their own beside this one, by product; Thunderbird has repositories and a culprit of its own.
    """

    def __init__(
        self,
        parameters: WorldParameters,
        commits: tuple[Commit, ...],
        pushes: Mapping[str, tuple[Push, ...]],
        nightlies: tuple[Nightly, ...],
        culprit: Culprit,
        *,
        tags: tuple[Tag, ...] = (),
        releases: tuple[Release, ...] = (),
        others: Mapping[str, World] = MappingProxyType({}),
    ) -> None:
        self.parameters = parameters
        self.commits = commits
        self.pushes = pushes
        self.nightlies = nightlies
        self.culprit = culprit
        self.tags = tags
        self.releases = releases
        self.others = others

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
        if first_new.repo == self.parameters.central and len(self.culprit.commit.parents) == 2:
            merged = self.culprit.commit.parents[1]
            last_old = next(push for push in self.branch_pushes if push.head.node == merged)
            return Expected(first_new.repo, last_old, first_new)
        there = [push for push in self.pushes[first_new.repo] if not push.only_tags]
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
        return self.pushes[self.parameters.central]

    def version(self, origin: Push | Nightly) -> str:
        """What a build calls itself. A beta calls itself what it will be; only its file name has the ``b3``."""
        if isinstance(origin, Nightly):
            return origin.version
        major = self.parameters.major_on(origin.when.date())
        match origin.repo.split("-", 1):
            case [_, "beta"]:
                return f"{major - 1}.0"
            case [_, "release"]:
                return f"{major - 2}.0"
            case [_, esr] if esr.startswith("esr"):
                return f"{esr[3:]}.{major - 2 - int(esr[3:])}.0"
        return f"{major}.0a1"

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
        if own.expired or push.only_tags or self._drawn("missing task", name, own.missing_tasks):
            return Task.MISSING
        if own.expired_before is not None and push.when < own.expired_before:
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

    def testable(self, origin: Push | Nightly | Release) -> bool:
        """Is there a build, and does it start?"""
        if isinstance(origin, Release):  # the archive keeps what Taskcluster has lost
            return self.package(origin.push) is Package.FINE
        if self.package(origin) is not Package.FINE:
            return False
        if isinstance(origin, Nightly):
            return self.has_builds(origin)
        return self.task(origin) in (Task.DONE, Task.RETRIED)

    def _drawn(self, what: str, name: str, share: float) -> bool:
        return share > 0 and self._chance(what, name) < share

    def _chance(self, what: str, name: str) -> float:
        return chance(self.parameters.seed, what, name)
