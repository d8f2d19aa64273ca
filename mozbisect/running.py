"""One search from its options to its end, for every front end: the session on disk, the five ports, the loop.

    Running.begin(options, now)  or  Running.of(session's name)   →   go_on(…)   →   .session

It prints nothing and answers nothing: what happens is told to reporters, and what was found is in the session.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mozbisect import __version__
from mozbisect.core.deadline import Deadline
from mozbisect.core.errors import (
    CannotRun,
    EndsContradict,
    Interrupted,
    NothingToSearch,
    OutOfTime,
    UsageError,
)
from mozbisect.core.journal import FORMAT, Opened, Session
from mozbisect.options import Options
from mozbisect.sessions import Journal, Sessions

if TYPE_CHECKING:
    from mozbisect.core.ports import Judge, Reporter
    from mozbisect.credentials import Credentials
    from mozbisect.memory import Memory

FINAL = (UsageError, NothingToSearch, EndsContradict, CannotRun)
"""To go on after one of these would only raise it again."""


class Running:
    """A session that is open for writing. ``session`` is what is known so far, also after an error."""

    def __init__(self, journal: Journal, session: Session, options: Options) -> None:
        self.journal = journal
        self.session = session
        self.options = options

    @classmethod
    def begin(cls, options: Options, *, now: datetime) -> Running:
        """A new session. Raises ``UsageError``, ``CannotRun`` and ``CacheTrouble``."""
        from mozbisect import request

        must_run_here(options)
        asked = request.read(options, today=now.date())
        opened = Opened(FORMAT, f"mozbisect {__version__}", now.replace(microsecond=0), asked.terms, options.to_row())
        journal = kept_sessions().create(now)
        try:
            journal.write(opened)
        except BaseException:
            journal.close()
            raise
        return cls(journal, Session(opened), options)

    @classmethod
    def of(cls, name: str | None, *, ended: bool = False) -> Running:
        """A session of before; without a name, one that can go on. Raises ``UsageError``, ``JournalDamaged``."""
        journal, session = kept_sessions().open(name, ended=ended)
        try:
            return cls(journal, session, options_of(session))
        except BaseException:
            journal.close()
            raise

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    @property
    def name(self) -> str:
        return self.journal.name

    def go_on(
        self,
        reporters: Sequence[Reporter],
        *,
        say: Callable[[str], None],
        by: Judge | None = None,
        until: datetime | None = None,
        undo: bool = False,
        credentials: Credentials | None = None,
    ) -> None:
        """Search to the end. ``by``: a judge that the options do not name; ``undo``: first take back a verdict.

        Raises what the engine raises. A session that has come to nothing at all is forgotten.
        """
        from mozbisect.alarm import alarm

        left = (until - datetime.now(UTC)).total_seconds() if until else None
        deadline = Deadline(time.monotonic() + left) if left is not None else None
        with alarm(left) as bell:
            try:
                self._search(reporters, say, by, deadline, undo, credentials)
            except KeyboardInterrupt:
                if bell.rang:
                    raise OutOfTime("The deadline has come; the test that was under way does not count.") from None
                raise Interrupted("Interrupted.") from None
            except FINAL:
                if not self.session.stages:
                    self.journal.discard()
                raise

    def _search(
        self,
        reporters: Sequence[Reporter],
        say: Callable[[str], None],
        by: Judge | None,
        deadline: Deadline | None,
        undo: bool,
        credentials: Credentials | None,
    ) -> None:
        from mozbisect import request, wiring
        from mozbisect.engine import Engine

        today = self.session.opened.started.date()
        asked = request.read(self.options, today=today)
        for note in asked.notes:
            say(note)
        memory = memory_of(self.options)
        seen = wiring.world(self.options, asked.target, today=today, credentials=credentials, memory=memory)
        with wiring.ports(self.options, asked, seen, reporters, say=say, by=by, deadline=deadline) as ports:
            engine = Engine(self.session, ports, self.journal.write, asked.reach)
            try:
                if undo:
                    engine.undo()
                engine.run(asked.leg)
            finally:
                self.session = engine.session


# ------------------------------------------------------------------------------------------------- options


def options_from(words: Mapping[str, Any]) -> Options:
    """The options of a command line; paths become absolute, so that they hold wherever the session is resumed."""
    names = {field.name for field in fields(Options)}
    given = {key: value for key, value in words.items() if key in names}
    for key in ("profile", "persist"):
        # An empty text is how a configuration file, or a script, says "none".
        given[key] = str(absolute(given[key])) if given.get(key) else None
    return Options(**{**given, "folder": str(Path.cwd())})


def absolute(text: str) -> Path:
    """A path of a command line, from here on the same wherever the run is resumed."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # ~somebody, who is not known here
        return Path(text).absolute()


def options_of(session: Session) -> Options:
    """The options that a session was begun with. Raises ``UsageError``."""
    try:
        return Options.from_row(dict(session.opened.options))
    except ValueError as error:
        raise UsageError(
            f"The session was begun with options that this mozbisect does not know ({error}).",
            advice="Resume it with the version that began it.",
        ) from error


def must_run_here(options: Options) -> None:
    """Raises ``UsageError`` when builds for another system are to be run."""
    from mozbisect import request

    here = request.this_system()
    if options.os not in (None, here):
        raise UsageError(
            f"--os {options.os}: builds for another system than this one ({here}) can be listed, but not run here.",
            advice="List them with mozbisect builds, or search on a machine that runs them.",
        )


# ------------------------------------------------------------------------------------------------- places


def state_folder() -> Path:
    """The platform's folder for state, or the one in MOZBISECT_STATE_DIR."""
    if named := os.environ.get("MOZBISECT_STATE_DIR"):
        return Path(named).absolute()  # a session that is resumed goes to the folder it was begun in
    import platformdirs

    return Path(platformdirs.user_state_dir("mozbisect", appauthor=False))


def memory_of(options: Options) -> Memory | None:
    """What servers told earlier runs; None for a run that is not to remember."""
    if options.remember == "never":
        return None
    from mozbisect.config.places import cache_folder
    from mozbisect.memory import Memory

    return Memory(cache_folder(os.environ), loopback=options.remember == "always")


def kept_sessions() -> Sessions:
    return Sessions(sessions_folder())


def sessions_folder() -> Path:
    """Where nothing can be written to the usual place (a read-only home), in a private folder for temporary files."""
    usual = state_folder() / "sessions"
    if os.environ.get("MOZBISECT_STATE_DIR") or _writable(usual):
        return usual
    return _stand_in() or usual


def _writable(folder: Path) -> bool:
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _stand_in() -> Path | None:
    """``None`` where somebody else could have put sessions into it: they say what is to be run."""
    if not hasattr(os, "getuid"):
        return None
    folder = Path(tempfile.gettempdir()) / f"mozbisect_{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        seen = folder.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077
    return folder / "sessions" if ours else None


def how_to_go_on(name: str) -> str:
    return f"Nothing is lost: go on with mozbisect resume {name}"
