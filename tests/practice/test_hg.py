from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import Push, World
from tests.practice.conftest import ask

REPO = "integration/autoland"


@pytest.fixture
def pushes(world: World) -> tuple[Push, ...]:
    return world.branch_pushes


@pytest.fixture
def pushlog(server: PracticeServer) -> Callable[..., Any]:
    def get(**words: object) -> Any:
        query = "&".join(f"{key}={quote(str(value))}" for key, value in words.items())
        return ask(f"{server.hg_url}/{REPO}/json-pushes?{query}")

    return get


def numbers(answer: Any) -> list[int]:
    return [int(key) for key in answer.json]


def test_a_range_begins_after_its_first_end_and_includes_its_last(pushlog: Any, pushes: tuple[Push, ...]) -> None:
    first, last = pushes[10], pushes[14]
    wanted = [push.number for push in pushes[11:15]]
    assert numbers(pushlog(fromchange=first.head.node, tochange=last.head.node)) == wanted
    assert numbers(pushlog(startID=first.number, endID=last.number)) == wanted
    assert numbers(pushlog(fromchange=first.head.node, endID=last.number)) == wanted


def test_any_changeset_of_a_push_means_the_push(pushlog: Any, pushes: tuple[Push, ...]) -> None:
    push = next(push for push in pushes if len(push.commits) > 2)
    assert numbers(pushlog(changeset=push.commits[0].node)) == [push.number]
    assert numbers(pushlog(changeset=push.commits[1].node[:12])) == [push.number]
    earlier = pushes[pushes.index(push) - 1]
    assert numbers(pushlog(fromchange=earlier.head.node, tochange=push.commits[0].node)) == [push.number]


def test_days_are_exclusive_at_both_ends(pushlog: Any, pushes: tuple[Push, ...]) -> None:
    found = numbers(pushlog(startdate="2026-09-03", enddate="2026-09-04"))
    assert found == [push.number for push in pushes if push.when.day == 3 and push.when.month == 9]
    push = pushes[20]
    exactly = f"{push.when:%Y-%m-%d %H:%M:%S}"
    assert push.number not in numbers(pushlog(startdate=exactly, enddate="2026-09-30"))
    assert push.number not in numbers(pushlog(startdate="2026-01-01", enddate=exactly))


def test_without_parameters_the_last_ten_pushes(pushlog: Any, pushes: tuple[Push, ...], server: PracticeServer) -> None:
    assert numbers(pushlog()) == [push.number for push in pushes[-10:]]
    second = ask(f"{server.hg_url}/{REPO}/json-pushes/2")
    assert numbers(second) == [push.number for push in pushes[-20:-10]]


def test_version_1_is_bare_and_version_2_is_wrapped(pushlog: Any, pushes: tuple[Push, ...]) -> None:
    push = pushes[5]
    row = {
        "changesets": [commit.node for commit in push.commits],
        "date": int(push.when.timestamp()),
        "user": push.user,
        "git_changesets": [commit.git for commit in push.commits],
    }
    assert pushlog(changeset=push.head.node).json == {str(push.number): row}
    assert pushlog(changeset=push.head.node, version=2).json == {
        "lastpushid": pushes[-1].number,
        "pushes": {str(push.number): row},
    }
    assert pushlog(version=3).status == 500


def test_full_tells_each_changeset_and_tipsonly_the_last(pushlog: Any, pushes: tuple[Push, ...]) -> None:
    push = next(push for push in pushes if len(push.commits) > 2)
    row = pushlog(changeset=push.head.node, full=1).json[str(push.number)]
    assert [(it["node"], it["git_node"], it["desc"], it["author"], it["parents"]) for it in row["changesets"]] == [
        (commit.node, commit.git, commit.desc, commit.author, list(commit.parents)) for commit in push.commits
    ]
    tip = pushlog(changeset=push.head.node, tipsonly=1).json[str(push.number)]
    assert tip["changesets"] == [push.head.node]


def test_an_unknown_revision_is_a_404_in_json(pushlog: Any, world: World) -> None:
    for word in ("changeset", "fromchange", "tochange"):
        answer = pushlog(**{word: "foo"})
        assert answer.status == 404
        assert answer.json == {"error": "unknown revision 'foo'"}
    direct = next(p for p in world.central_pushes[1:] if p.user != "sheriff@mozilla.example")
    not_here = [commit for commit in direct.commits if pushlog(changeset=commit.node).status == 404]
    merged_back = {commit.node for push in world.branch_pushes for commit in push.commits}
    assert [commit.node for commit in not_here] == [c.node for c in direct.commits if c.node not in merged_back]


def test_a_window_without_pushes_is_empty(pushlog: Any) -> None:
    assert pushlog(startdate="2020-01-01", enddate="2020-01-02").json == {}
    assert pushlog(startdate="2020-01-01", enddate="2020-01-02", version=2).json["pushes"] == {}


def test_closed_repositories_are_there_and_know_nothing(server: PracticeServer, pushes: tuple[Push, ...]) -> None:
    closed = f"{server.hg_url}/integration/mozilla-inbound/json-pushes"
    assert ask(f"{closed}?startdate=2026-09-01").json == {}
    assert ask(f"{closed}?changeset={pushes[3].head.node}").status == 404
    nowhere = ask(f"{server.hg_url}/no-such/json-pushes")
    assert nowhere.status == 404
    assert nowhere.headers["content-type"] == "text/html"


def test_a_single_changeset_tells_its_push(server: PracticeServer, world: World) -> None:
    push = world.central_pushes[4]
    row = ask(f"{server.hg_url}/mozilla-central/json-rev/{push.head.node[:12]}").json
    assert (row["node"], row["pushid"], row["git_commit"]) == (push.head.node, push.number, push.head.git)
    assert ask(f"{server.hg_url}/mozilla-central/json-rev/foo").status == 404


def test_people_get_a_page(server: PracticeServer, pushes: tuple[Push, ...]) -> None:
    page = ask(f"{server.hg_url}/{REPO}/pushloghtml?changeset={pushes[7].head.node}")
    assert page.headers["content-type"].startswith("text/html")
    assert pushes[7].head.node[:12] in page.text


def test_the_old_host_may_send_to_the_new_one(world: World) -> None:
    with PracticeServer(world, hg_redirect=True) as server:
        answer = ask(f"{server.hg_url}/{REPO}/json-pushes?startID=1&version=2")
        assert (answer.status, answer.body) == (302, b"")
        base = server.hg_url.removesuffix("/hg")
        assert ask(base + answer.headers["location"]).json["pushes"]


def test_before_the_move_to_git_there_are_no_git_hashes(small: Callable[..., World]) -> None:
    with PracticeServer(small(git=False)) as server:
        rows = ask(f"{server.hg_url}/{REPO}/json-pushes").json
    assert not any("git_changesets" in row for row in rows.values())
