"""The door: ``mozbisect``, and ``python -m mozbisect``. ``--version`` is answered before anything is imported."""

from __future__ import annotations

import sys

ENOUGH_TO_LOOK_THROUGH = 100_000
"""New objects before Python looks for rubbish among them (700, unless it is told): some ten MiB."""


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mozbisect import __version__

        print(f"mozbisect {__version__}")  # noqa: T201
        return
    import gc

    # What is made on the way in stays, and is as much: to look through it a hundred times for rubbish finds none.
    gc.set_threshold(ENOUGH_TO_LOOK_THROUGH, 20, 20)
    from mozbisect.cli import main as commands

    try:
        commands()
    finally:
        gc.freeze()  # nothing will be needed again: Python need not look through it all at its end (40 ms)


if __name__ == "__main__":
    main()
