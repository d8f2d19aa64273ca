"""Taskcluster of a world: the index, the queue and the host of the artifacts.

Every push has one task for each platform and build type; what became of it is the world's business. As on the real
one, an artifact that is listed need not exist, its run need not be the first, and names that look like
the package lie beside it. Which tasks there are is decided in ``tasks``.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from mozbisect.practice import builds
from mozbisect.practice.hawk import Signed
from mozbisect.practice.packages import Bakery
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.shelf import goog_hash
from mozbisect.practice.tasks import BuildTask, Index, packages
from mozbisect.practice.world import Package

A_YEAR = timedelta(days=365)

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


class Taskcluster:
    """Answers requests, for the worlds of all ``bakeries``. ``page_size``: lists come in pages of so many, with a token
    for the next one."""

    def __init__(
        self,
        bakeries: Sequence[Bakery],
        artifact_url: str,
        *,
        chain_of_trust: bool = True,
        page_size: int | None = None,
    ) -> None:
        self._bakeries = {id(bakery.world): bakery for bakery in bakeries}
        self._index = Index([bakery.world for bakery in bakeries])
        self._artifact_url = artifact_url
        self._chain_of_trust = chain_of_trust
        self._page_size = page_size

    def _bakery(self, task: BuildTask) -> Bakery:
        return self._bakeries[id(self._index.world(task))]

    # -------------------------------------------------------------------------------------------------- index

    def answer(self, path: str, query: Mapping[str, str], signed: Signed = Signed.NOT) -> Reply:
        """A GET below the root URL, from ``/api`` on."""
        if path.startswith("/api/index/v1/task/"):
            return self._find_task(path.removeprefix("/api/index/v1/task/"))
        match path.removeprefix("/api/queue/v1/").split("/", 2):
            case ["task", task_id, rest]:
                return self._queue(task_id, rest, query, signed)
            case ["task", task_id]:
                return self._queue(task_id, "", query, signed)
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
            for name in self._index.names_below(namespace)
        ]
        return as_json(self._page("namespaces", rows, asked.get("continuationToken")))

    def _find_task(self, namespace: str) -> Reply:
        task = self._index.find(namespace)
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

    # -------------------------------------------------------------------------------------------------- queue

    def _queue(self, task_id: str, rest: str, query: Mapping[str, str], signed: Signed) -> Reply:
        task = self._index.by_id(task_id)
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
                name = unquote(name)
                if name.startswith("private/") and signed is not Signed.RIGHTLY:
                    return _refused(task, name, signed)
                return self._redirect(task, run, name)
        return _error("ResourceNotFound", "Artifact not found", "getArtifact", {"taskId": task_id}, 404)

    def _definition(self, task: BuildTask) -> dict[str, Any]:
        repository = self._bakery(task).repository(task.push.repo)
        return {
            "taskGroupId": task.task_id,
            "created": _stamp(task, timedelta()),
            "expires": _stamp(task, A_YEAR),
            "metadata": {
                "name": task.name,
                "owner": task.push.user,
                "source": f"{repository}/file/{task.push.head.node}/taskcluster/kinds",
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
            made = self._packages(task)
            rows += [row for row in _ARTIFACTS if row[1] not in made]
            for name in made:
                rows.append(("s3", name, _kind(name)))
                if _is_main(name):
                    rows.append(("s3", f"{name}.asc", "text/plain"))
            if self._chain_of_trust:
                rows += [("s3", CHAIN, "text/plain"), ("s3", f"{CHAIN}.sig", "application/octet-stream")]
        yield from sorted(rows, key=lambda row: row[1])

    def _packages(self, task: BuildTask) -> dict[str, tuple[str | None, str]]:
        """The names of what can be unpacked among a task's artifacts: product and platform of each."""
        own = self._bakery(task).world.parameters
        folder = "private/build" if own.private else "public/build"
        return {f"{folder}/{name}": made for name, made in packages(task, own.products).items()}

    def _baked(self, task: BuildTask, name: str) -> builds.Archive:
        product, platform = self._packages(task)[name]
        return self._bakery(task).of(task.push, platform, product=product)

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
            case [task_id, run, name] if (task := self._index.by_id(task_id)) and run.isdecimal():
                if name in {row[1] for row in self._listed(task, int(run)) if row[0] != "error"}:
                    return self._stored(task, int(run), name)
        return _no_such_key()

    def _stored(self, task: BuildTask, run: int, name: str) -> Reply:
        if name in self._packages(task):
            if self._bakery(task).world.package(task.push) is Package.DEAD:
                return _no_such_key()
            made = self._baked(task, name)
            etag = f'"{made.sha256[:32]}"'
            headers = goog_hash(made)
            return Reply(200, made.own, "application/x-xz", headers, padding=made.padding, etag=etag, is_build=True)
        if name == CHAIN:
            return as_text(json.dumps(self._chain(task, run), indent=2))
        return as_text(self._text(task, name))

    def _platform(self, task: BuildTask) -> str:
        return next(platform for _, platform in self._packages(task).values())

    def _text(self, task: BuildTask, name: str) -> str:
        if name == "public/build/target.txt":
            return self._bakery(task).txt(task.push)
        if name == "public/build/target.json":
            return json.dumps(self._bakery(task).target_json(task.push, self._platform(task)), indent=2)
        return f"For practice only, this is no {name}.\n"

    def _chain(self, task: BuildTask, run: int) -> dict[str, Any]:
        digests = {}
        for storage, name, _ in self._listed(task, run):
            if storage != "s3" or name.startswith((CHAIN, "public/logs/live_")):
                continue
            if name in self._packages(task):
                digests[name] = {"sha256": self._baked(task, name).sha256}
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


def _kind(name: str) -> str:
    if name.endswith(".apk"):
        return "application/vnd.android.package-archive"
    return "application/zip" if name.endswith("jsshell.zip") else "application/x-xz"


def _is_main(name: str) -> bool:
    """Is it what a signature lies beside?"""
    return name.endswith(("target.tar.xz", "target.zip"))


def _refused(task: BuildTask, name: str, signed: Signed) -> Reply:
    params = {"taskId": task.task_id, "name": name}
    if signed is Signed.WRONGLY:
        return _error("AuthenticationFailed", "Bad mac", "getLatestArtifact", params, 401)
    words = f"Client ID (anonymous) is missing the following scopes:\n\n```\nqueue:get-artifact:{name}\n```"
    return _error("InsufficientScopes", words, "getLatestArtifact", params, 403)


def _no_such_key() -> Reply:
    words = (
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist."
    )
    return as_text(f"{words}</Message></Error>", 404, "application/xml; charset=UTF-8")
