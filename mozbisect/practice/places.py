"""Where the repositories of a world lie below the server, as on hg.mozilla.org."""

from __future__ import annotations

_ROOT = ("mozilla-central", "comm-central", "try")
_INTEGRATION = ("autoland", "mozilla-inbound", "fx-team", "b2g-inbound")

ALWAYS = (*_INTEGRATION, "mozilla-beta", "mozilla-release", "try")
"""Repositories that the server has in every world; those that are closed, or of no use to it, have no pushes."""


def path_of(repo: str) -> str:
    """``integration/autoland``; what is not known here is a release branch."""
    if repo in _ROOT:
        return repo
    return f"{'integration' if repo in _INTEGRATION else 'releases'}/{repo}"
