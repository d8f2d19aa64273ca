"""Timelines of pushes: between two bounds of one repository, and on the branch that a merge came from.

A merge is followed by what it brought. Its changesets are looked for among the pushes of the branches that are
merged into that repository, and what lies there between the last push that was not among them and the last that
was is the timeline, with the two judged revisions around it:

    judged old │ the push before │ first push that came with the merge … last │ judged new (the merge itself)

So neither end is taken on trust: if all pushes prove old, the merge itself (or what came with it another way)
did it, and if the first of them proves new, the push before it is tested as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from mozbisect.catalog.repos import repo
from mozbisect.core.errors import NetworkError, NothingToSearch, UsageError
from mozbisect.core.model import Bound, Candidate, Changeset, Finding, Kind, Leg, LegKind, Revision, Timeline
from mozbisect.sources.lando import Lando
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.span import span
from mozbisect.sources.together import together

SPARE_PUSHES = 10
"""How many pushes beyond the bounds are listed, to stand in for an end without a build."""

LOOK_BACK = timedelta(days=2)
"""From how long before the judged old build the pushes of a branch are listed: merges come several times a day.
If that is not enough, since the branch was closed over a holiday, its pushes are found one by one."""

PROBES = 4
"""So many of the last changesets are looked for to find the last push: a merge's own are not on the branch."""

MOST_DESCRIBED = 200  # pushes; a longer list of changesets is no help in a report


class Pushes:
    """Lists legs of pushes. ``any_repo``: a revision may be looked for on other repositories than the leg's."""

    def __init__(self, pushlog: Pushlog, lando: Lando, *, any_repo: bool) -> None:
        self._pushlog = pushlog
        self._lando = lando
        self._any_repo = any_repo

    def timeline(self, leg: Leg) -> Timeline:
        """Raises ``NothingToSearch``, ``UsageError`` (an unknown revision, a reversed range), ``NetworkError``."""
        match leg.kind:
            case LegKind.MERGED:
                return self._merged(leg)
            case LegKind.PUSHES if leg.ends:
                return self._between_judged(leg)
            case LegKind.PUSHES:
                return self._between_bounds(leg)
            case LegKind.NIGHTLIES:
                raise ValueError("a leg of nightlies holds no pushes")
            case other:
                assert_never(other)

    def at(self, bound: Bound, repo_name: str) -> Sequence[Candidate]:
        """The pushes of one bound, the latest first. Raises ``NothingToSearch``."""
        first, last = span(bound, lambda text: self.push_of(text, repo_name))
        pushes = self._pushlog.by_day(repo_name, first.date(), last.date())
        found = [push for push in pushes if first <= push.when <= last]
        if not found:
            raise NothingToSearch(f"There is no push to {repo_name} of {bound}.")
        return found[::-1]

    def push_of(self, text: str, repo_name: str) -> Candidate:
        """The push that brought a revision, Mercurial or Git. Raises ``UsageError`` when nobody knows it.

        A revision in the middle of a merge was built where it is the head of a push: that push is meant.
        """
        here = self._pushlog.of(repo_name, text)
        if here is not None and _is_head(here, text):
            return here
        there = self._elsewhere(text, repo_name, hg_knows=here is not None)
        found = there if here is None or (there is not None and _is_head(there, text)) else here
        if found is None:
            raise UsageError(
                f"The revision {text} is not known: neither to {repo_name} nor as a Git commit.",
                advice="Check it, or name the repository it was pushed to with --repo.",
            )
        return found

    def describe(self, finding: Finding) -> tuple[Changeset, ...]:
        """What the pushes after last old up to first new brought; empty if they are not pushes of one repository."""
        pushes = (*(item.candidate for item in finding.untested), finding.first_new)
        repos = {push.repo for push in pushes}
        if len(repos) != 1 or len(pushes) > MOST_DESCRIBED or any(push.kind is not Kind.PUSH for push in pushes):
            return ()
        told = self._pushlog.describe(finding.first_new.repo, push_id(pushes[0]), push_id(pushes[-1]))
        brought = {node for push in pushes for node in push.changesets}
        return tuple(changeset for changeset in told if changeset.node in brought)

    # ------------------------------------------------------------------------------------- between judged ends

    def _between_judged(self, leg: Leg) -> Timeline:
        old_end, new_end = leg.ends
        assert old_end.revision is not None
        assert new_end.revision is not None
        pushes = self._pushlog.after(leg.repo, old_end.revision, new_end.revision)
        if not pushes:
            raise NothingToSearch(
                f"The pushlog of {leg.repo} has no pushes between {old_end.revision} and {new_end.revision}."
            )
        return Timeline(leg, (self._in_full(old_end, leg.repo), *pushes), 0, len(pushes))

    def _in_full(self, end: Candidate, repo_name: str) -> Candidate:
        """The end with its whole hash: until 2012 the archive gave twelve digits of it."""
        assert end.revision is not None
        if len(end.revision) == 40:
            return end
        push = self._pushlog.of(repo_name, end.revision)
        whole = next((node for node in push.changesets if node.startswith(end.revision)), None) if push else None
        return replace(end, changesets=(whole,)) if whole else end

    # ---------------------------------------------------------------------------------------- between bounds

    def _between_bounds(self, leg: Leg) -> Timeline:
        found: list[Candidate]
        if isinstance(leg.old, Revision) and isinstance(leg.new, Revision):
            old, new = self._both(leg.old.hex, leg.new.hex, leg.repo)
            found = list(self._pushlog.by_id(old.repo, push_id(old) - SPARE_PUSHES, push_id(new) + SPARE_PUSHES))
            old_at, new_at = _place(found, old), _place(found, new)
            leg = replace(leg, repo=old.repo)
        else:
            found, old_at, new_at = self._by_day(leg)
        if old_at >= new_at:
            raise NothingToSearch(f"There is no push to {leg.repo} between {leg.old} and {leg.new}.")
        # What lies further out than the spare ends is of no use.
        start = max(old_at - SPARE_PUSHES, 0)
        shown = tuple(found[start : new_at + SPARE_PUSHES + 1])
        return Timeline(leg, shown, old_at - start, new_at - start, self._notes(leg, found[old_at], found[new_at]))

    def _both(self, old_text: str, new_text: str, repo_name: str) -> tuple[Candidate, Candidate]:
        old, new = together([lambda: self.push_of(old_text, repo_name), lambda: self.push_of(new_text, repo_name)])
        if old.repo != new.repo:
            known = self._pushlog.of(new.repo, old_text) if new.repo != repo_name else None
            other = self._pushlog.of(old.repo, new_text) if known is None else None
            old, new = (known, new) if known else (old, other or new)
        if old.repo != new.repo:
            raise UsageError(
                f"{old_text} was pushed to {old.repo} and {new_text} to {new.repo}.",
                advice="Give two revisions of one repository, or a day for one of them.",
            )
        if push_id(old) > push_id(new):
            raise UsageError(
                f"{old_text} was pushed to {old.repo} after {new_text}: the range is reversed.",
                advice="Swap the two; or, to look for what fixed a bug, use --find-fix.",
            )
        if push_id(old) == push_id(new):
            raise NothingToSearch(f"{old_text} and {new_text} came to {old.repo} with the same push.")
        return old, new

    def _by_day(self, leg: Leg) -> tuple[list[Candidate], int, int]:
        old, new = (span(bound, lambda text: self.push_of(text, leg.repo)) for bound in (leg.old, leg.new))
        first, last = old[0].date() - timedelta(days=1), new[1].date() + timedelta(days=1)
        found = list(self._pushlog.by_day(leg.repo, first, last))
        if not found:
            raise NothingToSearch(f"There is no push to {leg.repo} from {first} to {last}.")
        at_or_after = [at for at, push in enumerate(found) if push.when >= old[0]]
        at_or_before = [at for at, push in enumerate(found) if push.when <= new[1]]
        return found, at_or_after[0] if at_or_after else len(found) - 1, at_or_before[-1] if at_or_before else 0

    def _notes(self, leg: Leg, old: Candidate, new: Candidate) -> tuple[str, ...]:
        return tuple(
            f"{bound} is taken as the push of {push.when:%Y-%m-%d %H:%M} UTC to {leg.repo} ({push.revision})."
            for bound, push in ((leg.old, old), (leg.new, new))
            if not (isinstance(bound, Revision) and push.revision and push.revision.startswith(bound.hex))
        )

    def _elsewhere(self, text: str, repo_name: str, *, hg_knows: bool) -> Candidate | None:
        """The push of a revision to another repository, if it may be one; else of the Git commit of that hash."""
        others = [name for name in ("mozilla-central", "autoland", "mozilla-beta") if name != repo_name]
        if self._any_repo:
            pushes = together([lambda name=name: self._pushlog.of(name, text) for name in others])  # type: ignore[misc]
            known: list[Candidate] = [push for push in pushes if push is not None]
            if known:
                return next((push for push in known if _is_head(push, text)), known[0])
        if hg_knows:
            return None
        hg = self._hg_of(text)
        if hg is None or hg == text:
            return None
        return self._pushlog.of(repo_name, hg) or next(
            (push for name in others if self._any_repo and (push := self._pushlog.of(name, hg))), None
        )

    def _hg_of(self, text: str) -> str | None:
        try:
            return self._lando.hg_of(text)
        except NetworkError as error:
            raise UsageError(
                f"The revision {text} is not known to hg; whether it is a Git commit could not be asked ({error.what})",
                advice="Check it, name its repository with --repo, or give the Mercurial hash.",
            ) from error

    # ------------------------------------------------------------------------------------------------- merges

    def _merged(self, leg: Leg) -> Timeline:
        origins = [name for name in repo(leg.repo).origins if name not in leg.tried]
        # The living branch first; those of old days only when it knows nothing of what was brought.
        for names in (origins[:1], origins[1:]):
            landings = together([lambda name=name: self._landing(name, leg) for name in names])  # type: ignore[misc]
            best: list[Candidate] = max(landings, key=len, default=[])
            if best:
                return _around(leg, best)
        raise NothingToSearch(f"No other repository had these changesets before {leg.repo}.")

    def _landing(self, name: str, leg: Leg) -> list[Candidate]:
        """The pushes of a branch that brought the changesets before they came here, and the one push before those."""
        old_end, new_end = leg.ends
        window = self._pushlog.by_day(name, old_end.when.date() - LOOK_BACK, new_end.when.date())
        hits = _landed(window, leg)
        if hits and not set(leg.brought).intersection(hits[0].changesets):
            return hits  # it begins with a push that did not come with it: nothing is missing before
        first = self._earlier(name, leg, leg.brought[:1]) or next(iter(hits), None)
        if first is None:
            return []
        last = self._earlier(name, leg, leg.brought[-PROBES:][::-1]) or first
        return _landed(self._pushlog.by_id(name, push_id(first) - SPARE_PUSHES, push_id(last)), leg)

    def _earlier(self, name: str, leg: Leg, nodes: Sequence[str]) -> Candidate | None:
        """The push that brought the first of these changesets that were on the branch before they came here."""
        pushes = (self._pushlog.of(name, node) for node in nodes)
        return next((push for push in pushes if push and push.when <= leg.ends[1].when), None)


def _landed(window: Sequence[Candidate], leg: Leg) -> list[Candidate]:
    """From the push before the first that brought any of the changesets to the last that did; empty if none did."""
    brought, until = set(leg.brought), leg.ends[1].when
    hits = [at for at, push in enumerate(window) if push.when <= until and brought.intersection(push.changesets)]
    return list(window[max(hits[0] - 1, 0) : hits[-1] + 1]) if hits else []


def _around(leg: Leg, landed: Sequence[Candidate]) -> Timeline:
    """The pushes that landed, between the two judged ends; an end that is one of them is not doubled."""
    old_end, new_end = leg.ends
    inner = list(landed)
    if inner[0].revision == old_end.revision:
        inner = inner[1:]
    there = {node for push in landed for node in push.changesets}
    if landed[-1].revision != new_end.revision:
        # What is left for the merge itself: its own changeset, and what came with it from elsewhere.
        rest = tuple(node for node in leg.brought if node not in there and node != new_end.revision)
        assert new_end.revision is not None
        inner.append(
            replace(
                new_end,
                changesets=(*rest, new_end.revision),
                git_changesets=(*[None] * len(rest), new_end.git_revision),
            )
        )
    candidates = (old_end, *inner)
    return Timeline(leg, candidates, 0, len(candidates) - 1)


def _is_head(push: Candidate, text: str) -> bool:
    return push.revision is not None and push.revision.startswith(text)


def _place(found: Sequence[Candidate], push: Candidate) -> int:
    return next((at for at, other in enumerate(found) if other.key == push.key), 0)
