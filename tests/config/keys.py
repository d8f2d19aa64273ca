"""The keys that the command line has, for tests of files."""

from __future__ import annotations

from mozbisect.cli import keys, mozbisect

KEYS = keys(mozbisect)
