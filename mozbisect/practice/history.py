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
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from hashlib import sha256

from mozbisect.practice.chronicle import SHERIFF, Chronicle, Repo
from mozbisect.practice.trains import with_trains
from mozbisect.practice.world import Commit, Culprit, Nightly, Push, World, WorldParameters, chance, moment

MERGE_WORDS = {
    "autoland": ("Merge {branch} to mozilla-central", "Merge mozilla-central to {branch}"),
    "firefox-autoland": ("Merge firefox-{branch} to firefox-main", "Merge firefox-main to firefox-{branch}"),
    "wordless": ("Merge.", "Merge."),
}


class Happening(IntEnum):
    """What happens at a moment; of two at the same moment the smaller comes first."""

    LAND = 0
    MERGE = 1
    DIRECT = 2
    MERGE_BACK = 3


def make_world(parameters: WorldParameters | None = None) -> World:
    """The world of these parameters. Raises ``ValueError`` when the culprit they ask for cannot be in it."""
    own = parameters or WorldParameters()
    others = {}
    if own.family == "mozilla" and any(product.startswith("thunderbird") for product in own.products):
        others["thunderbird"] = make_world(of_thunderbird(own))
    return with_trains(_Maker(own).world(others)) if own.trains else _Maker(own).world(others)


def of_thunderbird(own: WorldParameters) -> WorldParameters:
    """Comm-central beside a world: a quarter of the pushes, no integration branch, and a culprit of its own."""
    seed = sha256(f"thunderbird {own.seed}".encode()).digest()
    return replace(
        own,
        seed=int.from_bytes(seed[:6], "big"),
        central="comm-central",
        branch="",
        pushes_per_day=max(2, own.pushes_per_day // 4),
        merges_per_day=0,
        direct_per_day=0.0,
        culprit="direct",
        products=tuple(product for product in own.products if product.startswith("thunderbird")),
    )


class _Maker:
    def __init__(self, own: WorldParameters) -> None:
        self._own = own
        self._random = random.Random(f"history {own.seed}")
        self._chronicle = Chronicle(own, self._random)
        self._central = Repo(own.central, own.first_central_push_id)
        self._branch = Repo(own.branch, own.first_push_id) if own.branch else self._central
        self._repos = (self._central, self._branch) if own.branch else (self._central,)

    def world(self, others: dict[str, World]) -> World:
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
        pushes = {repo.name: tuple(repo.pushes) for repo in self._repos}
        culprit = self._culprit(nightlies)
        return World(self._own, tuple(self._chronicle.commits), pushes, nightlies, culprit, others=others)

    # --------------------------------------------------------------------------------------- what happens when

    def _begin(self) -> None:
        """The last push before the first day, to both repositories."""
        when = moment(self._own.start, -5)
        root = self._chronicle.commit((), "No bug - Where this world begins", when)
        for repo in self._repos:
            self._chronicle.push(repo, (root,), when)

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
        self._chronicle.push(self._branch, self._chronicle.stack(self._branch.head, when), when)

    def _push_directly(self, when: datetime) -> None:
        self._chronicle.push(self._central, self._chronicle.stack(self._central.head, when), when)

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
            brought = (*brought, self._chronicle.commit(parents, self._merge_words(0), when, SHERIFF))
        if followed:
            brought = (*brought, *self._chronicle.stack(brought[-1], when, at_most=1))
        self._chronicle.push(self._central, brought, when, SHERIFF)

    def _merge_back(self, when: datetime) -> None:
        """Central to the branch, with whatever came to central another way."""
        head = self._central.head
        if head.node in self._branch.known:
            return
        brought = self._missing(self._branch, self._central, head)
        merge = self._chronicle.commit((self._branch.head.node, head.node), self._merge_words(1), when, SHERIFF)
        self._chronicle.push(self._branch, (*brought, merge), when, SHERIFF)

    def _missing(self, target: Repo, source: Repo, head: Commit) -> tuple[Commit, ...]:
        """What ``source`` had up to ``head`` and ``target`` has not."""
        return target.missing(source.order[: source.order.index(head) + 1])

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
                version = f"{self._own.major_on(day)}.0a1"
                yield Nightly(number, when, self._as_far_as_built(built[-1], number), version)
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
            case "autoland" | "uplift":  # trains put another in place of the latter
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
                if fits and commit.node in arrival and self._chronicle.landed[commit.node] is push:
                    yield Culprit(commit, push, arrival[commit.node])

    # ------------------------------------------------------------------------------------------------ material

    def _merge_words(self, direction: int) -> str:
        style = self._own.merge_words
        if style == "mixed":
            style = self._random.choice(("autoland", "firefox-autoland"))
        return MERGE_WORDS[style][direction].format(branch=self._own.branch)


def _merges(push: Push) -> bool:
    return any(len(commit.parents) == 2 for commit in push.commits)
