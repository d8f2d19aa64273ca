"""All of Mozilla's services as the one ``Source`` that the engine sees: nightlies and releases from the archive, pushes
from hg and their builds from Taskcluster. What was found is remembered, also that something was not."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import assert_never

from mozbisect.core.errors import MozbisectError, NoBuild
from mozbisect.core.model import Build, Candidate, Changeset, Finding, Kind, Leg, LegKind, Timeline
from mozbisect.sources.git import Git
from mozbisect.sources.nightlies import Nightlies
from mozbisect.sources.pushes import Pushes
from mozbisect.sources.releases import Releases
from mozbisect.sources.shut import Excluded, without_excluded, without_expired
from mozbisect.sources.span import Pushed
from mozbisect.sources.taskcluster import Taskcluster
from mozbisect.sources.together import together


class Mozilla:
    """The ``Source`` of core/ports.py. Safe to ask from several threads: each build is looked up once."""

    def __init__(
        self,
        nightlies: Nightlies,
        pushes: Pushes,
        releases: Releases,
        taskcluster: Taskcluster,
        git: Git,
        *,
        now: datetime,
        pushed: Pushed,
        excluded: Sequence[Excluded] = (),
        verify: str = "auto",
        by_version: bool = False,
    ) -> None:
        """``by_version``: the app is searched by released versions first."""
        self._nightlies = nightlies
        self._pushes = pushes
        self._releases = releases
        self._taskcluster = taskcluster
        self._git = git
        self._now = now
        self._pushed = pushed
        self._excluded = excluded
        self._verify = verify
        self._by_version = by_version
        self._found: dict[str, Future[Build]] = {}
        self._lock = Lock()

    def timeline(self, leg: Leg) -> Timeline:
        listed = without_excluded(self._listed(leg), self._excluded_from(leg), self._pushed)
        if leg.kind in (LegKind.PUSHES, LegKind.MERGED):
            return without_expired(listed, self.find, self._now)
        return listed

    def find(self, candidate: Candidate) -> Build:
        with self._lock:
            known = self._found.get(candidate.key)
            mine = known is None
            answer = self._found.setdefault(candidate.key, Future())
        if mine:
            self._answer(answer, candidate)
        return replace(answer.result(), candidate=candidate)

    def look_up(self, candidates: Sequence[Candidate]) -> None:
        together([partial(self._quietly, item) for item in candidates])

    def with_origin(self, build: Build) -> Build:
        """Of nightlies alone: a push is known by its revision, and of a release ``find`` tells it."""
        if build.revision is not None or build.candidate.kind is not Kind.NIGHTLY:
            return build
        try:
            return self._nightlies.with_origin(build)
        except NoBuild:
            return build

    def describe(self, finding: Finding) -> tuple[Changeset, ...]:
        return self._pushes.describe(finding)

    def since(self, finding: Finding) -> str | None:
        return self._releases.since(finding) if finding.leg.kind is LegKind.RELEASES else None

    def git_of(self, revision: str) -> str | None:
        return self._git.git_of(revision)

    def _excluded_from(self, leg: Leg) -> Sequence[Excluded]:
        """Where versions are searched, what is excluded by versions are those, and no time among the pushes."""
        if not self._by_version or leg.kind is LegKind.RELEASES:
            return self._excluded
        return [item for item in self._excluded if not item.of_versions]

    def _listed(self, leg: Leg) -> Timeline:
        match leg.kind:
            case LegKind.NIGHTLIES:
                return self._nightlies.timeline(leg)
            case LegKind.RELEASES:
                return self._releases.timeline(leg)
            case LegKind.PUSHES | LegKind.MERGED:
                return self._pushes.timeline(leg)
            case other:
                assert_never(other)

    def _quietly(self, candidate: Candidate) -> None:
        try:
            self.find(candidate)
        except MozbisectError:
            return  # ``find`` raises it again for whoever needs this build

    def _answer(self, answer: Future[Build], candidate: Candidate) -> None:
        try:
            answer.set_result(self._admitted(self._look(candidate)))
        except BaseException as error:
            if not isinstance(error, NoBuild):
                # Trouble on the way is no fact about the build: whoever comes next may ask again.
                with self._lock:
                    self._found.pop(candidate.key, None)
            # Who waits in another thread is not to be interrupted, too.
            stopped = MozbisectError("The look-up was interrupted.")
            answer.set_exception(error if isinstance(error, Exception) else stopped)
            if not isinstance(error, Exception):
                raise

    def _admitted(self, build: Build) -> Build:
        """The build, if enough of it can be verified. Raises ``NoBuild`` if not: it is not fetched then, nor run."""
        if self._verify == "off":
            return replace(build, digest=None, signed_by=None, unverified="")
        if build.digest is None and not build.unverified:
            build = replace(build, unverified="no digest is published for it")
        if self._verify == "require" and build.unverified:
            raise NoBuild(f"{build.unverified} (--verify require)")
        return build

    def _look(self, candidate: Candidate) -> Build:
        match candidate.kind:
            case Kind.NIGHTLY:
                return self._nightlies.find(candidate)
            case Kind.RELEASE:
                return self._releases.find(candidate)
            case Kind.PUSH:
                return self._taskcluster.find(candidate)
            case other:
                assert_never(other)
