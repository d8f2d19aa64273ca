"""Looking after a folder of builds between runs."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.commands.cache import cache as command
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Build
from mozbisect.fetch.cache import upkeep
from mozbisect.fetch.cache.store import Cache, file_name
from tests.fetch.conftest import build_at
from tests.fetch.test_cache import ARCHIVE, KIB, Shop, give_back, names, planted, take
from tests.fetch.test_peer import BY_DAY

BUILDS = [build_at(f"{ARCHIVE}/{number}.zip") for number in range(7)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven archives, a tree of each, a file of mozregression, and one of a person."""
    with Cache(tmp_path) as cache:
        for build in BUILDS:
            give_back(cache, planted(cache, build, Shop(bytes(1024)), 2048))
    (tmp_path / BY_DAY).write_bytes(bytes(99))
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def test_what_a_folder_holds_is_counted(folder: Path) -> None:
    assert upkeep.info(folder) == upkeep.Contents(7, 7 * 1024, 7, 7 * 2048, 0, 0, 1, 99)


def test_a_file_that_goes_while_it_is_counted_is_not_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_file = Path.is_file

    def and_then_it_goes(path: Path) -> bool:
        was = is_file(path)
        path.unlink(missing_ok=True)
        return was

    monkeypatch.setattr(Path, "is_file", and_then_it_goes)
    assert upkeep.info(folder).theirs == 0


def test_a_folder_that_is_not_there_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    for action in (upkeep.info, upkeep.clear, upkeep.verify):
        action(tmp_path / "gone")
    upkeep.prune(tmp_path / "gone", 1)
    assert not (tmp_path / "gone").exists()


def test_to_prune_takes_trees_and_the_oldest_first(folder: Path) -> None:
    upkeep.prune(folder, 6 * KIB)
    found = upkeep.info(folder)
    assert (found.archives, found.trees, found.theirs) == (6, 0, 1)


def test_to_clear_leaves_what_is_not_ours_and_what_a_run_uses(folder: Path) -> None:
    with Cache(folder) as run:
        files = take(run, BUILDS[0])
        assert files is not None
        upkeep.clear(folder)
        assert names(folder) == {BY_DAY, "notes.txt"}
        assert (files / "firefox" / "firefox").exists()


def test_to_verify_finds_what_changed_and_nothing_else(folder: Path) -> None:
    def path(build: Build, ending: str = "") -> Path:
        return folder / (file_name(build) + ending)

    path(BUILDS[0]).write_bytes(b"x" * 1024)
    path(BUILDS[1], ".seal").write_text("{")
    (path(BUILDS[2], ".tree") / "files" / "firefox" / "firefox").write_bytes(b"x" * 2048)
    (path(BUILDS[3], ".tree") / "mark.json").write_text("{}")
    assert {name for name, _ in upkeep.verify(folder)} == {
        path(BUILDS[0]).name,
        path(BUILDS[1]).name,
        path(BUILDS[2], ".tree").name,
        path(BUILDS[3], ".tree").name,
    }
    assert upkeep.verify(folder) == []
    assert upkeep.info(folder).archives == 5


def test_what_a_killed_run_left_goes_with_any_of_them(folder: Path) -> None:
    for action in (upkeep.clear, upkeep.verify):
        left = folder / "mozbisect-abc"
        left.mkdir()
        (left / ".lived-in").touch()
        action(folder)
        assert not left.exists()


def test_the_command_wants_a_folder_and_a_size(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Which folder"):
        command("info", None)
    with pytest.raises(UsageError, match="which size"):
        command("prune", str(tmp_path))


def test_the_command_tells_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command("info", str(folder))
    said = capsys.readouterr().out
    assert str(folder) in said
    assert "7  unpacked builds" in said


@pytest.mark.skipif(os.name != "posix", reason="where a file that is open cannot be removed")
@pytest.mark.parametrize("action", [upkeep.clear, lambda folder: upkeep.prune(folder, KIB)])
def test_an_archive_that_another_run_reads_stays(action: Callable[[Path], None], folder: Path) -> None:
    with Cache(folder, now=lambda: 1.0) as run, run.lend(BUILDS[0], Shop()) as archive:
        action(folder)
        assert archive.exists()
        assert archive.with_name(archive.name + ".seal").exists()
    action(folder)
    assert not archive.exists()


def test_a_folder_that_can_only_be_read_is_verified_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = folder / file_name(BUILDS[0])
    damaged.write_bytes(b"x" * 1024)

    def read_only(*_: object, **more: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", read_only)
        patch.setattr(tempfile, "mkdtemp", read_only)
        command("verify", str(folder))
    assert f"{damaged.name}: it changed since it was downloaded; it cannot be removed" in capsys.readouterr().out
    command("verify", str(folder))
    assert f"{damaged.name}: it changed since it was downloaded; removed" in capsys.readouterr().out
