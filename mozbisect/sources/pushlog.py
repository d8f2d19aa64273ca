"""The pushlog of an hg server: which changesets came to a repository together, when, and in which order.

This is the one module that talks to hg, so that it can be replaced the day Mozilla retires it. Pushes are
ordered by their ids as numbers: as strings 9999 would come after 10000, and dates are not guaranteed to grow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NotFound
from mozbisect.core.model import Candidate, Changeset, Kind
from mozbisect.memory import FOREVER
from mozbisect.net.http import Http
from mozbisect.net.troubles import Refused
from mozbisect.sources.together import together

T = TypeVar("T")

MOST_SUSPECTS = 40
"""So many pushes are looked at, whether they brought only tags: they stand in one URL."""

MOST_TAGS_A_PUSH = 10

SHORT = timedelta(days=45)
"""A range of days up to so long is asked for at once."""

MONTHS_AT_ONCE = 2
"""Of a long one: the busiest months of autoland are answers of some MiB, and each is taken apart while it is here."""

SETTLED = timedelta(days=2)
"""Pushes so old are told as they will always be told: their Git hashes are there, and no clock is so far behind."""

_HASH = re.compile(r"[0-9a-f]{40}")


class Pushlog:
    """``json-pushes`` of one hg server (mozilla/version-control-tools, docs/hgmo/pushlog.rst).

    ``today``: what is a few days older than that may be remembered; None: nothing may.
    """

    def __init__(self, http: Http, hg_url: str, *, today: date | None = None) -> None:
        self._http = http
        self._hg_url = hg_url.rstrip("/")
        self._settled = today - SETTLED if today else date.min

    def of(self, repo_name: str, revision: str, *, doubt: bool = True) -> Candidate | None:
        """The push that brought a revision (a prefix will do) to the repository; None if none did.

        ``doubt``: somebody says that it did, so that a no is believed when it comes twice.
        """
        pushes = self._pushes(repo_name, {"changeset": revision}, doubt=doubt, final=_is_whole(revision))
        return pushes[-1] if pushes else None

    def newest(self, repo_name: str, most: int) -> tuple[Candidate, ...]:
        """The last so many pushes to the repository, oldest first."""
        # Without a question hg tells the last ten, and that changes all the time.
        numbers = self._asked(repo_name, [], lambda number, _: number, final=False)
        return self.by_id(repo_name, numbers[-1] - most + 1, numbers[-1]) if numbers else ()

    def at_or_before(self, repo_name: str, when: datetime) -> Candidate | None:
        """The push of this second, else the last before it; None if there was none that day and the day before."""
        pushes = self.by_day(repo_name, when.date() - timedelta(days=1), when.date())
        return next((push for push in reversed(pushes) if push.when <= when), None)

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
        final = _is_whole(old) and _is_whole(new)
        return self._real(repo_name, self._pushes(repo_name, {"fromchange": old, "tochange": new}, final=final))

    def by_id(self, repo_name: str, first: int, last: int) -> tuple[Candidate, ...]:
        """The pushes with ids from ``first`` to ``last``, both included."""
        return self._real(repo_name, self._pushes(repo_name, {"startID": str(first - 1), "endID": str(last)}))

    def by_day(self, repo_name: str, first: date, last: date) -> tuple[Candidate, ...]:
        """The pushes of the days from ``first`` to ``last``, both included.

        A request for each month of a long range, so that neither of us holds a year in its hands at once; and of the
        months that are over, all but the first are remembered for whatever other range.
        """
        spans = _spans(first, last)
        parts = together([partial(self._pushes, repo_name, span) for span in spans], at_once=MONTHS_AT_ONCE)
        # Dates are not guaranteed to grow with the ids: a push may stand in a later month than its successor.
        found = sorted((push for part in parts for push in part), key=push_id) if len(parts) > 1 else parts[0]
        return self._real(repo_name, found)

    def describe(self, repo_name: str, first: int, last: int) -> tuple[Changeset, ...]:
        """The changesets of the pushes with these ids, oldest first, with the first lines of their descriptions."""
        query = [("startID", str(first - 1)), ("endID", str(last)), ("full", "1")]
        return tuple(changeset for told in self._asked(repo_name, query, _described) for changeset in told)

    def _pushes(
        self, repo_name: str, query: Mapping[str, str], *, doubt: bool = True, final: bool = True
    ) -> tuple[Candidate, ...]:
        """``final``: the question will always mean the same pushes."""
        found = self._asked(repo_name, query.items(), partial(_candidate, repo_name), doubt=doubt, final=final)
        return tuple(push for push in found if push.changesets)

    def _real(self, repo_name: str, pushes: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Those that brought something to build."""
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
        query = [*(("changeset", push.changesets[-1]) for push in shown), ("full", "1")]
        told = self._asked(repo_name, query, lambda number, row: number if _is_aside(row) else None)
        return frozenset(f"{repo_name}:{number}" for number in told if number is not None)

    def _node(self, repo_name: str, revision: str) -> str | None:
        url = f"{self._hg_url}/{repo(repo_name).path}/json-rev/{quote(revision)}"
        try:
            answer = self._http.json(url)
        except (NotFound, Refused):  # not every mirror has this page, and the push's head will do
            return None
        node = answer.get("node") if isinstance(answer, dict) else None
        return node if isinstance(node, str) else None

    def _asked(
        self,
        repo_name: str,
        query: Iterable[tuple[str, str]],
        read: Callable[[int, dict[str, Any]], T],
        *,
        doubt: bool = True,
        final: bool = True,
    ) -> list[T]:
        """What ``read`` makes of each push, by its id; in the order of the ids. Nothing for an unknown revision."""
        pairs = sorted(query)
        words = "&".join(f"{key}={quote(value)}" for key, value in pairs)
        url = f"{self._hg_url}/{repo(repo_name).path}/json-pushes?{words}{'&' if words else ''}version=2"

        def keep(window: _Window[T]) -> float | None:
            return FOREVER if final and self._is_over(dict(pairs), window) else None

        try:
            return self._http.read_json(url, partial(_window, read), keep=keep, doubt=doubt).told
        except NotFound:
            return []

    def _is_over(self, query: dict[str, str], window: _Window[T]) -> bool:
        """Has all that such a question asks about happened, some days ago?"""
        if "enddate" in query:
            return date.fromisoformat(query["enddate"]) <= self._settled
        if window.newest is None or window.newest.date() >= self._settled:
            return False
        return "endID" not in query or (window.last_id or 0) >= int(query["endID"])


@dataclass(frozen=True, slots=True)
class _Window(Generic[T]):
    """An answer: what was read of its pushes, the time of the newest, and the newest id that the repository has."""

    told: list[T]
    newest: datetime | None
    last_id: int | None


def _window(read: Callable[[int, dict[str, Any]], T], answer: Any) -> _Window[T]:
    """Raises ``KeyError``, ``TypeError``, ``ValueError``, ``AttributeError`` for what is no pushlog."""
    # Version 2 wraps what version 1 answers bare.
    pushes = sorted((int(number), row) for number, row in answer.get("pushes", answer).items())
    newest = max((row["date"] for _, row in pushes), default=None)
    told = [read(number, row) for number, row in pushes]
    return _Window(told, None if newest is None else _moment(newest), answer.get("lastpushid"))


def _spans(first: date, last: date) -> list[dict[str, str]]:
    """The words that ask for the days from ``first`` to ``last``: at once if they are few, else month by month."""
    # A date means its midnight, and both ends are exclusive: between two months no second must be lost.
    end = last + timedelta(days=1)
    if last - first <= SHORT:
        return [{"startdate": str(first), "enddate": str(end)}]
    firsts = [day for at in range(1, (last - first).days + 1) if (day := first + timedelta(days=at)).day == 1]
    starts = [str(first), *(f"{day - timedelta(days=1)} 23:59:59" for day in firsts)]
    ends = [*map(str, firsts), str(end)]
    return [{"startdate": start, "enddate": end} for start, end in zip(starts, ends, strict=True)]


def _is_whole(revision: str) -> bool:
    """Neither a tag, which may move, nor an abbreviation, which may come to mean several."""
    return bool(_HASH.fullmatch(revision))


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise ValueError(f"{text!r} is no changeset")
    return text


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _described(_: int, row: dict[str, Any]) -> list[Changeset]:
    return [
        Changeset(_hash(one["node"]), one.get("git_node"), str(one.get("desc") or "").partition("\n")[0])
        for one in row.get("changesets", ())
        if isinstance(one, dict)
    ]


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
        nodes.append(_hash(node["node"] if isinstance(node, dict) else node))
        gits.append(git and _hash(git))
    return Candidate(
        kind=Kind.PUSH,
        key=f"{repo_name}:{number}",
        repo=repo_name,
        when=_moment(row["date"]),
        changesets=tuple(nodes),
        git_changesets=tuple(gits) if any(gits) else (),
    )
