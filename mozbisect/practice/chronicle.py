"""Writes changesets and pushes: hashes, authors, descriptions, push ids. What happens when is decided elsewhere.

The same seed, and the same calls in the same order, give the same hashes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha1

from mozbisect.practice.world import TAGS_BRANCH, Commit, Push, WorldParameters, chance

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
LANDO = "lando@mozilla.example"


@dataclass
class Repo:
    """A repository that grows: ``order`` is the order in which changesets came to it."""

    name: str
    next_number: int
    pushes: list[Push] = field(default_factory=list)
    order: list[Commit] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    @property
    def head(self) -> Commit:
        return next(commit for commit in reversed(self.order) if commit.branch != TAGS_BRANCH)

    def missing(self, source: Sequence[Commit]) -> tuple[Commit, ...]:
        """What of ``source`` it has not. Changesets that only tag stay where they are."""
        return tuple(one for one in source if one.node not in self.known and one.branch != TAGS_BRANCH)

    def take(self, push: Push) -> None:
        self.pushes.append(push)
        self.order.extend(push.commits)
        self.known.update(commit.node for commit in push.commits)
        self.next_number = push.number + 1


class Chronicle:
    """``commits`` are all that were written so far; ``landed`` tells the push that first brought each anywhere.

    ``name`` keeps the hashes of two chronicles of one world apart.
    """

    def __init__(self, own: WorldParameters, rng: random.Random, name: str = "") -> None:
        self._own = own
        self._random = rng
        self._name = name
        self.commits: list[Commit] = []
        self.landed: dict[str, Push] = {}

    def commit(
        self,
        parents: tuple[str, ...],
        desc: str,
        when: datetime,
        user: str = SHERIFF,
        *,
        branch: str = "default",
    ) -> Commit:
        words = f"{self._own.seed} {self._name}{len(self.commits)}"
        node = sha1(words.encode(), usedforsecurity=False).hexdigest()
        git: str | None = sha1(f"git {node}".encode(), usedforsecurity=False).hexdigest()
        is_null = chance(self._own.seed, "git null", node) < self._own.git_nulls
        if not self._own.git or is_null or branch == TAGS_BRANCH:
            git = None
        author = f"{user.partition('@')[0].capitalize()} <{user}>"
        commit = Commit(node, git, parents, author, desc, when, branch)
        self.commits.append(commit)
        return commit

    def stack(
        self, head: Commit, when: datetime, *, at_most: int | None = None, approval: str = ""
    ) -> tuple[Commit, ...]:
        """Some changesets of one bug, one upon the other."""
        rng = self._random
        bug = rng.randint(2_040_000, 2_079_999)
        person = rng.choice(PEOPLE)
        stack: list[Commit] = []
        count = rng.randint(1, at_most or self._own.changesets_per_push)
        for part in range(count):
            title = f"{rng.choice(WORK)} {rng.choice(PLACES)}"
            numbered = f"part {part + 1}: " if count > 1 else ""
            words = f"Bug {bug} - {numbered}{title}. r=reviewer{approval}\n\nFor practice only."
            parent = stack[-1] if stack else head
            stack.append(self.commit((parent.node,), words, when, f"{person.lower()}@mozilla.example"))
        return tuple(stack)

    def push(self, repo: Repo, commits: tuple[Commit, ...], when: datetime, user: str = LANDO) -> Push:
        own = self._own
        number = repo.next_number
        if chance(own.seed, "push id hole", f"{repo.name} {len(repo.pushes)}") < own.push_id_holes:
            number += 1
        said = when
        if repo.pushes and chance(own.seed, "unordered", f"{repo.name} {len(repo.pushes)}") < own.unordered_dates:
            said = repo.pushes[-1].when - timedelta(seconds=30)
        push = Push(repo.name, number, said, user, commits)
        repo.take(push)
        for commit in commits:
            self.landed.setdefault(commit.node, push)
        return push
