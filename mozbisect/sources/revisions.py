"""Which push a revision or a tag means: the push that was built from it, else the one that landed it first.

A changeset may be known to several repositories: to the branch that it was pushed to, to mozilla-central through
a merge, to other branches through merges back. Builds exist for the heads of pushes only. A Git hash is translated
first, in the first way that works: see ``git.py``.
"""

from __future__ import annotations

import re
from functools import partial

from mozbisect.catalog import versions
from mozbisect.catalog.repos import REPOS, repo
from mozbisect.core.errors import SWAP, Expired, NothingToSearch, UsageError
from mozbisect.core.model import Candidate
from mozbisect.sources.git import Git
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.together import together

_HEX = re.compile(r"[0-9a-f]{7,40}")
WHOLE = 40
"""Digits of a hash. Of fewer, hg answers in one way whether they fit nothing or several changesets."""

Known = dict[str, Candidate]  # by repository, in the order in which they were asked


class Revisions:
    """``any_repo``: a revision may be looked for on other repositories than the one that is searched."""

    def __init__(self, pushlog: Pushlog, git: Git, *, any_repo: bool) -> None:
        self._pushlog = pushlog
        self._git = git
        self._any_repo = any_repo

    def push_of(self, text: str, home: str) -> Candidate:
        """The push that a revision or a tag means. Raises ``UsageError`` when nobody knows it, ``NetworkError``.

        Firefox's tags stand in its own repositories, also where Thunderbird is searched, whose versions go by them.
        """
        if text.startswith("FIREFOX_") and repo(home).family != "gecko":
            home = versions.repo_of_tag(text) or versions.TRUNKS["gecko"]
        hash_, known = self._known(text, home)
        return min(known.values(), key=lambda push: (not is_head(push, hash_), push.when))

    def both(self, old_text: str, new_text: str, home: str) -> tuple[Candidate, Candidate]:
        """The pushes of two revisions to one repository: where both were built, else where both landed first.

        Raises ``UsageError`` (unknown, reversed), ``NothingToSearch`` (one and the same push), ``Expired`` (no
        repository has both, so that no pushes lie between them).
        """
        (old_hash, olds), (new_hash, news) = together(
            [partial(self._known, old_text, home), partial(self._known, new_text, home)]
        )
        shared = [name for name in olds if name in news]
        if not shared and self._any_repo:
            # Of a head of a push to ``home`` nobody else was asked: it may have landed on a branch before, as it is.
            olds, news = together([partial(self._everywhere, one, home) for one in (old_hash, new_hash)])
            shared = [name for name in olds if name in news]
        if not shared:
            raise Expired(
                f"{old_text} was pushed to {' and '.join(olds)}, and {new_text} to {' and '.join(news)}: "
                "no repository has both.",
                advice="Give two revisions of one repository, or a day for one of them.",
            )
        apart = [name for name in shared if push_id(olds[name]) != push_id(news[name])]
        if not apart:
            branch = next((name for name in (*olds, *news) if name not in shared), None)
            raise NothingToSearch(
                f"{old_text} and {new_text} came to {shared[0]} with the same push.",
                advice=f"They may be apart on {branch}: search it, with --repo {branch}." if branch else "",
            )

        def worse(name: str) -> tuple[bool, bool, bool]:
            built = is_head(olds[name], old_hash) and is_head(news[name], new_hash)
            first = olds[name] == _first(olds) and news[name] == _first(news)
            return not built, not first, name != home

        best = min(apart, key=worse)
        if push_id(olds[best]) > push_id(news[best]):
            raise UsageError(
                f"{old_text} was pushed to {best} after {new_text}: the range is reversed.",
                advice=SWAP,
            )
        return olds[best], news[best]

    def _known(self, text: str, home: str) -> tuple[str, Known]:
        """The Mercurial hash, and who knows it. One request where the revision is the head of a push to ``home``."""
        if not _HEX.fullmatch(text):
            return self._tagged(text, home)
        known = self._asked(text, home)
        if known:
            _must_be_one(text, known)
            return text, known
        hg = self._git.hg_of(text, home)
        known = self._asked(hg, home) if hg else {}
        if hg is None or not known:
            raise UsageError(
                f"The revision {text} is not known: neither to {home} nor as a Git commit.",
                advice=(
                    ""
                    if len(text) == WHOLE
                    else "Give more digits of it, as hg does not know either what fits several. "
                )
                + "Check it, or name the repository it was pushed to with --repo. A Git commit of today may not "
                "have come to Mercurial yet; of an older one the whole hash may be known where a part of it is not.",
            )
        return hg, known

    def _tagged(self, tag: str, home: str) -> tuple[str, Known]:
        found = self._pushlog.tagged(home, tag)
        if found is None:
            raise UsageError(
                f"{home} has no tag {tag}.", advice="Check it, or name the repository that has it with --repo."
            )
        push, node = found
        return node, {home: push}

    def _asked(self, text: str, home: str) -> Known:
        here = self._pushlog.of(home, text)
        if (here and is_head(here, text)) or not self._any_repo:
            return {home: here} if here else {}
        return self._everywhere(text, home, here)

    def _everywhere(self, text: str, home: str, here: Candidate | None = None) -> Known:
        here = here or self._pushlog.of(home, text, doubt=False)
        others = [name for name in _relatives(home) if name != home]
        pushes: list[Candidate | None] = together(
            [partial(self._pushlog.of, name, text, doubt=False) for name in others]
        )
        asked = {home: here, **dict(zip(others, pushes, strict=True))}
        return {name: push for name, push in asked.items() if push is not None}


def _must_be_one(text: str, known: Known) -> None:
    """Raises ``UsageError`` for an abbreviation that means one changeset here and another one there."""
    nodes = {node: name for name, push in known.items() for node in push.changesets if node.startswith(text)}
    if len(nodes) > 1:
        fitting = ", ".join(f"{node} ({name})" for node, name in sorted(nodes.items()))
        raise UsageError(
            f"The abbreviation {text} fits several changesets: {fitting}.", advice="Give more digits of it."
        )


def _relatives(home: str) -> list[str]:
    """Where else a changeset may have been pushed: what was pushed to try, or to somebody's project, is named there."""
    family = repo(home).family
    return [row.name for row in REPOS if row.family == family and row.path != "try" and "projects/" not in row.path]


def is_head(push: Candidate, text: str) -> bool:
    return push.revision is not None and push.revision.startswith(text)


def _first(known: Known) -> Candidate:
    return min(known.values(), key=lambda push: push.when)
