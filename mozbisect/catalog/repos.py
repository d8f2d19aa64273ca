"""The repositories that the apps are built from: one row each, and one for the ESR branches of all numbers.

``path`` is below the hg server, ``name`` is what Taskcluster's routes and people call it. ``origins`` are the
repositories from which merges come, the living first: where a changeset may have landed before it came here.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from mozbisect.core.errors import UsageError

A_YEAR = 365
FOUR_WEEKS = 28


@dataclass(frozen=True, slots=True)
class Repo:
    """``days``: how long Taskcluster keeps the builds of a push. ``nightlies``: the archive has (or had) nightlies of
    it. ``family``: which apps are built from it, by the domain of their routes."""

    name: str
    path: str
    aliases: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    nightlies: bool = False
    family: str = "gecko"
    days: int = A_YEAR


# inbound was closed in 2020, fx-team and b2g-inbound in 2016-17, tracemonkey and its like before; the pushlogs of most
# are still served, and old merges lead there.
_OLD_BRANCHES = ("mozilla-inbound", "fx-team", "b2g-inbound")

# fmt: off
REPOS = (
    Repo("mozilla-central", "mozilla-central", ("m-c", "central", "firefox-main"), ("autoland", *_OLD_BRANCHES), nightlies=True),
    Repo("autoland", "integration/autoland", ("firefox-autoland",), ("mozilla-central",)),
    Repo("mozilla-inbound", "integration/mozilla-inbound", ("m-i", "inbound", "mozilla inbound"), ("mozilla-central",)),
    Repo("fx-team", "integration/fx-team", ("f-t",), ("mozilla-central",)),
    Repo("b2g-inbound", "integration/b2g-inbound", ("b2g-i", "b-i"), ("mozilla-central",)),
    Repo("mozilla-beta", "releases/mozilla-beta", ("m-b", "beta", "firefox-beta"), ("mozilla-central",)),
    Repo("mozilla-release", "releases/mozilla-release", ("m-r", "release", "firefox-release"), ("mozilla-beta",)),
    Repo("mozilla-aurora", "releases/mozilla-aurora", ("m-a", "aurora"), ("mozilla-central",), nightlies=True),
    Repo("comm-central", "comm-central", ("c-c", "thunderbird-main"), nightlies=True, family="comm"),
    Repo("comm-beta", "releases/comm-beta", ("c-b", "thunderbird-beta"), ("comm-central",), family="comm"),
    Repo("comm-release", "releases/comm-release", ("c-r", "thunderbird-release"), ("comm-beta",), family="comm"),
    Repo("comm-aurora", "releases/comm-aurora", ("c-a",), ("comm-central",), nightlies=True, family="comm"),
    Repo("oak", "projects/oak", (), ("mozilla-central",), nightlies=True),
    Repo("ux", "projects/ux", (), ("mozilla-central",), nightlies=True),
    Repo("date", "projects/date", (), ("mozilla-central",), nightlies=True),
    Repo("try", "try", days=FOUR_WEEKS),
)
# fmt: on

# esr128, mozilla-esr128, firefox-esr128; comm-esr128, thunderbird-esr128. The number is part of the name.
_ESR = re.compile(r"(?:(mozilla-|firefox-|comm-|thunderbird-)|)esr-?(\d{1,3})", re.IGNORECASE)
_ESR_ROWS = {
    "gecko": Repo("mozilla-esr{}", "releases/mozilla-esr{}", origins=("mozilla-release",), nightlies=True),
    "comm": Repo("comm-esr{}", "releases/comm-esr{}", origins=("comm-release",), nightlies=True, family="comm"),
}

_BY_WORD = {word: repo for repo in REPOS for word in (repo.name, *repo.aliases)}


def repo(word: str, *, family: str = "gecko") -> Repo:
    """The row that a name or an alias means, in any case. A bare ``esr128`` is one of the app's ``family``.

    Raises ``UsageError`` that lists the near ones.
    """
    said = word.strip().lower()
    if said in _BY_WORD:
        return _BY_WORD[said]
    if match := _ESR.fullmatch(said):
        of = {None: family, "mozilla-": "gecko", "firefox-": "gecko"}.get(match[1], "comm")
        return _numbered(_ESR_ROWS[of], match[2])
    if (named := at_path(said) if "/" in said else None) is not None:
        return named
    if said in ("esr", "mozilla-esr", "comm-esr"):
        raise UsageError(f"There are many ESR repositories: which is {word!r}?", advice="Add its number: esr140.")
    near = difflib.get_close_matches(said, _BY_WORD, n=3, cutoff=0.5)
    every = ", ".join([*(row.name for row in REPOS), "mozilla-esr140 (any number)"])
    advice = f"Did you mean {', '.join(near)}?" if near else f"There are {every}."
    raise UsageError(f"There is no repository {word!r}.", advice=advice)


def at_path(path: str) -> Repo | None:
    """The repository whose path a URL or a folder ends with, on whichever server; None for one that has no row."""
    whole = f"/{path.strip('/')}"
    fitting = [row for row in REPOS if whole.endswith(f"/{row.path}")]
    if fitting:
        return max(fitting, key=lambda row: len(row.path))
    match = re.search(r"/releases/((?:mozilla|comm)-esr\d+)$", whole)
    return repo(match[1]) if match else None


def _numbered(row: Repo, number: str) -> Repo:
    return replace(row, name=row.name.format(number), path=row.path.format(number))
