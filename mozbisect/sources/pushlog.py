"""The pushlog of an hg server: which changesets came to a repository together, when, and in which order.

This is the one module that talks to hg, so that it can be replaced the day Mozilla retires it. Pushes are
ordered by their ids as numbers: as strings 9999 would come after 10000, and dates are not guaranteed to grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NotFound, ServerTrouble
from mozbisect.core.model import Candidate, Changeset, Kind
from mozbisect.net import Http, Refused

MOST_SUSPECTS = 40
"""So many pushes are looked at, whether they brought only tags: they stand in one URL."""

MOST_TAGS_A_PUSH = 10


class Pushlog:
    """``json-pushes`` of one hg server (mozilla/version-control-tools, docs/hgmo/pushlog.rst)."""

    def __init__(self, http: Http, hg_url: str) -> None:
        self._http = http
        self._hg_url = hg_url.rstrip("/")

    def of(self, repo_name: str, revision: str) -> Candidate | None:
        """The push that brought a revision (a prefix will do) to the repository; None if none did."""
        pushes = self._pushes(repo_name, changeset=revision)
        return pushes[-1] if pushes else None

    def newest(self, repo_name: str, most: int) -> tuple[Candidate, ...]:
        """The last so many pushes to the repository, oldest first."""
        rows = self._rows(repo_name, [])  # without a question hg tells the last ten
        return self.by_id(repo_name, rows[-1][0] - most + 1, rows[-1][0]) if rows else ()

    def at(self, repo_name: str, when: datetime) -> Candidate | None:
        """The push of exactly this second; None if there was none."""
        return next((push for push in self.by_day(repo_name, when.date(), when.date()) if push.when == when), None)

    def tagged(self, repo_name: str, tag: str) -> tuple[Candidate, str] | None:
        """The push that brought the changeset with this tag, and that changeset; None where nobody knows the tag."""
        push = self.of(repo_name, tag)
        if push is None:
            return None
        if len(push.changesets) == 1:
            return push, push.changesets[0]
        node = self._node(repo_name, tag)
        return push, node if node in push.changesets else push.changesets[-1]

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
        rows = self._rows(repo_name, [("startID", str(first - 1)), ("endID", str(last)), ("full", "1")])
        return tuple(
            Changeset(str(row["node"]), row.get("git_node"), str(row.get("desc") or "").partition("\n")[0])
            for _, push in rows
            for row in push.get("changesets", ())
            if isinstance(row, dict)
        )

    def _pushes(self, repo_name: str, **query: str) -> tuple[Candidate, ...]:
        rows = self._rows(repo_name, query.items())
        try:
            found = [_candidate(repo_name, number, row) for number, row in rows]
        except (KeyError, TypeError, ValueError) as error:
            url = f"{self._hg_url}/{repo(repo_name).path}"
            raise ServerTrouble(f"The pushlog of {url} has a push without {error}.", url=url) from error
        pushes = [push for push in found if push.changesets]
        if len(pushes) < 2:
            return tuple(pushes)
        aside = self._tag_pushes(repo_name, _unknown_to_git(pushes))
        return tuple(push for push in pushes if push.key not in aside)

    def _tag_pushes(self, repo_name: str, suspects: Sequence[Candidate]) -> frozenset[str]:
        """Which of these pushes brought nothing to build: since the move to Git, tags are changesets on a branch of
        their own, which exists in Mercurial only."""
        shown = [push for push in suspects if len(push.changesets) <= MOST_TAGS_A_PUSH][-MOST_SUSPECTS:]
        if not shown:
            return frozenset()
        query = [("changeset", push.changesets[-1]) for push in shown]
        rows = self._rows(repo_name, [*query, ("full", "1")])
        return frozenset(f"{repo_name}:{number}" for number, row in rows if _is_aside(row))

    def _node(self, repo_name: str, revision: str) -> str | None:
        url = f"{self._hg_url}/{repo(repo_name).path}/json-rev/{quote(revision)}"
        try:
            answer = self._http.json(url)
        except (NotFound, Refused):  # not every mirror has this page, and the push's head will do
            return None
        node = answer.get("node") if isinstance(answer, dict) else None
        return node if isinstance(node, str) else None

    def _rows(self, repo_name: str, query: Iterable[tuple[str, str]]) -> list[tuple[int, dict[str, Any]]]:
        """Push ids with what the server says of them, in order; nothing for a revision it does not know."""
        words = "&".join(f"{key}={quote(value)}" for key, value in sorted(query))
        url = f"{self._hg_url}/{repo(repo_name).path}/json-pushes?{words}{'&' if words else ''}version=2"
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


def _unknown_to_git(pushes: Sequence[Candidate]) -> list[Candidate]:
    """Pushes without any Git hash, after one that has some: before the move to Git no push had."""
    known = next((at for at, push in enumerate(pushes) if push.git_changesets), len(pushes))
    return [push for push in pushes[known:] if not push.git_changesets]


def _is_aside(row: dict[str, Any]) -> bool:
    changesets = [item for item in row.get("changesets", ()) if isinstance(item, dict)]
    return bool(changesets) and all(item.get("branch", "default") != "default" for item in changesets)


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
