from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
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


# --------------------------------------------------------------------------------------- release branches and tags


@pytest.fixture(scope="module")
def railway(small: Callable[..., World]) -> Iterator[PracticeServer]:
    days = (date(2026, 9, 4), date(2026, 9, 7))
    with PracticeServer(small(trains=True, train_days=days, products=("firefox", "thunderbird"))) as server:
        yield server


def pushes_of(server: PracticeServer, path: str, query: str) -> Any:
    return ask(f"{server.hg_url}/{path}/json-pushes?{query}")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("releases/mozilla-beta", "mozilla-beta"),
        ("releases/mozilla-release", "mozilla-release"),
        ("releases/mozilla-esr140", "mozilla-esr140"),
        ("comm-central", "comm-central"),
        ("releases/comm-beta", "comm-beta"),
    ],
)
def test_each_repository_serves_its_own_pushes(railway: PracticeServer, path: str, name: str) -> None:
    family = railway.world if name.startswith("mozilla") else railway.world.others["thunderbird"]
    pushes = family.pushes[name]
    answer = pushes_of(railway, path, f"startID=0&endID={pushes[-1].number}&version=2")
    assert {int(key): row["changesets"] for key, row in answer.json["pushes"].items()} == {
        push.number: [commit.node for commit in push.commits] for push in pushes
    }


def test_a_tag_stands_wherever_a_revision_may(railway: PracticeServer) -> None:
    world = railway.world
    beta = world.pushes["mozilla-beta"]
    for one in [one for one in world.releases if one.channel == "beta"]:
        tag = f"FIREFOX_{one.version.replace('.', '_')}_RELEASE"
        found = pushes_of(railway, "releases/mozilla-beta", f"changeset={tag}")
        assert numbers(found) == [one.push.number]
        later = [push.number for push in beta if push.number > one.push.number]
        assert numbers(pushes_of(railway, "releases/mozilla-beta", f"fromchange={tag}&endID=99999")) == later
        until = [push.number for push in beta if push.number <= one.push.number]
        assert numbers(pushes_of(railway, "releases/mozilla-beta", f"startID=0&tochange={tag}")) == until
        row = ask(f"{railway.hg_url}/releases/mozilla-beta/json-rev/{tag}").json
        assert (row["node"], row["pushid"], row["git_commit"]) == (
            one.push.head.node,
            one.push.number,
            one.push.head.git,
        )
        assert (row["branch"], row["desc"]) == ("default", one.push.head.desc)
        assert row["pushdate"] == [int(one.push.when.timestamp()), 0]
        assert tag in row["tags"]


def test_a_tag_is_known_where_its_changeset_is_and_nowhere_else(railway: PracticeServer) -> None:
    ends = [tag for tag in railway.world.tags if "NIGHTLY" in tag.name]
    assert len(ends) == 2
    for path in ("mozilla-central", "releases/mozilla-beta"):
        assert [ask(f"{railway.hg_url}/{path}/json-rev/{tag.name}").json["node"] for tag in ends] == [
            t.node for t in ends
        ]
    assert ask(f"{railway.hg_url}/releases/mozilla-release/json-rev/{ends[0].name}").status == 200  # a train later
    assert ask(f"{railway.hg_url}/releases/mozilla-release/json-rev/{ends[1].name}").status == 404
    unknown = pushes_of(railway, "releases/mozilla-beta", "changeset=FIREFOX_31_0_RELEASE")
    assert (unknown.status, unknown.json) == (404, {"error": "unknown revision 'FIREFOX_31_0_RELEASE'"})


def test_all_tags_of_a_repository_can_be_listed(railway: PracticeServer) -> None:
    world = railway.world
    listed = ask(f"{railway.hg_url}/mozilla-central/json-tags").json
    ends = {tag.name: tag.node for tag in world.tags if re.search("NIGHTLY|BETA.*BASE", tag.name)}
    assert {row["tag"]: row["node"] for row in listed["tags"]} == ends
    for row in listed["tags"]:
        assert row["date"] == [int(world.commit(row["node"]).when.timestamp()), 0]
    assert ask(f"{railway.hg_url}/integration/mozilla-inbound/json-tags").json == {"node": "0" * 40, "tags": []}


def test_a_push_that_only_tags_says_so_and_has_no_git_hash(railway: PracticeServer) -> None:
    push = next(push for push in railway.world.central_pushes if push.only_tags)
    short = pushes_of(railway, "mozilla-central", f"changeset={push.head.node}").json[str(push.number)]
    assert (short["git_changesets"], short["user"]) == ([None], push.user)
    full = pushes_of(railway, "mozilla-central", f"changeset={push.head.node}&full=1").json[str(push.number)]
    assert [(row["branch"], row["git_node"]) for row in full["changesets"]] == [("tags-unified", None)]
    esr = railway.world.pushes["mozilla-esr140"]
    assert esr[-1].only_tags
    tip = ask(f"{railway.hg_url}/releases/mozilla-esr140/json-rev/tip").json
    default = ask(f"{railway.hg_url}/releases/mozilla-esr140/json-rev/default").json
    assert (tip["node"], tip["branch"]) == (esr[-1].head.node, "tags-unified")
    assert default["node"] == next(push for push in reversed(esr) if not push.only_tags).head.node
