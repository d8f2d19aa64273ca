"""What is kept leaves the memory of the machine, as far as the system lets us see."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from mozbisect.fetch.cache import page_cache
from mozbisect.fetch.cache.page_cache import forget, forget_soon
from mozbisect.fetch.cache.store import Cache
from mozbisect.fetch.fetcher import BuildFetcher
from mozbisect.net.http import Http
from tests.fetch.conftest import build_at, firefox
from tests.serving import Server

BODY = os.urandom(3 << 20)


def in_memory(path: Path) -> bool:
    """Can a byte of the file be read without asking the disk? Skips where the system does not tell."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells")
    with path.open("rb", buffering=0) as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], path.stat().st_size // 2, os.RWF_NOWAIT) == 1
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            pytest.skip(f"this disk does not tell: {error}")


def gone_within(seconds: float, path: Path) -> bool:
    until = time.monotonic() + seconds
    while in_memory(path):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_file_that_is_on_the_disk_is_let_go_of_and_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(BODY)
        file.flush()
        os.fsync(file.fileno())
    assert in_memory(path)
    forget(path)
    assert not in_memory(path)
    assert path.read_bytes() == BODY


def test_files_that_were_just_written_are_let_go_of_once_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "_WRITTEN_IN", 0.3)
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        path.write_bytes(BODY)
    assert in_memory(paths[0])
    forget_soon(paths)
    assert all(gone_within(5, path) for path in paths)
    assert [path.read_bytes() for path in paths] == [BODY, BODY]


def test_what_is_gone_or_cannot_be_read_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "_WRITTEN_IN", 0.0)
    forget(tmp_path / "gone")
    forget(tmp_path)
    forget_soon([tmp_path / "gone"])
    monkeypatch.delattr(os, "posix_fadvise", raising=False)  # macOS and Windows have none
    forget(tmp_path / "gone")


def test_a_machine_without_threads_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    forget_soon([tmp_path / "file"])


def test_a_build_that_was_judged_leaves_memory_and_stays_on_the_disk(
    server: Server, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "_WRITTEN_IN", 0.3)
    folder = tmp_path / "kept"
    build = build_at(server.put("/f.tar.xz", firefox(), etag='"1"'))
    with Cache(folder) as cache:
        fetcher = BuildFetcher(http, cache, find=lambda _: build)
        with fetcher.bring(build) as tree:
            assert in_memory(next(tree.rglob("application.ini")))
        fetcher.close()
        archive = next(folder.glob("*.tar.xz"))
        [judged] = folder.rglob("application.ini")
        assert gone_within(5, judged)
        assert gone_within(5, archive)
    assert "[App]" in judged.read_text()
