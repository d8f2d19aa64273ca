"""The builds of single pushes, as Taskcluster keeps them for a year: index → task → run → artifact.

An artifact is taken by its whole name (``catalog/names.py``): a task also holds ``target.jsshell.zip``,
``target.tar.xz.asc``, ``target.xpt_artifacts.zip`` and the like. What an index names may have expired since; that is
then a candidate without a build, and never an error.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from mozbisect.catalog import names
from mozbisect.core.errors import NetworkError, NoBuild, NotFound, ServerTrouble
from mozbisect.core.model import Build, Candidate, Digest, Target
from mozbisect.memory import A_DAY, FOREVER
from mozbisect.net.http import Guard, Http, Keep
from mozbisect.net.page import Page
from mozbisect.net.troubles import Refused
from mozbisect.sources.together import together

log = logging.getLogger(__name__)
T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TASK_ID = re.compile(r"[\w-]+", re.ASCII)
CHAIN_OF_TRUST = "public/chain-of-trust.json"

NO_CREDENTIALS = (
    "Builds that are not public need Taskcluster credentials: set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN, "
    "or taskcluster-clientid and taskcluster-accesstoken in the configuration file."
)
NOT_ENOUGH = {
    401: "Taskcluster does not accept the credentials: are they right, not expired, and is this machine's clock right?",
    403: "The Taskcluster credentials do not suffice: their client lacks the scopes for this (queue:get-artifact:…).",
}


def guard(root_url: str, who: Signs | None) -> Guard:
    """What ``Http`` has to know about one Taskcluster; ``who``: whose signature goes with each request to it."""
    below = f"{root_url.rstrip('/')}/api/"
    if who is None:
        return Guard(below, None, lambda _: NO_CREDENTIALS)
    return Guard(below, who.sign, NOT_ENOUGH.__getitem__)


class Signs(Protocol):
    """Somebody whom Taskcluster knows (``credentials.Credentials``)."""

    def sign(self, method: str, url: str) -> Mapping[str, str]: ...


class Taskcluster:
    """Index and queue of one Taskcluster (docs.taskcluster.net/docs/reference/platform)."""

    def __init__(self, http: Http, root_url: str, target: Target) -> None:
        self._http = http
        self._root = root_url.rstrip("/")
        self._target = target
        self._artifact_host: str | None = None  # where artifacts lie, once the queue has sent us there

    def find(self, push: Candidate) -> Build:
        """The build of a push's head, of the first build type that has one. Raises ``NoBuild``, ``NetworkError``."""
        assert push.revision is not None
        reasons = []
        for build_type, task in self._tasks(names.routes(self._target, push.repo, push.revision, push.when)):
            try:
                return self._build(push, build_type, task)
            except NoBuild as none:
                reasons.append(none.what)
        raise NoBuild(reasons[0] if reasons else "no build in the Taskcluster index (never made, or expired)")

    def hg_of(self, repo: str, git: str) -> str | None:
        """The Mercurial hash that a build of a Git commit (40 hex digits) says it was made from; None if there is none.

        The index has routes by Git hash since 2025. Raises ``NetworkError``.
        """
        for _, namespace in names.routes(self._target, repo, git, datetime.now(UTC)):
            task = self._indexed(namespace)
            if task is not None:
                return self._stamp(task)
        return None

    def _stamp(self, task: str) -> str | None:
        for name in ("public/build/target.json", "public/build/en-US/target.json"):
            try:
                said = self._get(f"queue/v1/task/{task}/artifacts/{name}", lambda row: row.get("moz_source_stamp"))
            except (NotFound, Refused):
                continue
            if isinstance(said, str) and said:
                return said
        return None

    def _tasks(self, routes: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """(build type, task) of the routes that the index has, in order of wish."""
        none = True
        for build_type, namespace in routes:
            if task := self._indexed(namespace):
                none = False
                yield build_type, task
        if none:  # which is believed when it is said for the second time
            tasks = together([partial(self._indexed, namespace) for _, namespace in routes])
            yield from ((build_type, task) for (build_type, _), task in zip(routes, tasks, strict=True) if task)

    def _indexed(self, namespace: str) -> str | None:
        try:
            # A task that is done over later is indexed in place of the first.
            return self._get(f"index/v1/task/{namespace}", _task_id, keep=A_DAY)
        except NotFound:
            return None

    def _build(self, push: Candidate, build_type: str, task: str) -> Build:
        run, name, digest = self._package(task)
        return Build(
            candidate=push,
            app=self._target.app,
            build_type=build_type,
            url=f"{self._root}/api/queue/v1/task/{task}/runs/{run}/artifacts/{name}",
            file_name=name.rpartition("/")[2],
            repo=push.repo,
            revision=push.revision,
            git_revision=push.git_revision,
            digest=digest,
            task_id=task,
        )

    def _package(self, task: str) -> tuple[int, str, Digest | None]:
        """Run, artifact name and digest of the package. Raises ``NoBuild``.

        The chain of trust, which a finished run publishes, tells all three in one answer.
        """
        try:
            signed = self._chain_of_trust(task)
        except (NotFound, Refused, ServerTrouble):  # it is a help; the task itself is asked in its place
            run = self._completed_run(task)
            return run, self._wanted(self._artifacts(task, run), task), None
        name = self._wanted(set(signed.digests), task)
        return signed.run, name, signed.digests[name]

    def _chain_of_trust(self, task: str) -> _Signed:
        """Asked of the queue, which sends us on to where all artifacts lie: ``<host>/<task>/<run>/<name>``.

        So from the second time on we look there at once. Nearly every build is made by its first run; what another run
        made is not there, and the queue is asked. What is said of a run holds wherever it lies.
        """
        url = f"{self._root}/api/queue/v1/task/{task}/artifacts/{CHAIN_OF_TRUST}"
        read = partial(self._signed, task)
        if self._artifact_host is not None:
            try:
                place = f"{self._artifact_host}/{task}/0/{CHAIN_OF_TRUST}"
                return self._http.read(place, read, keep=FOREVER, known_as=url)
            except (NotFound, Refused):
                pass
            except NetworkError as error:
                log.debug("%s: back to the queue", error.what)
                self._artifact_host = None
        return self._http.read(url, read, keep=FOREVER, known_as=url, doubt=True)

    def _signed(self, task: str, page: Page) -> _Signed:
        """Raises ``ServerTrouble`` for what is no chain of trust of this task."""
        try:
            row = json.loads(page.text)
            digests = {name: _digest(about["sha256"]) for name, about in row["artifacts"].items()}
            signed = _Signed(int(row["runId"]), digests)
            if row.get("taskId", task) != task:
                raise ValueError(f"it is of task {row['taskId']}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerTrouble(f"The chain of trust of task {task} cannot be read ({error}).", url=page.url) from error
        host, found, rest = page.url.partition(f"/{task}/{signed.run}/{CHAIN_OF_TRUST}")
        if found and not rest:
            self._artifact_host = host
        return signed

    def _wanted(self, found: set[str], task: str) -> str:
        for pattern in names.artifacts(self._target):
            fitting = [match for name in found if (match := pattern.fullmatch(name))]
            if fitting:
                return str(max(fitting, key=partial(names.rank, self._target)).string)
        raise NoBuild(f"task {task} has no package for {self._target.os} {self._target.arch} among its artifacts")

    def _completed_run(self, task: str) -> int:
        try:
            completed = self._get(f"queue/v1/task/{task}/status", _completed, doubt=True)
        except NotFound:
            raise NoBuild(f"task {task} has expired") from None
        if not completed:
            raise NoBuild(f"task {task} has no completed run")
        return completed[-1]

    def _artifacts(self, task: str, run: int) -> set[str]:
        """The names of a run's artifacts. Those of storage type ``error`` are listed and do not exist."""
        found: set[str] = set()
        after = ""
        while True:
            try:
                more, token = self._get(f"queue/v1/task/{task}/runs/{run}/artifacts{after}", _listed, doubt=True)
            except NotFound:
                raise NoBuild(f"the artifacts of task {task} have expired") from None
            found |= more
            if not token:
                return found
            after = f"?continuationToken={token}"

    def _get(self, path: str, read: Callable[[Any], T], *, keep: Keep[T] = None, doubt: bool = False) -> T:
        return self._http.read_json(f"{self._root}/api/{path}", read, keep=keep, doubt=doubt)


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a chain of trust says: which run it is of, and the digests of its artifacts, where it has one."""

    run: int
    digests: Mapping[str, Digest | None]


# ------------------------------------------------------------------------ answers → values; what raises is asked again


def _digest(digits: str) -> Digest | None:
    if digits and not _SHA256.fullmatch(digits):
        raise ValueError(f"{digits!r} is no SHA-256")
    return Digest("sha256", digits) if digits else None


def _task_id(answer: Any) -> str:
    found = answer["taskId"]
    if not _TASK_ID.fullmatch(found):
        raise ValueError(f"{found!r} is no task")
    return str(found)


def _completed(answer: Any) -> list[int]:
    return [int(run["runId"]) for run in answer["status"]["runs"] if run["state"] == "completed"]


def _listed(answer: Any) -> tuple[set[str], str]:
    """Names, and the token of the next page."""
    found = {str(row["name"]) for row in answer["artifacts"] if row.get("storageType") != "error"}
    return found, str(answer.get("continuationToken") or "")
