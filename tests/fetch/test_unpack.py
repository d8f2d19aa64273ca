"""Archives, tiny and real; and those that nobody should unpack."""

from __future__ import annotations

import bz2
import errno
import lzma
import os
import random
import shutil
import stat
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild, CacheTrouble
from mozbisect.fetch.unpack import measure
from mozbisect.fetch.unpack.archive import is_archive, unpack
from tests.fetch.conftest import firefox, tar_member, tar_of, zip_of

Save = Callable[[str, bytes], Path]
LINK = stat.S_IFLNK | 0o777


@pytest.fixture
def into(tmp_path: Path) -> Path:
    into = tmp_path / "jail" / "tree"
    into.mkdir(parents=True)
    return into


def everything(root: Path) -> dict[str, bytes | str | None]:
    """Path → content of a file, target of a link, None of a folder."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize("packed", ["xz", "bz2", "gz"])
@pytest.mark.parametrize("name", ["firefox.tar.xz", "firefox.tar.bz2", "firefox.zip"])
def test_a_packed_tar_is_unpacked_whatever_its_name_says(packed: str, name: str, saved: Save, into: Path) -> None:
    unpack(saved(name, firefox(packed=packed)), into)
    assert everything(into) == {
        "firefox": None,
        "firefox/firefox": b"#!/bin/sh\necho one",
        "firefox/application.ini": b"[App]\nName=Firefox\n",
    }
    assert os.access(into / "firefox" / "firefox", os.X_OK)
    assert not os.access(into / "firefox" / "application.ini", os.X_OK)


def test_a_zip_is_unpacked_and_its_programs_can_be_run(saved: Save, into: Path) -> None:
    body = zip_of(("firefox/", b"", 0), ("firefox/firefox.exe", b"MZ", 0o100755), ("firefox/x.ini", b"[x]", 0))
    unpack(saved("firefox.zip", body), into)
    assert everything(into) == {"firefox": None, "firefox/firefox.exe": b"MZ", "firefox/x.ini": b"[x]"}
    assert stat.S_IMODE((into / "firefox/firefox.exe").stat().st_mode) == 0o755
    assert stat.S_IMODE((into / "firefox/x.ini").stat().st_mode) == 0o644


def test_an_empty_zip_is_an_empty_folder(saved: Save, into: Path) -> None:
    unpack(saved("empty.zip", zip_of()), into)
    assert everything(into) == {}


def test_links_that_stay_inside_come_through(saved: Save, into: Path) -> None:
    tar = tar_of(
        (tar_member("app/Versions/A/XUL"), b"code"),
        (tar_member("app/Versions/Current", tarfile.SYMTYPE, to="A"), b""),
        (tar_member("app/XUL", tarfile.SYMTYPE, to="Versions/Current/XUL"), b""),
        (tar_member("app/Versions/up", tarfile.SYMTYPE, to="../.."), b""),
        (tar_member("app/twin", tarfile.LNKTYPE, to="app/Versions/A/XUL"), b""),
    )
    unpack(saved("a.tar.xz", tar), into)
    assert (into / "app/XUL").read_bytes() == b"code"
    assert (into / "app/twin").read_bytes() == b"code"
    assert not (into / "app/twin").samefile(into / "app/XUL")
    other = into.parent / "other"
    other.mkdir()
    unpack(saved("a.zip", zip_of(("a/file", b"code", 0), ("a/link", b"file", LINK))), other)
    assert (other / "a/link").read_bytes() == b"code"
    assert (other / "a/link").is_symlink()


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o777, 0o000])
def test_no_member_gets_more_rights_than_it_needs(mode: int, saved: Save, into: Path) -> None:
    unpack(saved("a.tar.xz", tar_of((tar_member("tool", mode=mode), b"x"))), into)
    found = stat.S_IMODE((into / "tool").stat().st_mode)
    assert found & ~0o755 == 0
    assert found & 0o600 == 0o600


# ---------------------------------------------------------------------------------------------------- hostile

OUTSIDE = [
    "/etc/passwd",
    "//server/share",
    "../outside",
    "a/../../outside",
    "a/..",
    "..",
    "..\\outside",
    "a\\..\\..\\outside",
    "C:\\outside",
    "C:outside",
    "\\outside",
    "",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE], ids=["file", "folder", "link"])
def test_no_member_of_a_tar_lands_outside(name: str, kind: bytes, saved: Save, into: Path) -> None:
    archive = saved("a.tar.xz", tar_of((tar_member(name, kind, to="x"), b"x" if kind == tarfile.REGTYPE else b"")))
    with pytest.raises(BrokenBuild, match="has no place inside"):
        unpack(archive, into)
    assert everything(into.parent) == {"tree": None}


@pytest.mark.parametrize("name", [name for name in OUTSIDE if name])
def test_no_member_of_a_zip_lands_outside(name: str, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="has no place inside"):
        unpack(saved("a.zip", zip_of((name, b"x", 0))), into)
    assert everything(into.parent) == {"tree": None}


@pytest.mark.parametrize("target", ["/etc", "..", "../../x", "a/../../..", "C:\\x", "x/../y", "..\\..", "\\x", ""])
def test_no_link_leads_out(target: str, saved: Save, into: Path) -> None:
    tar = tar_of((tar_member("link", tarfile.SYMTYPE, to=target), b""))
    with pytest.raises(BrokenBuild, match="'link' is a link that leads out"):
        unpack(saved("a.tar.xz", tar), into)
    with pytest.raises(BrokenBuild, match="'link' is a link that leads out"):
        unpack(saved("a.zip", zip_of(("link", target.encode(), LINK))), into)
    assert everything(into.parent) == {"tree": None}


def test_two_links_do_not_lead_out_together(saved: Save, into: Path) -> None:
    tar = tar_of(
        (tar_member("deep/up", tarfile.SYMTYPE, to=".."), b""),  # harmless
        (tar_member("out", tarfile.SYMTYPE, to="deep/up/.."), b""),  # by its words inside, in truth above
    )
    with pytest.raises(BrokenBuild, match="'out' is a link that leads out"):
        unpack(saved("a.tar.xz", tar), into)


def test_nothing_is_written_through_a_link(saved: Save, into: Path) -> None:
    hole = (tar_member("hole", tarfile.SYMTYPE, to="."), b"")
    for name, kind in (("hole/x", tarfile.REGTYPE), ("hole", tarfile.REGTYPE), ("hole", tarfile.DIRTYPE)):
        tree = into / f"{name}{kind!r}".replace("/", "-")
        tree.mkdir()
        tar = tar_of(hole, (tar_member(name, kind), b"x" if kind == tarfile.REGTYPE else b""))
        with pytest.raises(BrokenBuild, match="goes through a link"):
            unpack(saved("a.tar.xz", tar), tree)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "not/there", "folder"])
def test_a_hard_link_leads_to_an_earlier_file_of_the_archive_or_nowhere(target: str, saved: Save, into: Path) -> None:
    (into.parent.parent / "x").write_text("secret")
    tar = tar_of((tar_member("folder", tarfile.DIRTYPE), b""), (tar_member("twin", tarfile.LNKTYPE, to=target), b""))
    with pytest.raises(BrokenBuild):
        unpack(saved("a.tar.xz", tar), into)
    assert not (into / "twin").exists()


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_and_pipes_are_refused(kind: bytes, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="a device or a pipe"):
        unpack(saved("a.tar.xz", tar_of((tar_member("null", kind), b""))), into)
    with pytest.raises(BrokenBuild, match="a device or a pipe"):
        unpack(saved("a.zip", zip_of(("null", b"", stat.S_IFIFO | 0o644))), into)
    assert everything(into) == {}


def test_no_member_replaces_another(saved: Save, into: Path) -> None:
    tar = tar_of((tar_member("a"), b"first"), (tar_member("a"), b"second"))
    with pytest.raises(BrokenBuild, match="'a' is there twice"):
        unpack(saved("a.tar.xz", tar), into)
    assert (into / "a").read_bytes() == b"first"


def test_a_file_is_no_folder(saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="'a/b' is there twice"):
        unpack(saved("a.tar.xz", tar_of((tar_member("a"), b"x"), (tar_member("a/b"), b"x"))), into)


def test_a_name_too_long_for_the_disk_is_the_builds_fault(saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="cannot be written"):
        unpack(saved("a.tar.xz", tar_of((tar_member("n" * 300), b"x"))), into)


def test_a_bomb_does_not_go_off(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RATIO_FROM", 1 << 20)
    for name, body in (
        ("a.tar.xz", tar_of((tar_member("zeros"), bytes(4 << 20)))),
        ("a.zip", zip_of(("zeros", bytes(4 << 20), 0))),
    ):
        tree = into / name
        tree.mkdir()
        with pytest.raises(BrokenBuild, match="'zeros' makes the archive grow beyond all measure"):
            unpack(saved(name, body), tree)
        assert (tree / "zeros").stat().st_size <= 2 << 20


def test_twins_count_as_what_they_take(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RATIO_FROM", 1 << 20)
    twins = [(tar_member(f"twin{n}", tarfile.LNKTYPE, to="zeros"), b"") for n in range(9)]
    with pytest.raises(BrokenBuild, match="grow beyond all measure"):
        unpack(saved("a.tar.xz", tar_of((tar_member("zeros"), bytes(1 << 19)), *twins)), into)


def test_there_is_an_end_to_the_number_of_members(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_MEMBERS", 3)
    unpack(saved("a.zip", zip_of(*((str(n), b"", 0) for n in range(3)))), into)
    with pytest.raises(BrokenBuild, match="more than 3 members"):
        unpack(saved("b.zip", zip_of(*((f"x{n}", b"", 0) for n in range(4)))), into)


# ---------------------------------------------------------------------------------------------------- damaged


@pytest.mark.parametrize("packed", ["xz", "bz2", "gz"])
def test_a_tar_that_ends_anywhere_too_early_is_damaged(packed: str, saved: Save, tmp_path: Path) -> None:
    whole = firefox(packed=packed)
    for length in range(1, len(whole), 7):
        tree = tmp_path / str(length)
        tree.mkdir()
        with pytest.raises(BrokenBuild):
            unpack(saved("a.tar.xz", whole[:length]), tree)


def test_a_packed_file_that_ends_between_two_members_is_damaged(saved: Save, into: Path) -> None:
    # What it unpacks to so far is a right tar of one member: only the packing knows that more was to come.
    with tarfile.open(fileobj=lzma.open(saved("whole", firefox()))) as tar:
        second = tar.getmembers()[1]
        tar_so_far = bytes(lzma.decompress(firefox()))[: second.offset]
    packer = bz2.BZ2Compressor()
    start = packer.compress(tar_so_far + random.Random(1).randbytes(2_000_000))
    assert len(start) > 0
    with pytest.raises(BrokenBuild):
        unpack(saved("a.tar.bz2", start), into)


def test_a_zip_that_ends_anywhere_too_early_is_damaged(saved: Save, tmp_path: Path) -> None:
    whole = zip_of(("a", b"some text", 0), ("b", bytes(range(256)), 0))
    for length in range(1, len(whole), 7):
        tree = tmp_path / str(length)
        tree.mkdir()
        with pytest.raises(BrokenBuild):
            unpack(saved("a.zip", whole[:length]), tree)


_whole = {
    "a.tar.xz": firefox(),
    "a.tar.bz2": firefox(packed="bz2"),
    "a.tar.gz": firefox(packed="gz"),
    "a.zip": zip_of(("a/b", b"some text", 0o755), ("a/c", b"b", LINK), ("d", bytes(range(256)), 0)),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(_whole)), data=st.data())
def test_damage_anywhere_is_a_broken_build_or_no_harm(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    body = bytearray(_whole[name])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=3)):
        body[at] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damage")
    (folder / name).write_bytes(body)
    (folder / "tree").mkdir()
    with suppress(BrokenBuild):
        unpack(folder / name, folder / "tree")
    assert {path.name for path in folder.iterdir()} == {name, "tree"}


def test_a_zip_with_a_nameless_member_is_damaged(saved: Save, into: Path) -> None:
    body = zip_of(("name", b"x", 0)).replace(b"name", b"\0ame")  # zipfile stumbles over it with an IndexError
    with pytest.raises(BrokenBuild):
        unpack(saved("a.zip", body), into)


def test_a_zip_with_a_password_cannot_be_used(saved: Save, into: Path) -> None:
    body = bytearray(zip_of(("a", b"x", 0)))
    body[6] |= 1  # the flag, in the member's head and in the directory
    body[body.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BrokenBuild, match="password"):
        unpack(saved("a.zip", bytes(body)), into)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b"MZ\x90\x00 an installer", "it begins with the bytes 4d 5a 90 00 20 61 6e 20"),
        (b"", "it is empty"),
        (b"plain text\nof two lines", "it begins with: plain text of tw"),
        (b"<html>\r\n", "it begins with: <html>"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), "it begins with the bytes c3 a9"),
    ],
)
def test_what_is_no_archive_is_told_as_such(body: bytes, seen: str, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild) as caught:
        unpack(saved("a.exe", body), into)
    assert caught.value.what == f"a.exe is no archive that can be unpacked ({seen})"


def test_an_archive_that_was_removed_is_a_broken_build(into: Path) -> None:
    with pytest.raises(BrokenBuild, match=r"gone\.zip cannot be read"):
        unpack(into / "gone.zip", into)


def test_a_disk_that_is_full_is_no_fault_of_the_build(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = saved("a.zip", zip_of(("a", b"x", 0)))
    opened = Path.open

    def full(path: Path, mode: str = "r") -> object:
        if "x" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(CacheTrouble, match="no space left on device"):
        unpack(archive, into)


def test_whoever_looks_on_may_end_it(saved: Save, into: Path) -> None:
    def enough() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(saved("a.tar.xz", firefox()), into, check=enough)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f.tar.xz", True),
        ("f.tar.bz2", True),
        ("F.ZIP", True),
        ("Firefox 149.0.dmg", True),
        ("jsshell-mac.zip", True),
        ("fenix.apk", False),
        ("langpack.xpi", False),
        ("setup.exe", False),
        ("f.tar.zst", False),
        ("f.txt", False),
    ],
)
def test_an_archive_is_known_by_its_name(name: str, expected: bool) -> None:
    assert is_archive(name) is expected


# ------------------------------------------------------------------------------------------------------- macOS

HDIUTIL = """#!/bin/sh
echo "hdiutil $*" >> "$LOG"
for last; do :; done
case $1 in
attach)
    while [ "$1" != -mountpoint ]; do shift; done
    read answer
    [ "$answer" = Y ] || exit 9
    grep -q koly "$last" || { echo "attach failed - image not recognized" >&2; exit 1; }
    mkdir -p "$2/Nightly.app/Contents/MacOS"
    echo code > "$2/Nightly.app/Contents/MacOS/firefox"
    ln -s /Applications "$2/Applications" ;;
detach) rm -r "$last"/* ;;
esac
"""
DITTO = '#!/bin/sh\ncp -R "$1" "$2"\n'


@pytest.fixture
def mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two programs of macOS that are needed, as scripts; returns the log of what was called."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("hdiutil", HDIUTIL), ("ditto", DITTO)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


IMAGE = b"\0" * 2000 + b"koly" + b"\0" * 508


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_the_application_of_a_disk_image_is_copied_and_the_image_let_go(mac: Path, saved: Save, into: Path) -> None:
    unpack(saved("Firefox 149.0.dmg", IMAGE), into)
    assert everything(into)["Nightly.app/Contents/MacOS/firefox"] == b"code\n"
    assert [path.name for path in into.iterdir()] == ["Nightly.app"]
    attach, detach = mac.read_text().splitlines()
    assert "-nobrowse" in attach
    assert detach.startswith("hdiutil detach -force")
    assert not Path(detach.rpartition(" ")[2]).exists()


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_disk_image_that_cannot_be_mounted_says_why(mac: Path, saved: Save, into: Path) -> None:
    with pytest.raises(BrokenBuild, match="hdiutil attach failed: attach failed - image not recognized"):
        unpack(saved("f.dmg", b"x" * 3000), into)


def test_a_disk_image_needs_macos(saved: Save, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokenBuild, match="can only be unpacked on macOS"):
        unpack(saved("f", IMAGE), into)


def test_a_folder_that_was_removed_meanwhile_is_not_made_again(saved: Save, into: Path) -> None:
    members = [(tar_member(f"firefox/{n}/file"), b"x") for n in range(9)]
    seen = []

    def close() -> None:
        seen.append(1)
        if len(seen) == 5:
            shutil.rmtree(into.parent)

    with pytest.raises(CacheTrouble):
        unpack(saved("a.tar.xz", tar_of(*members)), into, check=close)
    assert not into.parent.exists()
