"""Has a build crashed? By its exit status, by the crash reports in its profile, or by what a sanitizer wrote.

It only looks: who ended the build by our own hand, or asked too early, gets no better answer than the facts allow.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Collection
from pathlib import Path

_DEADLY = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
_NUMBERS = {getattr(signal, name).value: name for name in _DEADLY if hasattr(signal, name)}  # Windows has three

_OF_A_CHILD = 128  # a shell ends with 128 + n when its last program was killed by signal n

# Exceptions of Windows are exit statuses: 0xC0000005 is an access violation, 0x80000003 a breakpoint (MOZ_CRASH).
_EXCEPTION = 0x80000000
_NO_CRASH = (0xC000013A,)  # Ctrl-C

# "==123==ERROR: AddressSanitizer: heap-use-after-free on address …"; a leak, told at the end, is no crash.
_SANITIZER = re.compile(r"^=+\d+=+\s*ERROR: ((?!Leak)\w+Sanitizer: [\w-]+)", re.MULTILINE)


def by_status(status: int | None) -> str | None:
    """Why an exit status means a crash; ``None`` if it does not."""
    if status is None:
        return None
    number = -status if status < 0 else status - _OF_A_CHILD
    if number in _NUMBERS:
        return f"killed by {_NUMBERS[number]}"
    if status >= _EXCEPTION and status not in _NO_CRASH:
        return f"ended by exception 0x{status:08X}"
    return None


def by_output(text: str) -> str | None:
    """What a sanitizer said, if one spoke."""
    match = _SANITIZER.search(text)
    return match[1] if match else None


def reports(profile: Path) -> frozenset[str]:
    """The names of the crash reports in a profile."""
    return frozenset(file.name for folder in REPORT_FOLDERS for file in (profile / folder).glob("*.dmp"))


def by_reports(names: Collection[str]) -> str | None:
    """Of crash reports that were not there before."""
    return f"a crash report was left: {min(names)}" if names else None


REPORT_FOLDERS = ("minidumps", "crashes")
