"""Tiny archives that would take any amount of memory, of time or of folders; and names that are one for some."""

from __future__ import annotations

import io
import lzma
import struct
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.unpack import measure, tarred, xz
from mozbisect.fetch.unpack.archive import unpack
from tests.fetch.conftest import firefox, tar_member, tar_of, zip_of

Save = Callable[[str, bytes], Path]


@pytest.fixture
def into(tmp_path: Path) -> Path:
    into = tmp_path / "tree"
    into.mkdir()
    return into


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    member = tar_member(name, kind)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def tars(*names: str) -> bytes:
    return tar_of(*((tar_member(name), b"x") for name in names))


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"X"])
def test_a_header_that_announces_much_is_refused_before_it_is_read(kind: bytes, saved: Save, into: Path) -> None:
    body = lzma.compress(
        header(b"0", 0, "firefox") + header(kind, 2 << 30)
    )  # nothing follows: that would be another error
    with pytest.raises(BrokenBuild, match="'firefox' is followed by a header of 2,147,483,648 bytes"):
        unpack(saved("a.tar.xz", body), into)


def test_many_small_headers_have_an_end(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarred, "MOST_BETWEEN", 1 << 18)
    body = header(b"0", 0, "firefox") + (header(b"L", 10_000) + bytes(10_240)) * 50
    with pytest.raises(BrokenBuild, match="'firefox' is followed by more than 262,144 bytes of headers"):
        unpack(saved("a.tar.xz", lzma.compress(body)), into)


def test_a_list_of_holes_without_an_end_is_refused(saved: Save, into: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tar_member("holes")
        member.size = 3 << 20
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        tar.addfile(member, io.BytesIO(b"900000\n" + b"1\n" * member.size))
    with pytest.raises(BrokenBuild, match="its beginning is followed by more than 1,048,576 bytes of headers"):
        unpack(saved("a.tar.xz", lzma.compress(file.getvalue())), into)


def test_files_with_holes_are_refused_with_their_name(saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="'old' is a file with holes"):
        unpack(saved("a.tar.xz", lzma.compress(header(b"S", 0, "old") + bytes(1024))), into)
    member = tar_member("new")
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "5"}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(BrokenBuild, match="'new' is a file with holes"):
        unpack(saved("b.tar.xz", lzma.compress(file.getvalue())), into)


def test_headers_for_all_members_have_an_end(saved: Save, into: Path) -> None:
    file = io.BytesIO()
    many = {f"key{n}": "x" for n in range(tarred.MOST_GLOBAL + 1)}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=many) as tar:
        tar.addfile(tar_member("a"))
    with pytest.raises(BrokenBuild, match="'a' has more than 100 global headers"):
        unpack(saved("a.tar.xz", lzma.compress(file.getvalue())), into)


def test_what_follows_the_end_of_a_tar_counts_and_can_be_ended(
    saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "RATIO_FROM", 1 << 20)
    archive = saved("a.tar.xz", lzma.compress(header(b"0", 0, "firefox") + bytes(4 << 20)))
    looks: list[int] = []
    with pytest.raises(BrokenBuild, match="'firefox' makes the archive grow beyond all measure"):
        unpack(archive, into, check=lambda: looks.append(1))
    assert len(looks) >= (1 << 20) // measure.CHUNK


@pytest.fixture(params=sorted({lzma, xz.decoder()}, key=str), ids=lambda module: module.__name__)
def _decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xz, "decoder", lambda: request.param)


@pytest.mark.usefixtures("_decoder")
def test_xz_may_not_ask_for_any_amount_of_memory(saved: Save, into: Path) -> None:
    body = bytearray(firefox())
    size = (body[12] + 1) * 4  # of the header of the block, which says how large the dictionary is
    at = body.index(b"\x21\x01", 12, 12 + size) + 2
    body[at] = 38  # 2 GiB
    body[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(bytes(body[12 : 12 + size - 4])))
    with pytest.raises(BrokenBuild, match=r"a\.tar\.xz is refused: it takes more than 256 MiB of memory to unpack"):
        unpack(saved("a.tar.xz", bytes(body)), into)


@pytest.mark.usefixtures("_decoder")
def test_what_mozilla_packs_with_xz_needs_less_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = lzma.compress(b"x", preset=9 | lzma.PRESET_EXTREME)
    monkeypatch.setattr(xz, "MOST_MEMORY", 70 << 20)
    with xz.open_plain(io.BytesIO(packed)) as file:
        assert file.read() == b"x"


@pytest.mark.usefixtures("_decoder")
@pytest.mark.parametrize("damage", [lambda body: body[:-20], lambda body: body[:100] + b"??" + body[102:]])
def test_damaged_xz_is_refused_by_every_decoder(damage: Callable[[bytes], bytes], saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match=r"a\.tar\.xz"):
        unpack(saved("a.tar.xz", damage(firefox())), into)


def test_where_there_is_no_quicker_decoder_python_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    xz.decoder.cache_clear()
    monkeypatch.setitem(sys.modules, "lzma_mt", None)
    try:
        assert xz.decoder() is lzma
    finally:
        xz.decoder.cache_clear()


@pytest.mark.usefixtures("_decoder")
def test_xz_reads_streams_in_a_row_with_zeros_by_four() -> None:
    one, two = lzma.compress(b"a" * 70_000), lzma.compress(b"")
    for body in (one, one + two + one, one + bytes(4) + one, one + bytes(70_000)):
        with xz.open_plain(io.BytesIO(body)) as file:
            found = b"".join(iter(lambda: file.read(1000), b""))
        assert found == b"a" * 70_000 * body.count(one)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("mode", [0o100644, 0o120777])
def test_a_zip_is_stored_or_deflated(packing: int, mode: int, saved: Save, into: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        member = zipfile.ZipInfo("bomb")
        member.external_attr, member.compress_type = mode << 16, packing
        archive.writestr(member, bytes(1000))
    with pytest.raises(BrokenBuild, match="'bomb' is packed in a way that is not used for builds"):
        unpack(saved("a.zip", file.getvalue()), into)
    assert list(into.iterdir()) == []


def test_members_of_a_zip_share_no_bytes(saved: Save, into: Path) -> None:
    body = bytearray(zip_of(("a", b"x" * 9, 0)))
    at = body.index(b"PK\x01\x02")
    body[at + 20 : at + 24] = struct.pack("<I", 5000)  # of packed bytes, in the directory
    with pytest.raises(BrokenBuild, match="'a' shares its bytes"):
        unpack(saved("a.zip", bytes(body)), into)


@pytest.mark.parametrize("tar", [True, False], ids=["tar", "zip"])
def test_names_have_an_end_in_length_and_depth(tar: bool, saved: Save, into: Path) -> None:
    def packed(name: str) -> Path:
        return saved("a.zip", tars(name) if tar else zip_of((name, b"x", 0)))

    unpack(packed("x/" * 63 + "y"), into)
    with pytest.raises(BrokenBuild, match=r"member 'x/.*…' lies deeper than 64 folders"):
        unpack(packed("x/" * 500 + "y"), into)
    with pytest.raises(BrokenBuild, match=r"member 'y*…' has a name of 5,000 characters") as caught:
        unpack(packed("y" * 5000), into)
    assert len(caught.value.what) < 300


def test_the_target_of_a_link_has_an_end(saved: Save, into: Path) -> None:
    tar = tar_of((tar_member("link", tarfile.SYMTYPE, to="a/" * 2500), b""))
    with pytest.raises(BrokenBuild, match="'link' is a link to a path that is too long"):
        unpack(saved("a.tar.xz", tar), into)


def test_folders_that_names_ask_for_count_as_members(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_MEMBERS", 9)
    with pytest.raises(BrokenBuild, match="'b/1/2/3/4/5' is one too many: more than 9 members"):
        unpack(saved("a.tar.xz", tars("a/1/2/3/4/5", "b/1/2/3/4/5")), into)


SAME = [
    ("firefox/Readme", "firefox/README"),
    ("Firefox/a", "firefox/b"),
    ("caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")),
    ("stra\u00dfe", "STRASSE"),
    ("firefox", "firefox."),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_some_system_takes_for_one_are_refused_on_all(one: str, other: str, saved: Save, into: Path) -> None:
    for name, body in (("a.tar.xz", tars(one, other)), ("a.zip", zip_of((one, b"x", 0), (other, b"x", 0)))):
        tree = into / name
        tree.mkdir()
        with pytest.raises(BrokenBuild, match="some systems take the two names for one") as caught:
            unpack(saved(name, body), tree)
        assert repr(other) in caught.value.what
        assert repr(one.split("/")[0])[1:-1] in caught.value.what


def test_no_link_is_gone_through_by_another_case(saved: Save, into: Path) -> None:
    up = (tar_member("x/y/D", tarfile.SYMTYPE, to="../.."), b"")
    out = (tar_member("x/y/d/L", tarfile.SYMTYPE, to="../../../outside"), b"")
    with pytest.raises(BrokenBuild, match="'x/y/d/L' is beside 'x/y/D'"):
        unpack(saved("a.tar.xz", tar_of(up, out)), into)


@pytest.mark.parametrize("name", ["a/.. /b", "...", "a/. ./b"])
def test_dots_that_windows_may_take_for_a_way_up_have_no_place(name: str, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="has no place inside"):
        unpack(saved("a.tar.xz", tars(name)), into)


def test_folders_may_be_there_again_and_twins_of_twins_are_right(saved: Save, into: Path) -> None:
    folder = (tar_member("a", tarfile.DIRTYPE), b"")
    first = (tar_member("a/one"), b"x")
    twins = [
        (tar_member(f"a/{new}", tarfile.LNKTYPE, to=f"a/{old}"), b"") for old, new in (("one", "two"), ("two", "3"))
    ]
    unpack(saved("a.tar.xz", tar_of(folder, first, folder, *twins)), into)
    assert (into / "a/3").read_bytes() == b"x"


def test_damage_is_told_with_the_member_where_it_was_found(saved: Save, into: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("firefox/omni.ja", b"hello")
    with pytest.raises(BrokenBuild, match=r"a\.zip is damaged: .* \(in or after its member 'firefox/omni\.ja'\)"):
        unpack(saved("a.zip", file.getvalue().replace(b"hello", b"hellp")), into)


@pytest.mark.parametrize("name", [".", "./", "./."])
def test_only_a_folder_may_have_no_name(name: str, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="has no name of its own"):
        unpack(saved("a.tar.xz", tar_of((tar_member(name), b"x"))), into)


def test_a_member_of_any_size_is_refused_before_it_is_looked_for(saved: Save, into: Path) -> None:
    body = lzma.compress(header(tarfile.REGTYPE, 2**62, "big") + bytes(10_240))
    with pytest.raises(BrokenBuild, match="'big' announces 4,611,686,018,427,387,904 bytes"):
        unpack(saved("a.tar.xz", body), into)
