from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mozbisect.practice.lando import Lando
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World, moment
from tests.practice.conftest import ask


def test_hashes_are_translated_both_ways(server: PracticeServer, world: World) -> None:
    commit = world.culprit.commit
    pair = {"git_hash": commit.git, "hg_hash": commit.node}
    assert commit.git is not None
    for asked in (commit.git, commit.git[:10]):
        assert ask(f"{server.lando_url}/api/git2hg/firefox/{asked}").json == pair
    assert ask(f"{server.lando_url}/api/hg2git/firefox/{commit.node}").json == pair


@pytest.mark.parametrize(
    "path", [f"git2hg/firefox/{'0' * 40}", f"hg2git/firefox/{'0' * 40}", f"git2hg/other/{'0' * 8}"]
)
def test_none_is_a_404_in_json(server: PracticeServer, path: str) -> None:
    answer = ask(f"{server.lando_url}/api/{path}")
    assert (answer.status, answer.json["error"]) == (404, "No commits found")


@pytest.mark.parametrize("path", ["git2hg/firefox/abc", "hg2git/firefox/abcdef0123"])
def test_a_hash_of_another_length_is_no_address(server: PracticeServer, path: str) -> None:
    answer = ask(f"{server.lando_url}/api/{path}")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_beginning_that_fits_several_commits_is_a_400(world: World) -> None:
    twins = [replace(world.commits[at], git=f"abcdef0{at}".ljust(40, "0")) for at in (1, 2)]
    lando = Lando(World(world.parameters, tuple(twins), world.pushes, world.nightlies, world.culprit))
    assert lando.answer("/api/git2hg/firefox/abcdef0").status == 400
    assert lando.answer("/api/git2hg/firefox/abcdef02").status == 200


def test_thunderbird_has_a_map_of_its_own(small: Callable[..., World]) -> None:
    world = small(products=("firefox", "thunderbird"))
    commit = world.others["thunderbird"].culprit.commit
    lando = Lando(world)
    assert lando.answer(f"/api/git2hg/thunderbird-desktop/{commit.git}").status == 200
    assert lando.answer(f"/api/hg2git/thunderbird-desktop/{commit.node}").status == 200
    assert lando.answer(f"/api/hg2git/firefox/{commit.node}").status == 404
    assert Lando(small()).answer(f"/api/hg2git/thunderbird-desktop/{commit.node}").status == 404


def test_what_is_too_young_is_not_known_yet(small: Callable[..., World]) -> None:
    world = small(lando_lag=timedelta(days=2))
    lando = Lando(world)
    until = moment(world.parameters.end) - timedelta(days=1)
    known = {commit.node: lando.answer(f"/api/hg2git/firefox/{commit.node}").status for commit in world.commits}
    assert known == {commit.node: 200 if commit.when <= until else 404 for commit in world.commits}
    assert set(known.values()) == {200, 404}


def test_what_only_tags_is_no_git_commit(small: Callable[..., World]) -> None:
    world = small(trains=True)
    push = next(push for push in world.pushes["mozilla-beta"] if push.only_tags)
    assert Lando(world).answer(f"/api/hg2git/firefox/{push.head.node}").status == 404
