"""What the options come to, where no door leads there in every test run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mozbisect.core.model import REGRESSION, Build, Target
from mozbisect.core.ports import Question
from mozbisect.options import Options
from mozbisect.wiring import judge, launcher
from tests.fakes import FakeApp
from tests.launch.conftest import BUILD


def ignore(_: str) -> None:
    """What is said is not looked at here."""


@pytest.mark.parametrize("headless", [True, False])
def test_headless_reaches_the_build_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, headless: bool
) -> None:
    monkeypatch.delenv("MOZ_HEADLESS", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    build: Build = BUILD
    program = tmp_path / "tree" / "firefox" / "firefox"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "<$MOZ_HEADLESS>"\n')
    options = Options(headless=headless, command="sh -c 'test \"$MOZ_HEADLESS\" = 1'")
    target = Target("firefox", "linux", "x86_64", ("shippable",))
    with launcher(options, target, ignore, tmp_path).install(tmp_path / "tree", build) as app:
        app.start()
        assert app.wait() == 0
        assert app.output() == ("<1>\n" if headless else "<>\n")
    question = Question(1, 1, can_go_back=False, terms=REGRESSION, title="")
    answer = judge(options, REGRESSION, ignore).judge(FakeApp(program), build, question)
    assert answer.side.value == ("old" if headless else "new")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("app", "words", "useless"),
    [
        ("jsshell", {"pref": ("a:1",), "addon": ("x.xpi",), "profile": "/p"}, "--profile, --pref, --addon"),
        ("jsshell", {"preferences": (), "profile_persistence": "reuse"}, "--profile-persistence"),
        ("jsshell", {"arg": ("-e", "1"), "headless": True}, None),
        ("fenix", {"headless": True, "process_output": "stdout", "pref": ("a:1",)}, "--headless, --process-output"),
        ("gve", {"adb_profile_dir": "/data/local/tmp", "profile": "/p"}, None),
        ("firefox", {"adb_profile_dir": "/data/local/tmp", "headless": True}, "--adb-profile-dir"),
        ("thunderbird", {"pref": ("a:1",), "addon": ("x.xpi",), "process_output": "none"}, None),
    ],
)
def test_an_option_that_an_app_has_no_use_for_is_told(
    tmp_path: Path, app: str, words: dict[str, Any], useless: str | None
) -> None:
    said: list[str] = []
    launcher(Options(app=app, **words), Target(app, "linux", "x86_64", ("opt",)), said.append, tmp_path)
    assert said == ([f"Note: {app} has no use for {useless}: it is run without."] if useless else [])
