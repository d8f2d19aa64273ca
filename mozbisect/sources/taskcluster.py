"""The builds of single pushes, as Taskcluster keeps them for a year: index → task → run → artifact.

An artifact is taken by its whole name (``catalog/names.py``): a task also holds ``target.jsshell.zip``,
``target.tar.xz.asc``, ``target.xpt_artifacts.zip`` and the like. What an index names may have expired since; that is
then a candidate without a build, and never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from mozbisect.catalog import names
from mozbisect.core.errors import NoBuild, NotFound, ServerTrouble
from mozbisect.core.model import Build, Candidate, Digest, Target
from mozbisect.net import Guard, Http, Refused

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

    def find(self, push: Candidate) -> Build:
        """The build of a push's head, of the first build type that has one. Raises ``NoBuild``, ``NetworkError``."""
        assert push.revision is not None
        reasons = []
        for build_type, namespace in names.routes(self._target, push.repo, push.revision, push.when):
            task = self._indexed(namespace)
            if task is None:
                continue
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
                said = self._get(f"queue/v1/task/{task}/artifacts/{name}").get("moz_source_stamp")
            except (NotFound, Refused):
                continue
            if isinstance(said, str) and said:
                return said
        return None

    def _indexed(self, namespace: str) -> str | None:
        try:
            return str(self._get(f"index/v1/task/{namespace}")["taskId"])
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
            signed = self._get(f"queue/v1/task/{task}/artifacts/{CHAIN_OF_TRUST}")
        except (NotFound, Refused, ServerTrouble):  # it is a help; the task itself is asked in its place
            run = self._completed_run(task)
            return run, self._wanted(self._artifacts(task, run), task), None
        try:
            name = self._wanted(set(signed["artifacts"]), task)
            return int(signed["runId"]), name, Digest("sha256", str(signed["artifacts"][name]["sha256"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ServerTrouble(
                f"The chain of trust of task {task} cannot be read ({error}).", url=self._root
            ) from error

    def _wanted(self, found: set[str], task: str) -> str:
        for pattern in names.artifacts(self._target):
            fitting = [match for name in found if (match := pattern.fullmatch(name))]
            if fitting:
                return str(max(fitting, key=partial(names.rank, self._target)).string)
        raise NoBuild(f"task {task} has no package for {self._target.os} {self._target.arch} among its artifacts")

    def _completed_run(self, task: str) -> int:
        try:
            runs = self._get(f"queue/v1/task/{task}/status")["status"]["runs"]
        except NotFound:
            raise NoBuild(f"task {task} has expired") from None
        for run in reversed(runs):
            if run["state"] == "completed":
                return int(run["runId"])
        raise NoBuild(f"task {task} has no completed run")

    def _artifacts(self, task: str, run: int) -> set[str]:
        """The names of a run's artifacts. Those of storage type ``error`` are listed and do not exist."""
        found: set[str] = set()
        after = ""
        while True:
            try:
                page = self._get(f"queue/v1/task/{task}/runs/{run}/artifacts{after}")
            except NotFound:
                raise NoBuild(f"the artifacts of task {task} have expired") from None
            found.update(str(row["name"]) for row in page["artifacts"] if row.get("storageType") != "error")
            if not page.get("continuationToken"):
                return found
            after = f"?continuationToken={page['continuationToken']}"

    def _get(self, path: str) -> dict[str, Any]:
        url = f"{self._root}/api/{path}"
        answer = self._http.json(url)
        if not isinstance(answer, dict):
            raise ServerTrouble(f"{url} answered with {type(answer).__name__}, not with an object.", url=url)
        return answer
