"""mozbisect: from a good and a bad date to the push that did it.

``mozbisect.bisect(...)`` is the search as a function. It and the other names in ``__all__`` are imported when they are
first used: ``mozbisect --version`` pays for none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mozbisect.api import Bisection, Build, End, Step, bisect, resume
    from mozbisect.core.errors import (
        BrokenBuild,
        CacheTrouble,
        CannotRun,
        CommandBroken,
        EndsContradict,
        Interrupted,
        JournalDamaged,
        MozbisectError,
        NetworkError,
        NothingToSearch,
        OutOfTime,
        UsageError,
    )
    from mozbisect.core.journal import Ended, Judged, Listed, Missing
    from mozbisect.core.model import Side
    from mozbisect.core.news import Bringing, Listing, Note, Trying

__all__ = [
    "Bisection",
    "Bringing",
    "BrokenBuild",
    "Build",
    "CacheTrouble",
    "CannotRun",
    "CommandBroken",
    "End",
    "Ended",
    "EndsContradict",
    "Interrupted",
    "JournalDamaged",
    "Judged",
    "Listed",
    "Listing",
    "Missing",
    "MozbisectError",
    "NetworkError",
    "Note",
    "NothingToSearch",
    "OutOfTime",
    "Side",
    "Step",
    "Trying",
    "UsageError",
    "__version__",
    "bisect",
    "resume",
]

_HOMES = {
    "api": ("Bisection", "Build", "End", "Step", "bisect", "resume"),
    "core.journal": ("Ended", "Judged", "Listed", "Missing"),
    "core.model": ("Side",),
    "core.news": ("Bringing", "Listing", "Note", "Trying"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = next((home for home, names in _HOMES.items() if name in names), "core.errors")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
