"""Makes a world: day by day, pushes to a branch, merges to central and back, and nightlies at half past nine.

    central  ──────────M────────────d─────M───        M  Merge autoland to mozilla-central
                      /  \\              /            B  Merge mozilla-central to autoland
    autoland ──p──p──p──p──B──p──p──p──p──p──         d  pushed straight to central

A merge takes a push that is a while old, as sheriffs do. What a push brings is every ancestor of its new head that
the repository had not yet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from hashlib import sha1

from mozbisect.practice.world import CENTRAL, Commit, Culprit, Nightly, Push, World, WorldParameters, chance, moment

MERGE_WORDS = {
    "autoland": ("Merge {branch} to mozilla-central", "Merge mozilla-central to {branch}"),
    "firefox-autoland": ("Merge firefox-{branch} to firefox-main", "Merge firefox-main to firefox-{branch}"),
    "wordless": ("Merge.", "Merge."),
}

PEOPLE = ("Ada", "Barbara", "Edsger", "Frances", "Grace", "Ken", "Margaret", "Niklaus", "Tony")
WORK = ("Fix a crash in", "Simplify", "Add tests for", "Remove dead code from", "Speed up", "Handle errors in")
PLACES = (
    "the layout of grids",
    "the cookie service",
    "WebGL",
    "the address bar",
    "IndexedDB",
    "the profiler",
    "WebRTC",
)
SHERIFF = "sheriff@mozilla.example"


class Happening(IntEnum):
    """What happens at a moment; of two at the same moment the smaller comes first."""

    LAND = 0
    MERGE = 1
    DIRECT = 2
    MERGE_BACK = 3


def make_world(parameters: WorldParameters | None = None) -> World:
    """The world of these parameters. Raises ``ValueError`` when the culprit they ask for cannot be in it."""
    own = parameters or WorldParameters()
    return _Maker(own).world()


@dataclass
class _Repo:
    """A repository that grows: ``order`` is the order in which changesets came to it."""

    name: str
    next_number: int
    pushes: list[Push] = field(default_factory=list)
    order: list[Commit] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    @property
    def head(self) -> Commit:
        return self.order[-1]


class _Maker:
    def __init__(self, own: WorldParameters) -> None:
        self._own = own
        self._random = random.Random(f"history {own.seed}")
        self._commits: list[Commit] = []
        self._landed: dict[str, Push] = {}  # the push that first brought a changeset anywhere
        self._central = _Repo(CENTRAL, own.first_central_push_id)
        self._branch = _Repo(own.branch, own.first_push_id)

    def world(self) -> World:
        self._begin()
        steps = {
            Happening.LAND: self._land,
            Happening.MERGE: self._merge,
            Happening.DIRECT: self._push_directly,
            Happening.MERGE_BACK: self._merge_back,
        }
        for when, what in sorted(self._calendar()):
            steps[what](when)
        nightlies = tuple(self._nightlies())
        pushes = {repo.name: tuple(repo.pushes) for repo in (self._central, self._branch)}
        return World(self._own, tuple(self._commits), pushes, nightlies, self._culprit(nightlies))

    # --------------------------------------------------------------------------------------- what happens when

    def _begin(self) -> None:
        """The last push before the first day, to both repositories."""
        when = moment(self._own.start, -5)
        root = self._commit((), "No bug - Where this world begins", when)
        for repo in (self._central, self._branch):
            self._push(repo, (root,), when)

    def _calendar(self) -> Iterator[tuple[datetime, Happening]]:
        own, rng = self._own, self._random
        for day in self._days():
            for _ in range(own.pushes_per_day):
                yield moment(day, rng.uniform(0, 24)), Happening.LAND
            for turn in range(own.merges_per_day):
                when = moment(day, 24 * (turn + rng.uniform(0.1, 0.9)) / own.merges_per_day)
                yield when, Happening.MERGE
                if rng.random() < own.merge_backs:
                    yield when + timedelta(minutes=rng.randint(10, 40)), Happening.MERGE_BACK
            if rng.random() < own.direct_per_day:
                yield moment(day, rng.uniform(0, 24)), Happening.DIRECT
        if own.culprit == "direct":
            yield moment(own.start, 24 * own.days * rng.uniform(0.3, 0.7)), Happening.DIRECT

    def _days(self) -> Iterator[date]:
        return (self._own.start + timedelta(days=at) for at in range(self._own.days))

    def _land(self, when: datetime) -> None:
        """A push of one or several changesets to the branch."""
        self._push(self._branch, self._stack(self._branch.head, when), when)

    def _push_directly(self, when: datetime) -> None:
        self._push(self._central, self._stack(self._central.head, when), when)

    def _merge(self, when: datetime) -> None:
        """The branch to central, as far as it was some time ago; nothing if that is there already."""
        until = when - timedelta(minutes=self._random.randint(20, 90))
        forward = self._random.random() < self._own.fast_forwards
        followed = self._random.random() < self._own.merge_not_last
        merged = next((push for push in reversed(self._branch.pushes) if push.when <= until), None)
        if merged is None or merged.head.node in self._central.known:
            return
        brought = self._missing(self._central, self._branch, merged.head)
        if not (forward and self._is_ahead(brought)):
            parents = (self._central.head.node, merged.head.node)
            brought = (*brought, self._commit(parents, self._merge_words(0), when, SHERIFF))
        if followed:
            brought = (*brought, *self._stack(brought[-1], when, at_most=1))
        self._push(self._central, brought, when, SHERIFF)

    def _merge_back(self, when: datetime) -> None:
        """Central to the branch, with whatever came to central another way."""
        head = self._central.head
        if head.node in self._branch.known:
            return
        brought = self._missing(self._branch, self._central, head)
        merge = self._commit((self._branch.head.node, head.node), self._merge_words(1), when, SHERIFF)
        self._push(self._branch, (*brought, merge), when, SHERIFF)

    def _missing(self, target: _Repo, source: _Repo, head: Commit) -> tuple[Commit, ...]:
        """What ``source`` had up to ``head`` and ``target`` has not."""
        here = source.order[: source.order.index(head) + 1]
        return tuple(commit for commit in here if commit.node not in target.known)

    def _is_ahead(self, brought: tuple[Commit, ...]) -> bool:
        """Does what is brought grow on the head of central, so that no merge is needed?"""
        return any(self._central.head.node in commit.parents for commit in brought)

    def _nightlies(self) -> Iterator[Nightly]:
        number = 0
        for day in self._days():
            rng = random.Random(f"nightly {self._own.seed} {day}")
            hours = [9.4 + rng.uniform(0, 0.3), 21.4 + rng.uniform(0, 0.3)]
            if self._own.nightlies_per_day == "1" or (self._own.nightlies_per_day == "1-2" and rng.random() < 0.5):
                hours = hours[:1]
            if chance(self._own.seed, "missing day", str(day)) < self._own.missing_days:
                hours = []
            for hour in hours:
                when = moment(day, hour)
                built = [push for push in self._central.pushes if push.when <= when]
                yield Nightly(number, when, self._as_far_as_built(built[-1], number))
                number += 1

    def _as_far_as_built(self, push: Push, number: int) -> Push:
        """The push, or a part of it: a nightly is built from whatever revision was named to it."""
        parts = len(push.commits) - 1
        if _merges(push) or not parts:
            return push
        if chance(self._own.seed, "mid push", str(number)) >= self._own.mid_push_nightlies:
            return push
        kept = 1 + int(parts * chance(self._own.seed, "how far", str(number)))
        return replace(push, commits=push.commits[:kept])

    # --------------------------------------------------------------------------------------------- the culprit

    def _culprit(self, nightlies: tuple[Nightly, ...]) -> Culprit:
        """A change that some nightly has not and some other has, so that a search by date can find it."""
        if len(nightlies) < 2:
            raise ValueError("A world needs two nightlies at least.")
        spots = [spot for spot in self._suspects() if nightlies[0].when < spot.central_push.when < nightlies[-1].when]
        if not spots:
            raise ValueError(f"There is no such culprit ({self._own.culprit}) in this world.")
        return random.Random(f"culprit {self._own.seed}").choice(spots)

    def _suspects(self) -> Iterator[Culprit]:
        arrival = {commit.node: push for push in self._central.pushes for commit in push.commits}
        match self._own.culprit:
            case "autoland":
                pushes = [push for push in self._branch.pushes if not _merges(push)]
            case "direct":
                pushes = [push for push in self._central.pushes if not _merges(push)]
            case "merge":
                pushes = [push for push in self._central.pushes if _merges(push)]
            case int(at):
                pushes = self._branch.pushes[at : at + 1]
        for push in pushes:
            for commit in push.commits:
                fits = self._own.culprit != "merge" or len(commit.parents) == 2
                if fits and commit.node in arrival and self._landed[commit.node] is push:
                    yield Culprit(commit, push, arrival[commit.node])

    # ------------------------------------------------------------------------------------------------ material

    def _stack(self, head: Commit, when: datetime, *, at_most: int | None = None) -> tuple[Commit, ...]:
        """Some changesets of one bug, one upon the other."""
        rng = self._random
        bug = rng.randint(2_040_000, 2_079_999)
        person = rng.choice(PEOPLE)
        stack: list[Commit] = []
        count = rng.randint(1, at_most or self._own.changesets_per_push)
        for part in range(count):
            title = f"{rng.choice(WORK)} {rng.choice(PLACES)}"
            words = f"Bug {bug} - {f'part {part + 1}: ' if count > 1 else ''}{title}. r=reviewer\n\nFor practice only."
            parent = stack[-1] if stack else head
            stack.append(self._commit((parent.node,), words, when, f"{person.lower()}@mozilla.example"))
        return tuple(stack)

    def _merge_words(self, direction: int) -> str:
        style = self._own.merge_words
        if style == "mixed":
            style = self._random.choice(("autoland", "firefox-autoland"))
        return MERGE_WORDS[style][direction].format(branch=self._own.branch)

    def _commit(self, parents: tuple[str, ...], desc: str, when: datetime, user: str = SHERIFF) -> Commit:
        node = sha1(f"{self._own.seed} {len(self._commits)}".encode(), usedforsecurity=False).hexdigest()
        git: str | None = sha1(f"git {node}".encode(), usedforsecurity=False).hexdigest()
        if not self._own.git or chance(self._own.seed, "git null", node) < self._own.git_nulls:
            git = None
        author = f"{user.partition('@')[0].capitalize()} <{user}>"
        commit = Commit(node, git, parents, author, desc, when)
        self._commits.append(commit)
        return commit

    def _push(
        self, repo: _Repo, commits: tuple[Commit, ...], when: datetime, user: str = "lando@mozilla.example"
    ) -> None:
        own = self._own
        if chance(own.seed, "push id hole", f"{repo.name} {len(repo.pushes)}") < own.push_id_holes:
            repo.next_number += 1
        said = when
        if repo.pushes and chance(own.seed, "unordered", f"{repo.name} {len(repo.pushes)}") < own.unordered_dates:
            said = repo.pushes[-1].when - timedelta(seconds=30)
        push = Push(repo.name, repo.next_number, said, user, commits)
        repo.pushes.append(push)
        repo.order.extend(commits)
        repo.next_number += 1
        for commit in commits:
            repo.known.add(commit.node)
            self._landed.setdefault(commit.node, push)


def _merges(push: Push) -> bool:
    return any(len(commit.parents) == 2 for commit in push.commits)
