"""Start a build, watch it for a while, and tell how that ended: what several judges look at. It judges nothing."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.ports import App


@dataclass(frozen=True, slots=True)
class Ending:
    """How a watched build ended. ``status``: ``None`` if it still ran; negative for the signal that killed it.

    ``crash``: a sentence, if it crashed. ``broken``: it could not start, or died at once with an error.
    """

    status: int | None = None
    crash: str | None = None
    output: str = ""
    broken: BrokenBuild | None = None


def watch(app: App, within: float) -> Ending:
    """Start it, wait until it ends or so many seconds are over, and stop it. Raises ``CannotRun``, ``CacheTrouble``."""
    try:
        app.start()
        return Ending(app.wait(within), app.crashed(), app.output())
    except BrokenBuild as broken:
        return Ending(None, app.crashed(), app.output(), broken)
    finally:
        app.stop()


def told(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-status}"


def in_short(broken: BrokenBuild) -> str:
    """What is wrong with a build, without its last words: a reason is one line."""
    return broken.what.partition("\n")[0].rstrip(":")
