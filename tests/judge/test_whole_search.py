"""A whole search in an invented history, judged by what builds print: from the options to the culprit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mozbisect.commands import search
from mozbisect.core.errors import UsageError
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, WorldParameters

SMALL = WorldParameters(seed=7, start=LAST_DAY - timedelta(days=9), days=10, pushes_per_day=6)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PracticeServer]:
    monkeypatch.setenv("MOZBISECT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("MOZ_HEADLESS", "1")
    with PracticeServer(make_world(SMALL)) as server:
        yield server


def words(server: PracticeServer, **more: object) -> dict[str, object]:
    nightlies = server.world.nightlies
    return {
        "good": str(nightlies[0].when.date()),
        "bad": str(nightlies[-1].when.date()),
        "arch": "x86_64",
        "archive_base_url": server.archive_url,
        "taskcluster_root_url": server.taskcluster_url,
        "hg_url": server.hg_url,
        "lando_url": server.lando_url,
        "arg": ("--check",),  # print the colour and end
        **more,
    }


@pytest.mark.parametrize("runs", [1, 3])
def test_what_builds_print_leads_to_the_culprit(
    server: PracticeServer, runs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    search.bisect(words(server, judge="output:^window colour: red$", within=20, runs=runs), "text")
    said = capsys.readouterr().out
    found = re.search(r"^First bad revision: ([0-9a-f]{40})", said, re.MULTILINE)
    assert found is not None
    assert found[1] == server.world.expected().first_new.head.node


def test_a_judge_that_makes_no_sense_is_refused_before_anything_is_downloaded(server: PracticeServer) -> None:
    with pytest.raises(UsageError, match="lacks its REGEX"):
        search.bisect(words(server, judge="output"), "text")
    assert server.log == []


def test_one_build_can_be_judged_without_a_search(server: PracticeServer, capsys: pytest.CaptureFixture[str]) -> None:
    nightlies = server.world.nightlies
    good, bad = (str(nightly.when.date()) for nightly in (nightlies[0], nightlies[-1]))
    for day, judge, status, told in (
        (bad, "output:colour: red", 1, "bad: it printed: window colour: red"),
        (good, "output:colour: red", 0, "good: it did not print it before it ended"),
        (bad, "crash", 125, "skip: it ended at once (exit status 1)"),  # not 1, which would be bad
    ):
        given = words(server, judge=judge, within=20)
        del given["good"], given["bad"]
        with pytest.raises(SystemExit) as ended:
            search.launch(given, day)
        assert ended.value.code == status
        assert told in capsys.readouterr().err
