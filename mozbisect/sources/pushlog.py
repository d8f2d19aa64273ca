"""The pushlog of an hg server: which changesets came to a repository together, when, and in which order.

This is the one module that talks to hg, so that it can be replaced the day Mozilla retires it. Pushes are
ordered by their ids as numbers: as strings 9999 would come after 10000, and dates are not guaranteed to grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NotFound, ServerTrouble
from mozbisect.core.model import Candidate, Changeset, Kind
from mozbisect.net import Http


class Pushlog:
    """``json-pushes`` of one hg server (mozilla/version-control-tools, docs/hgmo/pushlog.rst)."""

    def __init__(self, http: Http, hg_url: str) -> None:
        self._http = http
        self._hg_url = hg_url.rstrip("/")

    def of(self, repo_name: str, revision: str) -> Candidate | None:
        """The push that brought a revision (a prefix will do) to the repository; None if none did."""
        pushes = self._pushes(repo_name, changeset=revision)
        return pushes[-1] if pushes else None

    def after(self, repo_name: str, old: str, new: str) -> tuple[Candidate, ...]:
        """The pushes after the one that brought ``old``, up to the one that brought ``new``."""
        return self._pushes(repo_name, fromchange=old, tochange=new)

    def by_id(self, repo_name: str, first: int, last: int) -> tuple[Candidate, ...]:
        """The pushes with ids from ``first`` to ``last``, both included."""
        return self._pushes(repo_name, startID=str(first - 1), endID=str(last))

    def by_day(self, repo_name: str, first: date, last: date) -> tuple[Candidate, ...]:
        """The pushes of the days from ``first`` to ``last``, both included."""
        # A date means its midnight, and the end is exclusive.
        return self._pushes(repo_name, startdate=str(first), enddate=str(last + timedelta(days=1)))

    def describe(self, repo_name: str, first: int, last: int) -> tuple[Changeset, ...]:
        """The changesets of the pushes with these ids, oldest first, with the first lines of their descriptions."""
        rows = self._rows(repo_name, {"startID": str(first - 1), "endID": str(last), "full": "1"})
        return tuple(
            Changeset(str(row["node"]), row.get("git_node"), str(row.get("desc") or "").partition("\n")[0])
            for _, push in rows
            for row in push.get("changesets", ())
            if isinstance(row, dict)
        )

    def _pushes(self, repo_name: str, **query: str) -> tuple[Candidate, ...]:
        rows = self._rows(repo_name, query)
        try:
            found = [_candidate(repo_name, number, row) for number, row in rows]
        except (KeyError, TypeError, ValueError) as error:
            url = f"{self._hg_url}/{repo(repo_name).path}"
            raise ServerTrouble(f"The pushlog of {url} has a push without {error}.", url=url) from error
        return tuple(push for push in found if push.changesets)

    def _rows(self, repo_name: str, query: Mapping[str, str]) -> list[tuple[int, dict[str, Any]]]:
        """Push ids with what the server says of them, in order; nothing for a revision it does not know."""
        words = "&".join(f"{key}={quote(value)}" for key, value in sorted(query.items()))
        url = f"{self._hg_url}/{repo(repo_name).path}/json-pushes?{words}&version=2"
        try:
            answer = self._http.json(url)
        except NotFound:
            return []
        try:
            # Version 2 wraps what version 1 answers bare.
            pushes: dict[str, dict[str, Any]] = answer.get("pushes", answer)  # type: ignore[attr-defined]
            return sorted((int(number), row) for number, row in pushes.items())
        except (AttributeError, ValueError, TypeError) as error:
            raise ServerTrouble(f"The pushlog at {url} cannot be read ({error}).", url=url) from error


def push_id(push: Candidate) -> int:
    return int(push.key.rpartition(":")[2])


def _candidate(repo_name: str, number: int, row: dict[str, Any]) -> Candidate:
    nodes, gits = [], []
    # git_changesets stand beside changesets since 2025-05 (bug 1962211).
    for node, git in zip(row["changesets"], row.get("git_changesets") or [None] * len(row["changesets"]), strict=False):
        nodes.append(str(node["node"] if isinstance(node, dict) else node))
        gits.append(git)
    return Candidate(
        kind=Kind.PUSH,
        key=f"{repo_name}:{number}",
        repo=repo_name,
        when=datetime.fromtimestamp(row["date"], UTC),
        changesets=tuple(nodes),
        git_changesets=tuple(gits) if any(gits) else (),
    )
