"""Which push a revision means, Mercurial or Git: the one that was built from it, else the one that landed it first.

A changeset may be known to several repositories: to the branch that it was pushed to, to mozilla-central through
a merge, to other branches through merges back. Builds exist for the heads of pushes only.
"""

from __future__ import annotations

from functools import partial

from mozbisect.catalog.repos import REPOS
from mozbisect.core.errors import NetworkError, NothingToSearch, UsageError
from mozbisect.core.model import Candidate
from mozbisect.sources.lando import Lando
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.together import together

_ELSEWHERE = tuple(row.name for row in REPOS if row.name != "try")

Known = dict[str, Candidate]  # by repository, in the order in which they were asked


class Revisions:
    """``any_repo``: a revision may be looked for on other repositories than the one that is searched."""

    def __init__(self, pushlog: Pushlog, lando: Lando, *, any_repo: bool) -> None:
        self._pushlog = pushlog
        self._lando = lando
        self._any_repo = any_repo

    def push_of(self, text: str, home: str) -> Candidate:
        """The push that a revision means. Raises ``UsageError`` when nobody knows it, ``NetworkError``."""
        hash_, known = self._known(text, home)
        return min(known.values(), key=lambda push: (not is_head(push, hash_), push.when))

    def both(self, old_text: str, new_text: str, home: str) -> tuple[Candidate, Candidate]:
        """The pushes of two revisions to one repository: where both were built, else where both landed first.

        Raises ``UsageError`` (unknown, on different branches, reversed), ``NothingToSearch`` (one and the same push).
        """
        (old_hash, olds), (new_hash, news) = together(
            [partial(self._known, old_text, home), partial(self._known, new_text, home)]
        )
        shared = [name for name in olds if name in news]
        if not shared:
            raise UsageError(
                f"{old_text} was pushed to {' and '.join(olds)}, and {new_text} to {' and '.join(news)}.",
                advice="Give two revisions of one repository, or a day for one of them.",
            )
        apart = [name for name in shared if push_id(olds[name]) != push_id(news[name])]
        if not apart:
            raise NothingToSearch(f"{old_text} and {new_text} came to {shared[0]} with the same push.")

        def worse(name: str) -> tuple[bool, bool, bool]:
            built = is_head(olds[name], old_hash) and is_head(news[name], new_hash)
            first = olds[name] == _first(olds) and news[name] == _first(news)
            return not built, not first, name != home

        best = min(apart, key=worse)
        if push_id(olds[best]) > push_id(news[best]):
            raise UsageError(
                f"{old_text} was pushed to {best} after {new_text}: the range is reversed.",
                advice="Swap the two; or, to look for what fixed a bug, use --find-fix.",
            )
        return olds[best], news[best]

    def _known(self, text: str, home: str) -> tuple[str, Known]:
        """The Mercurial hash, and who knows it. One request where the revision is the head of a push to ``home``."""
        known = self._asked(text, home)
        if known:
            return text, known
        hg = self._translated(text)
        known = self._asked(hg, home) if hg else {}
        if hg is None or not known:
            raise UsageError(
                f"The revision {text} is not known: neither to {home} nor as a Git commit.",
                advice="Check it, or name the repository it was pushed to with --repo.",
            )
        return hg, known

    def _asked(self, text: str, home: str) -> Known:
        here = self._pushlog.of(home, text)
        if (here and is_head(here, text)) or not self._any_repo:
            return {home: here} if here else {}
        others = [name for name in _ELSEWHERE if name != home]
        pushes: list[Candidate | None] = together([partial(self._pushlog.of, name, text) for name in others])
        asked = {home: here, **dict(zip(others, pushes, strict=True))}
        return {name: push for name, push in asked.items() if push is not None}

    def _translated(self, text: str) -> str | None:
        try:
            return self._lando.hg_of(text)
        except NetworkError as error:
            raise UsageError(
                f"The revision {text} is not known to hg; whether it is a Git commit could not be asked ({error.what})",
                advice="Check it, name its repository with --repo, or give the Mercurial hash.",
            ) from error


def is_head(push: Candidate, text: str) -> bool:
    return push.revision is not None and push.revision.startswith(text)


def _first(known: Known) -> Candidate:
    return min(known.values(), key=lambda push: push.when)
