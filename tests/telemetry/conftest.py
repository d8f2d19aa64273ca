from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mozbisect.telemetry.decision import EVERYBODYS, FLAG, OURS
from tests.telemetry.catching import Catcher, catching


@pytest.fixture(autouse=True)
def nobody_has_said_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite says no to telemetry (tests/conftest.py); the tests in here are about it."""
    for name in (EVERYBODYS, FLAG, OURS, "CI", *(name for name in os.environ if name.startswith("GLEAN_"))):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    with catching() as catcher:
        yield catcher
