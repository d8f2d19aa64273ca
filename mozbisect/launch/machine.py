"""What a Linux machine may lack for a build to run, said in sentences. It looks, and changes nothing.

before anything is downloaded    programs cannot run in the temporary folder; root in somebody else's session;
                                 a kernel that keeps content processes from sandboxing themselves
after a build died at once       a shared library that is not there; a display that cannot be opened
"""

from __future__ import annotations

import errno
import logging
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mozbisect.core.errors import CannotRun

log = logging.getLogger(__name__)

_FORBIDDEN = (errno.EACCES, errno.EPERM)

SESSION_FOLDERS = ("HOME", "XDG_RUNTIME_DIR", "XAUTHORITY")
"""What Firefox looks at when root starts it: each must be root's. Since 138 it hangs where it said so before."""

USERNS = Path("sys/kernel/apparmor_restrict_unprivileged_userns")  # below /proc


def must_run_programs(folder: Path | None) -> None:
    """Raises ``CannotRun`` where a program may not be executed (a ``noexec`` mount); ``None``: the system's choice."""
    if os.name == "nt":
        return
    folder = folder or Path(tempfile.gettempdir())
    try:
        _execute_in(folder)
    except OSError as error:
        if error.errno in _FORBIDDEN:
            raise CannotRun(
                f"Builds cannot be started in {folder}: no program there may be executed (a noexec mount?).",
                advice="Name another folder for what is temporary: TMPDIR=/var/tmp mozbisect …",
            ) from error
        log.debug("nothing could be executed in %s: %s", folder, error)  # what is wrong will be said with the build


def _execute_in(folder: Path) -> None:
    number, name = tempfile.mkstemp(prefix="mozbisect-can-run-", dir=folder)
    os.close(number)
    try:
        Path(name).write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
        Path(name).chmod(0o700)
        subprocess.run([name], check=False, capture_output=True)
    finally:
        Path(name).unlink()


def must_be_at_home(app: str, own: Mapping[str, str], *, uid: int) -> None:
    """Raises ``CannotRun`` for root with the folders of another person's session, which Firefox refuses."""
    if uid != 0:
        return
    for name in SESSION_FOLDERS:
        owner = _owner(own.get(name))
        if owner not in (None, 0):
            raise CannotRun(
                f"{app} does not start for root in another user's session: {name} is {own[name]}, "
                f"which belongs to {_called(owner)}.",
                advice="Run mozbisect as that user, or with root's own: "
                f"env HOME=/root {' '.join(f'-u {other}' for other in SESSION_FOLDERS[1:])} mozbisect …",
            )


def _owner(path: str | None) -> int | None:
    try:
        return Path(path).stat().st_uid if path else None
    except OSError:
        return None


def _called(uid: int | None) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid or 0).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"


def sandbox_note(proc: Path = Path("/proc")) -> str | None:
    """What to know where AppArmor takes user namespaces from programs that it does not know (Ubuntu since 24.04)."""
    try:
        restricted = (proc / USERNS).read_text(encoding="ascii").strip() == "1"
    except (OSError, ValueError):
        return None
    if not restricted:
        return None
    return (
        "Note: AppArmor restricts user namespaces here, and builds in a temporary folder have no exception: their "
        "content processes may crash, or run without a part of the sandbox. The way out, until the next boot: "
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    )


# ------------------------------------------------------------------------------------- why it died at once

# "error while loading shared libraries: libX.so.1: cannot open …"; XPCOMGlueLoad's second line is the same.
_NO_LIBRARY = re.compile(r"(?P<name>lib[\w.+-]+?\.so[\w.]*): cannot open shared object file")
# The version of a C library: "libc.so.6: version `GLIBC_2.38' not found".
_OLD_LIBRARY = re.compile(r"(?P<name>lib[\w.+-]+?\.so[\w.]*): version [`'](?P<version>[\w.]+)' not found")
_WRONG_CLASS = re.compile(r"(?P<name>lib[\w.+-]+?\.so[\w.]*): wrong ELF class")


def missing_library(output: str) -> str | None:
    """Which shared library a build asked for in vain, and where it may come from."""
    if match := _NO_LIBRARY.search(output) or _WRONG_CLASS.search(output):
        name = match["name"]
        return (
            f"It needs the library {name}, which this machine does not have (for such a build): install the package "
            f"that brings it (on Debian and Ubuntu {debian_package(name)}, or ask: apt-file search {name})."
        )
    if match := _OLD_LIBRARY.search(output):
        return f"It needs a newer {match['name']} ({match['version']}) than this machine has."
    return None


def debian_package(soname: str) -> str:
    """By Debian's rule for the names of libraries: libgtk-3.so.0 → libgtk-3-0, libXt.so.6 → libxt6."""
    name, _, version = soname.lower().partition(".so")
    version = version.lstrip(".")
    between = "-" if version and name[-1].isdigit() else ""
    return f"{name}{between}{version}"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Of the machine and not of the build: every other build would die of it too."""

    pattern: re.Pattern[str]
    what: str
    advice: str


_TROUBLES = (
    _Trouble(
        re.compile(r"cannot open display|no DISPLAY environment variable", re.IGNORECASE),
        "The display cannot be opened",
        "Is the server that DISPLAY or WAYLAND_DISPLAY names running, and may you use it? "
        "Otherwise: xvfb-run mozbisect …, or run without a window (--headless).",
    ),
    _Trouble(
        re.compile(r"as root in a regular user's session is not supported"),
        "The app does not start for root in another user's session",
        "Run mozbisect as that user, or with HOME=/root and without XDG_RUNTIME_DIR and XAUTHORITY.",
    ),
)


def trouble_of_the_machine(output: str) -> CannotRun | None:
    """What a build said before it died, if that concerns the machine."""
    for row in _TROUBLES:
        if match := row.pattern.search(output):
            line = next(line for line in output.splitlines() if match[0] in line)
            return CannotRun(f"{row.what}: {line.strip()}", advice=row.advice)
    return None
