"""The whole archive or none: what is damaged is never accepted in part, also where no digest is published."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import subprocess
import tarfile
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


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


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


# --------------------------------------------------------------------------------------------------- the tar

HEADS = [0, 512 + 1024, 512 + 1024 + 1024]  # where the headers of its two members are, and its end


@pytest.mark.parametrize("zeros", [0, 1, 512, 1023])
def test_a_tar_without_its_end_marker_is_damaged(zeros: int, route: tuple[str, bool], unpacked: Unpacked) -> None:
    with pytest.raises(BrokenBuild, match=r"damaged: .*\(in or after its member 'firefox/two'\)"):
        unpacked(PACK[route[0]](TAR[: HEADS[2]] + bytes(zeros)))


@pytest.mark.parametrize("zeros", [1024, 1025, 10_240, 300_000])
def test_two_blocks_of_zeros_are_the_end_of_a_tar(zeros: int, route: tuple[str, bool], unpacked: Unpacked) -> None:
    assert unpacked(PACK[route[0]](TAR[: HEADS[2]] + bytes(zeros))) == TREE


def test_a_tar_cut_between_two_members_is_damaged(saved: Callable[[str, bytes], Path], into: Path) -> None:
    with pytest.raises(BrokenBuild, match=r"neither a member nor its end is at byte 1,536 .*'firefox/one'"):
        unpack(saved("a.tar.xz", lzma.compress(TAR[: HEADS[1]])), into)


@pytest.mark.parametrize("at", range(0, 512, 16))
def test_damage_in_a_header_is_damage_wherever_it_is(at: int, saved: Callable[[str, bytes], Path], into: Path) -> None:
    body = bytearray(TAR)
    body[HEADS[1] + at] ^= 1
    with pytest.raises(BrokenBuild, match=r"neither a member nor its end is at byte 1,536 .*'firefox/one'"):
        unpack(saved("a.tar.xz", lzma.compress(bytes(body))), into)


@pytest.mark.parametrize("keyword", [b"5 a=\n", b"x", b"99 path=a\n", b"-1 path=a\n"])
def test_headers_that_make_no_sense_are_not_the_end(
    keyword: bytes, saved: Callable[[str, bytes], Path], into: Path
) -> None:
    member = tar_member("x", tarfile.XHDTYPE)
    member.size = len(keyword)
    odd = member.tobuf(tarfile.GNU_FORMAT) + keyword.ljust(512, b"\0") + TAR[HEADS[1] :]
    with pytest.raises(BrokenBuild):
        unpack(saved("a.tar.xz", lzma.compress(TAR[: HEADS[1]] + odd[:1024] + bytes(1024))), into)


@pytest.mark.parametrize("more", [TAR, b"x", bytes(100_000) + b"x"])
def test_nothing_but_zeros_follows_the_end_of_a_tar(more: bytes, route: tuple[str, bool], unpacked: Unpacked) -> None:
    with pytest.raises(BrokenBuild, match="there is more behind the end marker"):
        unpacked(PACK[route[0]](TAR + more))


@pytest.mark.parametrize("program", ["tar", "bsdtar", "busybox tar"])
@pytest.mark.parametrize("members", [1, 19, 20])  # also those that fill the record of 10,240 bytes to its end, nearly
def test_what_others_pack_is_whole(program: str, members: int, tmp_path: Path) -> None:
    if shutil.which(program.split()[0]) is None:
        pytest.skip(f"{program} is not installed")
    packed = tmp_path / "firefox"
    packed.mkdir()
    for n in range(members):
        (packed / str(n)).touch()
    made = subprocess.run([*program.split(), "-cf", "-", "firefox"], cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / "archive").write_bytes(gzip.compress(made.stdout))
    (tmp_path / "tree").mkdir()
    unpack(tmp_path / "archive", tmp_path / "tree")
    assert len(list((tmp_path / "tree/firefox").iterdir())) == members
