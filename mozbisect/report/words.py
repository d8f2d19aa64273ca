"""The sentences that several reports share: what was found, in the person's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from mozbisect.catalog.repos import repo
from mozbisect.core.journal import Ended, Judged, Session
from mozbisect.core.model import Build, Candidate, Changeset, Finding, Kind, LegKind, Side, Terms
from mozbisect.core.plan import brought_by, major_of


@dataclass(frozen=True, slots=True)
class Result:
    """One finished bisection, ready to be told. ``hg_url`` is the server that the links go to; ``judged`` are the
    URLs of the builds that got a verdict; ``several`` the days with more than one nightly."""

    finding: Finding
    terms: Terms
    ended: Ended | None
    hg_url: str
    judged: frozenset[str]
    several: frozenset[date] = frozenset()

    @property
    def last_label(self) -> str:
        return f"Last {self.terms.old} revision"

    @property
    def first_label(self) -> str:
        return f"First {self.terms.new} revision"

    @property
    def last_revision(self) -> str | None:
        return revision(self.finding.last_old, self.finding.old_build)

    @property
    def first_revision(self) -> str | None:
        return revision(self.finding.first_new, self.finding.new_build)

    def git_revision(self, candidate: Candidate, build: Build | None) -> str | None:
        """The Git hash of an end, from whoever told it first."""
        told = candidate.git_revision or (build.git_revision if build else None)
        asked = self.ended.git if self.ended else {}
        return told or asked.get(revision(candidate, build) or "")

    @property
    def repo(self) -> str:
        return self.finding.first_new.repo

    @property
    def pushlog(self) -> str | None:
        """The link that bots and people look for; None when a revision is not known.

        Where the two are of different repositories, the link is to the one that the merge came to: it knows both. Of
        two releases on different branches neither may know both: then it tells what came since they branched.
        """
        last = self._since if self._of_two_branches else self.last_revision
        if not last or self.first_revision is None:
            return None
        base = f"{self.hg_url.rstrip('/')}/{repo(self._linked_repo).path}/pushloghtml"
        return f"{base}?fromchange={last}&tochange={self.first_revision}"

    @property
    def _since(self) -> str | None:
        return self.ended.since if self.ended else None

    @property
    def _of_two_branches(self) -> bool:
        finding = self.finding
        two = finding.last_old.repo != finding.first_new.repo
        return (
            two and finding.leg.kind is LegKind.RELEASES and major_of(finding.last_old) != major_of(finding.first_new)
        )

    @property
    def _linked_repo(self) -> str:
        finding = self.finding
        if finding.leg.kind is LegKind.MERGED and finding.last_old.repo != finding.first_new.repo:
            return finding.leg.repo
        return self.repo

    @property
    def is_merge_itself(self) -> bool:
        """All that was merged is old, the merge is new: the pushlog has no push between the two."""
        finding = self.finding
        merged = finding.leg.kind is LegKind.MERGED and finding.first_new.repo == finding.leg.repo
        return merged and finding.last_old.repo != finding.first_new.repo and self.was_tested(finding.new_build)

    @property
    def pasted_link(self) -> str | None:
        """The one pushlog link of the text for a bug: of the range, or of the merge that did it by itself."""
        if self.pushlog is None or not self.is_merge_itself:
            return self.pushlog
        return f"{self.hg_url.rstrip('/')}/{repo(self.repo).path}/pushloghtml?changeset={self.first_revision}"

    @property
    def changesets(self) -> tuple[Changeset, ...]:
        """What came between, as the server described it, else only the hashes."""
        if self.ended and self.ended.changesets:
            return self.ended.changesets
        if self.finding.first_new.kind is not Kind.PUSH:
            return ()
        return tuple(Changeset(node, None, "") for node in brought_by(self.finding))

    @property
    def bugs(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(bug for changeset in self.changesets for bug in changeset.bugs))

    @property
    def exact(self) -> bool:
        """Two tested neighbours of the finest leg disagree, and nothing between them stayed open."""
        finding = self.finding
        tested = self.was_tested(finding.old_build) and self.was_tested(finding.new_build)
        return tested and not finding.untested and finding.first_new.kind is Kind.PUSH

    def was_tested(self, build: Build | None) -> bool:
        """Was it really judged? With ``--mode no-first-check`` an end may be only what a person said."""
        return build is not None and build.url in self.judged


def so_far(result: Result) -> str | None:
    """What is known when a run stops early, in a sentence; None if that is nothing. What was only said is not known."""
    last = result.last_revision if result.was_tested(result.finding.old_build) else None
    first = result.first_revision if result.was_tested(result.finding.new_build) else None
    known = [
        *([f"{result.terms.old} up to {last}"] if last else []),
        *([f"{result.terms.new} from {first} on"] if first else []),
    ]
    return f"So far: {', '.join(known)}." if known else None


def result_of(session: Session, hg_url: str) -> Result | None:
    """The result so far; None while the present leg is not finished and no earlier one was."""
    verdicts = (event for event in session.events if isinstance(event, Judged) and event.side is not Side.UNTESTABLE)
    judged = frozenset(event.build.url for event in verdicts)
    finding = session.finding
    return Result(finding, session.opened.terms, session.ended, hg_url, judged, _several(session)) if finding else None


def _several(session: Session) -> frozenset[date]:
    nightlies = {item for stage in session.stages for item in stage.timeline.candidates if item.kind is Kind.NIGHTLY}
    days = Counter(item.when.date() for item in nightlies)
    return frozenset(day for day, count in days.items() if count > 1)


def revision(candidate: Candidate, build: Build | None) -> str | None:
    return candidate.revision or (build.revision if build else None)


def place(result: Result, candidate: Candidate, build: Build | None, *, digits: int = 12) -> str:
    """Where and when an end was, for people: (autoland, 2026-09-14, git 1f0b7e1c7a52). ``digits`` of the Git hash."""
    git = result.git_revision(candidate, build)
    twice = candidate.kind is Kind.NIGHTLY and candidate.when.date() in result.several
    words = [
        *_WHERE[candidate.kind](candidate),
        *([f"build {_build_id(candidate, build)}"] if twice else []),
        *([f"git {git[:digits]}"] if git else []),
        *([] if result.was_tested(build) else ["not tested"]),
    ]
    return f"({', '.join(words)})"


def _build_id(nightly: Candidate, build: Build | None) -> str:
    return (build.build_id if build else None) or f"{nightly.when:%Y%m%d%H%M%S}"


_WHERE: dict[Kind, Callable[[Candidate], tuple[str, ...]]] = {
    Kind.NIGHTLY: lambda candidate: (f"nightly of {candidate.when:%Y-%m-%d}",),
    Kind.RELEASE: lambda candidate: (f"release {candidate.key}",),
    Kind.PUSH: lambda candidate: (candidate.repo, f"{candidate.when:%Y-%m-%d}"),
}


def why_no_closer(result: Result) -> str:
    """Why the search could not go on, where more was to be found; empty where nothing was."""
    return result.ended.why if result.ended and not result.exact else ""


def open_sentence(result: Result) -> str:
    """What stayed open, in one sentence; empty when nothing did."""
    untested = result.finding.untested
    if not untested:
        return ""
    reasons = dict.fromkeys(item.reason for item in untested)
    shown = "; ".join(list(reasons)[:3]) + ("; …" if len(reasons) > 3 else "")
    kind = untested[0].candidate.kind
    what, them = (f"1 {kind}", "it") if len(untested) == 1 else (f"{len(untested)} {kind.many}", "one of them")
    return (
        f"{what} between the two could not be tested ({shown}): "
        f"the change came with {them}, or with the first {result.terms.new} one."
    )
