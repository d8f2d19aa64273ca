"""What is kept on disk about telemetry: a choice, what waits to be sent, and Glean's own folder.

    choice          yes or no, and who said so
    told            exists once the person was told what is sent
    waiting/*.json  pings that no helper has taken yet
    withdraw        exists while a no has not been told to Glean
    lock            held by the helper that is at work
    glean/          Glean's; it exists as long as something was, or may have been, sent and not taken back

Nothing here starts a process, and nothing raises but what says so.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mozbisect.core.errors import CacheTrouble
from mozbisect.telemetry.decision import Choice

MOST_WAITING = 100
"""Pings that wait for a helper; more means that none comes any more."""


@dataclass(frozen=True, slots=True)
class Folder:
    """``root`` need not exist. ``elsewhere``: a folder in which a no is heard as well."""

    root: Path
    elsewhere: Path | None = None

    # ------------------------------------------------------------------------------------------- the choice

    def choice(self) -> Choice | None:
        """A no in either folder, else the yes of this one."""
        here = _choice(self.root)
        there = _choice(self.elsewhere) if self.elsewhere else None
        return there if there and not there.yes else here

    def choose(self, choice: Choice) -> None:
        """Raises ``CacheTrouble``."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self.root / "choice", f"{'yes' if choice.yes else 'no'}: {choice.how}\n")
        except OSError as error:
            raise CacheTrouble(
                f"{error.filename or self.root} cannot be written: {error.strerror}.",
                advice="MOZBISECT_TELEMETRY=0 in the environment says no as well.",
            ) from error

    # ------------------------------------------------------------------------------------------ what is sent

    def hindrance(self) -> str:
        """Why nothing could be kept here, and so nothing sent; empty if it could."""
        above = (self.root, *self.root.parents)
        return _hindrance(self.glean, *above) or _hindrance(self._waiting, *above)

    def first_time(self) -> bool:
        """Has the person to be told now? True for one caller, once. Raises ``OSError``."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            (self.root / "told").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @property
    def was_told(self) -> bool:
        return (self.root / "told").exists()

    def wait(self, values: Mapping[str, str]) -> None:
        """Put one ping where helpers look. Raises ``OSError``."""
        self._waiting.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.glean.mkdir(exist_ok=True, mode=0o700)
        if len(self._pings()) < MOST_WAITING:
            _write(self._waiting / f"{time.time_ns()}-{secrets.token_hex(4)}.json", json.dumps(values))

    def withdraw(self) -> bool:
        """Nothing that waits is sent any more; True if Glean has to be told, too. Raises ``OSError``."""
        if not self.glean.exists():
            return False
        (self.root / "withdraw").touch()
        for path in self._pings():
            with suppress(OSError):  # whatever it is, the rest of the no is worth more
                path.unlink()
        return True

    @property
    def glean(self) -> Path:
        return self.root / "glean"

    @property
    def waiting(self) -> int:
        """How many pings are still to be sent."""
        return len(self._pings()) + sum(1 for _ in (self.glean / "pending_pings").glob("*"))

    @property
    def _waiting(self) -> Path:
        return self.root / "waiting"

    def _pings(self) -> list[Path]:
        """Files: what else has got there is no ping."""
        return [path for path in self._waiting.glob("*.json") if path.is_file()]

    @property
    def is_owed(self) -> bool:
        """Is there a no that Mozilla has not been told yet?"""
        return (self.root / "withdraw").exists() or any((self.glean / "deletion_request").glob("*"))

    @property
    def client_id(self) -> str | None:
        try:
            return (self.glean / "client_id.txt").read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None


def folder(environ: Mapping[str, str]) -> Folder:
    """Below the folder for state. A no at the usual place holds for runs whose state is elsewhere, too."""
    import platformdirs

    usual = Path(platformdirs.user_state_dir("mozbisect", appauthor=False)).absolute() / "telemetry"
    if named := environ.get("MOZBISECT_STATE_DIR"):
        return Folder(Path(named).absolute() / "telemetry", elsewhere=usual)
    return Folder(usual)


def _hindrance(*places: Path) -> str:
    """Of the first that exists; the others are to be made in it."""
    nearest = next((path for path in places if path.exists() or path.is_symlink()), places[-1])
    if not nearest.is_dir():
        return f"{nearest} is no folder."
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} cannot be written."


def _choice(root: Path) -> Choice | None:
    try:
        word, _, how = (root / "choice").read_text(encoding="utf-8", errors="replace").strip().partition(": ")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Choice(yes=False, how=f"{root / 'choice'} cannot be read: {error.strerror}.")
    # Whatever has become of that file: only a clear yes is one.
    return Choice(yes=word == "yes", how=how or f"{root / 'choice'} says {word or 'nothing'}.")


def _write(path: Path, text: str) -> None:
    """In one step: whoever looks meanwhile finds all of it or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
