"""The policy that keeps a build from updating itself: since Firefox 60 no preference can. It sets no other policy."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any

from mozbisect.core.errors import BrokenBuild, CacheTrouble

log = logging.getLogger(__name__)

_ADVICE = "Free some space there, or name another folder (--persist, or TMPDIR for what is temporary)."

POLICIES: dict[str, Any] = {"DisableAppUpdate": True}


def disable_updates(binary: Path) -> None:
    """Write ``distribution/policies.json`` for the program, beside what is in it.

    Raises ``BrokenBuild``, and ``CacheTrouble`` where the disk is full: of that, no build is guilty.
    """
    file = _distribution(binary) / "policies.json"
    content = _read(file)
    theirs = content.get("policies")
    content["policies"] = {**(theirs if isinstance(theirs, dict) else {}), **POLICIES}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CacheTrouble(f"cannot write in {file.parent}: {error.strerror}", advice=_ADVICE) from error
        raise BrokenBuild(f"its updates cannot be switched off: {error}") from error


def _distribution(binary: Path) -> Path:
    """Beside the program; on macOS beside the resources: ``Nightly.app/Contents/Resources/distribution``."""
    folder = binary.parent
    if folder.name == "MacOS" and folder.parent.name == "Contents":
        folder = folder.parent / "Resources"
    return folder / "distribution"


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # Firefox would ignore it as well
        log.debug("%s is replaced: %s", file, error)
        return {}
    return content if isinstance(content, dict) else {}
