"""One use of mozbisect, from the decision to the ping. Nothing of it delays, breaks or interrupts the use itself.

A use counts once its range was listed or its build was found; or when it ends before for want of builds or of a
network. A command line that cannot be understood, a machine that cannot run builds, and Ctrl-C before anything was
found are no use.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from mozbisect.config.model import Setting
from mozbisect.core.errors import CannotRun, CommandBroken, Interrupted, MozbisectError, UsageError
from mozbisect.core.journal import Listed
from mozbisect.options import Options
from mozbisect.telemetry import helper
from mozbisect.telemetry.decision import Asked, Choice, Decision, Word, decide, in_ci
from mozbisect.telemetry.folder import Folder, folder
from mozbisect.telemetry.helper import Destination
from mozbisect.telemetry.usage import CI, CONSOLE, Usage, this_machine, usage_of

log = logging.getLogger(__name__)

NOTICE = (
    "mozbisect tells Mozilla what is searched: app, build type, days; versions of system and Python; a random id.",
    "Nothing was sent yet. See it: mozbisect telemetry show. Never send it: mozbisect telemetry disable.",
)

_Result = TypeVar("_Result")

_NO_USE = (UsageError, CannotRun, CommandBroken, Interrupted)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a front end knows about telemetry. ``refused``: --no-telemetry. ``configured``: what a file says."""

    front_end: str = CONSOLE
    refused: bool = False
    configured: Setting | None = None
    destination: Destination = field(default_factory=Destination)

    def usage(self, options: Options, today: date, launch: str | None = None) -> Usage:
        """What would be sent for a command line, from here and now."""
        variant = CI if in_ci(os.environ) else self.front_end
        return usage_of(options, this_machine(), variant=variant, today=today, launch=launch)


def decision(wish: Wish, place: Folder, hindrance: str | None = None) -> Decision:
    """Whether a use would be sent now. ``hindrance``: of the helper, if that is known better."""
    return decide(
        Asked(
            flag=wish.refused,
            environ=os.environ,
            configured=wish.configured,
            chosen=place.choice(),
            hindrance=(helper.hindrance() if hindrance is None else hindrance) or place.hindrance(),
        )
    )


def hear(wish: Wish) -> None:
    """Heed a no at once, whatever becomes of the command line that says it. Never raises."""
    _quietly(lambda: _heard(wish))


def _heard(wish: Wish) -> subprocess.Popen[bytes] | None:
    place = folder(os.environ)
    return refuse(place, wish.destination, decision(wish, place, hindrance=""))


class Use:
    """A reporter that waits for the moment from which a use counts."""

    def __init__(self, send: Callable[[], subprocess.Popen[bytes] | None]) -> None:
        self._send = send
        self._begun = False
        self._helper: subprocess.Popen[bytes] | None = None

    def begun(self) -> None:
        """It counts. Harmless to call again."""
        if not self._begun:
            self._begun = True
            self._helper = _quietly(self._send)

    def tell(self, news: object) -> None:
        if isinstance(news, Listed):
            self.begun()
        elif self._helper is not None:
            self._helper.poll()  # so that no dead process is listed as ours while a person thinks

    def let_go(self) -> None:
        """The helper lives on without us."""
        if self._helper is not None and self._helper.poll() is None:
            self._helper.returncode = 0  # else Python warns that it was not waited for


@contextmanager
def counted(wish: Wish | None, usage: Callable[[Wish], Usage], say: Callable[[str], None]) -> Iterator[Use]:
    """While a use lasts. ``wish`` is None for what is no use: practice, a library. A no has been heard before."""
    use = Use(_quietly(lambda: _prepared(wish, usage, say)) or _nothing if wish else _nothing)
    try:
        yield use
        use.begun()
    except _NO_USE:
        raise
    except MozbisectError:
        use.begun()
        raise
    finally:
        use.let_go()


def _prepared(
    wish: Wish, usage: Callable[[Wish], Usage], say: Callable[[str], None]
) -> Callable[[], subprocess.Popen[bytes] | None]:
    """Decide, and say so where a person has not been told; what comes back sends the ping."""
    place = folder(os.environ)
    decided = decision(wish, place)
    log.debug("telemetry is %s: %s", "on" if decided.enabled else "off", decided.why)
    if not decided.enabled:
        return _nothing
    values = usage(wish).values()
    if place.first_time():
        for line in NOTICE:
            say(line)

    def send() -> subprocess.Popen[bytes]:
        place.wait(values)
        return helper.start(place, wish.destination, upload=True)

    return send


def refuse(place: Folder, to: Destination, decided: Decision) -> subprocess.Popen[bytes] | None:
    """Remember a no that is to last, and have taken back what was sent. Raises ``CacheTrouble``, ``OSError``."""
    choice = place.choice()
    if decided.word is Word.NEVER and (choice is None or choice.yes):
        place.choose(Choice(yes=False, how=f"It was turned off by an earlier run: {decided.why}"))
    if not decided.refused or not place.withdraw():
        return None
    return helper.start(place, to, upload=False)


def _nothing() -> None:
    return None


def _quietly(work: Callable[[], _Result]) -> _Result | None:
    try:
        return work()
    except Exception:
        log.debug("telemetry", exc_info=True)
        return None
