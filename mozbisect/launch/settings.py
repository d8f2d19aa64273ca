"""How builds of one app are run: what a person asked for, in one value that every launcher takes. It does nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mozbisect.core.errors import UsageError
from mozbisect.launch.profile_folder import CLONE, PERSISTENCES
from mozbisect.launch.quiet import Pref


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """``persistence``: clone, clone-first or reuse; of equal preferences the later counts.

    ``binary_names`` and ``profile_kind`` (a row of ``quiet.PREFS``) are of desktop apps and, the first, of the shell.
    ``needs_display``: mozbisect itself starts the build, in a window. ``headless``: without one, wherever it can.
    ``interactive``: a person types to what is started. ``show_output``: pass on what the app writes.
    """

    app: str
    os: str
    binary_names: tuple[str, ...] = ()
    profile_kind: str = "firefox"
    profile: Path | None = None
    persistence: str = CLONE
    prefs: tuple[tuple[str, Pref], ...] = ()
    addons: tuple[Path | str, ...] = ()
    args: tuple[str, ...] = ()
    needs_display: bool = True
    headless: bool = False
    interactive: bool = True
    show_output: bool = False

    def __post_init__(self) -> None:
        if self.persistence not in PERSISTENCES:
            raise UsageError(
                f"There is no profile persistence {self.persistence!r}.", advice=f"Known: {', '.join(PERSISTENCES)}."
            )


def environment_for_commands(*, headless: bool, own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a person's command, which starts the build itself: ours, and what was asked of builds."""
    return {**own, **(HEADLESS if headless else {})}


HEADLESS = {"MOZ_HEADLESS": "1"}
"""Firefox since 55; earlier ones, and other programs, take no notice."""
