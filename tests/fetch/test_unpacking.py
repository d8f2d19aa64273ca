"""Unpacking what is still coming: in order, bounded, begun anew when the download is, and never more than the file."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.scratch import Scratch
from mozbisect.fetch.unpack import streaming as module
from mozbisect.fetch.unpack.archive import unpack
from mozbisect.fetch.unpack.flow import Dried, Flow
from mozbisect.fetch.unpack.streaming import Unpacking
from tests.fetch.conftest import Growing, firefox, tar_member, tar_of, zip_of
from tests.fetch.test_unpack import _whole, everything


def never() -> None:
    pass


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    with Scratch(tmp_path / "scratch") as scratch:
        yield lambda: scratch.fresh("build")
    assert [thread for thread in threading.enumerate() if thread.name == "unpacking"] == []


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "scratch").glob("*/build-*"))


@given(chunks=st.lists(st.binary(max_size=50)), size=st.integers(1, 20))
def test_what_is_read_is_what_was_written(
    chunks: list[bytes], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("flow") / "file"
    file.write_bytes(b"".join(chunks) + b"of others, and not yet whole")
    flow = Flow(file)
    found = bytearray()

    def read() -> None:
        while chunk := flow.read(size):
            assert len(chunk) <= size
            found.extend(chunk)
        flow.leave()

    reader = threading.Thread(target=read)
    reader.start()
    here = 0
    for chunk in chunks:
        here += len(chunk)
        flow.reached(here)
    flow.end()
    reader.join(5)
    assert bytes(found) == b"".join(chunks)
    assert flow.taken == len(found)
    assert flow.is_left(0)


def test_a_flow_that_dries_up_wakes_its_reader(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    flow = Flow(tmp_path / "file")
    threading.Timer(0.02, flow.dry).start()
    with pytest.raises(Dried):
        flow.read()
    flow.leave()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(_whole)), cuts=st.lists(st.integers(0, 400)), data=st.data())
def test_a_stream_comes_to_the_same_as_its_file_also_when_it_is_damaged(
    name: str, cuts: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    body = bytearray(_whole[name])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=2)):
        body[at] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("stream")
    (folder / name).write_bytes(body)
    (folder / "from file").mkdir()
    (folder / "streamed").mkdir()
    try:
        unpack(folder / name, folder / "from file")
    except BrokenBuild as error:
        expected: object = str(error)
    else:
        expected = everything(folder / "from file")
    found: object
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    with Unpacking(name, lambda: folder / "streamed", never) as unpacking:
        file = Growing(folder / "growing", unpacking)
        for start, end in pairwise(places):
            file.write(bytes(body[start:end]))
        try:
            tree = unpacking.tree()
        except BrokenBuild as error:
            found = str(error)
        else:
            found = expected if tree is None else everything(tree)  # None: it needs its end first
    assert found == expected


def test_a_file_that_begins_anew_is_unpacked_anew(fresh: Callable[[], Path], tmp_path: Path) -> None:
    with Unpacking("a.tar.xz", fresh, never) as unpacking:
        file = Growing(tmp_path / "file", unpacking)
        file.write(firefox("old")[:-40])
        file.restart()
        assert left(tmp_path) == []
        file.write(firefox("new"))
        tree = unpacking.tree()
    assert tree is not None
    assert (tree / "firefox/firefox").read_text().endswith("new")
    assert left(tmp_path) == [tree]


def test_a_hostile_archive_is_refused_and_its_download_goes_on(fresh: Callable[[], Path], tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(12 << 20)  # more than a flow has room for: nobody reads it any more
    archive = tar_of((tar_member("../outside"), b"x"), (tar_member("noise"), noise), packed="gz")
    with Unpacking("a.tar.gz", fresh, never) as unpacking:
        file = Growing(tmp_path / "file", unpacking)
        for at in range(0, len(archive), 1 << 16):
            file.write(archive[at : at + (1 << 16)])
        with pytest.raises(BrokenBuild, match="has no place inside"):
            unpacking.tree()
    assert left(tmp_path) == []


@pytest.mark.parametrize("body", [zip_of(("a", b"x", 0)), b"<html>", b"B"])
def test_what_needs_its_end_first_is_left_to_others(body: bytes, fresh: Callable[[], Path], tmp_path: Path) -> None:
    with Unpacking("a.zip", fresh, never) as unpacking:
        Growing(tmp_path / "file", unpacking).write(body)
        assert unpacking.tree() is None
    assert left(tmp_path) == []


def test_who_goes_in_the_middle_leaves_nothing(fresh: Callable[[], Path], tmp_path: Path) -> None:
    with Unpacking("a.tar.xz", fresh, never) as unpacking:
        Growing(tmp_path / "file", unpacking).write(firefox()[:-20])
    assert left(tmp_path) == []


@pytest.mark.parametrize("held", [False, True])
def test_where_a_file_that_is_read_cannot_be_renamed_its_reader_is_waited_for(
    held: bool, fresh: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READERS_HOLD_FILES", held)
    with Unpacking("a.tar.xz", fresh, never) as unpacking:
        Growing(tmp_path / "file", unpacking).write(firefox())
        unpacking.complete()
        assert unpacking._work is not None
        assert not held or unpacking._work.flow.is_left(0)
        assert unpacking.tree() is not None
