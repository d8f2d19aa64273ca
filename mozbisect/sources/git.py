"""From a Git hash to the Mercurial hash that the services go by, in the first way that works.

    1. Lando's map: any abbreviation, all of history; it may lag behind, and it may be down
    2. Taskcluster's index, which has a route by Git hash since 2025: only whole hashes, only what was built
    3. the newest pushes, whose Git hashes the pushlog tells: what Lando does not know yet is new

Trouble on one way is no answer: only if no way leads anywhere it is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NetworkError, UsageError
from mozbisect.net.troubles import Refused
from mozbisect.sources.lando import Lando
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.taskcluster import Taskcluster

log = logging.getLogger(__name__)

NEWEST = (500, 4000)
"""So many of the newest pushes of a branch are looked through: of some days, and if need be of two months. Counted from
the newest there is, as the clock of this machine says nothing about the servers."""


class Git:
    """The three ways. ``taskcluster`` is None for an app that has no builds there."""

    def __init__(self, lando: Lando, taskcluster: Taskcluster | None, pushlog: Pushlog) -> None:
        self._lando = lando
        self._taskcluster = taskcluster
        self._pushlog = pushlog

    def hg_of(self, git: str, home: str) -> str | None:
        """The Mercurial hash of a commit (7 to 40 hex digits); None if nobody knows it.

        Raises ``UsageError`` for an abbreviation of several commits, and when nobody could be asked.
        """
        trouble: NetworkError | None = None
        for way in self._ways(git, home):
            try:
                found = way()
            except Refused as refused:
                if refused.status == 400:
                    raise _several(git) from refused
                trouble = refused
            except NetworkError as error:
                log.debug("%s: %s", git, error.what)
                trouble = error
            else:
                if found is not None:
                    return found
        if trouble is not None:
            raise UsageError(
                f"The revision {git} is not known to hg; if it is a Git commit, could not be asked ({trouble.what})",
                advice="Check it, name its repository with --repo, or give the Mercurial hash.",
            ) from trouble
        return None

    def git_of(self, hg: str) -> str | None:
        """The Git hash of a changeset (whole), for a report: None also when Lando cannot be asked."""
        if len(hg) != 40:
            return None
        try:
            return self._lando.git_of(hg)
        except NetworkError as error:
            log.debug("%s: %s", hg, error.what)
            return None

    def _ways(self, git: str, home: str) -> list[Callable[[], str | None]]:
        branches = list(dict.fromkeys((home, *repo(home).origins[:1])))
        ways: list[Callable[[], str | None]] = [partial(self._lando.hg_of, git)]
        if len(git) == 40 and self._taskcluster is not None:
            ways += [partial(self._taskcluster.hg_of, name, git) for name in branches]
        return [*ways, *(partial(self._lately, name, git, most) for most in NEWEST for name in branches)]

    def _lately(self, name: str, git: str, most: int) -> str | None:
        fitting = {
            node: known
            for push in self._pushlog.newest(name, most)
            for node, known in zip(push.changesets, push.git_changesets, strict=False)
            if known is not None and known.startswith(git)
        }
        if len(set(fitting.values())) > 1:
            raise _several(git)
        return next(reversed(fitting), None)


def _several(git: str) -> UsageError:
    return UsageError(f"The abbreviation {git} fits several Git commits.", advice="Give more digits of it.")
