"""Taskcluster of a world: the index, the queue and the host of the artifacts.

Every push has one task for each platform and build type; what became of it is the world's business. As on the real
one, an artifact that is listed need not exist, its run need not be the first, and names that look like
the package lie beside it.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from mozbisect.practice import world as worlds
from mozbisect.practice.packages import Bakery
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.world import CENTRAL, Package, Push, World

JOBS = {"linux64": "linux-x86_64", "linux64-aarch64": "linux-aarch64", "win64": "win64"}
"""How routes name the platforms that are built, and how packages do."""

# The name of a build type, and what its routes say before the revision and after the job.
TYPES = {"shippable": (".shippable", "opt"), "opt": ("", "opt"), "debug": ("", "debug")}

A_YEAR = timedelta(days=365)

_ROUTE = re.compile(
    r"gecko\.v2\.(?P<project>[\w-]+?)(?P<middle>\.shippable)?\.(?P<spot>.+)\.firefox\.(?P<job>[\w-]+)-(?P<suffix>opt|debug)"
)
_SPOTS = (
    re.compile(r"(?:\d{4}\.\d\d\.\d\d\.)?revision\.(?P<revision>[0-9a-f]{40})"),
    re.compile(r"pushlog-id\.(?P<number>\d+)"),
    re.compile(r"(?P<latest>latest)"),
    re.compile(r"(?:pushdate\.)?(?P<day>\d{4}\.\d\d\.\d\d)\.(?P<stamp>\d{14}|latest)"),
)
_NAMESPACE = re.compile(
    r"gecko\.v2\.(?P<project>[\w-]+)\.(?P<kind>pushdate|shippable)\.(?P<day>\d{4}\.\d\d\.\d\d)(?P<rest>\.revision)?"
)

# As in a linux64 task of 2025: storage type, name, content type. The package is inserted in its place.
_TESTS = ("awsy", "common", "condprof", "cppunittest", "gtest", "mochitest", "raptor", "reftest", "talos", "xpcshell")
_ARTIFACTS = (
    ("error", "public/cidata/target.crashreporter-symbols-full.tar.zst", "application/octet-stream"),
    ("s3", "public/build/buildhub.json", "application/json"),
    ("s3", "public/build/config.status", "application/octet-stream"),
    ("s3", "public/build/mozharness.zip", "application/zip"),
    *(("s3", f"public/build/target.{suite}.tests.tar.zst", "application/zstd") for suite in _TESTS),
    ("s3", "public/build/target.checksums", "application/octet-stream"),
    ("s3", "public/build/target.crashreporter-symbols.zip", "application/zip"),
    ("s3", "public/build/target.generated-files.tar.gz", "application/gzip"),
    ("s3", "public/build/target.jsshell.zip", "application/zip"),
    ("s3", "public/build/target.json", "application/json"),
    ("s3", "public/build/target.langpack.xpi", "application/x-xpinstall"),
    ("s3", "public/build/target.mozinfo.json", "application/json"),
    ("s3", "public/build/target.txt", "text/plain"),
    ("s3", "public/build/target.updater-dep.tests.tar.gz", "application/gzip"),
    ("s3", "public/build/target.xpt_artifacts.zip", "application/zip"),
    ("s3", "public/build/target_info.txt", "text/plain"),
)
_LOGS = (
    ("s3", "public/logs/live_backing.log", "text/plain; charset=utf-8"),
    ("reference", "public/logs/live.log", "text/plain; charset=utf-8"),
)
CHAIN = "public/chain-of-trust.json"


@dataclass(frozen=True, slots=True)
class BuildTask:
    """One task. ``runs``: how each of its runs ended, the first one first."""

    task_id: str
    push: Push
    job: str
    build_type: str
    runs: tuple[str, ...]

    @property
    def done_at(self) -> int | None:
        """The run that made the build."""
        return self.runs.index("completed") if "completed" in self.runs else None


class Taskcluster:
    """Answers requests. ``page_size``: lists come in pages of so many, with a token for the next one."""

    def __init__(
        self,
        world: World,
        bakery: Bakery,
        artifact_url: str,
        *,
        chain_of_trust: bool = True,
        page_size: int | None = None,
    ) -> None:
        self._world = world
        self._bakery = bakery
        self._artifact_url = artifact_url
        self._chain_of_trust = chain_of_trust
        self._page_size = page_size
        self._met: dict[str, BuildTask] = {}

    # -------------------------------------------------------------------------------------------------- index

    def answer(self, path: str, query: Mapping[str, str]) -> Reply:
        """A GET below the root URL, from ``/api`` on."""
        if path.startswith("/api/index/v1/task/"):
            return self._find_task(path.removeprefix("/api/index/v1/task/"))
        match path.removeprefix("/api/queue/v1/").split("/", 2):
            case ["task", task_id, rest]:
                return self._queue(task_id, rest, query)
            case ["task", task_id]:
                return self._queue(task_id, "", query)
        return _error("InvalidRequestArguments", "No such method", "unknown", {}, 404)

    def namespaces(self, path: str, body: bytes) -> Reply:
        """A POST below the root URL."""
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            words = "Payload must be JSON with content-type: application/json"
            return _error("MalformedPayload", words, "listNamespaces", {}, 400)
        namespace = path.removeprefix("/api/index/v1/namespaces/")
        rows = [
            {"namespace": f"{namespace}.{name}", "name": name, "expires": "2027-09-30T00:00:00.000Z"}
            for name in self._names_below(namespace)
        ]
        return as_json(self._page("namespaces", rows, asked.get("continuationToken")))

    def _names_below(self, namespace: str) -> list[str]:
        match = _NAMESPACE.fullmatch(namespace)
        if match is None:
            return []
        pushes = [push for push in self._known.get(match["project"], ()) if f"{push.when:%Y.%m.%d}" == match["day"]]
        if match["rest"]:
            return sorted(push.head.node for push in pushes)
        names = {push.build_id for push in pushes}
        if pushes:
            names |= {"latest"} if match["kind"] == "pushdate" else {"latest", "revision"}
        return sorted(names)

    def _find_task(self, namespace: str) -> Reply:
        task = self._indexed(namespace)
        if task is None:
            return _error("ResourceNotFound", "Indexed task not found", "findTask", {"indexPath": namespace}, 404)
        return as_json(
            {
                "namespace": namespace,
                "taskId": task.task_id,
                "rank": int(task.push.when.timestamp()),
                "data": {},
                "expires": _stamp(task, A_YEAR),
            }
        )

    def _indexed(self, namespace: str) -> BuildTask | None:
        match = _ROUTE.fullmatch(namespace)
        if match is None or match["job"] not in JOBS:
            return None
        routes = {row: name for name, row in TYPES.items()}
        build_type = routes.get((match["middle"] or "", match["suffix"]))
        push = self._push_at(match["project"], match["spot"])
        if push is None or build_type is None:
            return None
        task = self._task(push, match["job"], build_type)
        self._met[task.task_id] = task
        return task

    def _push_at(self, project: str, spot: str) -> Push | None:
        """The push that a part of a route means, if its builds are in the index."""
        for pattern in _SPOTS:
            if match := pattern.fullmatch(spot):
                break
        else:
            return None
        where = match.groupdict()
        pushes = self._known.get(project, [])
        if where.get("revision"):
            pushes = [push for push in pushes if where["revision"] in (push.head.node, push.head.git)]
        elif where.get("number"):
            pushes = [push for push in pushes if str(push.number) == where["number"]]
        elif where.get("stamp"):
            pushes = [push for push in pushes if f"{push.when:%Y.%m.%d}" == where["day"]]
            if where["stamp"] != "latest":
                pushes = [push for push in pushes if push.build_id == where["stamp"]]
        return pushes[-1] if pushes else None

    @cached_property
    def _known(self) -> dict[str, list[Push]]:
        """Every project with the pushes whose builds are in the index."""
        known = {
            name: [push for push in pushes if self._world.task(push) is not worlds.Task.MISSING]
            for name, pushes in self._world.pushes.items()
        }
        # Central last: a changeset that went from a branch to central as it is was indexed there later.
        trunk = [push for name, pushes in known.items() if name != CENTRAL for push in pushes]
        return known | {"trunk": trunk + known[CENTRAL]}

    @cached_property
    def _tasks(self) -> dict[str, BuildTask]:
        """All that there are, by their ids; needed only for who comes with an id that was not asked for here."""
        pushes = [push for project, pushes in self._known.items() if project != "trunk" for push in pushes]
        tasks = (self._task(push, job, build_type) for push in pushes for job in JOBS for build_type in TYPES)
        return {task.task_id: task for task in tasks}

    def _by_id(self, task_id: str) -> BuildTask | None:
        return self._met.get(task_id) or self._tasks.get(task_id)

    def _task(self, push: Push, job: str, build_type: str) -> BuildTask:
        runs = {worlds.Task.DONE: ("completed",), worlds.Task.RETRIED: ("failed", "completed")}
        ends = runs.get(self._world.task(push), ("failed",))
        return BuildTask(_task_id(push, job, build_type), push, job, build_type, ends)

    # -------------------------------------------------------------------------------------------------- queue

    def _queue(self, task_id: str, rest: str, query: Mapping[str, str]) -> Reply:
        task = self._by_id(task_id)
        if task is None:
            return _error(
                "ResourceNotFound", f"`{task_id}` does not correspond to a task that exists.", "task", {}, 404
            )
        run = len(task.runs) - 1
        if match := re.fullmatch(r"runs/(\d+)/(artifacts(?:/.*)?)", rest):
            run, rest = int(match[1]), match[2]
        match rest.partition("/"):
            case ("", _, _):
                return as_json(self._definition(task))
            case ("status", _, ""):
                return as_json({"status": self._status(task)})
            case ("artifacts", _, "") if run < len(task.runs):
                return as_json(self._page("artifacts", self._artifacts(task, run), query.get("continuationToken")))
            case ("artifacts", _, name) if run < len(task.runs):
                return self._redirect(task, run, unquote(name))
        return _error("ResourceNotFound", "Artifact not found", "getArtifact", {"taskId": task_id}, 404)

    def _definition(self, task: BuildTask) -> dict[str, Any]:
        return {
            "taskGroupId": task.task_id,
            "created": _stamp(task, timedelta()),
            "expires": _stamp(task, A_YEAR),
            "metadata": {
                "name": f"build-{task.job}-{task.build_type}/{TYPES[task.build_type][1]}",
                "owner": task.push.user,
                "source": f"{self._bakery.repository(task.push.repo)}/file/{task.push.head.node}/taskcluster/kinds",
            },
        }

    def _status(self, task: BuildTask) -> dict[str, Any]:
        runs = [
            {
                "runId": number,
                "state": state,
                "reasonCreated": "retry" if number else "scheduled",
                "reasonResolved": state,
                "workerGroup": "us-central1-a",
                "workerId": "4711",
                "scheduled": _stamp(task, timedelta(minutes=5 + 60 * number)),
                "started": _stamp(task, timedelta(minutes=7 + 60 * number)),
                "resolved": _stamp(task, timedelta(minutes=50 + 60 * number)),
            }
            for number, state in enumerate(task.runs)
        ]
        return {
            "taskId": task.task_id,
            "provisionerId": "gecko-3",
            "workerType": "b-linux",
            "taskQueueId": "gecko-3/b-linux",
            "schedulerId": f"gecko-level-3-{task.push.repo}",
            "taskGroupId": task.task_id,
            "deadline": _stamp(task, timedelta(days=1)),
            "expires": _stamp(task, A_YEAR),
            "retriesLeft": 5,
            "state": task.runs[-1],
            "runs": runs,
        }

    def _artifacts(self, task: BuildTask, run: int) -> list[dict[str, str]]:
        expires = _stamp(task, A_YEAR)
        return [
            {"storageType": storage, "name": name, "expires": expires, "contentType": kind}
            for storage, name, kind in self._listed(task, run)
        ]

    def _listed(self, task: BuildTask, run: int) -> Iterator[tuple[str, str, str]]:
        """What a run left behind, by name: a failed one its logs only."""
        rows = list(_LOGS)
        if run == task.done_at:
            package = self._package_name(task)
            rows += [*_ARTIFACTS, ("s3", package, "application/x-xz")]
            rows.append(("s3", f"{package}.asc", "text/plain"))
            if self._chain_of_trust:
                rows += [("s3", CHAIN, "text/plain"), ("s3", f"{CHAIN}.sig", "application/octet-stream")]
        yield from sorted(rows, key=lambda row: row[1])

    def _package_name(self, task: BuildTask) -> str:
        return f"public/build/target{'.zip' if task.job.startswith('win') else '.tar.xz'}"

    def _redirect(self, task: BuildTask, run: int, name: str) -> Reply:
        storage = {row[1]: row[0] for row in self._listed(task, run)}.get(name)
        if storage is None or storage == "error":
            params = {"0": name, "taskId": task.task_id, "name": name}
            return _error("ResourceNotFound", "Artifact not found", "getLatestArtifact", params, 404)
        url = f"{self._artifact_url}/{task.task_id}/{run}/{name}"
        return as_json({"storageType": "s3", "url": url}, 303, {"location": url})

    # ------------------------------------------------------------------------------------------- artifact host

    def artifact(self, path: str) -> Reply:
        """A GET below the artifact host: ``/<task>/<run>/<name>``."""
        match unquote(path).strip("/").split("/", 2):
            case [task_id, run, name] if (task := self._by_id(task_id)) and run.isdecimal():
                if name in {row[1] for row in self._listed(task, int(run)) if row[0] != "error"}:
                    return self._stored(task, int(run), name)
        return _no_such_key()

    def _stored(self, task: BuildTask, run: int, name: str) -> Reply:
        if name == self._package_name(task):
            if self._world.package(task.push) is Package.DEAD:
                return _no_such_key()
            made = self._bakery.of(task.push, JOBS[task.job])
            etag = f'"{made.sha256[:32]}"'
            return Reply(200, made.own, "application/x-xz", {}, padding=made.padding, etag=etag, is_build=True)
        if name == CHAIN:
            return as_text(json.dumps(self._chain(task, run), indent=2))
        return as_text(self._text(task, name))

    def _text(self, task: BuildTask, name: str) -> str:
        if name == "public/build/target.txt":
            return self._bakery.txt(task.push)
        if name == "public/build/target.json":
            return json.dumps(self._bakery.target_json(task.push, JOBS[task.job]), indent=2)
        return f"For practice only, this is no {name}.\n"

    def _chain(self, task: BuildTask, run: int) -> dict[str, Any]:
        digests = {}
        for storage, name, _ in self._listed(task, run):
            if storage != "s3" or name.startswith((CHAIN, "public/logs/live_")):
                continue
            if name == self._package_name(task):
                digests[name] = {"sha256": self._bakery.of(task.push, JOBS[task.job]).sha256}
            else:
                digests[name] = {"sha256": sha256(self._text(task, name).encode()).hexdigest()}
        return {
            "artifacts": digests,
            "chainOfTrustVersion": 1,
            "environment": {},
            "runId": run,
            "task": self._definition(task),
            "taskId": task.task_id,
            "workerGroup": "us-central1-a",
            "workerId": "4711",
            "workerType": "gecko-3/b-linux",
        }

    def _page(self, key: str, rows: list[dict[str, str]], token: str | None) -> dict[str, Any]:
        start = bisect_right([row["name"] for row in rows], token) if token else 0
        if self._page_size is None or start + self._page_size >= len(rows):
            return {key: rows[start:]}
        page = rows[start : start + self._page_size]
        return {key: page, "continuationToken": page[-1]["name"]}


def _task_id(push: Push, job: str, build_type: str) -> str:
    """A slug of 22 characters, as Taskcluster's are."""
    digest = sha256(f"{push.repo} {push.number} {push.head.node} {job} {build_type}".encode()).digest()
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def _stamp(task: BuildTask, after: timedelta) -> str:
    moment = task.push.when + after
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(task.push.number) % 1000:03}Z"


def _error(code: str, words: str, method: str, params: Mapping[str, str], status: int) -> Reply:
    """An error as Taskcluster words it."""
    when = "2026-11-23T20:00:00.000Z"
    message = (
        f"{words}\n\n---\n\n* method:     {method}\n* errorCode:  {code}\n* statusCode: {status}\n* time:       {when}"
    )
    request = {"method": method, "params": dict(params), "payload": {}, "time": when}
    return as_json({"code": code, "message": message, "requestInfo": request}, status)


def _no_such_key() -> Reply:
    words = (
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist."
    )
    return as_text(f"{words}</Message></Error>", 404, "application/xml; charset=UTF-8")
