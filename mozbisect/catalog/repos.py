"""The repositories that Firefox is built from: one row each.

``path`` is below the hg server, ``name`` is what Taskcluster's routes and people call it. ``origins`` are the
repositories from which merges come, the living first: where a changeset may have landed before it came here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from mozbisect.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Repo:
    name: str
    path: str
    aliases: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


# inbound was closed in 2020, fx-team and b2g-inbound in 2016-17; their pushlogs are still served, and old merges
# lead there.
_OLD_BRANCHES = ("mozilla-inbound", "fx-team", "b2g-inbound")

REPOS = (
    Repo("mozilla-central", "mozilla-central", ("m-c", "central", "firefox-main"), ("autoland", *_OLD_BRANCHES)),
    Repo("autoland", "integration/autoland", ("firefox-autoland",), ("mozilla-central",)),
    Repo("mozilla-inbound", "integration/mozilla-inbound", ("m-i", "inbound"), ("mozilla-central",)),
    Repo("fx-team", "integration/fx-team", ("f-t",), ("mozilla-central",)),
    Repo("b2g-inbound", "integration/b2g-inbound", ("b2g-i",), ("mozilla-central",)),
    Repo("mozilla-beta", "releases/mozilla-beta", ("m-b", "beta", "firefox-beta"), ("mozilla-central",)),
    Repo("mozilla-release", "releases/mozilla-release", ("m-r", "release", "firefox-release"), ("mozilla-beta",)),
    Repo("try", "try"),
)

_BY_WORD = {word: repo for repo in REPOS for word in (repo.name, *repo.aliases)}


def repo(word: str) -> Repo:
    """The row that a name or an alias means, in any case. Raises ``UsageError`` that lists the near ones."""
    found = _BY_WORD.get(word.strip().lower())
    if found is not None:
        return found
    near = difflib.get_close_matches(word.lower(), _BY_WORD, n=3, cutoff=0.5)
    names = near or [row.name for row in REPOS]
    raise UsageError(f"There is no repository {word!r}.", advice=f"Did you mean {', '.join(names)}?")
