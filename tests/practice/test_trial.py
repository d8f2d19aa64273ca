"""What ``mozbisect practice --app`` plays with: the two ends that are named differ, and the server has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mozbisect.core.errors import UsageError
from mozbisect.practice import APPS
from mozbisect.practice.trial import SHORTEST, Trial
from tests.practice.conftest import ask


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize(("seed", "days", "find_fix"), [(1, 60, False), (2, SHORTEST, False), (3, 30, True)])
def test_the_culprit_lies_between_the_two_ends(app: str, seed: int, days: int, find_fix: bool) -> None:
    trial = Trial.invent(seed=seed, days=days, find_fix=find_fix, firefox=None, app=app)
    with trial.served(0) as served:
        words = served.words(play=False)
        old, new = ("bad", "good") if find_fix else ("good", "bad")
        pushes = {str(one.when.date()): one.push for one in trial.searched.nightlies}
        if app == "firefox-release":
            pushes = {one.version: one.push for one in trial.world.releases}
            for version in (words[old], words[new]):
                assert ask(f"{served.server.archive_url}/firefox/releases/{version}/linux-x86_64/en-US/").status == 200
        assert not trial.searched.contains_culprit(pushes[words[old]].head.node)
        assert trial.searched.contains_culprit(pushes[words[new]].head.node)
        assert words.get("app", "firefox") == app
        assert ask(f"{served.server.archive_url}/{'thunderbird' if app == 'thunderbird' else 'firefox'}/").status == 200


def test_firefox_is_played_on_the_same_history_as_ever() -> None:
    plain = Trial.invent(seed=1, days=10, find_fix=False, firefox=None)
    for app in ("thunderbird", "jsshell"):
        assert Trial.invent(seed=1, days=10, find_fix=False, firefox=None, app=app).world.commits == plain.world.commits
    assert set(plain.world.pushes) == {"mozilla-central", "autoland"}


def test_what_cannot_be_played_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="jsshell"):
        Trial.invent(seed=1, days=60, find_fix=False, firefox=tmp_path, app="jsshell")
    with pytest.raises(UsageError, match="9 days"):
        Trial.invent(seed=1, days=9, find_fix=False, firefox=None, app="firefox-release")
