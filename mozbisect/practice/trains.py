"""The release branches beside a history: on train days all of central goes to beta, and all of beta to release.

    central  ──────c───────────c─────        u  uplifts, each with an a=…
                    \\            \\          M  one push by ffxbld with all that was missing, and a merge on top
    beta     ──u──u──M──u──u──u───M──u─      t  changesets that only tag others, on a branch of their own
                      ╲t           ╲t
    release  ────────M───u────────M────

The world's first day counts as the beginning of a cycle. Of a world one gets another: commits and pushes stay what they
are, but for the push ids of central, where the pushes that tag come between. Betas go out every other day, a version on
the day after its train, its updates weekly, the ESR with the version.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from mozbisect.practice.chronicle import Chronicle, Repo
from mozbisect.practice.world import TAGS_BRANCH, Commit, Culprit, Push, Release, Tag, World, chance, moment

FFXBLD = "ffxbld@mozilla.example"

FIRST_PUSH_IDS = {"beta": 27_001, "release": 11_001, "esr": 3_001}
BETAS = 9  # of one version, at most
UPDATES = 3  # x.0.1 and so on, at most

# How the tags of versions and of branches begin.
_PRODUCT = {"mozilla": "FIREFOX", "comm": "THUNDERBIRD"}
_OF_BRANCHES = {"mozilla": "FIREFOX_", "comm": ""}

Step = Callable[[datetime], None]


def with_trains(world: World) -> World:
    """The same history with ``beta``, ``release`` and ``esr`` branches, their tags and the versions that went out."""
    return _Railway(world).world()


class _Railway:
    def __init__(self, world: World) -> None:
        self._given = world
        self._own = own = world.parameters
        self._random = random.Random(f"trains {own.seed}")
        self._chronicle = Chronicle(own, self._random, "trains ")
        names = {"beta": "beta", "release": "release", "esr": f"esr{own.esr}"}
        self._repos = {kind: Repo(f"{own.family}-{names[kind]}", number) for kind, number in FIRST_PUSH_IDS.items()}
        self._uplifts: list[Push] = []  # to beta
        self._releases: list[Release] = []
        self._tags: list[Tag] = []
        self._last_tagging: dict[str, Commit] = {}  # by repository: each has a line of them
        self._signs: list[tuple[int, Push]] = []  # pushes to central that tag, and before which other push

    def world(self) -> World:
        root = self._given.central_pushes[0]
        for repo in self._repos.values():
            self._chronicle.push(repo, root.commits, root.when)
        for when, _, step in sorted(self._calendar(), key=lambda row: row[:2]):
            step(when)
        central, number = _woven(self._given.central_pushes, self._signs)
        pushes = {repo.name: tuple(repo.pushes) for repo in self._repos.values()}
        return World(
            self._own,
            (*self._given.commits, *self._chronicle.commits),
            {**self._given.pushes, self._own.central: central, **pushes},
            tuple(
                replace(one, push=replace(one.push, number=number[one.push.number])) for one in self._given.nightlies
            ),
            self._culprit(number),
            tags=tuple(self._tags),
            releases=tuple(self._releases),
            others=self._given.others,
        )

    # --------------------------------------------------------------------------------------- what happens when

    def _calendar(self) -> Iterator[tuple[datetime, int, Step]]:
        """Moment, its place among equals, and what to do then."""
        own, rng = self._own, self._random
        after = own.end + timedelta(days=1)
        for day in own.departures:
            yield moment(day, 0.1), 0, self._depart
        for at in range(own.days):
            day = own.start + timedelta(days=at)
            for _ in range(own.uplifts_per_day):
                yield moment(day, rng.uniform(2, 12)), 1, self._uplift_to_beta
            if own.uplifts_per_day and rng.random() < 0.5:
                yield moment(day, rng.uniform(2, 12)), 1, self._uplift_to("release")
            if own.uplifts_per_day:
                yield moment(day, rng.uniform(2, 12)), 1, self._uplift_to("esr")
        for first, last in pairwise((own.start, *own.departures, after)):
            length = (last - first).days
            for number in range(1, BETAS + 1):
                if 2 * (number - 1) < length:
                    yield moment(first + timedelta(days=2 * (number - 1)), 14), 2, self._beta(number)
            for number in range(UPDATES + 1):
                if 1 + 7 * number < length:
                    yield moment(first + timedelta(days=1 + 7 * number), 13), 2, self._version(number)

    def _depart(self, when: datetime) -> None:
        """Beta goes to release, then central to beta; tags say where each of them began and ended."""
        leaving = self._own.major_on(when.date()) - 1
        beta, release, named = self._repos["beta"], self._repos["release"], _OF_BRANCHES[self._own.family]
        central = self._given.central_pushes
        at = _until(central, when)
        order = [commit for push in central[:at] for commit in push.commits]
        name = {"NIGHTLY": f"{named}NIGHTLY_{leaving}_END", "BETA": f"{named}BETA_{leaving}_BASE"}
        self._signs.append((at, self._tagging(self._own.central, dict.fromkeys(name.values(), order[-1].node), when)))
        tags = {f"{named}BETA_{leaving - 1}_END": beta.head.node, f"{named}RELEASE_{leaving - 1}_BASE": beta.head.node}
        self._sign(beta, tags, when)
        self._sign(release, {f"{named}RELEASE_{leaving - 2}_END": release.head.node}, when)
        self._bring(release, beta.order, beta.head, "Update release to beta", when + timedelta(minutes=20))
        self._bring(beta, order, order[-1], "Update beta to main", when + timedelta(minutes=40))

    def _bring(self, target: Repo, order: Sequence[Commit], head: Commit, words: str, when: datetime) -> None:
        """All that ``target`` has not yet, as one push with a merge and what it takes to build there."""
        brought = target.missing(order)
        top = target.head
        if brought:
            top = self._chronicle.commit((top.node, head.node), f"{words} a=release CLOSED TREE", when, FFXBLD)
            brought = (*brought, top)
        words = "Update configs after merge day operations a=release CLOSED TREE"
        self._chronicle.push(target, (*brought, self._chronicle.commit((top.node,), words, when, FFXBLD)), when, FFXBLD)

    def _uplift_to(self, kind: str) -> Step:
        def step(when: datetime) -> None:
            self._uplift(self._repos[kind], when)

        return step

    def _uplift_to_beta(self, when: datetime) -> None:
        self._uplifts.append(self._uplift(self._repos["beta"], when))

    def _uplift(self, repo: Repo, when: datetime) -> Push:
        stack = self._chronicle.stack(repo.head, when, at_most=2, approval=" a=relman")
        return self._chronicle.push(repo, stack, when)

    # --------------------------------------------------------------------------------------------- what goes out

    def _beta(self, number: int) -> Step:
        def step(when: datetime) -> None:
            self._go_out(f"{self._own.major_on(when.date()) - 1}.0b{number}", "beta", when)

        return step

    def _version(self, number: int) -> Step:
        def step(when: datetime) -> None:
            major = self._own.major_on(when.date()) - 2
            self._go_out(f"{major}.0.{number}" if number else f"{major}.0", "release", when)
            if not number:
                self._go_out(f"{self._own.esr}.{major - self._own.esr}.0esr", "esr", when)

        return step

    def _go_out(self, version: str, channel: str, when: datetime) -> None:
        repo, major = self._repos[channel], self._own.major_on(when.date())
        built = [push for push in repo.pushes if not push.only_tags]
        built = [push for push in built if self._own.major_on(push.when.date()) == major] or built[-1:]
        count = 2 if len(built) > 1 and chance(self._own.seed, "second build", version) < 0.25 else 1
        builds = tuple(built[-count:])
        self._releases.append(Release(version, channel, when.date(), builds))
        name = f"{_PRODUCT[self._own.family]}_{version.replace('.', '_')}"
        tags = {f"{name}_BUILD{number}": push.head.node for number, push in enumerate(builds, 1)}
        self._sign(repo, tags | {f"{name}_RELEASE": builds[-1].head.node}, when)

    # --------------------------------------------------------------------------------------------------- tags

    def _sign(self, repo: Repo, tags: Mapping[str, str], when: datetime) -> None:
        push = self._tagging(repo.name, tags, when)
        repo.take(replace(push, number=repo.next_number))

    def _tagging(self, repo: str, tags: Mapping[str, str], when: datetime) -> Push:
        """A push that does nothing but tag; its number is the caller's business."""
        self._tags += [Tag(name, node) for name, node in tags.items()]
        words = "; ".join(f"Added tag {name} for changeset {node[:12]}" for name, node in tags.items())
        parents = (self._last_tagging[repo].node,) if repo in self._last_tagging else ()
        desc = f"No bug - {words} a=release CLOSED TREE DONTBUILD"
        self._last_tagging[repo] = self._chronicle.commit(parents, desc, when, FFXBLD, branch=TAGS_BRANCH)
        return Push(repo, 0, when, FFXBLD, (self._last_tagging[repo],))

    # --------------------------------------------------------------------------------------------- the culprit

    def _culprit(self, number: Mapping[int, int]) -> Culprit:
        """The culprit that was, with its new push id; or an uplift that some beta has not and some other has."""
        if self._own.culprit != "uplift":
            was, central = self._given.culprit, self._own.central
            pushes = (
                replace(push, number=number[push.number]) if push.repo == central else push
                for push in (was.push, was.central_push)
            )
            return Culprit(was.commit, *pushes)
        betas = [one.push.when for one in self._releases if one.channel == "beta"]
        between = [push for push in self._uplifts if betas and betas[0] < push.when <= betas[-1]]
        if not between:
            raise ValueError("There is no uplift between two betas in this world.")
        push = random.Random(f"uplift {self._own.seed}").choice(between)
        return Culprit(push.commits[0], push, push)


def _until(pushes: Sequence[Push], when: datetime) -> int:
    """How many pushes there were until a moment: the pushlog may date some too early, but not what they brought."""
    later = (at for at, push in enumerate(pushes) if max(push.when, push.head.when) > when)
    return next(later, len(pushes))


def _woven(pushes: Sequence[Push], signs: Sequence[tuple[int, Push]]) -> tuple[tuple[Push, ...], dict[int, int]]:
    """Pushes with those that tag between them, numbered anew; and the new number of each old one."""
    woven: list[Push] = []
    numbers: dict[int, int] = {}
    for at, push in enumerate(pushes):
        for place, sign in signs:
            if place == at:
                woven.append(replace(sign, number=woven[-1].number + 1))
        shift = sum(place <= at for place, _ in signs)
        numbers[push.number] = push.number + shift
        woven.append(replace(push, number=push.number + shift))
    woven += [replace(sign, number=woven[-1].number + 1) for place, sign in signs if place == len(pushes)]
    return tuple(woven), numbers
