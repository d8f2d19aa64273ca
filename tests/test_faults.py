"""Whatever goes wrong with one request in ten: never a wrong answer, and the exact one wherever another try helps."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mozbisect.practice.faults import Fault
from tests.faulty import FINAL, run

HELPED_BY_ANOTHER_TRY = [kind for kind in Fault if kind not in FINAL]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """``capfd``: what the builds say of themselves is not to be seen."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def lingering() -> list[threading.Thread]:
    """Nobody waits for one that only waits for an answer; but that comes, and then it ends."""
    ours = [thread for thread in threading.enumerate() if thread.name in ("look-ahead", "unpacking")]
    for thread in ours:
        thread.join(2)
    return [thread for thread in ours if thread.is_alive()]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", HELPED_BY_ANOTHER_TRY)
def test_what_passes_when_a_build_is_asked_for_again_changes_no_answer(kind: Fault, seed: int, tmp_path: Path) -> None:
    found = run(kind, "builds", seed, every=5)
    assert found.grade == "exact", found
    assert found.hits
    assert list(tmp_path.iterdir()) == []
    assert lingering() == []


@pytest.mark.parametrize("seed", range(3))
def test_builds_that_are_gone_make_the_answer_wider_at_most(seed: int) -> None:
    assert run(Fault.NOT_FOUND, "builds", seed, every=4).grade in ("exact", "wider")


@pytest.mark.parametrize("kind", list(Fault))
def test_what_goes_wrong_anywhere_never_gives_a_wrong_answer(kind: Fault) -> None:
    found = run(kind, "everything", seed=5, every=7)
    assert found.grade != "WRONG"
    assert found.hits > 3
