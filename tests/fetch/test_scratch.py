"""The private folder, and that nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from mozbisect.core.errors import CacheTrouble
from mozbisect.fetch.scratch import Scratch, locked, on_disk, remove

posix = pytest.mark.skipif(os.name != "posix", reason="locks and modes of POSIX")


def test_folders_are_new_and_empty_and_gone_after_the_close(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    one, two = scratch.fresh("build"), scratch.fresh("build")
    (one / "file").write_text("x")
    assert one != two
    assert list(two.iterdir()) == []
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    Scratch(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_folder_that_was_cleared_away_while_one_moved_in_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[Path] = []

    def after_the_other(file: IO[bytes]) -> bool:
        """The other run has the lock, removes the folder, and only then lets the lock go."""
        if not gone:
            gone.append(Path(os.fsdecode(file.name)).parent)
            remove(gone[0])
        return locked(file)

    monkeypatch.setattr("mozbisect.fetch.scratch.locked", after_the_other)
    scratch = Scratch(tmp_path)
    assert scratch.fresh("build").parent != gone[0]
    scratch.close()
    assert list(tmp_path.iterdir()) == []


@posix
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, signal, os\n"
        "from mozbisect.fetch.scratch import Scratch\n"
        "tree = Scratch(pathlib.Path(sys.argv[1])).fresh('build')\n"
        "(tree / 'libxul.so').write_text('big')\n"
        "print(tree, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL
    left = Path(run.stdout.strip())
    assert left.exists()
    living = Scratch(tmp_path)
    living.fresh("build")
    assert not left.exists()
    living.close()


@posix
def test_the_folder_of_a_living_run_is_left_alone(tmp_path: Path) -> None:
    one, two = Scratch(tmp_path), Scratch(tmp_path)
    tree = one.fresh("build")
    two.fresh("build")
    assert tree.exists()
    one.close()
    two.close()
    assert list(tmp_path.iterdir()) == []


@posix
def test_what_only_looks_like_ours_is_left_alone(tmp_path: Path) -> None:
    unlocked, file = tmp_path / "mozbisect-notes", tmp_path / "mozbisect-list"
    elsewhere = tmp_path / "elsewhere"
    for folder in (unlocked, elsewhere):
        folder.mkdir()
    (elsewhere / ".lived-in").touch()
    file.touch()
    (tmp_path / "mozbisect-link").symlink_to(elsewhere)
    scratch = Scratch(tmp_path)
    scratch.fresh("build")
    scratch.close()
    assert unlocked.exists()
    assert file.exists()
    assert (elsewhere / ".lived-in").exists()


@posix
def test_what_is_read_only_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("x")
    for path in (tree / "a" / "b" / "file", tree / "a" / "b", tree / "a", tree):
        path.chmod(0o500)
    rmtree = shutil.rmtree

    def as_for_anybody(path: Path, *, ignore_errors: bool) -> None:
        """Root may empty a folder that is read-only, and tests may be run by root."""
        if all(folder.stat().st_mode & stat.S_IWUSR for folder in (path, *path.rglob("*/"))):
            rmtree(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", as_for_anybody)
    remove(tree)
    assert not tree.exists()


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to("kept")
    remove(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept" / "file").exists()
    remove(tmp_path / "not there")


def test_a_root_that_cannot_be_is_trouble_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheTrouble, match=str(tmp_path / "file")):
        Scratch(tmp_path / "file" / "root").fresh("build")


def test_an_error_that_is_not_of_the_disk_is_not_made_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Invalid data stream"), on_disk(tmp_path):
        raise OSError("Invalid data stream")
