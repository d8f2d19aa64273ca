"""From a Git hash to the Mercurial one: three ways, each a fallback of the one before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mozbisect.core.errors import UsageError
from mozbisect.core.model import Target
from mozbisect.net.http import Http
from mozbisect.sources.git import Git
from mozbisect.sources.lando import Lando
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.taskcluster import Taskcluster
from tests.canned import Canned

GIT, HG = "8db09b47689dcfc25671b178619b03ad214c6369", "920a52be5d43046ea3df130dea626f8ba9a04e97"
LANDO = f"/lando/api/git2hg/firefox/{GIT}"
INDEX = f"/tc/api/index/v1/task/gecko.v2.autoland.shippable.revision.{GIT}.firefox.linux64-opt"
STAMP = "/tc/api/queue/v1/task/T/artifacts/public/build/target.json"
LAST = "/hg/mozilla-central/json-pushes?version=2"
CENTRAL = "/hg/mozilla-central/json-pushes?endID=9&startID=-491&version=2"
MORE = "/hg/mozilla-central/json-pushes?endID=9&startID=-3991&version=2"


@pytest.fixture
def git(server: Canned, http: Http) -> Git:
    target = Target("firefox", "linux", "x86_64", ("shippable", "opt"))
    taskcluster = Taskcluster(http, f"{server.url}/tc", target)
    return Git(Lando(http, f"{server.url}/lando"), taskcluster, Pushlog(http, f"{server.url}/hg"))


def pushes(**row: Any) -> dict[str, Any]:
    when = int(datetime(2026, 9, 14, 12, tzinfo=UTC).timestamp())
    return {"pushes": {"9": {"date": when, "user": "x", **row}}}


def test_lando_is_asked_first_and_nobody_else_if_it_knows(server: Canned, git: Git) -> None:
    server.says(LANDO, {"git_hash": GIT, "hg_hash": HG})
    assert git.hg_of(GIT, "mozilla-central") == HG
    assert server.asked == [LANDO]


@pytest.mark.parametrize("status", [404, 500])
def test_a_build_tells_what_lando_does_not(server: Canned, git: Git, status: int) -> None:
    server.says(LANDO, {"error": "No commits found"}, status=status)
    server.says(INDEX, {"taskId": "T"})
    server.says(STAMP, {"moz_source_stamp": HG})
    assert git.hg_of(GIT, "mozilla-central") == HG


@pytest.mark.parametrize("hash_", [GIT, GIT[:12]])
def test_the_pushlog_tells_what_is_too_new_for_lando_and_was_not_built(server: Canned, git: Git, hash_: str) -> None:
    server.says(LAST, pushes(changesets=["2" * 40]))
    server.says(CENTRAL, pushes(changesets=["1" * 40, HG], git_changesets=[None, GIT]))
    assert git.hg_of(hash_, "mozilla-central") == HG


def test_of_older_pushes_more_are_looked_through(server: Canned, git: Git) -> None:
    server.says(LAST, pushes(changesets=["2" * 40]))
    server.says(CENTRAL, pushes(changesets=["2" * 40]))
    server.says(MORE, pushes(changesets=[HG], git_changesets=[GIT]))
    assert git.hg_of(GIT, "mozilla-central") == HG


def test_of_an_abbreviation_no_route_is_asked_for(server: Canned, git: Git) -> None:
    assert git.hg_of(GIT[:12], "mozilla-central") is None
    assert not [path for path in server.asked if path.startswith("/tc/")]


def test_nobody_knows_it(git: Git) -> None:
    assert git.hg_of(GIT, "mozilla-central") is None


def test_when_lando_is_down_and_nobody_else_knows_it_the_trouble_is_named(server: Canned, git: Git) -> None:
    server.says(LANDO, "oops", status=500, kind="text/plain")
    with pytest.raises(UsageError, match=r"could not be asked .*500"):
        git.hg_of(GIT, "mozilla-central")


def test_an_abbreviation_of_several_commits_is_said(server: Canned, git: Git) -> None:
    server.says("/lando/api/git2hg/firefox/8db09b4", {"error": "Multiple commits found", "detail": "x"}, status=400)
    with pytest.raises(UsageError, match="fits several Git commits") as caught:
        git.hg_of("8db09b4", "mozilla-central")
    assert "more digits" in caught.value.advice


def test_an_abbreviation_of_several_new_commits_is_said(server: Canned, git: Git) -> None:
    other = GIT[:12] + "0" * 28
    server.says(LAST, pushes(changesets=["2" * 40]))
    server.says(CENTRAL, pushes(changesets=["1" * 40, HG], git_changesets=[other, GIT]))
    with pytest.raises(UsageError, match="fits several Git commits"):
        git.hg_of(GIT[:12], "mozilla-central")
    assert git.hg_of(GIT[:13], "mozilla-central") == HG


def test_the_way_out_asks_lando_and_silence_is_no_trouble(server: Canned, git: Git) -> None:
    server.says(f"/lando/api/hg2git/firefox/{HG}", {"git_hash": GIT, "hg_hash": HG})
    assert git.git_of(HG) == GIT
    assert git.git_of("f" * 40) is None
    assert git.git_of(HG[:12]) is None, "hg2git wants the whole hash"
    server.says(f"/lando/api/hg2git/firefox/{'a' * 40}", "oops", status=500, kind="text/plain")
    assert git.git_of("a" * 40) is None


def test_thunderbird_has_its_own_map(server: Canned, http: Http) -> None:
    server.says("/lando/api/git2hg/thunderbird-desktop/8db09b4", {"git_hash": GIT, "hg_hash": HG})
    assert Lando(http, f"{server.url}/lando", family="comm").hg_of("8db09b4") == HG
