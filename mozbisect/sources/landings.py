"""Where changesets that came together with a merge had landed before: the pushes of the branch it came from.

They are found by what they brought, never by the words of a message, and lie between the two judged revisions:

    judged old │ the push before │ first push that came with the merge … last │ judged new (the merge itself)

So no end is taken on trust: if all pushes prove old, the merge itself (or what came with it another way) did it,
and if the first of them proves new, the push before it is tested as well. What is earlier is told by the order of
the branch's own push ids: dates of different repositories need not agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NothingToSearch
from mozbisect.core.model import Candidate, Leg, Timeline
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.together import together

LOOK_BACK = timedelta(days=2)
"""From how long before the judged old build the pushes of a branch are listed: merges come several times a day.
If that is not enough, since the branch was closed over a holiday, its pushes are found one by one."""

PROBES = 4
"""So many of the last changesets are looked for to find the last push: a merge's own are not on the branch."""

SPARE = 10  # push ids before the first: they may have holes


def landings(pushlog: Pushlog, leg: Leg) -> Timeline:
    """The timeline of a MERGED leg. Raises ``NothingToSearch`` (it landed nowhere before), ``NetworkError``."""
    origins = [name for name in repo(leg.repo).origins if name not in leg.tried]
    # The living branch first; those of old days only when it knows nothing of what was brought.
    for names in (origins[:1], origins[1:]):
        best: list[Candidate] = max(together([partial(_on, pushlog, name, leg) for name in names]), key=len, default=[])
        if best:
            return _around(leg, best)
    raise NothingToSearch(f"No other repository had these changesets before {leg.repo}.")


def _on(pushlog: Pushlog, name: str, leg: Leg) -> list[Candidate]:
    """The pushes of a branch that brought the changesets before they came here, and the one push before those."""
    old_end, new_end = leg.ends
    days = old_end.when.date() - LOOK_BACK, new_end.when.date() + timedelta(days=1)
    window = pushlog.by_day(name, *days)
    hits = _landed(window, leg)
    # A push before that did not come with it, and one after: then nothing is missing at that end.
    begun, ended = (bool(hits) and not _brought(hits[0], leg)), (bool(hits) and hits[-1] != window[-1])
    if begun and ended:
        return hits
    first = hits[0] if begun else _probe(pushlog, name, leg, leg.brought[:1]) or next(iter(hits), None)
    if first is None:
        return []
    last = _probe(pushlog, name, leg, leg.brought[-PROBES:][::-1])
    until = max(push_id(push) for push in (first, last, *hits[-1:]) if push)
    if begun and until == push_id(hits[-1]):
        return hits
    return _landed(pushlog.by_id(name, push_id(first) - SPARE, until), leg)


def _probe(pushlog: Pushlog, name: str, leg: Leg, nodes: Sequence[str]) -> Candidate | None:
    """The push that brought the first of these changesets that were on the branch before they came here."""
    pushes = (pushlog.of(name, node) for node in nodes)
    return next((push for push in pushes if push and not _came_later(push, leg)), None)


def _landed(window: Sequence[Candidate], leg: Leg) -> list[Candidate]:
    """From the push before the first that brought any of the changesets to the last that did; empty if none did."""
    hits = []
    for at, push in enumerate(window):
        if _came_later(push, leg):
            break
        if _brought(push, leg):
            hits.append(at)
    return list(window[max(hits[0] - 1, 0) : hits[-1] + 1]) if hits else []


def _brought(push: Candidate, leg: Leg) -> bool:
    return not set(leg.brought).isdisjoint(push.changesets)


def _came_later(push: Candidate, leg: Leg) -> bool:
    """What came here was merged there afterwards, and not the other way round.

    So it is where the push holds the judged new revision and more. And where it ends in a changeset that did not come
    here, a merge of its own for example, and is dated after what it holds had come here.
    """
    new = leg.ends[1].revision
    if new in push.changesets and push.revision != new:
        return True
    if not _brought(push, leg) or push.revision in leg.brought:
        return False
    arrived = (here for here in (*leg.unbuilt, leg.ends[1]) if not set(push.changesets).isdisjoint(here.changesets))
    return push.when > max((here.when for here in arrived), default=push.when)


def _suspects(push: Candidate, leg: Leg) -> Candidate:
    """The push with only what came with the merge: a merge back may also bring what the judged old build has."""
    kept = [at for at, node in enumerate(push.changesets) if node in leg.brought]
    if not kept or kept[-1] != len(push.changesets) - 1:
        return push
    gits = tuple(push.git_changesets[at] for at in kept) if push.git_changesets else ()
    return replace(push, changesets=tuple(push.changesets[at] for at in kept), git_changesets=gits)


def _around(leg: Leg, landed: Sequence[Candidate]) -> Timeline:
    """The pushes that landed, between the two judged ends; an end that is one of them is not doubled."""
    old_end, new_end = leg.ends
    inner = list(landed)
    if inner[0].revision == old_end.revision:
        inner = inner[1:]
    there = {node for push in landed for node in push.changesets}
    inner = [_suspects(push, leg) for push in inner]
    if landed[-1].revision != new_end.revision:
        # What is left for the merge itself: its own changeset, and what came with it from elsewhere.
        assert new_end.revision is not None
        rest = tuple(node for node in leg.brought if node not in there and node != new_end.revision)
        gits = (*[None] * len(rest), new_end.git_revision)
        inner.append(replace(new_end, changesets=(*rest, new_end.revision), git_changesets=gits))
    candidates = (old_end, *inner)
    return Timeline(leg, candidates, 0, len(candidates) - 1)
