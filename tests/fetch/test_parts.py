"""Downloads that were broken off: carried on by the next try, and never believed further than they are right."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import NoBuild, NotFetched
from mozbisect.core.model import Build
from mozbisect.fetch.cache import upkeep
from mozbisect.fetch.cache.store import Cache, file_name
from mozbisect.fetch.stop import Stop, Stopped
from mozbisect.fetch.transfer import download as module
from mozbisect.fetch.transfer import parts
from mozbisect.fetch.transfer.download import download
from mozbisect.fetch.unpack.streaming import Unpacking
from mozbisect.net.http import Http
from tests.fetch.conftest import build_at, firefox, sha
from tests.fetch.test_cache import KIB, Shop, names
from tests.serving import Cut, Fault, File, Instead, Reset, Server, Stall, Status

BODY = bytes(range(256)) * 1000
STEP = 10_000


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "STEP", STEP)
    monkeypatch.setattr(module, "_CHUNK", STEP // 2)


@pytest.fixture(params=[True, False], ids=["digest", "no digest"])
def build(server: Server, request: pytest.FixtureRequest) -> Build:
    digest = sha("sha256", BODY) if request.param else None
    return build_at(server.put("/f.zip", BODY, etag='"1"'), digest=digest)


def from_where(server: Server) -> list[int]:
    """Where each answer was asked to begin."""
    return [int(one.get("Range", "bytes=0-")[6:].partition("-")[0]) for one in server.asked("/f.zip")]


def broken_off(server: Server, build: Build, part: Path, at: int = 70_000) -> None:
    """A run that ends after so many bytes, and the server forgets it."""
    server.faults["/f.zip"] += [Cut(at), *[Reset()] * 4]
    http = Http(sleep=lambda seconds: None)
    with pytest.raises(Exception, match=r"f\.zip"):
        download(http, build, part)
    http.close()
    assert part.stat().st_size >= at // STEP * STEP > 0
    server.seen.clear()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    (tmp_path / "f.zip.part").mkdir()
    return tmp_path / "f.zip.part" / "bytes"


@pytest.fixture
def left(server: Server, build: Build, part: Path) -> Path:
    broken_off(server, build, part)
    return part


# ---------------------------------------------------------------------------------------------- carried on


def test_the_next_run_carries_on_where_the_last_one_broke_off(
    left: Path, server: Server, http: Http, build: Build
) -> None:
    seal = download(http, build, left)
    assert left.read_bytes() == BODY
    assert seal.sha256 == sha("sha256", BODY).hex
    assert from_where(server) == [70_000]
    assert server.asked("/f.zip")[0]["If-Range"] == '"1"'


@pytest.mark.parametrize("mark", [{"Last-Modified": "Mon, 14 Sep 2026 09:31:22 GMT"}, {"ETag": '"1"'}], ids=str)
def test_also_by_a_date_and_without_a_digest(mark: dict[str, str], server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, headers=mark))
    broken_off(server, build, part)
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert from_where(server)[0] > 0


def test_what_the_store_says_of_the_whole_is_heard_by_the_next_run_too(server: Server, http: Http, part: Path) -> None:
    """No digest is published: nothing else would find the byte that was spoilt on the way."""
    said = f"md5={base64.b64encode(hashlib.md5(BODY).digest()).decode()}"
    build = build_at(server.put("/f.zip", BODY, etag='"1"', headers={"x-goog-hash": said}))
    broken_off(server, build, part)
    spoilt = BODY[:-9] + b"?" + BODY[-8:]
    server.faults["/f.zip"] += [Instead(File(spoilt, {"ETag": '"1"', "x-goog-hash": said}))]
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert from_where(server) == [70_000, 0]


def test_what_was_kept_is_unpacked_too(server: Server, http: Http, tmp_path: Path) -> None:
    body = firefox(random.Random(1).randbytes(80_000).hex())
    build = build_at(server.put("/f.zip", body, etag='"1"'), digest=sha("sha256", body))
    broken_off(server, build, tmp_path / "bytes", at=40_000)
    trees = tmp_path / "trees"
    trees.mkdir()
    with Unpacking("a.tar.xz", lambda: trees, lambda: None) as unpacking:
        download(http, build, tmp_path / "bytes", also=unpacking)
        assert unpacking.tree() == trees
    assert (trees / "firefox" / "firefox").exists()
    assert from_where(server)[0] > 0


def test_a_part_that_is_whole_costs_no_request(server: Server, http: Http, build: Build, part: Path) -> None:
    broken_off(server, build, part, at=len(BODY) // STEP * STEP)
    (part.with_name("notes")).open("a").write(f'[{len(BODY)}, "{sha("sha256", BODY).hex}"]\n')
    part.write_bytes(BODY)
    download(http, build, part)
    assert server.seen == []


def _another_digest(server: Server, left: Path, build: Build) -> Build:
    server.put("/f.zip", BODY[::-1], etag='"1"')
    return replace(build, digest=sha("sha256", BODY[::-1]))


def _another_etag(server: Server, left: Path, build: Build) -> Build:
    server.put("/f.zip", BODY, etag='"2"')
    return build


def _another_size(server: Server, left: Path, build: Build) -> Build:
    server.put("/f.zip", BODY + b"more", etag='"1"')
    return replace(build, digest=build.digest and sha("sha256", BODY + b"more"), size=len(BODY) + 4)


def _another_address(server: Server, left: Path, build: Build) -> Build:
    return replace(build, url=server.put("/g.zip", BODY, etag='"1"'))


def _no_ranges(server: Server, left: Path, build: Build) -> Build:
    server.put("/f.zip", BODY, etag='"1"', ranges=False)
    return build


def _out_of_range(server: Server, left: Path, build: Build) -> Build:
    server.faults["/f.zip"] = [Status(416)]
    return build


def _careless(server: Server, left: Path, build: Build) -> Build:
    server.faults["/f.zip"] = [Instead(File(BODY[::-1], etag='"2"'), careless=True)]
    return build


def _tampered(server: Server, left: Path, build: Build) -> Build:
    left.write_bytes(b"x" + left.read_bytes()[1:])
    return build


def _tampered_in_the_middle(server: Server, left: Path, build: Build) -> Build:
    body = bytearray(left.read_bytes())
    body[35_000] ^= 1
    left.write_bytes(body)
    return build


def _zeroes(server: Server, left: Path, build: Build) -> Build:
    left.write_bytes(bytes(left.stat().st_size))
    return build


def _cut(server: Server, left: Path, build: Build) -> Build:
    os.truncate(left, 25_000)
    return build


def _notes_of_nonsense(server: Server, left: Path, build: Build) -> Build:
    left.with_name("notes").write_bytes(b"\xff{}\n[1]\n[]\nnull\n")
    return build


def _no_notes(server: Server, left: Path, build: Build) -> Build:
    left.with_name("notes").unlink()
    return build


def _half_a_note(server: Server, left: Path, build: Build) -> Build:
    left.with_name("notes").open("a").write('[80000, "ab')
    return build


FROM: dict[Callable[[Server, Path, Build], Build], int] = {
    _another_digest: 0,
    _another_size: 0,
    _another_address: 0,
    _another_etag: 70_000,
    _no_ranges: 70_000,
    _out_of_range: 70_000,
    _careless: 70_000,
    _tampered: 0,
    _tampered_in_the_middle: 30_000,
    _zeroes: 0,
    _cut: 20_000,
    _notes_of_nonsense: 0,
    _no_notes: 0,
    _half_a_note: 70_000,
}


@pytest.mark.parametrize("change", FROM, ids=lambda change: change.__name__.strip("_"))
def test_what_is_not_as_it_was_is_begun_anew_without_a_word(
    change: Callable[[Server, Path, Build], Build], left: Path, server: Server, http: Http, build: Build
) -> None:
    changed = change(server, left, build)
    path = changed.url.removeprefix(server.base)
    download(http, changed, left)
    assert left.read_bytes() == server.files[path].body
    first = server.asked(path)[0].get("Range", "bytes=0-")
    assert first == f"bytes={FROM[change]}-"


ends = st.lists(st.integers(0, len(BODY)).map(Cut) | st.integers(0, len(BODY)).map(lambda at: Cut(at, reset=True)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(ends, max_size=4), harm=st.lists(st.integers(0, len(BODY) - 1), max_size=2), data=st.data())
def test_any_number_of_runs_with_any_faults_between_come_to_the_right_file(
    runs: list[list[Fault]],
    harm: list[int],
    data: st.DataObject,
    server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    part = tmp_path_factory.mktemp("part") / "bytes"
    http = Http(sleep=lambda seconds: None)
    build = build_at(
        server.put("/f.zip", BODY, etag='"1"'), digest=data.draw(st.sampled_from([None, sha("md5", BODY)]))
    )
    for faults in [*runs, []]:
        server.faults["/f.zip"] = list(faults)
        try:
            download(http, build, part)
        except NotFetched:
            if part.exists() and harm and part.stat().st_size > harm[0]:
                body = bytearray(part.read_bytes())
                body[harm[0]] ^= 0x10
                part.write_bytes(body)
        else:
            assert part.read_bytes() == BODY
            break
    assert part.read_bytes() == BODY
    http.close()


def test_a_file_that_is_gone_leaves_nothing(left: Path, server: Server, http: Http, build: Build) -> None:
    server.faults["/f.zip"] = [Status(404)]
    with pytest.raises(NoBuild):
        download(http, build, left)
    assert list(left.parent.iterdir()) == []


def test_a_file_that_is_wrong_leaves_nothing(left: Path, server: Server, http: Http, build: Build) -> None:
    server.put("/f.zip", BODY[::-1], etag='"2"')
    with pytest.raises(NotFetched, match="sha256"):
        download(http, replace(build, digest=sha("sha256", BODY)), left)
    assert list(left.parent.iterdir()) == []


@pytest.mark.parametrize("for_good", [False, True])
def test_what_is_not_wanted_for_good_is_not_kept(
    for_good: bool, server: Server, http: Http, build: Build, part: Path
) -> None:
    stop = Stop()

    def enough(here: int, whole: int | None) -> None:
        if here > 2 * STEP:
            stop.now(for_good=for_good)

    with pytest.raises(Stopped):
        download(http, build, part, stop=stop, tell=enough)
    assert part.exists() is not for_good


# -------------------------------------------------------------------------------------------- in the cache

RUN = """
import sys, pathlib
from mozbisect.fetch.transfer import download as module, parts
from mozbisect.fetch.cache.store import Cache
from mozbisect.fetch.transfer.download import download
from mozbisect.net.http import Http
from tests.fetch.conftest import build_at
parts.STEP, module._CHUNK = 10_000, 5_000
build = build_at(sys.argv[2])
with Cache(pathlib.Path(sys.argv[1])) as cache:
    with cache.lend(build, lambda part: download(Http(), build, part)):
        pass
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_what_a_killed_run_had_the_next_one_carries_on(
    end: signal.Signals, server: Server, http: Http, tmp_path: Path
) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    server.faults["/f.zip"] = [Stall(150_000)]
    folder = tmp_path / "persist"
    run = subprocess.Popen([sys.executable, "-c", RUN, str(folder), build.url], stderr=subprocess.DEVNULL)
    part = folder / (file_name(build) + ".part")
    assert server.stalling.wait(10)
    while not (part / "notes").exists() or len((part / "notes").read_text().splitlines()) < 12:
        assert run.poll() is None
        time.sleep(0.01)
    with Cache(folder) as other:
        assert parts.in_use(part)
        other.drop_parts()
        assert part.exists()
    run.send_signal(end)
    run.wait(10)
    assert names(folder) == {part.name}
    with Cache(folder) as cache, cache.lend(build, lambda part: download(http, build, part)) as file:
        assert file.read_bytes() == BODY
    assert from_where(server)[-1] >= 110_000
    assert names(folder) == {file_name(build), file_name(build) + ".seal"}


class Fails(Shop):
    """A download that breaks off."""

    def __call__(self, part: Path) -> parts.Tally:  # type: ignore[override]
        self.visits += 1
        part.write_bytes(self.body)
        part.with_name("notes").write_text("x")
        raise KeyboardInterrupt


def kept_part(cache: Cache, build: Build, size: int = 1024, used: float | None = None) -> Path:
    with pytest.raises(KeyboardInterrupt), cache.lend(build, Fails(os.urandom(size))):
        pass
    found = cache._folder() / (file_name(build) + ".part")
    if used is not None:
        os.utime(found / "bytes", (used, used))
    return found


def test_two_runs_never_write_into_one_part(tmp_path: Path) -> None:
    build = build_at("http://a/f.zip")
    places: list[Path] = []
    shop = Shop()

    def meanwhile_the_other(part: Path) -> object:
        places.append(part)
        with Cache(tmp_path) as two, two.lend(build, lambda part: places.append(part) or shop(part)) as file:
            assert file.read_bytes() == b"a build"
        return shop(part)

    with Cache(tmp_path) as one, one.lend(build, meanwhile_the_other) as file:  # type: ignore[arg-type]
        assert file.read_bytes() == b"a build"
    assert len(set(places)) == 2
    assert names(tmp_path) == {file_name(build), file_name(build) + ".seal"}


def test_a_run_that_keeps_nothing_leaves_no_part(tmp_path: Path) -> None:
    with Cache(temp_root=tmp_path) as cache:
        part = kept_part(cache, build_at("http://a/f.zip"))
        assert part.exists()  # the same run may come back to it
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_run_that_ends_well_takes_the_parts_with_it(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        kept_part(cache, build_at("http://a/f.zip"))
        cache.drop_parts()
    assert names(tmp_path) == set()


@pytest.fixture
def two_parts(tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A folder, an older and a younger part of 50 KiB each."""
    with Cache(tmp_path) as cache:
        old = kept_part(cache, build_at("http://a/old.zip"), 50 << 10)
        os.utime(old / "bytes", (old.stat().st_mtime - 50, old.stat().st_mtime - 50))
        yield tmp_path, old, kept_part(cache, build_at("http://a/new.zip"), 50 << 10)


def test_parts_count_in_the_limit(two_parts: tuple[Path, Path, Path]) -> None:
    folder, old, new = two_parts
    found = upkeep.info(folder)
    assert (found.parts, found.archives) == (2, 0)
    assert found.part_bytes >= 100 << 10
    upkeep.prune(folder, 70 * KIB)
    assert (old.exists(), new.exists()) == (False, True)
    upkeep.prune(folder, 20 * KIB)
    assert not new.exists()


@pytest.mark.parametrize("action", [upkeep.clear, upkeep.verify])
def test_to_clear_and_to_verify_take_them_but_not_from_who_uses_them(
    action: Callable[[Path], object], two_parts: tuple[Path, Path, Path]
) -> None:
    folder, old, new = two_parts
    with parts.claimed(new):
        action(folder)  # what is in them fits no notes
    assert (old.exists(), new.exists()) == (False, True)


def test_to_verify_leaves_what_can_be_carried_on(left: Path, tmp_path: Path) -> None:
    (left.parent / ".lived-in").touch()
    assert upkeep.verify(tmp_path) == []
    left.write_bytes(b"x" + left.read_bytes()[1:])
    assert [name for name, _ in upkeep.verify(tmp_path)] == ["f.zip.part"]
    assert not left.exists()


def test_a_part_that_nobody_came_back_to_is_removed(two_parts: tuple[Path, Path, Path]) -> None:
    folder, old, new = two_parts
    now = new.stat().st_mtime
    os.utime(old / "bytes", (now, now - parts.STALE - 60))
    with Cache(folder, now=lambda: now) as cache:
        cache.clear_up()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_lock_is_only_good_for_what_is_still_there(tmp_path: Path) -> None:
    home = tmp_path / "f.part"
    with parts.claimed(home) as mine:
        assert mine == home
        with parts.claimed(home) as theirs:
            assert theirs is None
    assert not home.exists()
    with parts.claimed(home) as again:
        assert again == home


@pytest.mark.parametrize("has_lock", [True, False])
@pytest.mark.parametrize("action", ["a run", "clear", "verify", "prune"])
def test_a_part_without_a_byte_is_seen_and_removed(action: str, has_lock: bool, tmp_path: Path) -> None:
    home = tmp_path / (file_name(build_at("http://a/f.zip")) + ".part")
    home.mkdir()
    (tmp_path / "wheel.part").mkdir()  # of a person
    if has_lock:
        (home / ".lived-in").touch()
    if action in ("a run", "prune"):
        os.utime(home, (1, 1))
    assert upkeep.info(tmp_path).parts == 1
    match action:
        case "a run":
            with Cache(tmp_path) as cache, cache.lend(build_at("http://a/g.zip"), Shop()):
                pass
        case "clear":
            upkeep.clear(tmp_path)
        case "verify":
            assert [name for name, _ in upkeep.verify(tmp_path)] == [home.name]
        case _:
            upkeep.prune(tmp_path, KIB)
    assert not home.exists()
    assert (tmp_path / "wheel.part").exists()
