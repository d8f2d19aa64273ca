"""hg.mozilla.org of a world: the pushlog in all its versions, single changesets, tags, and pages for people.

Semantics as in mozilla/version-control-tools, docs/hgmo/pushlog.rst: a range begins after its first end
and includes its last, but for days, which are both exclusive. Dates are taken as UTC. A revision may be shortened, and
a tag stands for one.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from mozbisect.practice.places import ALWAYS, path_of
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.world import TAGS_BRANCH, Commit, Push, World

_DATES = ("%Y-%m-%d", "%Y-%m-%d %H", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_PER_PAGE = 10

Query = dict[str, list[str]]


class Unknown(Exception):
    """A revision that the repository has not."""


class Hg:
    """Answers GET requests below the server's root. ``git``: does the pushlog tell Git hashes (since 2025-05)?"""

    def __init__(self, world: World) -> None:
        self._git = world.parameters.git
        self._repos = {path_of(name): _Pushlog(world, ()) for name in ALWAYS}
        for one in (world, *world.others.values()):
            self._repos |= {path_of(name): _Pushlog(one, pushes) for name, pushes in one.pushes.items()}

    def answer(self, path: str, query: str) -> Reply:
        words = parse_qs(query, keep_blank_values=True)
        for name, repo in self._repos.items():
            if path.strip("/") == name or path.startswith(f"/{name}/"):
                return self._command(repo, name, path.removeprefix(f"/{name}").strip("/"), words)
        return as_text(f"<html><body><h3>repository {html.escape(path)} not found</h3></body></html>", 404, "text/html")

    def _command(self, repo: _Pushlog, name: str, rest: str, query: Query) -> Reply:
        command, _, argument = rest.partition("/")
        try:
            match command:
                case "json-pushes":
                    return self._json_pushes(repo, argument, query)
                case "json-rev":
                    return as_json(self._json_rev(repo, repo.commit(argument)))
                case "json-tags":
                    return as_json(self._json_tags(repo))
                case "pushloghtml" | "":
                    pushes = repo.select(query, page=1)
                    return as_text(_page(f"{name}: pushlog", pushes), 200, "text/html; charset=utf-8")
                case "rev":
                    push = replace(repo.push_of(argument), commits=(repo.commit(argument),))
                    return as_text(_page(f"{name}: {argument}", [push]), 200, "text/html; charset=utf-8")
        except Unknown as error:
            return as_json({"error": f"unknown revision '{error}'"}, 404)
        except ValueError as error:
            return as_json({"error": str(error)}, 500)
        return as_json({"error": f"no such method: {command}"}, 400)

    # ------------------------------------------------------------------------------------------------ json-pushes

    def _json_pushes(self, repo: _Pushlog, page: str, query: Query) -> Reply:
        version = query.get("version", ["1"])[-1]
        if version not in ("1", "2"):
            raise ValueError(f"version parameter must be an integer of 1 or 2, not {version}")
        pushes = repo.select(query, page=int(page or 1))
        rows = {str(push.number): self._row(repo, push, query) for push in pushes}
        if version == "1":
            return as_json(rows)
        return as_json({"lastpushid": repo.last, "pushes": rows})

    def _row(self, repo: _Pushlog, push: Push, query: Query) -> dict[str, Any]:
        commits = push.commits[-1:] if "tipsonly" in query else push.commits
        row: dict[str, Any] = {"changesets": [], "date": int(push.when.timestamp()), "user": push.user}
        if "full" in query:
            row["changesets"] = [self._full(repo, commit) for commit in commits]
            return row
        row["changesets"] = [commit.node for commit in commits]
        if self._git:
            row["git_changesets"] = [commit.git for commit in commits]
        return row

    def _full(self, repo: _Pushlog, commit: Commit) -> dict[str, Any]:
        row: dict[str, Any] = {
            "author": commit.author,
            "branch": commit.branch,
            "desc": commit.desc,
            "files": [f"practice/{commit.node[:2]}.cpp"],
            "node": commit.node,
            "parents": list(commit.parents),
            "tags": repo.tags_of(commit),
        }
        return row | {"git_node": commit.git, "git_parents": []} if self._git else row

    def _json_rev(self, repo: _Pushlog, commit: Commit) -> dict[str, Any]:
        push = repo.push_of(commit.node)
        row: dict[str, Any] = {
            "node": commit.node,
            "date": [float(int(commit.when.timestamp())), 0],
            "desc": commit.desc,
            "backedoutby": "",
            "branch": commit.branch,
            "bookmarks": [],
            "tags": repo.tags_of(commit),
            "user": commit.author,
            "parents": list(commit.parents),
            "children": [],
            "phase": "public",
            "pushid": push.number,
            "pushdate": [int(push.when.timestamp()), 0],
            "pushuser": push.user,
            "landingsystem": "lando",
        }
        return row | {"git_commit": commit.git} if self._git else row

    def _json_tags(self, repo: _Pushlog) -> dict[str, Any]:
        rows = [
            {"tag": name, "node": commit.node, "date": [float(int(commit.when.timestamp())), 0]}
            for name, commit in repo.tags.items()
        ]
        return {"node": repo.tip, "tags": rows[::-1]}


class _Pushlog:
    """The pushes of one repository; none at all for those that are closed."""

    def __init__(self, world: World, pushes: Sequence[Push]) -> None:
        self._world = world
        self._pushes = pushes
        self._by_node = {commit.node: push for push in pushes for commit in push.commits}
        # A tag is known where its changeset is; the oldest first.
        self.tags = {tag.name: world.commit(tag.node) for tag in world.tags if tag.node in self._by_node}
        self._tags_of: dict[str, list[str]] = {}
        for name, commit in self.tags.items():
            self._tags_of.setdefault(commit.node, []).append(name)

    @property
    def last(self) -> int:
        return self._pushes[-1].number if self._pushes else 0

    def commit(self, revision: str) -> Commit:
        """Raises ``Unknown``."""
        if revision == "tip" and self._pushes:
            return self._pushes[-1].head
        if revision == "default" and self._pushes:
            return next(push.head for push in reversed(self._pushes) if push.head.branch != TAGS_BRANCH)
        if revision in self.tags:
            return self.tags[revision]
        try:
            commit = self._world.commit(revision.lower())
        except KeyError:
            raise Unknown(revision) from None
        if commit.node not in self._by_node:
            raise Unknown(revision)
        return commit

    @property
    def tip(self) -> str:
        return self._pushes[-1].head.node if self._pushes else "0" * 40

    def tags_of(self, commit: Commit) -> list[str]:
        return self._tags_of.get(commit.node, [])

    def push_of(self, revision: str) -> Push:
        """The push that brought a revision here. Raises ``Unknown``."""
        return self._by_node[self.commit(revision).node]

    def select(self, query: Query, *, page: int) -> list[Push]:
        """What fits every word of the query; without one the latest. Raises ``Unknown``, ``ValueError``."""
        tests = list(self._tests(query))
        if tests:
            return [push for push in self._pushes if all(test(push) for test in tests)]
        end = len(self._pushes) - (page - 1) * _PER_PAGE
        return list(self._pushes[max(end - _PER_PAGE, 0) : max(end, 0)])

    def _tests(self, query: Query) -> Iterable[Callable[[Push], bool]]:
        if revisions := query.get("changeset"):
            wanted = {self.push_of(revision).number for revision in revisions}
            yield lambda push: push.number in wanted
        after = max(self._numbers(query, "fromchange", "startID"), default=None)
        if after is not None:
            yield lambda push: push.number > after
        until = min(self._numbers(query, "tochange", "endID"), default=None)
        if until is not None:
            yield lambda push: push.number <= until
        if "startdate" in query:
            start = _moment(query["startdate"][-1])
            yield lambda push: push.when > start
        if "enddate" in query:
            end = _moment(query["enddate"][-1])
            yield lambda push: push.when < end
        if users := query.get("user"):
            yield lambda push: push.user in users

    def _numbers(self, query: Query, change: str, number: str) -> Iterable[int]:
        if change in query:
            yield self.push_of(query[change][-1]).number
        if number in query:
            yield int(query[number][-1])


def _moment(text: str) -> datetime:
    """Raises ``ValueError``."""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"invalid date: {text!r}")


def _page(title: str, pushes: Sequence[Push]) -> str:
    rows = "".join(
        f"<tr><td>{push.number}</td><td>{push.when:%Y-%m-%d %H:%M:%S}</td><td>{commit.node[:12]}</td>"
        f"<td>{html.escape(commit.author)}</td><td>{html.escape(commit.desc.partition(chr(10))[0])}</td></tr>\n"
        for push in reversed(pushes)
        for commit in reversed(push.commits)
    )
    head = f"<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>{html.escape(title)}</title></head>"
    return f"{head}<body><h1>{html.escape(title)}</h1>\n<table>\n{rows}</table></body></html>\n"
