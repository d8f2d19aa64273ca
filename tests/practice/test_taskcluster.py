from __future__ import annotations

import hashlib
import hmac
import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mozbisect.practice import hawk
from mozbisect.practice.parameters import BUILD_TYPES, PRODUCTS
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import Package, Push, Task, World
from tests.practice.conftest import Answer, ask

DATA = Path(__file__).parent.parent / "data" / "taskcluster"
PACKAGE = "public/build/target.tar.xz"


@pytest.fixture
def push(world: World) -> Push:
    return world.branch_pushes[30]


def find(server: PracticeServer, namespace: str) -> Answer:
    return ask(f"{server.taskcluster_url}/api/index/v1/task/gecko.v2.{namespace}")


def task_of(server: PracticeServer, push: Push, job: str = "linux64") -> str:
    found = find(server, f"{push.repo}.shippable.revision.{push.head.node}.firefox.{job}-opt")
    return str(found.json["taskId"])


def queue(server: PracticeServer, path: str) -> Answer:
    return ask(f"{server.taskcluster_url}/api/queue/v1/task/{path}")


def follow(answer: Answer) -> Answer:
    assert answer.status == 303
    return ask(answer.headers["location"])


def shape(value: Any) -> Any:
    """A JSON value with its leaves cut down to their types."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return type(value).__name__


def test_an_index_answer_has_the_recorded_shape(server: PracticeServer, push: Push) -> None:
    recorded = json.loads(json.loads((DATA / "findTask_200_autoland_2025.json").read_text())["body"])
    found = find(server, f"autoland.revision.{push.head.node}.firefox.linux64-opt").json
    assert shape(found) == shape(recorded)
    assert len(found["taskId"]) == len(recorded["taskId"])
    assert found["rank"] == int(push.when.timestamp())


def test_what_is_not_in_the_index_is_answered_as_recorded(server: PracticeServer) -> None:
    recorded = json.loads((DATA / "findTask_404_2024.json").read_text())
    answer = find(server, "mozilla-central.latest.firefox.sm-linux64-opt")
    assert answer.status == 404
    missing, known = answer.json, json.loads(recorded["body"])
    for row in (missing, known):
        row["message"] = row["message"].partition("* time")[0]
        del row["requestInfo"]["time"]
    assert missing == known


def test_every_kind_of_route_leads_to_the_task_of_the_push(server: PracticeServer, push: Push) -> None:
    day = f"{push.when:%Y.%m.%d}"
    plain = {
        find(server, f"{spot}.firefox.linux64-opt").json["taskId"]
        for spot in (
            f"autoland.revision.{push.head.node}",
            f"autoland.revision.{push.head.git}",
            f"trunk.revision.{push.head.node}",
            f"autoland.pushlog-id.{push.number}",
            f"autoland.pushdate.{day}.{push.build_id}",
        )
    }
    shippable = {
        find(server, f"autoland.shippable.{spot}.firefox.linux64-opt").json["taskId"]
        for spot in (f"revision.{push.head.node}", f"{day}.revision.{push.head.node}", f"{day}.{push.build_id}")
    }
    assert len(plain) == len(shippable) == 1
    assert plain != shippable
    latest = find(server, "autoland.shippable.latest.firefox.linux64-opt").json["taskId"]
    assert latest == task_of(server, server.world.branch_pushes[-1])


def test_only_the_head_of_a_push_is_built_and_only_where_it_was_pushed(server: PracticeServer, world: World) -> None:
    push = next(push for push in world.branch_pushes if len(push.commits) > 1)
    assert find(server, f"autoland.revision.{push.commits[0].node}.firefox.linux64-opt").status == 404
    assert find(server, f"mozilla-central.revision.{push.head.node}.firefox.linux64-opt").status == 404
    assert find(server, f"autoland.revision.{push.head.node}.firefox.linux64-pgo").status == 404


def test_the_build_ids_of_a_day_can_be_listed_also_of_an_empty_one(server: PracticeServer, world: World) -> None:
    def names(namespace: str, body: bytes = b"{}") -> Any:
        url = f"{server.taskcluster_url}/api/index/v1/namespaces/gecko.v2.{namespace}"
        return ask(url, "POST", body, Content_Type="application/json")

    listed = [row["name"] for row in names("mozilla-central.pushdate.2026.09.03").json["namespaces"]]
    wanted = [push.build_id for push in world.central_pushes if f"{push.when:%m%d}" == "0903"]
    assert listed == [*wanted, "latest"]
    assert names("mozilla-central.pushdate.2031.09.03").json == {"namespaces": []}
    assert names("mozilla-central.pushdate.2026.09.03", b"").status == 400


def test_an_artifact_is_a_redirection_to_another_host(server: PracticeServer, push: Push) -> None:
    task = task_of(server, push)
    answer = queue(server, f"{task}/artifacts/{PACKAGE}")
    assert answer.status == 303
    assert answer.json == {"storageType": "s3", "url": f"{server.artifact_url}/{task}/0/{PACKAGE}"}
    assert follow(answer).status == 200
    assert follow(queue(server, f"{task}/runs/0/artifacts/public%2Fbuild%2Ftarget.txt")).text.startswith(push.build_id)


def test_what_is_listed_can_be_had_but_for_what_is_an_error(server: PracticeServer, push: Push) -> None:
    task = task_of(server, push)
    rows = queue(server, f"{task}/artifacts").json["artifacts"]
    assert {row["storageType"] for row in rows} == {"s3", "reference", "error"}
    for row in rows:
        answer = queue(server, f"{task}/artifacts/{row['name']}")
        if row["storageType"] == "error":
            assert answer.status == 404
        else:
            assert follow(answer).status == 200
    missing = queue(server, f"{task}/artifacts/public/build/nothing")
    assert (missing.status, missing.json["code"]) == (404, "ResourceNotFound")


def test_names_that_look_like_the_package_lie_beside_it(server: PracticeServer, push: Push) -> None:
    names = {row["name"] for row in queue(server, f"{task_of(server, push)}/artifacts").json["artifacts"]}
    traps = {"target.jsshell.zip", "target.xpt_artifacts.zip", "target.tar.xz.asc", "target_info.txt"}
    assert {f"public/build/{trap}" for trap in traps} < names


def test_the_chain_of_trust_proves_what_is_downloaded(server: PracticeServer, push: Push) -> None:
    for job in ("linux64", "linux64-aarch64"):
        task = task_of(server, push, job)
        chain = follow(queue(server, f"{task}/artifacts/public/chain-of-trust.json")).json
        assert (chain["taskId"], chain["runId"]) == (task, 0)
        for name, digest in chain["artifacts"].items():
            body = follow(queue(server, f"{task}/artifacts/{name}")).body
            assert digest == {"sha256": hashlib.sha256(body).hexdigest()}
        assert PACKAGE in chain["artifacts"]


def test_there_need_be_no_chain_of_trust_and_lists_may_come_in_pages(world: World, push: Push) -> None:
    with PracticeServer(world, chain_of_trust=False, page_size=7) as server:
        task = task_of(server, push)
        assert queue(server, f"{task}/artifacts/public/chain-of-trust.json").status == 404
        names: list[str] = []
        for page in pages(server, f"{task}/runs/0/artifacts"):
            assert 0 < len(page) <= 7
            names += page
    with PracticeServer(world, chain_of_trust=False) as unpaged:
        assert names == [row["name"] for row in queue(unpaged, f"{task}/artifacts").json["artifacts"]]


def pages(server: PracticeServer, path: str) -> Iterator[list[str]]:
    token = ""
    while True:
        page = queue(server, path + token).json
        yield [row["name"] for row in page["artifacts"]]
        if "continuationToken" not in page:
            return
        token = f"?continuationToken={page['continuationToken']}"


def test_a_task_that_was_not_looked_up_is_known_by_its_id(world: World, push: Push) -> None:
    with PracticeServer(world) as one, PracticeServer(world) as other:
        assert queue(other, f"{task_of(one, push)}/status").status == 200
        assert queue(other, f"{'A' * 22}/status").status == 404


def test_the_fates_of_tasks_are_what_the_world_says(small: Callable[..., World]) -> None:
    world = small(missing_tasks=0.2, failed_tasks=0.2, retried_tasks=0.2, dead_packages=0.3)
    seen = set()
    with PracticeServer(world) as server:
        for push in world.branch_pushes[:40]:
            fate, package = world.task(push), world.package(push)
            seen.add((fate, package if fate in (Task.DONE, Task.RETRIED) else None))
            if fate is Task.MISSING:
                assert find(server, f"autoland.revision.{push.head.node}.firefox.linux64-opt").status == 404
                continue
            task = task_of(server, push)
            states = [run["state"] for run in queue(server, f"{task}/status").json["status"]["runs"]]
            answer = queue(server, f"{task}/artifacts/{PACKAGE}")
            if fate is Task.FAILED:
                assert (states, answer.status) == (["failed"], 404)
                continue
            assert states == (["completed"] if fate is Task.DONE else ["failed", "completed"])
            assert f"/{len(states) - 1}/public/" in answer.headers["location"]
            assert (follow(answer).status == 200) == (package is Package.FINE)
            if fate is Task.RETRIED:
                assert PACKAGE not in {r["name"] for r in queue(server, f"{task}/runs/0/artifacts").json["artifacts"]}
    assert len(seen) == 6


# -------------------------------------------------------------------------------- other branches, types and products


def namespace(server: PracticeServer, whole: str) -> Answer:
    return ask(f"{server.taskcluster_url}/api/index/v1/task/{whole}")


@pytest.fixture(scope="module")
def all_of_it(small: Callable[..., World]) -> Iterator[PracticeServer]:
    days = (date(2026, 9, 4), date(2026, 9, 7))
    with PracticeServer(
        small(trains=True, train_days=days, products=PRODUCTS, build_types=tuple(BUILD_TYPES))
    ) as server:
        yield server


def test_release_branches_are_built_and_what_only_tags_is_not(all_of_it: PracticeServer) -> None:
    world = all_of_it.world
    for repo in ("mozilla-beta", "mozilla-release", "mozilla-esr140", "mozilla-central"):
        for push in world.pushes[repo][1:12]:
            found = find(all_of_it, f"{repo}.shippable.revision.{push.head.node}.firefox.linux64-opt")
            assert (found.status == 404) == push.only_tags
            if push.only_tags:
                continue
            told = follow(queue(all_of_it, f"{found.json['taskId']}/artifacts/public/build/target.json")).json
            assert (told["moz_source_stamp"], told["moz_app_version"]) == (push.head.node, world.version(push))
            assert told["moz_source_repo"].endswith(f"/{repo}")
    beta = world.pushes["mozilla-beta"][3]
    assert find(all_of_it, f"trunk.revision.{beta.head.node}.firefox.linux64-opt").status == 404
    assert find(all_of_it, f"mozilla-beta.revision.{beta.head.node}.devedition.linux64-opt").status == 200
    assert find(all_of_it, f"autoland.revision.{world.branch_pushes[3].head.node}.devedition.linux64-opt").status == 404


@pytest.mark.parametrize("suffix", ["debug", "asan-opt", "tsan-opt", "fuzzing-asan-opt", "fuzzing-debug", "pgo"])
def test_build_types_exist_where_the_world_has_them(
    server: PracticeServer, all_of_it: PracticeServer, suffix: str
) -> None:
    for running, known in ((all_of_it, True), (server, suffix == "debug")):
        push = running.world.branch_pushes[9]
        found = find(running, f"autoland.revision.{push.head.node}.firefox.linux64-{suffix}")
        assert (found.status == 200) == known
        assert find(running, f"autoland.shippable.revision.{push.head.node}.firefox.linux64-{suffix}").status == 404


def test_each_build_of_a_push_is_a_task_of_its_own(all_of_it: PracticeServer) -> None:
    push = all_of_it.world.central_pushes[9]
    leaves = [f"firefox.{job}-{kind}" for job in ("linux64", "win64") for kind in ("opt", "debug", "asan-opt")]
    leaves += [f"mobile.android-{arch}-opt" for arch in ("arm", "api-16", "aarch64", "x86_64")]
    ids = [find(all_of_it, f"mozilla-central.revision.{push.head.node}.{leaf}").json["taskId"] for leaf in leaves]
    assert len(set(ids)) == len(leaves)
    with PracticeServer(all_of_it.world) as other:  # which was never asked for their routes
        for task in ids:
            assert queue(other, f"{task}/artifacts").json == queue(all_of_it, f"{task}/artifacts").json


def test_thunderbird_is_built_below_comm(all_of_it: PracticeServer) -> None:
    other = all_of_it.world.others["thunderbird"]
    push, beta = ([one for one in other.pushes[repo] if not one.only_tags][5] for repo in ("comm-central", "comm-beta"))
    for middle in ("", ".shippable"):
        whole = f"comm.v2.comm-central{middle}.revision.{push.head.node}.thunderbird.linux64-opt"
        task = namespace(all_of_it, whole).json["taskId"]
        assert follow(queue(all_of_it, f"{task}/artifacts/{PACKAGE}")).status == 200
        told = follow(queue(all_of_it, f"{task}/artifacts/public/build/target.json")).json
        assert (told["moz_source_stamp"], told["moz_app_name"]) == (push.head.node, "thunderbird")
        only = f"comm.v2.comm-beta{middle}.revision.{beta.head.node}.thunderbird.linux64-opt"
        assert (namespace(all_of_it, only).status == 200) == bool(middle)
    assert find(all_of_it, f"comm-central.revision.{push.head.node}.thunderbird.linux64-opt").status == 404
    assert find(all_of_it, f"mozilla-central.revision.{push.head.node}.firefox.linux64-opt").status == 404


def test_phones_have_their_packages_in_tasks(all_of_it: PracticeServer) -> None:
    world = all_of_it.world
    for push in (world.central_pushes[1], world.central_pushes[-1]):
        route = f"mozilla-central.revision.{push.head.node}.mobile.android-aarch64-opt"
        task = find(all_of_it, route).json["taskId"]
        for name in ("geckoview_example.apk", "target.apk"):
            body = follow(queue(all_of_it, f"{task}/artifacts/public/build/{name}")).body
            said = zipfile.ZipFile(io.BytesIO(body)).read("assets/practice.txt").decode()
            assert push.head.node in said
            assert ("green" in said) == world.is_good(push.head.node)
        names = {row["name"] for row in queue(all_of_it, f"{task}/artifacts").json["artifacts"]}
        assert PACKAGE not in names
    beta = world.pushes["mozilla-beta"][3]
    assert find(all_of_it, f"mozilla-beta.revision.{beta.head.node}.mobile.android-aarch64-opt").status == 404


def test_fenix_is_signed_only_for_pushes_that_nightlies_were_made_from(all_of_it: PracticeServer) -> None:
    world = all_of_it.world
    nightly = {one.push.head.node for one in world.nightlies}
    for push in world.central_pushes:
        found = find(all_of_it, f"mozilla-central.revision.{push.head.node}.mobile.fenix-nightly")
        assert (found.status == 200) == (push.head.node in nightly)
    task = find(all_of_it, f"mozilla-central.revision.{world.nightlies[2].push.head.node}.mobile.fenix-nightly").json
    apk = follow(queue(all_of_it, f"{task['taskId']}/artifacts/public/build/arm64-v8a/target.apk")).body
    assert world.nightlies[2].push.head.node in zipfile.ZipFile(io.BytesIO(apk)).read("assets/practice.txt").decode()


def test_the_shell_lies_in_the_task_of_firefox(all_of_it: PracticeServer) -> None:
    push = all_of_it.world.branch_pushes[-1]
    task = task_of(all_of_it, push)
    body = follow(queue(all_of_it, f"{task}/artifacts/public/build/target.jsshell.zip")).body
    assert "js" in zipfile.ZipFile(io.BytesIO(body)).namelist()
    chain = follow(queue(all_of_it, f"{task}/artifacts/public/chain-of-trust.json")).json
    assert chain["artifacts"]["public/build/target.jsshell.zip"] == {"sha256": hashlib.sha256(body).hexdigest()}


def test_what_is_older_than_the_index_keeps_is_gone_and_the_rest_is_there(small: Callable[..., World]) -> None:
    until = datetime(2026, 9, 5, tzinfo=UTC)
    world = small(expired_before=until, trains=True, products=("firefox", "thunderbird"))
    seen = set()
    with PracticeServer(world) as server:
        for family in (world, world.others["thunderbird"]):
            domain, product = ("comm", "thunderbird") if family is not world else ("gecko", "firefox")
            for pushes in family.pushes.values():
                for push in pushes[:: max(1, len(pushes) // 9)]:
                    whole = f"{domain}.v2.{push.repo}.shippable.revision.{push.head.node}.{product}.linux64-opt"
                    found = namespace(server, whole).status
                    assert (found == 200) == (push.when >= until and not push.only_tags) == family.testable(push)
                    seen.add(found)
        day = f"mozilla-central.pushdate.{world.nightlies[0].push.when:%Y.%m.%d}"
        url = f"{server.taskcluster_url}/api/index/v1/namespaces/gecko.v2.{day}"
        assert ask(url, "POST", b"{}").json == {"namespaces": []}
    assert seen == {200, 404}


def test_git_hashes_are_routes_unless_the_world_is_older(server: PracticeServer, small: Callable[..., World]) -> None:
    push = server.world.branch_pushes[30]
    by_git = f"gecko.v2.autoland.revision.{push.head.git}.firefox.linux64-opt"
    by_node = f"gecko.v2.autoland.revision.{push.head.node}.firefox.linux64-opt"
    assert namespace(server, by_git).json["taskId"] == namespace(server, by_node).json["taskId"]
    with PracticeServer(small(git_routes=False)) as older:
        assert (namespace(older, by_git).status, namespace(older, by_node).status) == (404, 200)


# ----------------------------------------------------------------------------------------------------- private builds


def test_private_packages_are_for_those_who_sign(small: Callable[..., World]) -> None:
    world = small(private=True)
    with PracticeServer(world) as server:
        task = task_of(server, world.branch_pushes[3])
        names = {row["name"] for row in queue(server, f"{task}/artifacts").json["artifacts"]}
        private = "private/build/target.tar.xz"
        assert PACKAGE not in names
        assert private in names
        url = f"{server.taskcluster_url}/api/queue/v1/task/{task}/artifacts/{private}"
        nobody = ask(url)
        assert (nobody.status, nobody.json["code"]) == (403, "InsufficientScopes")
        stranger = ask(url, Authorization=signed(url, key="guessed"))
        assert (stranger.status, stranger.json["code"]) == (401, "AuthenticationFailed")
        friend = follow(ask(url, Authorization=signed(url)))
        assert hashlib.sha256(friend.body).hexdigest() == chain(server, task)[private]["sha256"]
        assert queue(server, f"{task}/artifacts/public/build/target.txt").status == 303


def signed(url: str, *, key: str = hawk.ACCESS_TOKEN) -> str:
    """A Hawk header, made as the scheme says and not by the code under test."""
    parts = urlsplit(url)
    text = f"hawk.1.header\n1900000000\nabc\nGET\n{parts.path}\n{parts.hostname}\n{parts.port}\n\n\n"
    mac = b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()
    return f'Hawk id="{hawk.CLIENT_ID}", ts="1900000000", nonce="abc", mac="{mac}"'


def chain(server: PracticeServer, task: str) -> Any:
    return follow(queue(server, f"{task}/artifacts/public/chain-of-trust.json")).json["artifacts"]
