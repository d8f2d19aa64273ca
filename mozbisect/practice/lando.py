"""lando.moz.tools of a world: which Mercurial changeset a Git commit is, and the reverse.

Shapes as in mozilla-conduit/lando, src/lando/api/views.py: 404 for none, 400 for several, and another kind of
404 for what is no hash of a fitting length. It learns of commits a while after they were pushed (``lando_lag``).
"""

from __future__ import annotations

import re
from datetime import timedelta

from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.world import Commit, World, moment

_GIT2HG = re.compile(r"/api/git2hg/([\w-]+)/([0-9a-f]{7,40})/?")
_HG2GIT = re.compile(r"/api/hg2git/([\w-]+)/([0-9a-f]{40})/?")
THUNDERBIRD = "thunderbird-desktop"


class Lando:
    """Answers GET requests."""

    def __init__(self, world: World) -> None:
        self._commits = {"firefox": _known(world)}
        if "thunderbird" in world.others:
            self._commits[THUNDERBIRD] = _known(world.others["thunderbird"])

    def answer(self, path: str) -> Reply:
        if match := _GIT2HG.fullmatch(path):
            repo, revision = match.groups()
            known = self._commits.get(repo, [])
            return self._found("git", repo, revision, [c for c in known if (c.git or "").startswith(revision)])
        if match := _HG2GIT.fullmatch(path):
            repo, revision = match.groups()
            known = self._commits.get(repo, [])
            return self._found("hg", repo, revision, [c for c in known if c.node == revision])
        return as_text("<!doctype html><title>Not Found</title><h1>Not Found</h1>\n", 404, "text/html; charset=utf-8")

    def _found(self, kind: str, repo: str, revision: str, commits: list[Commit]) -> Reply:
        if not commits:
            detail = f"No commit found in {kind} for {revision} in {repo}: CommitMap matching query does not exist."
            return as_json({"error": "No commits found", "detail": detail}, 404)
        if len(commits) > 1:
            detail = f"Multiple commits found in {kind} for {revision} in {repo}: get() returned more than one."
            return as_json({"error": "Multiple commits found", "detail": detail}, 400)
        return as_json({"git_hash": commits[0].git, "hg_hash": commits[0].node})


def _known(world: World) -> list[Commit]:
    """The commits with a Git hash that Lando has heard of at the world's end."""
    until = moment(world.parameters.end + timedelta(days=1)) - world.parameters.lando_lag
    return [commit for commit in world.commits if commit.git is not None and commit.when <= until]
