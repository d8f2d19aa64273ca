"""The whole archive or none: what is damaged is never accepted in part, also where no digest is published."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.unpack import bzip2, programs, xz
from mozbisect.fetch.unpack.archive import unpack
from mozbisect.fetch.unpack.streaming import Unpacking
from tests.fetch.conftest import Growing, tar_member, tar_of
from tests.fetch.test_unpack import everything

PACK: dict[str, Callable[[bytes], bytes]] = {"xz": lzma.compress, "bz2": bz2.compress, "gz": gzip.compress}
UNPACK = {"xz": lzma.decompress, "bz2": bz2.decompress, "gz": gzip.decompress}

TAR = gzip.decompress(tar_of((tar_member("firefox/one"), b"1" * 900), (tar_member("firefox/two"), b"2"), packed="gz"))
TREE = {"firefox": None, "firefox/one": b"1" * 900, "firefox/two": b"2"}

# A route: how it is packed, who unpacks it, and whether that is while it comes.
ROUTES = [
    (packed, by, streamed)
    for packed, unpackers in {"xz": ["lzma", "lzma_mt"], "bz2": ["1", "2", "lbzip2"], "gz": ["gzip"]}.items()
    for by in unpackers
    for streamed in (False, True)
]


@pytest.fixture(params=ROUTES, ids=lambda route: f"{route[0]}-{route[1]}{'-streamed' if route[2] else ''}")
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, bool]:
    packed, by, streamed = request.param
    if by == "lzma_mt":
        monkeypatch.setattr(xz, "decoder", lambda: pytest.importorskip("lzma_mt"))
    if by == "lzma":
        monkeypatch.setattr(xz, "decoder", lambda: lzma)
    if by == "lbzip2":
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        if programs.quicker(b"BZh") is None:
            pytest.skip("lbzip2 is not installed")
    else:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setattr(bzip2, "_cores", lambda: 1 if by == "1" else 2)
    return packed, streamed


@pytest.fixture
def unpacked(route: tuple[str, bool], tmp_path: Path) -> Callable[[bytes], dict[str, bytes | str | None]]:
    """What becomes of a body, by this route."""

    def run(body: bytes) -> dict[str, bytes | str | None]:
        tree = tmp_path / "tree"
        tree.mkdir()
        if not route[1]:
            (tmp_path / "archive").write_bytes(body)
            unpack(tmp_path / "archive", tree)
            return everything(tree)
        with Unpacking("archive", lambda: tree, lambda: None) as unpacking:
            file = Growing(tmp_path / "archive", unpacking)
            for at in range(0, len(body), 100):
                file.write(body[at : at + 100])
            unpacking.tree()
        return everything(tree)

    return run


Unpacked = Callable[[bytes], dict[str, bytes | str | None]]


@pytest.mark.parametrize("cut", [700, len(TAR)])  # in the middle of a member, and behind the end of the tar
@pytest.mark.parametrize("gap", [0, 4])
def test_a_stream_whose_head_is_damaged_is_not_the_end(
    cut: int, gap: int, route: tuple[str, bool], unpacked: Unpacked
) -> None:
    pack = PACK[route[0]]
    second = pack(TAR[cut:] or bytes(512))
    with pytest.raises(BrokenBuild, match="damaged"):
        unpacked(pack(TAR[:cut]) + bytes(gap) + b"X" + second[1:])


@pytest.mark.parametrize("after", [b"rubbish", bytes(4) + b"rubbish", b"X" * 200_000, bytes(200_000) + b"X"])
def test_rubbish_behind_the_last_stream_is_damage(after: bytes, route: tuple[str, bool], unpacked: Unpacked) -> None:
    with pytest.raises(BrokenBuild, match="damaged"):
        unpacked(PACK[route[0]](TAR) + after)


def test_zeros_behind_the_last_stream_are_padding(route: tuple[str, bool], unpacked: Unpacked) -> None:
    assert unpacked(PACK[route[0]](TAR) + bytes(200_000)) == TREE


def test_streams_in_a_row_are_one_archive(route: tuple[str, bool], unpacked: Unpacked) -> None:
    pack = PACK[route[0]]
    assert unpacked(pack(TAR[:700]) + pack(b"") + pack(TAR[700:])) == TREE


@pytest.mark.parametrize("zeros", [1, 2, 3, 5])
def test_padding_of_xz_comes_by_four(zeros: int, saved: Callable[[str, bytes], Path], tmp_path: Path) -> None:
    with pytest.raises(BrokenBuild, match="damaged"):
        unpack(saved("a.tar.xz", lzma.compress(TAR) + bytes(zeros)), tmp_path)
