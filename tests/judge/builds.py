"""Small builds on disk, run by the real launcher."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mozbisect.core.model import REGRESSION, Answer
from mozbisect.core.ports import Judge, Question
from mozbisect.launch.desktop import DesktopApp, DesktopLauncher, LaunchSettings
from tests.judge.conftest import NIGHTLY

QUESTION = Question(number=1, left=3, can_go_back=False, terms=REGRESSION, title="")
SETTINGS = LaunchSettings(app="firefox", os="linux", binary_names=("firefox",))

FIREFOX = Path(shutil.which("firefox-esr") or "firefox-esr").resolve().parent
HAS_FIREFOX = (FIREFOX / "firefox-esr").exists()
REAL = f'MOZ_HEADLESS=1 exec {shlex.quote(str(FIREFOX))}/firefox-esr "$@"'


class Builds:
    """Builds in a folder; ``temp`` is where their profiles are."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self._folder = folder
        self.temp = folder / "temp"
        self.temp.mkdir()
        self._launcher = DesktopLauncher(
            replace(SETTINGS, **settings),  # type: ignore[arg-type]
            self.temp,
            patience=0.05,
        )

    @contextmanager
    def app(self, script: str) -> Iterator[DesktopApp]:
        """A build whose program is this shell script."""
        program = self._folder / "tree" / "firefox" / "firefox"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        with self._launcher.install(self._folder / "tree", NIGHTLY) as app:
            yield app

    def judged(self, judge: Judge, script: str) -> Answer:
        with self.app(script) as app:
            answer = judge.judge(app, NIGHTLY, QUESTION)
            assert not app.running(), "a judge stops what it has started"
            return answer
