"""The door: ``mozbisect``, and ``python -m mozbisect``. ``--version`` is answered before anything is imported."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mozbisect import __version__

        print(f"mozbisect {__version__}")  # noqa: T201
        return
    from mozbisect.cli import main as commands

    commands()


if __name__ == "__main__":
    main()
