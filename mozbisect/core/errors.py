"""Every error that mozbisect raises on purpose: one tree, each with an exit status and a piece of advice.

    MozbisectError                 1   anything below that names no status of its own
    ├── UsageError                 2   the command line, a bound or a config file cannot be understood
    ├── NothingToSearch            3   the range holds no build at all
    │   └── Expired                    there were builds, but they are not kept any more
    ├── EndsContradict             4   both ends are good, or both are bad
    ├── CannotRun                  5   this machine cannot run what was asked for
    ├── OutOfTime                  6   the deadline came first; the run can go on later
    ├── Interrupted              130   a person, or a signal, stopped the run
    ├── NetworkError               1   no usable answer from a server
    │   ├── NotFound                   404 or 410: the thing is not there
    │   └── ServerTrouble              429, 5xx or a nonsensical body, again and again
    ├── NoBuild                    -   a candidate has no build: the engine notes it and goes on
    ├── BrokenBuild                -   a build cannot be fetched, unpacked or started: noted as untestable
    │   └── NotFetched                 its file could not be had whole
    ├── CommandBroken              1   the test command itself cannot be run
    ├── CacheTrouble               1   a disk that is full, a folder that cannot be written
    └── JournalDamaged             1   a session on disk that cannot be read

What happened, where, and what to do are arguments; the sentence a person reads is made in ``__str__``, and
printed by the one handler in ``cli/door.py``.
"""

from __future__ import annotations

SWAP = "Swap the two; or add --find-fix, or leave it out: with it, what is bad comes first."
"""Advice for a range whose ends are the wrong way round."""


class MozbisectError(Exception):
    """Base of the tree. ``advice`` says what the person can do about it, in one sentence, or is empty.

    ``session`` is the name of the session that can be looked at or gone on with, where the library had one.
    """

    exit_code = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.session: str | None = None

    def __str__(self) -> str:
        return f"{self.what}\n{self.advice}" if self.advice else self.what


class UsageError(MozbisectError):
    exit_code = 2


class NothingToSearch(MozbisectError):
    exit_code = 3


class Expired(NothingToSearch):
    """Of a whole range there are no builds of this kind: not kept any more, or never made."""


class EndsContradict(MozbisectError):
    exit_code = 4


class CannotRun(MozbisectError):
    exit_code = 5


class OutOfTime(MozbisectError):
    """The deadline came before the end of the search; what was answered is kept."""

    exit_code = 6


class Interrupted(MozbisectError):
    exit_code = 130


class NetworkError(MozbisectError):
    """No usable answer. ``url`` is what was asked for."""

    def __init__(self, what: str, *, url: str, advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.url = url


class NotFound(NetworkError):
    """The server says that the thing is not there (404, 410)."""


class ServerTrouble(NetworkError):
    """The server answered, and after every retry the answer was still an error or nonsense."""


class NoBuild(MozbisectError):
    """A candidate has no build for the target; ``what`` is the reason that the report will give."""


class BrokenBuild(MozbisectError):
    """A build exists but cannot be fetched whole, unpacked or started; ``what`` is the reason."""


class NotFetched(BrokenBuild):
    """The file of a build could not be had whole, after every try."""


class CommandBroken(MozbisectError):
    """The test command cannot be started, or says so itself (exit status 126 or 127)."""


class CacheTrouble(MozbisectError):
    """The disk is full, or a folder that mozbisect needs cannot be written."""


class JournalDamaged(MozbisectError):
    """A session on disk cannot be read, or was written by a newer mozbisect."""
