"""Starts ``child`` in a process of its own, and does not look back. The program itself never imports Glean."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mozbisect import __version__
from mozbisect.telemetry.folder import Folder
from mozbisect.telemetry.usage import APPLICATION

SERVER = "https://incoming.telemetry.mozilla.org"

LIMIT = 30
"""Seconds that a helper may take from when it is its turn; what is left then goes with the next one."""

_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where pings go, and how they may be watched (https://mozilla.github.io/glean/book/ tells about both)."""

    server: str = SERVER
    debug_tag: str | None = None
    log_pings: bool = False


def hindrance() -> str:
    """Why no helper could work; empty if nothing is known against it. Imports nothing."""
    try:
        missing = importlib.util.find_spec("glean") is None
    except (ImportError, ValueError):
        missing = True
    if missing:
        return "glean-sdk is not installed here."
    return "" if sys.executable else "it is not known how to start Python here."


def start(folder: Folder, to: Destination, *, upload: bool, limit: float = LIMIT) -> subprocess.Popen[bytes]:
    """Send what waits or, without ``upload``, take back what was sent. Raises ``OSError``.

    The process outlives this one, its terminal and its session. It is seen only where its log was asked for.
    """
    order = _order(folder, to, upload=upload, limit=limit)
    return subprocess.Popen(
        [sys.executable, "-P", str(_CHILD), json.dumps(order)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if to.log_pings else subprocess.DEVNULL,
        cwd=folder.root,  # nobody's folder is kept busy
        env=_environment(to),
        start_new_session=os.name != "nt",
        creationflags=_flag("DETACHED_PROCESS") | _flag("BELOW_NORMAL_PRIORITY_CLASS"),
    )


def shown(folder: Folder, to: Destination, values: Mapping[str, str]) -> dict[str, Any] | None:
    """The request that would be sent, as Glean itself makes it; None where there is no Glean that works."""
    order = _order(folder, to, upload=True, show=values)
    done = subprocess.run(
        [sys.executable, "-P", str(_CHILD), json.dumps(order)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=_environment(to),
        check=False,
    )
    try:
        request: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return request


def trial() -> str:
    """Why no helper can work here, found out by starting one; empty if it can. Takes half a second."""
    if found := hindrance():
        return found
    order = {"trial": True, **_found_here()}
    line = [sys.executable, "-P", str(_CHILD), json.dumps(order)]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    said = done.stderr.strip().splitlines()
    return f"glean-sdk does not work here: {said[-1] if said else done.returncode}" if done.returncode else ""


def _order(
    folder: Folder,
    to: Destination,
    *,
    upload: bool,
    limit: float = LIMIT,
    show: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """All that the child is told. It imports nothing of ours, so that it needs none of our packages."""
    return {
        "root": str(folder.root),
        "application": APPLICATION,
        "version": __version__,
        "server": to.server,
        "log": to.log_pings,
        "upload": upload,
        "trial": False,
        "show": show,
        "limit": limit,
        **_found_here(),
    }


def _found_here() -> dict[str, Any]:
    """Where the child finds what it needs for the SDK."""
    return {
        "metrics": str(_definition("metrics.yaml")),
        "pings": str(_definition("pings.yaml")),
        # What mach has made importable is on no other Python's path.
        "path": [str(Path(entry).absolute()) for entry in sys.path if entry],
    }


def _definition(name: str) -> Path:
    """Inside the installed package; in a checkout, at its top."""
    packaged = Path(__file__).parent.parent / name
    return packaged if packaged.exists() else packaged.parent.parent / name


def _environment(to: Destination) -> dict[str, str]:
    more = {"GLEAN_DEBUG_VIEW_TAG": to.debug_tag} if to.debug_tag else {}
    return {**os.environ, **more, **({"GLEAN_LOG_PINGS": "true"} if to.log_pings else {})}


def _flag(name: str) -> int:
    """Of Windows; elsewhere 0."""
    return int(getattr(subprocess, name, 0))
