"""The door: ``mozbisect``, and ``python -m mozbisect``. ``--version`` is answered before anything is imported."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mozbisect import __version__

        print(f"mozbisect {__version__}")  # noqa: T201
        return
    import gc

    from mozbisect.cli import main as commands

    try:
        commands()
    finally:
        gc.freeze()  # nothing will be needed again: Python need not look through it all at its end (40 ms)


if __name__ == "__main__":
    main()
