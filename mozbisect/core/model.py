"""The nouns: what the parts of mozbisect say to each other.

Frozen dataclasses and enums, nothing else. No module of the project passes a dict where one of these fits.
Times are aware datetimes in UTC; revisions are lower-case hex; "old" and "new" are the two sides of the
change that is looked for (``Terms`` turns them into the words of the person: good and bad, or the reverse).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

# ---------------------------------------------------------------------------------------------- bounds


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day (UTC)."""

    date: date

    def __str__(self) -> str:
        return self.date.isoformat()


@dataclass(frozen=True, slots=True)
class BuildId:
    """The moment a build was started, to the second: fourteen digits in ``about:support``."""

    stamp: datetime

    def __str__(self) -> str:
        return self.stamp.strftime("%Y%m%d%H%M%S")


@dataclass(frozen=True, slots=True)
class Release:
    """A released version: ``149``, ``131.0.3``, ``100.0b3``, ``115.3.0esr``."""

    version: str

    def __str__(self) -> str:
        return self.version


@dataclass(frozen=True, slots=True)
class Revision:
    """A Mercurial changeset or a Git commit, 7 to 40 hex digits; which of the two, only a server can tell."""

    hex: str

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True, slots=True)
class Tag:
    """A name that a repository has for one of its changesets: ``FIREFOX_131_0_RELEASE``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Before:
    """So many weeks before another bound; when that is, may only be known once a server was asked."""

    weeks: int
    bound: Day | BuildId | Release | Revision | Tag

    def __str__(self) -> str:
        return f"{self.weeks} week{'' if self.weeks == 1 else 's'} before {self.bound}"


Bound = Day | BuildId | Release | Revision | Tag | Before


# ---------------------------------------------------------------------------------------------- answers


class Side(StrEnum):
    """On which side of the change a build lies: evidence, and the only thing the search is told."""

    OLD = "old"
    NEW = "new"
    UNTESTABLE = "untestable"


class Move(StrEnum):
    """What else a person can say when asked: not evidence, but navigation."""

    RETRY = "retry"
    BACK = "back"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A side, and why (a skip's reason, a command's exit status); the reason may be empty."""

    side: Side
    reason: str = ""


Answer = Verdict | Move


@dataclass(frozen=True, slots=True)
class Terms:
    """The person's words for the two sides. To find a fix is to swap them: no other line knows about it."""

    old: str = "good"
    new: str = "bad"

    def word(self, side: Side) -> str:
        return {Side.OLD: self.old, Side.NEW: self.new, Side.UNTESTABLE: "skip"}[side]

    def side(self, word: str) -> Side:
        """The side that ``word`` ("good", "bad" or "skip") stands for."""
        return {self.old: Side.OLD, self.new: Side.NEW, "skip": Side.UNTESTABLE}[word]


REGRESSION = Terms("good", "bad")
FIX = Terms("bad", "good")


# ---------------------------------------------------------------------------------------------- history


class Kind(StrEnum):
    """What a candidate is, and so where its build is looked for."""

    NIGHTLY = "nightly"  # a folder of the archive
    PUSH = "push"  # a push to a repository, built by Taskcluster
    RELEASE = "release"  # a version that was released; the archive keeps them all

    @property
    def many(self) -> str:
        return {Kind.NIGHTLY: "nightlies", Kind.PUSH: "pushes", Kind.RELEASE: "releases"}[self]


@dataclass(frozen=True, slots=True)
class Target:
    """*What* is tested; never changes in a run. ``build_types`` in order of wish."""

    app: str
    os: str  # linux, mac, win
    arch: str  # x86, x86_64, aarch64
    build_types: tuple[str, ...]
    lang: str = "en-US"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spot on a timeline: cheap to make, and it may turn out to have no build.

    ``key`` is unique in its timeline: the folder name of a nightly, the push id of a push, the version of a release.
    ``changesets`` are what the push brought, oldest first, full hashes; the last is the push's head.
    They are empty for a nightly, whose revision is known once its build is found.
    ``git_changesets`` run beside them, ``None`` where Mercurial knows no Git hash.
    """

    kind: Kind
    key: str
    repo: str
    when: datetime
    changesets: tuple[str, ...] = ()
    git_changesets: tuple[str | None, ...] = ()

    @property
    def title(self) -> str:
        """How a person calls it."""
        moment = f"{self.when:%Y-%m-%d %H:%M}"
        if self.kind is Kind.NIGHTLY:
            return f"nightly of {moment}"
        if self.kind is Kind.RELEASE:
            return f"release {self.key}"
        return f"{self.repo} {(self.revision or '')[:12]} of {moment}"

    @property
    def revision(self) -> str | None:
        return self.changesets[-1] if self.changesets else None

    @property
    def git_revision(self) -> str | None:
        return self.git_changesets[-1] if self.git_changesets else None


class LegKind(StrEnum):
    NIGHTLIES = "nightlies"  # builds of the archive, by date
    RELEASES = "releases"  # released versions, by their order
    PUSHES = "pushes"  # every push of one repository between two revisions (or days)
    MERGED = "merged"  # the pushes, on another repository, that first landed the given changesets

    @property
    def of(self) -> Kind:
        """What a leg of this kind holds."""
        return {LegKind.NIGHTLIES: Kind.NIGHTLY, LegKind.RELEASES: Kind.RELEASE}.get(self, Kind.PUSH)


@dataclass(frozen=True, slots=True)
class Leg:
    """One stretch of history to list and to search.

    ``check_ends``: the ends are what a person said, and are tested first; else they are taken as they are.
    ``ends``: the two judged candidates (old, new) that this leg lies between, when an earlier leg found them.
    ``brought``: for MERGED, the changesets whose first landing is looked for, oldest first; ``repo`` is where they
    arrived together. ``tried``: repositories where they cannot have landed earlier. ``unbuilt``: the pushes between
    the ends there that could not be tested; what they brought and no other repository had stays with the new end.
    ``back``: no old end was given, and this one is a guess, so many weeks back; if it proves new, we look further back.
    ``instead``: why this leg is searched in place of one whose builds do not exist (any more).
    """

    kind: LegKind
    repo: str
    old: Bound
    new: Bound
    why: str
    check_ends: bool
    ends: tuple[Candidate, ...] = ()
    brought: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    unbuilt: tuple[Candidate, ...] = ()
    back: int = 0
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Shut:
    """Candidates from place ``first`` to ``last`` (both included) that are not to be asked about, and why: a person
    does not want it, or it is known that none of them has a build."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Candidates, oldest first. The change is said to lie after ``old_at`` and not after ``new_at``.

    Candidates outside these two are spare ends, for when an end has no build. ``notes`` are sentences for
    the person: which of several nightlies of a day was taken, what had to be left out. ``shut``: candidates that
    count as missing from the start.
    """

    leg: Leg
    candidates: tuple[Candidate, ...]
    old_at: int
    new_at: int
    notes: tuple[str, ...] = ()
    shut: tuple[Shut, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """What a service publishes about a file: the algorithm (a ``hashlib`` name) and the value in hex."""

    algorithm: str
    hex: str


@dataclass(frozen=True, slots=True)
class Build:
    """Something that can be fetched. Absent facts are ``None``: not every era publishes each of them.

    ``signed_by``: the primary key whose signature of the list with the digest was checked, and is right.
    ``unverified``: what could not be verified, in words that fit all builds of its kind; empty when nothing was left.
    """

    candidate: Candidate
    app: str
    build_type: str  # the type really found
    url: str
    file_name: str  # as the server calls it
    repo: str
    revision: str | None = None  # Mercurial, 12 or 40 hex
    git_revision: str | None = None
    build_id: str | None = None
    size: int | None = None  # bytes
    digest: Digest | None = None
    task_id: str | None = None
    signed_by: str | None = None
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Untested:
    """A candidate between last old and first new about which nothing is known, and why."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Changeset:
    """One changeset as the pushlog tells it. ``summary`` is the first line of its description."""

    node: str
    git: str | None
    summary: str

    @property
    def bugs(self) -> tuple[int, ...]:
        """The bug numbers that the summary names, in its order."""
        return tuple(dict.fromkeys(int(number) for number in _BUG.findall(self.summary)))


# "Bug 1234567 - …", "bug 123", "b=123" of old days; never a number without the word.
_BUG = re.compile(r"\b(?:bug\s*#?|b=)(\d{3,8})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one leg came to. ``untested`` says honestly what stayed open, oldest first."""

    leg: Leg
    last_old: Candidate
    first_new: Candidate
    old_build: Build | None
    new_build: Build | None
    untested: tuple[Untested, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Clash:
    """Two verdicts that cannot both be right. ``refuted`` is the claimed end that turned out otherwise, if one did."""

    seen_old: Candidate
    seen_new: Candidate
    refuted: Side | None
