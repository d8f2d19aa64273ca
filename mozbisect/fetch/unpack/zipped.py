"""The members of a zip, by its directory, which stands at its end.

``zipfile`` makes something of each entry before it can be asked how many there are, believes an end that stands in the
middle of a file (where a zip lies in a zip that was cut off), and does not mind entries that are missing. So the end
is read here first, and the directory once without making anything of it: 46 bytes and three lengths an entry.

    member, member, …, entry, entry, …, (end of Zip64, where that is,) end, comment     nothing between, nothing behind
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.unpack import measure
from mozbisect.fetch.unpack.member import LONGEST_NAME, Form, Member, refuse

MOST_DIRECTORY = 32 << 20  # bytes: 160 for each of as many members as there may be

# For others zipfile knows no end to what it unpacks at once. Mozilla's zips have only these.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s24x3H12x")
_LONGEST_COMMENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class _End:
    """What the end says of the directory: entries, bytes, its first byte; and where it ends."""

    count: int
    size: int
    start: int
    after: int


def members(file: IO[bytes], size: int) -> Iterator[Member]:
    """Raises ``BrokenBuild`` and ``BadZipFile``; ``size`` is that of the whole file."""
    _refuse_directory(file, _end(file, size))
    with zipfile.ZipFile(file) as archive:
        packed = 0
        for member in archive.infolist():
            packed += member.compress_size
            if packed > size:
                refuse(member.filename, "shares its bytes with others, or has more than the archive")
            yield _member(archive, member)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Member:
    mode = member.external_attr >> 16  # of Unix, or 0 where the zip was made elsewhere
    if member.compress_type not in _PACKINGS:
        refuse(member.filename, "is packed in a way that is not used for builds")
    if member.is_dir():
        archive.open(member).close()  # is its name the same there? That of others is seen when they are read
        return Member(member.filename, Form.FOLDER)
    if stat.S_ISLNK(mode):
        if member.file_size > LONGEST_NAME:
            refuse(member.filename, "is a link to a path that is too long")
        return Member(member.filename, Form.LINK, target=os.fsdecode(archive.read(member)))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        refuse(member.filename, "is a device or a pipe")
    return Member(member.filename, Form.FILE, mode or 0o644, content=_content(archive, member))


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)


# --------------------------------------------------------------------------------------------------- the directory


def _end(file: IO[bytes], size: int) -> _End:
    """As ``zipfile`` will find it, or else none: what it would take for an end, but where none belongs, is refused."""
    start = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END.size  # without a comment
    if not (tail[at:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
        at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise zipfile.BadZipFile("it has no directory")
    _, _, _, _, count, length, first, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise zipfile.BadZipFile("its end is not where its directory ends")
    file.seek(max(0, start + at - _LOCATOR64.size))
    if file.read(4) != b"PK\6\7":
        return _End(count, length, first, start + at)
    return _end64(file, start + at - _LOCATOR64.size)


def _end64(file: IO[bytes], locator: int) -> _End:
    file.seek(locator - _END64.size)
    record = file.read(_END64.size)
    _, _, where, _ = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if not record.startswith(b"PK\6\6") or where != locator - _END64.size:
        raise zipfile.BadZipFile("the end of its directory is not where it is said to be")
    *_, count, length, first = _END64.unpack(record)
    return _End(count, length, first, where)


def _refuse_directory(file: IO[bytes], end: _End) -> None:
    if end.size > MOST_DIRECTORY:
        raise BrokenBuild(f"the archive is refused: its directory has {end.size:,} bytes")
    if end.count > measure.MOST_MEMBERS:
        raise BrokenBuild(f"the archive is refused: it has more than {measure.MOST_MEMBERS:,} members")
    if end.start + end.size != end.after:
        raise zipfile.BadZipFile("its directory is not where it is said to be")
    file.seek(end.start)
    if _entries(file.read(end.size), end.count) != end.count:
        raise zipfile.BadZipFile(f"its directory has not the {end.count:,} members that its end says")


def _entries(directory: bytes, most: int) -> int:
    """How many there are; one more than ``most`` is enough. The last one ends where the directory does."""
    at = found = 0
    while at < len(directory) and found <= most:
        if len(directory) < at + _ENTRY.size:
            raise zipfile.BadZipFile("its directory ends in the middle of a member")
        magic, name, extra, comment = _ENTRY.unpack_from(directory, at)
        if magic != b"PK\1\2":
            raise zipfile.BadZipFile("its directory is damaged")
        at += _ENTRY.size + name + extra + comment
        found += 1
    return found
