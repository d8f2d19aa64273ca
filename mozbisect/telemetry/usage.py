"""What one use of mozbisect says about itself. Never what was typed: words of the catalogue, days, versions.

The names are those of metrics.yaml. A value that is absent is not sent.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from mozbisect.catalog import apps
from mozbisect.core import bounds
from mozbisect.core.errors import UsageError
from mozbisect.core.model import BuildId, Day
from mozbisect.options import Options

APPLICATION = "org-mozilla-mozbisect"
"""By this the data pipeline knows us. It has to be registered there: docs/ideas/telemetry.md."""

CONSOLE, MACH, GUI, CI = "console", "mach", "gui", "ci"
VARIANTS = (CONSOLE, MACH, GUI, CI)
"""Which front end was used; ``ci`` whenever nobody sits before it."""

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Machine:
    """The versions of what mozbisect runs on."""

    linux_distro: str | None = None
    linux_version: str | None = None
    mac_version: str | None = None
    windows_version: str | None = None
    python_version: str = field(default_factory=platform.python_version)


@dataclass(frozen=True, slots=True)
class Usage:
    """One ping. A day is there only if the bound was given as a day or a build id."""

    variant: str
    app: str
    build_type: str
    good_date: date | None = None
    bad_date: date | None = None
    launch_date: date | None = None
    linux_distro: str | None = None
    linux_version: str | None = None
    mac_version: str | None = None
    windows_version: str | None = None
    python_version: str | None = None

    def values(self) -> dict[str, str]:
        """By the names of metrics.yaml; days as ``2026-09-14``."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: str(value) for name, value in found.items() if value is not None}


def usage_of(options: Options, machine: Machine, *, variant: str, today: date, launch: str | None = None) -> Usage:
    """Of a search, or of the launch of one build. Raises ``UsageError`` for options that mean nothing."""
    row = apps.app(options.app)
    build_type = options.build_type or row.default_type
    if build_type not in row.build_types:
        raise UsageError(f"{row.name} has no build type {build_type!r}.")

    def day(text: str | None) -> date | None:
        match bounds.parse(text, today=today) if text is not None else None:
            case Day(date=value):
                return value
            case BuildId(stamp=moment):
                return moment.date()
        return None

    search = options if launch is None else replace(options, good=None, bad=None)
    return Usage(
        variant,
        row.name,
        build_type,
        good_date=day(search.good),
        bad_date=day(search.bad),
        launch_date=day(launch),
        linux_distro=machine.linux_distro,
        linux_version=machine.linux_version,
        mac_version=machine.mac_version,
        windows_version=machine.windows_version,
        python_version=machine.python_version,
    )


def this_machine() -> Machine:
    """As mozregression says it: the identifier of a distribution, the build of a Windows."""
    if sys.platform == "darwin":
        return Machine(mac_version=platform.mac_ver()[0] or UNKNOWN)
    if sys.platform == "win32":
        seen = sys.getwindowsversion()  # what platform.win32_ver() says as well, but may take a second for
        return Machine(windows_version=f"{seen.major}.{seen.minor}.{seen.build}")
    if sys.platform == "linux":
        return _linux(_os_release())
    return Machine()


def _linux(release: Mapping[str, str]) -> Machine:
    return Machine(
        linux_distro=release.get("ID") or UNKNOWN,
        linux_version=release.get("VERSION_ID") or UNKNOWN,
    )


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except (OSError, UnicodeDecodeError):
        return {}


def as_if(usage: Usage, wishes: Iterable[str]) -> Usage:
    """With values of another use: ``mach``, ``linux_distro=fedora``; nothing behind the sign leaves a value out.

    Raises ``UsageError``.
    """
    for wish in wishes:
        name, sign, text = wish.partition("=") if "=" in wish or wish not in VARIANTS else ("variant", "=", wish)
        if not sign or name not in {item.name for item in fields(Usage)}:
            names = ", ".join(item.name for item in fields(Usage))
            raise UsageError(f"--as {wish}: there is no such value.", advice=f"There are: {names}.")
        changed: dict[str, Any] = {name: _valued(name, text)}
        usage = replace(usage, **changed)
    return usage


def _valued(name: str, text: str) -> str | date | None:
    if name == "variant" and text not in VARIANTS:
        raise UsageError(f"--as variant={text}: there is no such variant.", advice=f"There are: {', '.join(VARIANTS)}.")
    if not text:
        return None
    if not name.endswith("_date"):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--as {name}={text}: this is no day.", advice="Days are written YYYY-MM-DD.") from None
