"""An app that only remembers what was done to it, and the builds it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mozbisect.core.model import REGRESSION, Build, Candidate, Kind
from mozbisect.core.ports import Question

NIGHTLY = Build(
    candidate=Candidate(
        Kind.NIGHTLY,
        "2026-09-14-09-21-33-mozilla-central",
        "mozilla-central",
        datetime(2026, 9, 14, 9, 21, 33, tzinfo=UTC),
    ),
    app="firefox",
    build_type="shippable",
    url="https://archive.example/firefox-151.0a1.en-US.linux-x86_64.tar.xz",
    file_name="firefox-151.0a1.en-US.linux-x86_64.tar.xz",
    repo="mozilla-central",
)
PUSH = replace(
    NIGHTLY,
    candidate=replace(NIGHTLY.candidate, kind=Kind.PUSH, key="autoland:45292", repo="autoland"),
    repo="autoland",
    revision="a" * 40,
    git_revision="b" * 40,
    build_id="20260914092133",
    task_id="TaskId",
)


@dataclass
class FakeApp:
    binary: Path = Path("/builds/with space/firefox")
    facts: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    alive: bool = False
    dies: bool = False
    error: BaseException | None = None
    status: int | None = None  # how it ends; None: it still runs when the time is over
    crash: str | None = None
    said: str = ""
    waited: list[float | None] = field(default_factory=list)

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, bool | int | str] = {}) -> None:
        self.done.append("start")
        if self.error is not None:
            raise self.error
        self.alive = not self.dies

    def running(self) -> bool:
        return self.alive

    def wait(self, timeout: float | None = None) -> int | None:
        self.waited.append(timeout)
        return self.status

    def output(self) -> str:
        return self.said

    def crashed(self) -> str | None:
        assert self.done[-1] != "stop", "it must be asked before"
        return self.crash

    def stop(self) -> None:
        self.done.append("stop")
        self.alive = False


@pytest.fixture
def app() -> FakeApp:
    return FakeApp()


@pytest.fixture
def question() -> Question:
    return Question(number=3, left=4, can_go_back=True, terms=REGRESSION, title="nightly of 2026-09-14")
