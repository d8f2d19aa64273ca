"""The private folder, and that nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

from mozbisect.core.errors import CacheTrouble
from mozbisect.fetch.scratch import Scratch, clear_the_abandoned, locked, on_disk, remove

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


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Root may write everywhere, and tests may be run by root. Not in this, for what is below the current folder."""
    monkeypatch.chdir(tmp_path)
    if os.getuid() != 0:
        yield
        return
    os.chown(tmp_path, 65534, -1)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@posix
def test_what_is_read_only_is_removed_too(nobody: None) -> None:
    tree = Path("tree")
    (tree / "a" / "b" / "c").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("x")
    for path in (tree / "a" / "b" / "file", tree / "a" / "b" / "c", tree / "a" / "b", tree / "a", tree):
        path.chmod(0o500)
    with pytest.raises(PermissionError):
        shutil.rmtree(tree)
    remove(tree)
    assert not tree.exists()


def deep(root: Path, levels: int = 3000) -> Path:
    """A tree that is deeper than Python calls itself, and than a path is long."""
    inner = root / "0"
    inner.mkdir()
    (inner / "file").write_text("x")
    for level in range(1, levels):
        outer = root / str(level)
        outer.mkdir()
        (outer / "file").write_text("x")
        inner.rename(outer / "folder")
        inner = outer
    return inner


@posix
def test_a_tree_of_any_depth_is_removed(tmp_path: Path) -> None:
    tree = deep(tmp_path)
    for number in range(9):  # as if somebody had been killed in the midst of it
        (tree / str(number) / "a").mkdir(parents=True)
    remove(tree)
    assert list(tmp_path.iterdir()) == []
    with Scratch(tmp_path) as scratch:
        deep(scratch.fresh("tree"))
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("steps", range(8))
def test_a_run_that_is_killed_while_it_closes_leaves_nothing_to_the_next(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    scratch = Scratch(tmp_path)
    for name in "abc":
        (scratch.fresh(name) / "file").write_text("x")
    left = steps

    def killed_at(removes: Callable[..., None]) -> Callable[..., None]:
        def remove_or_die(*words: Any, **more: Any) -> None:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            removes(*words, **more)

        return remove_or_die

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, killed_at(getattr(os, name)))
        with suppress(Killed):
            scratch.close()
    clear_the_abandoned(tmp_path, now=lambda: time.time() + 61)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_lock_is_removed_only_when_it_is_empty_and_not_new(tmp_path: Path) -> None:
    new, old, used = (tmp_path / f"mozbisect-{name}" for name in ("new", "old", "used"))
    for folder in (new, old, used):
        folder.mkdir()
    (used / "file").touch()
    for folder in (old, used):
        os.utime(folder, (1, 1))
    clear_the_abandoned(tmp_path)
    assert set(tmp_path.iterdir()) == {new, used}


def test_after_the_close_nothing_is_made_any_more(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    scratch.close()
    with pytest.raises(CacheTrouble, match="over"):
        scratch.fresh("build")
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_lock_that_was_replaced_before_it_was_taken_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[Path] = []

    def after_the_other(file: IO[bytes]) -> bool:
        if not gone:
            gone.append(Path(os.fsdecode(file.name)))
            gone[0].rename(tmp_path / "old")
            gone[0].touch()
        return locked(file)

    monkeypatch.setattr("mozbisect.fetch.scratch.locked", after_the_other)
    with Scratch(tmp_path) as scratch:
        assert scratch.fresh("build").parent != gone[0].parent


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
