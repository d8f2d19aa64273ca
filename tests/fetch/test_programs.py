"""A quicker program, where there is one; fakes of it on PATH, and the real one where this machine has it."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.unpack import programs
from mozbisect.fetch.unpack.archive import unpack
from mozbisect.fetch.unpack.streaming import Unpacking
from tests.fetch.conftest import Growing, firefox
from tests.fetch.test_unpack import everything

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fakes of programs are scripts")

WORKS = "import bz2, sys; sys.stdout.buffer.write(bz2.decompress(sys.stdin.buffer.read()))"
FAILS = WORKS + "; sys.exit(1)"
HANGS = "import time; time.sleep(60)"
SIZE = len(firefox(packed="bz2"))


@pytest.fixture
def lbzip2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program of that name on PATH."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    (tmp_path / "bin").mkdir()

    def put(code: str, start: str = f"#!{sys.executable}") -> None:
        (tmp_path / "bin" / "lbzip2").write_text(f"{start}\nimport os\nopen({str(tmp_path / 'used')!r}, 'a')\n{code}")
        (tmp_path / "bin" / "lbzip2").chmod(0o755)

    return put


def streamed(body: bytes, tree: Path) -> dict[str, bytes | str | None]:
    tree.mkdir()
    with Unpacking("a.tar.bz2", lambda: tree, lambda: None) as unpacking:
        file = Growing(tree.with_name("a.tar.bz2"), unpacking)
        for at in range(0, len(body), 50):
            file.write(body[at : at + 50])
        found = unpacking.tree()
        assert found is not None
        return everything(found)


def unpacked(body: bytes, tmp_path: Path) -> dict[str, bytes | str | None]:
    (tmp_path / "file").write_bytes(body)
    (tmp_path / "unpacked").mkdir()
    unpack(tmp_path / "file", tmp_path / "unpacked")
    return everything(tmp_path / "unpacked")


def test_a_program_that_is_here_is_used(lbzip2: Callable[[str], None], tmp_path: Path) -> None:
    lbzip2(WORKS)
    found = streamed(firefox(packed="bz2"), tmp_path / "tree")
    assert found == unpacked(firefox(packed="bz2"), tmp_path)
    assert (tmp_path / "used").exists()
    assert [one for one in threading.enumerate() if one.name == "unpacking"] == []


def test_without_it_python_does_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "firefox/firefox" in streamed(firefox(packed="bz2"), tmp_path / "tree")


def test_one_that_cannot_be_started_is_done_without(lbzip2: Callable[..., None], tmp_path: Path) -> None:
    lbzip2(WORKS, "#!/no/such/python")
    assert "firefox/firefox" in streamed(firefox(packed="bz2"), tmp_path / "tree")


def test_what_it_fails_at_is_damaged(lbzip2: Callable[[str], None], tmp_path: Path) -> None:
    lbzip2(FAILS)
    with pytest.raises(BrokenBuild, match="damaged"):
        unpacked(firefox(packed="bz2"), tmp_path)


def test_what_it_does_not_mind_behind_the_end_is_damage(lbzip2: Callable[[str], None], tmp_path: Path) -> None:
    reads_one_row = "import bz2, sys; one = bz2.BZ2Decompressor()\nwhile not one.eof:\n"
    reads_one_row += "    sys.stdout.buffer.write(one.decompress(sys.stdin.buffer.read1(100)))\nsys.stdout.flush()"
    lbzip2(reads_one_row)
    assert unpacked(firefox(packed="bz2") + bytes(1 << 20), tmp_path)
    (tmp_path / "unpacked").rename(tmp_path / "zeros")
    with pytest.raises(BrokenBuild, match="damaged: what follows its end"):
        unpacked(firefox(packed="bz2") + bytes(1 << 20) + b"rubbish", tmp_path)
    assert (tmp_path / "used").exists()


def test_one_that_hangs_ends_with_who_gives_up(lbzip2: Callable[[str], None], tmp_path: Path) -> None:
    lbzip2(HANGS)
    (tmp_path / "tree").mkdir()
    interrupted = threading.Event()

    def check() -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt

    unpacking = Unpacking("a.tar.bz2", lambda: tmp_path / "tree", check)
    with unpacking:
        Growing(tmp_path / "a.tar.bz2", unpacking).write(firefox(packed="bz2"))
        interrupted.set()
    assert [one for one in threading.enumerate() if one.name == "unpacking"] == []


def test_one_waits_for_the_other_and_gives_up_within_a_moment(lbzip2: Callable[[str], None], tmp_path: Path) -> None:
    lbzip2(WORKS)
    body = firefox(packed="bz2")
    (tmp_path / "tree").mkdir()
    with programs.piped(("cat",), io.BytesIO(body).read, lambda: None):
        began = time.monotonic()
        with Unpacking("a.tar.bz2", lambda: tmp_path / "tree", lambda: None) as unpacking:
            Growing(tmp_path / "a.tar.bz2", unpacking).write(body)
        assert time.monotonic() - began < 5
        assert not (tmp_path / "used").exists()
    assert unpacked(body, tmp_path)
    assert (tmp_path / "used").exists()


def test_nobody_waits_for_long_for_the_download_of_another(
    lbzip2: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "LONGEST_TURN", 0.2)
    lbzip2(WORKS)
    with programs.piped(("cat",), io.BytesIO(b"").read, lambda: None):
        assert unpacked(firefox(packed="bz2"), tmp_path)
    assert not (tmp_path / "used").exists()


@pytest.mark.skipif(shutil.which("lbzip2") is None, reason="lbzip2 is not installed")
@pytest.mark.parametrize("length", [0, SIZE // 2, SIZE - 1])
def test_the_real_one_notices_an_early_end(length: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert programs.quicker(b"BZh") is not None
    assert "firefox/firefox" in unpacked(firefox(packed="bz2"), tmp_path)
    (tmp_path / "unpacked").rename(tmp_path / "whole")
    with pytest.raises(BrokenBuild):
        unpacked(firefox(packed="bz2")[:length], tmp_path)
