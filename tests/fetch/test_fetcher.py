"""Builds brought here, from a real server into real folders."""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild, CacheTrouble, NetworkError, NoBuild
from mozbisect.core.model import Build, Candidate
from mozbisect.core.ports import Fetcher
from mozbisect.fetch.cache.store import Cache, file_name
from mozbisect.fetch.fetcher import BuildFetcher
from mozbisect.fetch.unpack import archive as unpack
from mozbisect.fetch.unpack import streaming as unpacking_module
from mozbisect.fetch.unpack.flow import Flow
from mozbisect.fetch.verify import Seal
from mozbisect.net import http as net
from mozbisect.net.http import Http
from tests.fetch.conftest import build_at, firefox, nightly, sha, tar_member, tar_of, unlikely, zip_of
from tests.fetch.test_ahead import Patience, running
from tests.fetch.test_cache import names
from tests.serving import Cut, File, Instead, Server, Stall, Status

A, B = nightly("a"), nightly("b")


class World:
    """A server with a Firefox for each of a few candidates, and all that a fetcher needs."""

    def __init__(self, server: Server, http: Http, root: Path) -> None:
        self.server, self.http, self.root = server, http, root
        self.patience = Patience()
        self.builds: dict[Candidate, Build] = {}
        self.told: list[tuple[Build, int, int | None]] = []
        self.temp = root / "temp"
        self.cache = Cache(root / "persist")
        self.fetchers: list[BuildFetcher] = []
        for candidate in (A, B):
            self.put(candidate, firefox(candidate.key))

    def put(self, candidate: Candidate, body: bytes, *, digest: bool = True, name: str = "firefox.tar.xz") -> Build:
        url = self.server.put(f"/{candidate.key}/{name}", body, etag='"1"')
        build = build_at(url, candidate=candidate, digest=sha("sha256", body) if digest else None)
        self.builds[candidate] = build
        return build

    def find(self, candidate: Candidate) -> Build:
        if candidate not in self.builds:
            raise NoBuild("none that day")
        return self.builds[candidate]

    def fetcher(
        self, *, look_ahead: bool = True, keep: bool = False, unpack_ahead: bool = True, http: Http | None = None
    ) -> BuildFetcher:
        fetcher = BuildFetcher(
            http or self.http,
            self.cache,
            find=self.find,
            progress=lambda *news: self.told.append(news),
            look_ahead=look_ahead,
            temp_root=self.temp,
            keep=keep,
            unpack_ahead=unpack_ahead,
            later=self.patience,
        )
        self.fetchers.append(fetcher)
        return fetcher

    def asked(self, candidate: Candidate) -> int:
        return len(self.server.asked(f"/{candidate.key}/firefox.tar.xz"))

    def temporary(self) -> list[Path]:
        return list(self.temp.iterdir()) if self.temp.exists() else []


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "_pause", lambda number, asked: 0.0)


@pytest.fixture
def world(server: Server, http: Http, tmp_path: Path) -> Iterator[World]:
    world = World(server, http, tmp_path)
    yield world
    for fetcher in world.fetchers:
        fetcher.close()
    assert running() == []
    assert world.temporary() == []


def word(tree: Path) -> str:
    return (tree / "firefox" / "firefox").read_text().split()[-1]


def ready() -> None:
    """Wait until look-ahead has nothing more to do."""
    for thread in running():
        thread.join(5)
    assert running() == []


def test_it_is_the_fetcher_that_the_engine_wants(world: World) -> None:
    fetcher: Fetcher = world.fetcher()
    fetcher.ahead({})


def test_a_build_is_brought_unpacked_and_gone_after_the_with(world: World) -> None:
    fetcher = world.fetcher()
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"
        (tree / "firefox" / "written by the caller").touch()
        (tree / "firefox").chmod(0o500)
    assert not tree.exists()
    assert world.told[-1] == (world.builds[A], len(firefox("a")), len(firefox("a")))


def test_each_with_has_a_tree_of_its_own(world: World) -> None:
    fetcher = world.fetcher()
    with fetcher.bring(world.builds[A]) as one:
        (one / "firefox" / "firefox").write_text("spoiled by its own update")
        with fetcher.bring(world.builds[A]) as two:
            assert one != two
            assert word(two) == "a"
    assert world.asked(A) == 1


def test_an_app_that_is_not_unpacked_comes_as_its_file(world: World) -> None:
    build = world.put(A, zip_of(("classes.dex", b"x", 0)), name="fenix.apk")
    with world.fetcher().bring(build) as file:
        assert file.name == "fenix.apk"
        assert file.read_bytes() == zip_of(("classes.dex", b"x", 0))
        file.write_bytes(b"spoiled")
    with world.fetcher().bring(build) as file:
        assert file.read_bytes() != b"spoiled"


def test_a_build_that_is_gone_is_none_and_leaves_nothing(world: World) -> None:
    world.server.faults["/a/firefox.tar.xz"] += [Status(404)]
    with pytest.raises(NoBuild, match="gone"), world.fetcher().bring(world.builds[A]):
        pass
    world.cache.close()
    assert list((world.root / "persist").iterdir()) == []


def test_when_nothing_answers_it_is_the_network(world: World) -> None:
    build = build_at("http://127.0.0.1:1/firefox.tar.xz", candidate=A)
    with pytest.raises(NetworkError), world.fetcher().bring(build):
        pass


def test_a_damaged_archive_without_a_digest_is_fetched_once_more(world: World) -> None:
    build = world.put(A, firefox("a"), digest=False)
    world.server.faults["/a/firefox.tar.xz"] += [Instead(File(firefox("a")[:-9]))]
    with world.fetcher().bring(build) as tree:
        assert word(tree) == "a"
    assert world.asked(A) == 2


def test_an_archive_that_is_damaged_on_the_server_is_broken_and_not_kept(world: World) -> None:
    build = world.put(A, firefox("a")[:-9], digest=False)
    with pytest.raises(BrokenBuild, match="damaged"), world.fetcher().bring(build):
        pass
    assert world.asked(A) == 2
    world.cache.close()
    assert list((world.root / "persist").iterdir()) == []


def test_an_archive_that_is_damaged_as_published_is_not_fetched_twice(world: World) -> None:
    build = world.put(A, firefox("a")[:-9])
    with pytest.raises(BrokenBuild, match="damaged"), world.fetcher().bring(build):
        pass
    assert world.asked(A) == 1


def test_a_file_in_the_cache_that_went_bad_is_replaced(world: World) -> None:
    for digest in (True, False):
        build = world.put(A, firefox("a"), digest=digest)
        with world.fetcher().bring(build):
            pass
        (world.root / "persist" / file_name(build)).write_bytes(firefox("a")[:100])
        with world.fetcher().bring(build) as tree:
            assert word(tree) == "a"


def test_an_error_in_the_with_is_not_swallowed_and_the_tree_is_gone(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.fetcher().bring(world.builds[A]) as tree:
        raise ZeroDivisionError
    assert not tree.exists()


def big(word: str) -> bytes:
    noise = random.Random(word).randbytes(400_000)
    return tar_of((tar_member("firefox/firefox"), f"echo {word}".encode()), (tar_member("firefox/libxul.so"), noise))


def test_a_broken_transfer_that_goes_on_does_not_begin_the_unpacking_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = world.put(A, big("a"))
    world.server.faults["/a/firefox.tar.xz"] += [Cut(200_000), Cut(50_000, reset=True)]
    trees: list[Path] = []
    monkeypatch.setattr(unpacking_module, "unpack_stream", counted(trees))
    with world.fetcher().bring(build) as tree:
        assert word(tree) == "a"
        assert trees == [tree]
    assert world.asked(A) == 3


def test_a_file_that_changes_under_way_is_unpacked_as_it_came_at_last(world: World) -> None:
    old, new = big("old"), big("new")
    build = world.put(A, new, digest=False)
    world.server.faults["/a/firefox.tar.xz"] += [Cut(200_000)]
    world.server.files["/a/firefox.tar.xz"] = File(old, etag='"old"')
    fetcher = world.fetcher()

    def changed(*_: object) -> None:
        world.server.files["/a/firefox.tar.xz"] = File(new, etag='"new"')

    fetcher._progress = changed
    with fetcher.bring(build) as tree:
        assert word(tree) == "new"


@pytest.mark.parametrize("digest", [True, False])
def test_bytes_that_are_wrong_never_become_a_tree(digest: bool, world: World) -> None:
    build = world.put(A, big("right"), digest=digest)
    wrong = big("wrong") if digest else big("wrong")[:-300]
    world.server.faults["/a/firefox.tar.xz"] += [Instead(File(wrong))]
    with world.fetcher().bring(build) as tree:
        assert word(tree) == "right"
    assert world.asked(A) == 2


def test_ctrl_c_in_mid_download_leaves_no_thread_and_no_tree(world: World) -> None:
    build = world.put(A, big("a"))
    fetcher = world.fetcher()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    fetcher._progress = interrupted
    with pytest.raises(KeyboardInterrupt), fetcher.bring(build):
        pass
    assert [thread for thread in threading.enumerate() if thread.name == "unpacking"] == []
    assert list(world.temp.glob("*/build-*")) == []


def counted(trees: list[Path]) -> Callable[..., bool]:
    def unpack_stream(source: Flow, name: str, into: Path, *, check: Callable[[], None]) -> bool:
        trees.append(into)
        return unpack.unpack_stream(source, name, into, check=check)

    return unpack_stream


def test_the_next_run_has_the_tree_at_once(world: World) -> None:
    with world.fetcher().bring(world.builds[A]) as tree:
        (tree / "firefox" / "left behind").touch()
    (world.root / "persist" / file_name(world.builds[A])).unlink()
    world.cache.close()
    world.cache = Cache(world.root / "persist")
    with world.fetcher().bring(world.builds[A]) as tree:
        assert word(tree) == "a"
        assert not (tree / "firefox" / "left behind").exists()
    assert world.asked(A) == 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("at", ["download", "seal", "tree"])
def test_a_cache_that_somebody_removes_meanwhile_is_made_anew_once(
    at: str, times: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []

    def remove(*_: object) -> None:
        if len(removed) < times:
            removed.append(at)
            while (world.root / "persist").exists():  # an unpacker may be writing there just now
                shutil.rmtree(world.root / "persist", ignore_errors=True)

    fetcher = world.fetcher()
    make, vouched = Cache._make_durable, BuildFetcher._vouched
    if at == "download":
        fetcher._progress = remove
    elif at == "seal":
        monkeypatch.setattr(Cache, "_make_durable", lambda cache, part: (make(cache, part), remove()))
    else:
        monkeypatch.setattr(BuildFetcher, "_vouched", lambda own, tree, build: (remove(), vouched(own, tree, build))[1])
    if times == 2 and at != "tree":
        with pytest.raises(CacheTrouble, match="no such file"), fetcher.bring(world.builds[A]):
            pass
        return
    with fetcher.bring(world.builds[A]) as tree:
        if at != "tree":
            assert word(tree) == "a"
    assert removed


def test_kept_trees_make_way_where_the_disk_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.fetcher().bring(world.builds[A]):
        pass
    make = Cache._make_durable

    def full(cache: Cache, part: Path) -> None:
        if list((world.root / "persist").glob("*.tree")):
            raise OSError(errno.ENOSPC, "No space left on device")
        make(cache, part)

    monkeypatch.setattr(Cache, "_make_durable", full)
    with world.fetcher().bring(world.builds[B]) as tree:
        assert word(tree) == "b"
    with world.fetcher().bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    assert world.asked(A) == 1


def test_a_cache_that_can_only_be_read_gives_what_it_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.fetcher().bring(world.builds[A]):
        pass
    world.cache.close()
    shutil.rmtree(next((world.root / "persist").glob("*.tree")))
    make = tempfile.mkdtemp

    def read_only(prefix: str, dir: Path) -> str:  # noqa: A002
        if dir == world.root / "persist":
            raise OSError(errno.EROFS, "Read-only file system")
        return make(prefix=prefix, dir=dir)

    mkdir: Callable[..., None] = Path.mkdir

    def no_folder(path: Path, *words: object, **more: object) -> None:
        if path.parent == world.root / "persist":
            raise OSError(errno.EROFS, "Read-only file system")
        mkdir(path, *words, **more)

    monkeypatch.setattr(tempfile, "mkdtemp", read_only)
    monkeypatch.setattr(Path, "mkdir", no_folder)
    world.cache = Cache(world.root / "persist")
    with world.fetcher().bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != world.root / "persist" and access(path, mode))
    before = sorted((world.root / "persist").rglob("*"))
    for _ in range(2):
        with world.fetcher().bring(world.builds[B]) as tree:
            assert word(tree) == "b"
    assert world.asked(B) == 1
    assert sorted((world.root / "persist").rglob("*")) == before


def test_what_is_no_good_in_a_cache_that_can_only_be_read_is_fetched_for_this_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = world.put(A, firefox("a")[:-40], digest=False)
    with world.cache.lend(build, lambda part: _copied(firefox("a")[:-40], part)):
        pass
    world.put(A, firefox("a"), digest=False)
    archive = world.root / "persist" / file_name(build)
    unlink: Callable[..., None] = Path.unlink

    def read_only(path: Path, *, missing_ok: bool = False) -> None:
        if path.parent == archive.parent:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    access = os.access
    monkeypatch.setattr(Path, "unlink", read_only)
    monkeypatch.setattr(os, "access", lambda path, mode: path != archive.parent and access(path, mode))
    with world.fetcher().bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    assert archive.read_bytes() == firefox("a")[:-40]


def _copied(body: bytes, part: Path) -> Seal:
    part.write_bytes(body)
    return Seal(len(body), sha("sha256", body).hex)


def test_where_the_disk_is_full_all_makes_way_that_nobody_uses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    persist = world.root / "persist"
    others = [build_at(f"http://a/{name}.zip") for name in ("used", "old", "new", "wanted")]
    for at, build in enumerate(others):
        with world.cache.lend(build, lambda part: _copied(b"a build", part)):
            pass
        os.utime(persist / file_name(build), (at + 1, at + 1))
    broken_off = persist / (file_name(build_at("http://a/half.zip")) + ".part")
    broken_off.mkdir()
    (persist / "notes.txt").write_text("of a person")
    seen: list[int] = []
    make = Cache._make_durable

    def full(cache: Cache, part: Path) -> None:
        seen.append(len(list(persist.glob("*.zip"))))
        if len(list(persist.glob("*.zip"))) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        make(cache, part)

    monkeypatch.setattr(Cache, "_make_durable", full)
    with Cache(persist) as another_run, another_run.lend(others[0], lambda part: _copied(b"", part)):
        os.utime(persist / file_name(others[0]), (1, 1))
        with world.fetcher().bring(world.builds[B]) as tree:
            assert word(tree) == "b"
    assert seen == [4, 4, 3, 1]  # at first; without the parts; without the older half; without the rest
    assert (persist / file_name(others[0])).exists()
    assert not broken_off.exists()
    assert (persist / "notes.txt").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs another disk")
def test_where_another_disk_is_full_nothing_makes_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.fetcher().bring(world.builds[A]):
        pass
    before = sorted((world.root / "persist").glob("*"))

    def full(file: Path, to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/proc/self/not/there")

    app = world.put(B, b"an app", name="target.apk")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(CacheTrouble, match="no space left"), world.fetcher().bring(app):
        pass
    assert set(before) <= set((world.root / "persist").glob("*"))


def test_where_the_disk_stays_full_that_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(cache: Cache, part: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with world.fetcher().bring(world.builds[A]):
        pass
    monkeypatch.setattr(Cache, "_make_durable", full)
    with pytest.raises(CacheTrouble, match="no space left"), world.fetcher().bring(world.builds[B]):
        pass


def test_a_build_that_nobody_waits_for_drives_no_download_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.fetcher().bring(world.builds[A]):
        pass

    def full(cache: Cache, part: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Cache, "_make_durable", full)
    assert list(world.cache.make_way(world.builds[B], trees_only=True)) == ["the unpacked builds"]
    assert file_name(world.builds[A]) in names(world.root / "persist")


# -------------------------------------------------------------------------------------------------- look-ahead


def test_what_was_made_ready_is_brought_without_a_request(world: World) -> None:
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(A, B))
    world.patience.is_over()
    ready()
    world.server.faults["/a/firefox.tar.xz"] += [Status(500)] * 9
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    assert not tree.exists()
    assert world.asked(A) == 1


def test_a_download_that_is_under_way_is_joined_and_told_about(world: World) -> None:
    world.server.faults["/a/firefox.tar.xz"] += [Stall(100)]
    fetcher = world.fetcher(http=Http(timeout=0.4, sleep=lambda seconds: None))
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    assert world.server.stalling.wait(5)
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    assert world.asked(A) == 2  # the one that stalled, and its second try


def test_progress_of_a_joined_download_is_told(world: World) -> None:
    body = firefox("a")
    world.server.faults["/a/firefox.tar.xz"] += [Cut(100), Stall(50)]
    fetcher = world.fetcher(http=Http(timeout=0.5, sleep=lambda seconds: None))
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    assert world.server.stalling.wait(5)
    with fetcher.bring(world.builds[A]):
        pass
    assert world.told
    build, here, whole = world.told[0]
    assert (build, whole) == (world.builds[A], len(body))
    assert 0 < here <= len(body)


def test_a_look_ahead_that_failed_is_done_again_in_daylight(world: World) -> None:
    world.server.faults["/a/firefox.tar.xz"] += [Status(404), Status(403)]
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    for thread in running():
        thread.join(5)
    with pytest.raises(BrokenBuild, match="the server answered 403"), fetcher.bring(world.builds[A]):
        pass
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"


def test_a_candidate_without_a_build_is_passed_over(world: World) -> None:
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(nightly("no build"), nightly("none either"), A))
    world.patience.is_over()
    while world.asked(A) == 0 or running():
        for thread in running():
            thread.join(5)
    with fetcher.bring(world.builds[A]):
        assert world.asked(A) == 1


def test_a_build_that_became_another_is_fetched_as_it_is_now(world: World) -> None:
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    ready()
    other = world.put(A, firefox("retriggered"), name="other.tar.xz")
    with fetcher.bring(other) as tree:
        assert word(tree) == "retriggered"


def test_without_unpacking_ahead_the_file_is_at_hand(world: World) -> None:
    fetcher = world.fetcher(unpack_ahead=False)
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    ready()
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"
    assert world.asked(A) == 1


def test_look_ahead_can_be_turned_off(world: World) -> None:
    fetcher = world.fetcher(look_ahead=False)
    fetcher.ahead(unlikely(A))
    assert world.patience.seconds == []


def test_the_close_ends_a_download_that_waits_for_bytes_and_leaves_nothing(world: World) -> None:
    world.server.faults["/a/firefox.tar.xz"] += [Stall(100)]
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    assert world.server.stalling.wait(5)
    fetcher.close()
    assert world.temporary() == []
    world.cache.close()
    ready()  # it may have waited for its headers still, so that nobody waited for it
    assert list((world.root / "persist").iterdir()) == []


def test_ctrl_c_while_joining_stops_the_download(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.server.faults["/a/firefox.tar.xz"] += [Stall(100)]
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(A))
    world.patience.is_over()
    assert world.server.stalling.wait(5)

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    (thread,) = running()
    with monkeypatch.context() as patch:
        wait: Callable[..., bool] = threading.Event.wait
        patch.setattr(
            threading.Event,
            "wait",
            lambda event, timeout=None: (
                interrupted(event) if threading.current_thread() is threading.main_thread() else wait(event, timeout)
            ),
        )
        with pytest.raises(KeyboardInterrupt), fetcher.bring(world.builds[A]):
            pass
    thread.join(5)
    assert not thread.is_alive()


def test_who_is_waited_for_does_not_wait_for_a_look_ahead_that_stalls(world: World) -> None:
    world.server.faults["/b/firefox.tar.xz"] += [Stall(100)]
    fetcher = world.fetcher()
    fetcher.ahead(unlikely(B))
    world.patience.is_over()
    assert world.server.stalling.wait(5)
    with fetcher.bring(world.builds[A]) as tree:
        assert word(tree) == "a"
