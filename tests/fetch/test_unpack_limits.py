"""Tiny archives that would take any amount of memory, of time or of folders; and names that are one for some."""

from __future__ import annotations

import io
import lzma
import struct
import sys
import tarfile
import tracemalloc
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


NORMAL = zip_of(("firefox/", b"", 0), ("firefox/a", b"x" * 9, 0), ("firefox/b", b"y", 0))
AT_END = len(NORMAL) - 22


def with_end(body: bytes, *, count: int = 3, size: int, start: int, comment: bytes = b"", says: int = -1) -> bytes:
    says = len(comment) if says < 0 else says
    return body + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, says) + comment


def with_end64(body: bytes, *, count: int, size: int, start: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body), 1)
    return with_end(body + record + locator, count=0xFFFF, size=0xFFFFFFFF, start=0xFFFFFFFF)


START = NORMAL.index(b"PK\1\2")
SIZE = AT_END - START


def test_a_zip_may_have_a_comment_and_the_end_of_zip64(saved: Save, into: Path) -> None:
    ends = {
        "comment": with_end(NORMAL[:AT_END], size=SIZE, start=START, comment=b"of a person"),
        "zip64": with_end64(NORMAL[:AT_END], count=3, size=SIZE, start=START),
    }
    for name, body in ends.items():
        (into / name).mkdir()
        unpack(saved("a.zip", body), into / name)
        assert {path.name for path in (into / name / "firefox").iterdir()} == {"a", "b"}


NEXT = NORMAL.index(b"PK\1\2", START + 1)

LIES = {
    "a count that is too small": with_end(NORMAL[:AT_END], count=1, size=SIZE, start=START),
    "a count that is too large": with_end(NORMAL[:AT_END], count=4, size=SIZE, start=START),
    "one left out": with_end(NORMAL[:AT_END], count=2, size=AT_END - NEXT, start=START),
    "one left out, by its bytes only": with_end(NORMAL[:AT_END], count=3, size=AT_END - NEXT, start=NEXT),
    "prepended": with_end(NORMAL[:AT_END], size=SIZE, start=START - 30),
    "something behind": NORMAL + b"rubbish",
    "a comment cut off": with_end(NORMAL[:AT_END], size=SIZE, start=START, comment=b"of", says=9),
    "zip64 with a lie": with_end64(NORMAL[:AT_END], count=2, size=SIZE, start=START),
    "in the middle of an entry": with_end(NORMAL[:AT_END], count=3, size=SIZE - 7, start=START),
}


@pytest.mark.parametrize("body", LIES.values(), ids=LIES)
def test_a_zip_with_a_directory_that_does_not_fit_is_damaged(body: bytes, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match=r"a\.zip is damaged"):
        unpack(saved("a.zip", body), into)


def test_a_zip_that_is_cut_off_behind_a_zip_in_it_is_not_that_one(saved: Save, into: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # stored, as omni.ja is
        archive.writestr("firefox/one", b"x" * 100)
        archive.writestr("firefox/omni.ja", NORMAL)
        archive.writestr("firefox/two", b"x" * 100)
    whole = file.getvalue()
    for length in (whole.index(NORMAL) + len(NORMAL), whole.index(NORMAL) + len(NORMAL) + 50):
        with pytest.raises(BrokenBuild, match=r"a\.zip is damaged"):
            unpack(saved("a.zip", whole[:length]), into)
    assert list(into.iterdir()) == []


def test_the_name_of_a_folder_is_the_same_twice(saved: Save, into: Path) -> None:
    body = NORMAL[:START] + NORMAL[START:].replace(b"firefox/PK", b"firefux/PK")
    with pytest.raises(BrokenBuild, match=r"a\.zip is damaged"):
        unpack(saved("a.zip", body), into)


@pytest.mark.parametrize("end", [with_end, with_end64])
@pytest.mark.parametrize("many", [10, 500_000])
def test_a_large_directory_is_refused_before_anything_is_made_of_it(
    end: Callable[..., bytes], many: int, saved: Save, into: Path
) -> None:
    entry = NORMAL[START:NEXT]
    body = NORMAL[:START] + entry * 400_000
    archive = saved("a.zip", end(body, count=many & 0xFFFF, size=len(body) - START, start=START))
    del body
    tracemalloc.start()
    try:
        with pytest.raises(BrokenBuild):
            unpack(archive, into)
        assert tracemalloc.get_traced_memory()[1] < 45 << 20
    finally:
        tracemalloc.stop()


def test_a_directory_that_is_said_to_be_larger_than_any_is_refused(saved: Save, into: Path) -> None:
    for end in (with_end, with_end64):
        with pytest.raises(BrokenBuild, match="its directory has 500,000,000 bytes"):
            unpack(saved("a.zip", end(NORMAL[:AT_END], count=10, size=500_000_000, start=START)), into)


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
    *((f"fire{chr(code)}fox", "firefox") for code in (0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202E, 0x206A, 0x206F)),
    ("firefox", "\ufefffirefox"),
    ("firefox/a", "Firefox.\u200d/b"),
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


@pytest.mark.parametrize(
    "name", ["firefox:evil", "firefox/a:b/c", "firefox::$DATA", "a/..\u200c/b", "\u200d", "\ufeff."]
)
def test_names_that_are_something_else_for_some_system_have_no_place(name: str, saved: Save, into: Path) -> None:
    for at, body in (("a.tar.xz", tars(name)), ("a.zip", zip_of((name, b"x", 0)))):
        with pytest.raises(BrokenBuild, match="has no place inside"):
            unpack(saved(at, body), into)
    with pytest.raises(BrokenBuild, match="leads out"):
        unpack(saved("a.tar.xz", tar_of((tar_member("link", tarfile.SYMTYPE, to=name), b""))), into)
    assert list(into.iterdir()) == []


def test_names_in_other_scripts_come_through(saved: Save, into: Path) -> None:
    names = {
        "\u0444\u0430\u0439\u043b",
        "\u706b\u72d0",
        "{972ce4c6}",
        "a b",
        "caf\u00e9",
        "\u0631\u0648\u200c\u0628\u0627\u0647",
    }
    unpack(saved("a.tar.xz", tars(*names)), into)
    assert {path.name for path in into.iterdir()} == names


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
