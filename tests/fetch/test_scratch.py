"""The private folder, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.core.errors import CacheTrouble
from mozbisect.fetch.scratch import Scratch, on_disk, remove

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
def test_what_is_read_only_is_removed_too(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for path in (tree / "file", tree / "a" / "b" / "file"):
        path.write_text("x")
        path.chmod(0o400)
    for folder in (tree / "a" / "b", tree / "a", tree):
        folder.chmod(0o500)
    _as_nobody_special(tmp_path, lambda: remove(tree))
    assert not tree.exists()


def _as_nobody_special(folder: Path, then: Callable[[], None]) -> None:
    """Root may do everything, so that a test run by root would show nothing: let somebody else do it."""
    if os.geteuid() != 0:
        return then()
    for path in (*folder.parents, folder, *folder.rglob("*")):
        if path.is_relative_to(folder):
            os.chown(path, 65534, 65534)
        elif path.owner() == "root" and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o001)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        then()
        os._exit(0)
    os.waitpid(child, 0)
    return None


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
