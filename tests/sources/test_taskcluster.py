"""Index → task → run → artifact, against recorded answers and their traps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mozbisect.core.errors import NoBuild, ServerTrouble
from mozbisect.core.model import Build, Candidate, Digest, Kind, Target
from mozbisect.memory import Memory
from mozbisect.net.http import Http
from mozbisect.sources.taskcluster import Taskcluster
from tests.canned import Canned
from tests.serving import File, Instead, Server, Status, serving

DATA = Path(__file__).parent.parent / "data" / "taskcluster"
REV = "a" * 40
PUSH = Candidate(Kind.PUSH, "autoland:7", "autoland", datetime(2026, 9, 14, tzinfo=UTC), ("b" * 40, REV))
LINUX = Target("firefox", "linux", "x86_64", ("shippable", "opt", "pgo"))
SHIPPABLE = f"/api/index/v1/task/gecko.v2.autoland.shippable.revision.{REV}.firefox.linux64-opt"
OPT = f"/api/index/v1/task/gecko.v2.autoland.revision.{REV}.firefox.linux64-opt"
QUEUE = "/api/queue/v1/task"


def artifacts(name: str) -> Any:
    return json.loads(json.loads((DATA / name).read_text())["body"])


def finder(server: Canned, http: Http, target: Target = LINUX) -> Taskcluster:
    return Taskcluster(http, server.url, target)


def with_run(server: Canned, listed: Any, *, route: str = SHIPPABLE, runs: Any = None) -> None:
    server.says(route, {"namespace": "x", "taskId": "T1"})
    server.says(f"{QUEUE}/T1/status", {"status": {"runs": runs or [{"runId": 0, "state": "completed"}]}})
    server.says(f"{QUEUE}/T1/runs/0/artifacts", listed)


def test_the_chain_of_trust_tells_run_name_and_digest_in_one_answer(server: Canned, http: Http) -> None:
    server.says(SHIPPABLE, {"taskId": "T1"})
    server.says(
        f"{QUEUE}/T1/artifacts/public/chain-of-trust.json",
        {
            "runId": 1,
            "artifacts": {"public/build/target.tar.xz": {"sha256": "d" * 64}, "public/logs/x": {"sha256": ""}},
        },
    )
    build = finder(server, http).find(PUSH)
    assert build.url == f"{server.url}{QUEUE}/T1/runs/1/artifacts/public/build/target.tar.xz"
    assert build.digest == Digest("sha256", "d" * 64)
    assert (build.build_type, build.revision, build.task_id) == ("shippable", REV, "T1")


def test_a_recorded_chain_of_trust_is_read_for_windows(server: Canned, http: Http) -> None:
    recorded = json.loads((DATA / "chain-of-trust_scriptworker_docs_2019_win64-nightly-signing.json").read_text())
    task = recorded["taskId"]
    server.says(SHIPPABLE.replace("linux64", "win64"), {"taskId": task})
    server.says(f"{QUEUE}/{task}/artifacts/public/chain-of-trust.json", recorded)
    build = finder(server, http, Target("firefox", "win", "x86_64", ("shippable",))).find(PUSH)
    assert build.file_name == "target.zip"
    assert build.digest
    assert build.digest.hex == recorded["artifacts"]["public/build/target.zip"]["sha256"]


@pytest.mark.parametrize(
    ("recorded", "system", "arch", "job", "file"),
    [
        ("listArtifacts_linux64_2025.json", "linux", "x86_64", "linux64", "target.tar.bz2"),
        ("listArtifacts_linux64-aarch64_2025.json", "linux", "aarch64", "linux64-aarch64", "target.tar.xz"),
        ("listArtifacts_win64_2025.json", "win", "x86_64", "win64", "target.zip"),
        ("listArtifacts_macosx64_2025.json", "mac", "aarch64", "macosx64", "target.dmg"),
    ],
)
def test_the_artifact_is_taken_by_its_exact_name_among_recorded_ones(
    server: Canned, http: Http, recorded: str, system: str, arch: str, job: str, file: str
) -> None:
    with_run(server, artifacts(recorded), route=SHIPPABLE.replace("linux64", job))
    build = finder(server, http, Target("firefox", system, arch, ("shippable",))).find(PUSH)
    assert build.file_name == file
    assert build.url.endswith(f"/T1/runs/0/artifacts/public/build/{file}")


def test_the_next_build_type_is_taken_when_the_first_has_none_and_is_named(server: Canned, http: Http) -> None:
    with_run(server, artifacts("listArtifacts_linux64_2025.json"), route=OPT)
    assert finder(server, http).find(PUSH).build_type == "opt"
    assert server.asked[:2] == [SHIPPABLE, OPT]


def test_the_last_completed_run_counts(server: Canned, http: Http) -> None:
    runs = [{"runId": 0, "state": "completed"}, {"runId": 1, "state": "exception"}]
    with_run(server, artifacts("listArtifacts_linux64_2025.json"), runs=runs)
    assert "/runs/0/" in finder(server, http).find(PUSH).url


def test_a_task_that_never_completed_is_no_build(server: Canned, http: Http) -> None:
    with_run(server, {}, runs=[{"runId": 0, "state": "failed"}])
    with pytest.raises(NoBuild, match="no completed run"):
        finder(server, http).find(PUSH)


def test_a_listed_artifact_of_type_error_does_not_exist(server: Canned, http: Http) -> None:
    listed = artifacts("listArtifacts_linux64_2025.json")
    for row in listed["artifacts"]:
        if row["name"].endswith("target.tar.bz2"):
            row["storageType"] = "error"
    with_run(server, listed)
    with pytest.raises(NoBuild, match="task T1 has no package for linux x86_64"):
        finder(server, http).find(PUSH)


def test_a_second_page_of_artifacts_is_read(server: Canned, http: Http) -> None:
    with_run(server, {"artifacts": [], "continuationToken": "more"})
    server.says(f"{QUEUE}/T1/runs/0/artifacts?continuationToken=more", artifacts("listArtifacts_linux64_2025.json"))
    assert finder(server, http).find(PUSH).file_name == "target.tar.bz2"


def test_what_is_not_in_the_index_is_no_build_and_no_error(server: Canned, http: Http) -> None:
    server.says(SHIPPABLE, json.loads((DATA / "findTask_404_2024.json").read_text())["body"], status=404)
    with pytest.raises(NoBuild, match="no build in the Taskcluster index"):
        finder(server, http).find(PUSH)


def test_an_expired_task_is_no_build(server: Canned, http: Http) -> None:
    server.says(SHIPPABLE, {"taskId": "T1"})
    with pytest.raises(NoBuild, match="expired"):
        finder(server, http).find(PUSH)


def test_a_page_in_place_of_json_is_trouble_that_names_the_address(server: Canned, http: Http) -> None:
    server.says(SHIPPABLE, "<html>oops</html>", kind="text/html")
    with pytest.raises(ServerTrouble, match=r"gecko\.v2\.autoland"):
        finder(server, http).find(PUSH)


# ------------------------------------------------------------------------------------------- fewer requests, and slips


@pytest.fixture
def moody() -> Iterator[Server]:
    with serving() as server:
        yield server


OTHER = replace(PUSH, key="autoland:8", changesets=("c" * 40,))
CHAIN = "public/chain-of-trust.json"
PACKAGE = "public/build/target.tar.xz"


def says(server: Server, path: str, row: object) -> None:
    server.put(path, json.dumps(row).encode(), headers={"Content-Type": "application/json"})


def with_chain(server: Server, push: Candidate, task: str, run: int) -> None:
    """The index, the queue, and another path where artifacts lie, as today."""
    says(server, SHIPPABLE.replace(REV, push.revision or ""), {"taskId": task})
    signed = {"taskId": task, "runId": run, "artifacts": {PACKAGE: {"sha256": f"{run}" * 64}}}
    says(server, f"/stored/{task}/{run}/{CHAIN}", signed)
    to = {"location": f"{server.base}/stored/{task}/{run}/{CHAIN}"}
    server.faults[f"{QUEUE}/{task}/artifacts/{CHAIN}"] += [Status(303, to)] * 9


def paths(server: Server) -> list[str]:
    return [seen.path.removeprefix("/api/") for seen in server.seen]


def test_a_push_is_missing_when_the_index_says_so_twice(moody: Server, http: Http) -> None:
    with_chain(moody, PUSH, "T1", 0)
    moody.faults[SHIPPABLE] += [Status(404)]
    assert Taskcluster(http, moody.base, LINUX).find(PUSH).build_type == "shippable"
    with pytest.raises(NoBuild, match="no build in the Taskcluster index"):
        Taskcluster(http, moody.base, LINUX).find(OTHER)


def test_where_artifacts_lie_is_learned_from_the_first(moody: Server, http: Http) -> None:
    with_chain(moody, PUSH, "T1", 0)
    with_chain(moody, OTHER, "T2", 0)
    taskcluster = Taskcluster(http, moody.base, LINUX)
    assert taskcluster.find(PUSH).task_id == "T1"
    moody.seen.clear()
    build = taskcluster.find(OTHER)
    assert paths(moody)[1:] == [f"/stored/T2/0/{CHAIN}"]
    # The queue stays the address of the package: it knows when things are moved.
    assert build.url == f"{moody.base}{QUEUE}/T2/runs/0/artifacts/{PACKAGE}"
    assert build.digest == Digest("sha256", "0" * 64)


def test_what_another_run_made_is_asked_of_the_queue(moody: Server, http: Http) -> None:
    with_chain(moody, PUSH, "T1", 0)
    with_chain(moody, OTHER, "T2", 2)
    taskcluster = Taskcluster(http, moody.base, LINUX)
    taskcluster.find(PUSH)
    build = taskcluster.find(OTHER)
    assert "/runs/2/" in build.url
    assert build.digest == Digest("sha256", "2" * 64)


@pytest.mark.parametrize("status", [403, 500])
def test_when_artifacts_lie_elsewhere_all_of_a_sudden_the_queue_is_asked(
    moody: Server, http: Http, status: int
) -> None:
    with_chain(moody, PUSH, "T1", 0)
    with_chain(moody, OTHER, "T2", 0)
    taskcluster = Taskcluster(http, moody.base, LINUX)
    taskcluster.find(PUSH)
    moody.faults[f"/stored/T2/0/{CHAIN}"] += [Status(status)] * 2  # as often as this Http tries
    if status == 403:
        moody.faults[f"/stored/T2/0/{CHAIN}"].pop()
    assert taskcluster.find(OTHER).digest == Digest("sha256", "0" * 64)


@pytest.mark.parametrize(
    "signed",
    [
        {"taskId": "T9", "runId": 0, "artifacts": {PACKAGE: {"sha256": "0" * 64}}},
        {"taskId": "T1", "runId": 0, "artifacts": {PACKAGE: {"sha256": "0" * 63}}},
        {"taskId": "T1", "artifacts": {PACKAGE: {"sha256": "0" * 64}}},
        [],
    ],
)
def test_a_chain_of_trust_of_something_else_is_asked_for_again(moody: Server, http: Http, signed: object) -> None:
    with_chain(moody, PUSH, "T1", 0)
    moody.faults[f"/stored/T1/0/{CHAIN}"] += [Instead(File(json.dumps(signed).encode()))]
    assert Taskcluster(http, moody.base, LINUX).find(PUSH).digest == Digest("sha256", "0" * 64)


@pytest.mark.parametrize("task", ["T1\u00e9", "../T1", ""])
def test_a_task_that_cannot_be_one_is_asked_for_again(moody: Server, http: Http, task: str) -> None:
    with_chain(moody, PUSH, "T1", 0)
    moody.faults[SHIPPABLE] += [Instead(File(json.dumps({"taskId": task}).encode()))]
    assert Taskcluster(http, moody.base, LINUX).find(PUSH).task_id == "T1"


def test_a_second_run_asks_for_nothing_that_cannot_have_changed(moody: Server, tmp_path: Path) -> None:
    with_chain(moody, PUSH, "T1", 0)
    with_chain(moody, OTHER, "T2", 0)

    def find() -> list[Build]:
        http = Http(memory=Memory(tmp_path, loopback=True), sleep=lambda seconds: None)
        taskcluster = Taskcluster(http, moody.base, LINUX)
        found = [taskcluster.find(push) for push in (PUSH, OTHER)]
        http.close()
        return found

    first = find()
    moody.seen.clear()
    assert find() == first
    assert not moody.seen
