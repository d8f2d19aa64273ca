"""Which Mercurial changeset a Git commit is, and the reverse: asked of Lando, which keeps the map of both.

Only needed to enter with a Git hash, and where the pushlog does not tell the Git hash of what it lists.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from mozbisect.core.errors import NotFound
from mozbisect.memory import FOREVER
from mozbisect.net.http import Http

PROJECTS = {"gecko": "firefox", "comm": "thunderbird-desktop"}
"""What Lando calls the families of repositories."""

_HASH = re.compile(r"[0-9a-f]{40}")


class Lando:
    """``git2hg`` and ``hg2git`` of one Lando server (mozilla-conduit/lando, src/lando/urls.py)."""

    def __init__(self, http: Http, lando_url: str, *, family: str = "gecko") -> None:
        self._http = http
        self._url = lando_url.rstrip("/")
        self._project = PROJECTS[family]

    def hg_of(self, git: str) -> str | None:
        """The hg hash of a Git commit (7 to 40 hex digits), or None. Raises ``NetworkError``.

        An abbreviation that fits several commits is an answer of 400, and raises.
        """
        return self._ask("git2hg", git, "hg_hash")

    def git_of(self, hg: str) -> str | None:
        """The Git hash of an hg changeset (all 40 digits), or None. Raises ``NetworkError``."""
        return self._ask("hg2git", hg, "git_hash")

    def _ask(self, way: str, hash_: str, field: str) -> str | None:
        try:
            url = f"{self._url}/api/{way}/{self._project}/{hash_}"
            # An abbreviation may come to mean several commits.
            return self._http.read_json(url, partial(_hash, field), keep=FOREVER if len(hash_) == 40 else None)
        except NotFound:
            return None


def _hash(field: str, answer: Any) -> str:
    """Raises ``ValueError`` for what is no hash."""
    found = answer[field]
    if not _HASH.fullmatch(found):
        raise ValueError(f"{field} is {found!r}")
    return str(found)
