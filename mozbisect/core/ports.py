"""The five ports: all that is worldly, seen from the engine.

Each is a small protocol. The engine calls them one after the other, from one thread; what a port may raise is
part of its contract, and anything else it raises is a bug. Implementations live in ``sources``, ``fetch``,
``launch``, ``judge`` and ``report``; only ``wiring`` knows which one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mozbisect.core.model import Answer, Build, Candidate, Changeset, Finding, Leg, Terms, Timeline


class Source(Protocol):
    """Knows which builds exist."""

    def timeline(self, leg: Leg) -> Timeline:
        """The candidates of one stretch of history. Called once a leg; a few requests.

        Raises ``NothingToSearch`` (the stretch is empty), ``UsageError`` (a bound that the servers do not know),
        ``NetworkError`` (after retries: a listing is never silently incomplete).
        """

    def find(self, candidate: Candidate) -> Build:
        """The build of a candidate. Called once a question, again by look-ahead (from other threads).

        Remembers its answers, so that a second call costs nothing. Raises ``NoBuild`` or ``NetworkError``.
        """

    def look_up(self, candidates: Sequence[Candidate]) -> None:
        """Find several side by side, so that ``find`` then knows them. Errors are left for ``find`` to raise."""

    def with_origin(self, build: Build) -> Build:
        """The build; one that ``find`` gave without its revision with what its server tells of it, be that nothing.

        Called once a build, before it is judged: only one that did not tell itself costs a question. Raises
        ``NetworkError``.
        """

    def describe(self, finding: Finding) -> tuple[Changeset, ...]:
        """The changesets after last old up to first new, oldest first; empty when nobody can tell. One request."""

    def since(self, finding: Finding) -> str | None:
        """Of two releases: the changeset after which the pushlog of the new one's repository tells all that the old one
        has not; None for what is no release, or when nobody can tell. Asked once, at the end."""

    def git_of(self, revision: str) -> str | None:
        """The Git hash of a Mercurial revision, None when nobody can tell. Asked for the two ends of an answer."""


class Kept(NamedTuple):
    """Places of candidates whose builds are here."""

    unpacked: frozenset[int] = frozenset()
    packed: frozenset[int] = frozenset()


class Fetcher(Protocol):
    """Brings builds here, verified and unpacked."""

    def bring(self, build: Build) -> AbstractContextManager[Path]:
        """The unpacked build (or the single file of an app that is not unpacked), for the time of the ``with``.

        The caller may write into it. Raises ``NoBuild`` (it was listed, but is gone), ``NotFetched`` (it cannot be
        had whole, after retries), ``BrokenBuild`` (it cannot be unpacked), ``NetworkError`` (nothing answers any
        more), ``CacheTrouble``.
        """

    def ahead(self, likely: Mapping[Candidate, float], *, present: Candidate | None = None, left: int = 0) -> None:
        """These will probably be wanted after the ``present`` one, which is brought next. Called before each ``bring``.

        Likeliest first, with how likely each is (0 to 1): start on them, forget others. ``left``: about how many more
        builds will be wanted. Returns at once.
        """

    def begun(self) -> Collection[Candidate]:
        """Those of the builds ahead that are on their way or ready: to wait for one of them costs less."""

    def may_bet(self, left: int) -> bool:
        """Would a build that is likely, but not certain, be brought beside the present one? ``left``: as above."""

    def kept(self, candidates: Sequence[Candidate]) -> Kept:
        """Which of them a run before has left here, so that they cost no download. Called once a leg."""

    def close(self) -> None:
        """Stop every thread and leave no temporary file behind."""


class App(Protocol):
    """One installed build."""

    @property
    def binary(self) -> Path:
        """The program to start."""

    @property
    def facts(self) -> dict[str, str]:
        """What the build says of itself (``application_version``, ``application_changeset``, …); may be empty."""

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, bool | int | str] = {}) -> None:
        """Start it with its profile; ``args`` and ``prefs`` are for this one start, beside those of the person.

        Raises ``BrokenBuild`` when it cannot start or dies at once, and then ``output`` and ``crashed`` tell of that
        try; ``CannotRun`` for a profile or an add-on that cannot be used, ``CacheTrouble``.
        """

    def running(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it ends by itself; its exit status, negative for the signal that killed it.

        ``None`` if it still runs after ``timeout`` seconds (``None``: as long as it takes), or was never started.
        On Android, where no status can be had, 0 once its process is gone.
        """

    def output(self) -> str:
        """What it has written to standard output and error since its start, at most the last MiB.

        Empty where nobody here can tell: on Android, and for a shell that has the terminal to itself.
        """

    def crashed(self) -> str | None:
        """Why it counts as crashed, in a few words; ``None`` if it does not. To be asked before ``stop``.

        A deadly signal (a segmentation fault, an abort, …), a crash report in its profile since the start (so also
        of a process that is not its main one), or a sanitizer's word.
        """

    def stop(self) -> None:
        """End it and all its processes; harmless when it does not run."""


class Launcher(Protocol):
    """Installs and runs builds of one app."""

    def check(self) -> None:
        """Can this machine run the app as it was asked for? Called before anything is downloaded.

        Raises ``CannotRun``, or ``UsageError`` for a profile or an add-on that is not there.
        """

    def install(self, tree: Path, build: Build) -> AbstractContextManager[App]:
        """Make the fetched build ready to start. At the end of the ``with`` nothing of it is left.

        Raises ``BrokenBuild``.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """What the judge may want to tell the person."""

    number: int  # of this question, from 1
    left: int  # about how many more will follow in this leg
    can_go_back: bool
    terms: Terms
    title: str  # "nightly of 2026-09-14", "push 45292 to autoland"


class Judge(Protocol):
    """Says on which side of the change a build lies."""

    def judge(self, app: App, build: Build, question: Question) -> Answer:
        """Start the app if need be, ask, stop it. Raises ``BrokenBuild`` or ``CommandBroken``."""


class Reporter(Protocol):
    """Tells the person, or the machine, what happened. The only parts that print."""

    def tell(self, news: object) -> None:
        """Called for every event of the journal and for the passing news of ``core.news``. Never raises."""


Progress = Callable[[Build, int, int | None], None]
"""Told now and then by a fetcher: the build, the bytes that are here, and of how many if that is known."""
