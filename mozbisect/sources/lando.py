"""Which Mercurial changeset a Git commit is: asked of Lando, which keeps the map of both.

Only needed to enter with a Git hash: the pushlog tells the Git hash of whatever it lists.
"""

from __future__ import annotations

from mozbisect.core.errors import NetworkError, NotFound
from mozbisect.net import Http


class Lando:
    """``git2hg`` of one Lando server (mozilla-conduit/lando, src/lando/urls.py)."""

    def __init__(self, http: Http, lando_url: str) -> None:
        self._http = http
        self._url = lando_url.rstrip("/")

    def hg_of(self, git: str) -> str | None:
        """The hg hash of a Git commit (7 to 40 hex digits), or None. Raises ``NetworkError``.

        An abbreviation that fits several commits is an answer of 400, and raises.
        """
        try:
            answer = self._http.json(f"{self._url}/api/git2hg/firefox/{git}")
        except NotFound:
            return None
        found = answer.get("hg_hash") if isinstance(answer, dict) else None
        if not isinstance(found, str):
            raise NetworkError(f"Lando's answer about {git} names no hg hash.", url=self._url)
        return found
