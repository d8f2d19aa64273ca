"""Unpacks the archive of a build into an empty folder, and lets nothing out of that folder.

What an archive is, its first bytes say, not its name. Of its members only plain files, folders and links that
stay inside come through; their names are checked before anything is written, their sizes while it is. Members are
written by one small writer for every format, which never follows a link and never writes over anything.

A tiny archive may unpack to anything, so both ends are counted: what comes out of a packed tar, before tarfile sees
it, and what is written. Headers, names, depth and the memory to unpack xz have ends of their own.

    .tar.xz .tar.bz2 .tar.gz ──► members of a tar ─┐       (also while the file is still coming)
    .zip ──────────────────────► members of a zip ─┴► check ─► write
    .dmg ──────────────────────► hdiutil, ditto (both of macOS)
"""

from __future__ import annotations

import errno
import gzip
import io
import logging
import lzma
import os
import shutil
import stat
import struct
import subprocess
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PureWindowsPath
from typing import IO, Any, NoReturn, Self

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.scratch import on_disk
from mozbisect.fetch.unpack import bzip2, xz
from mozbisect.fetch.unpack.flow import Flow
from mozbisect.fetch.unpack.programs import ProgramLacking, piped, quicker

log = logging.getLogger(__name__)

# A Firefox unpacks to about 300 MB, four times its archive; the largest debug builds to 4 GB.
# Each counts twice: for what a packed tar unpacks to, and for what is written.
MOST_BYTES = 20 << 30
MOST_RATIO = 200  # times the archive, once it is beyond RATIO_FROM
RATIO_FROM = 1 << 30
MOST_MEMBERS = 200_000  # with the folders that are made for them

LONGEST_NAME = 4096  # characters of a member's name or of a link's target: more is no path on any system we run on
DEEPEST = 64  # folders; a Firefox has 12 at most. Far deeper trees are the end of what walks and removes them.
MOST_HEADER = 16 << 10  # bytes that a header of a tar may announce: room for a name, a target, and some more
MOST_BETWEEN = 1 << 20  # bytes of a tar between two members: all headers of one, and what was read ahead
MOST_GLOBAL = 100  # keywords that a tar may set for all its members

_CHUNK = 1 << 16  # bytes, of reading and of writing: with 1 MiB, tarfile takes half a second longer for a Firefox
_SHOWN = 200  # characters of a name, in a message
_HDIUTIL_SECONDS = 300

_SUFFIXES = (".tar.xz", ".tar.bz2", ".tar.gz", ".tgz", ".zip", ".dmg")

# What the libraries raise for bytes that make no sense: first what they mean to raise, then what happens to them.
_NONSENSE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    RuntimeError,  # of zipfile: a password, or an unknown kind of packing
    ValueError,
    LookupError,
    ArithmeticError,
    struct.error,
)

_BAD_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)

Check = Callable[[], None]
"""Called between pieces of work; what it raises ends the work."""


class _Form(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    TWIN = "hard link"


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of any archive. ``target`` is of links only: as written for LINK, from the root for TWIN."""

    name: str
    form: _Form
    mode: int = 0o644
    target: str = ""
    content: Callable[[], AbstractContextManager[IO[bytes]]] | None = None


class _Refused(Exception):
    """Something about the member that was seen last, or about what follows it, by one who does not know its name."""


@dataclass(slots=True)
class _Seen:
    """How far an archive was read, for whoever has to explain what is wrong with it."""

    member: str = ""


@dataclass(slots=True)
class _Measure:
    """Counts bytes, and knows when it is enough. ``packed``: the bytes of the archive, or of it as far as read."""

    packed: Callable[[], int]
    check: Check
    bytes: int = 0

    def add(self, more: int) -> None:
        self.check()
        self.bytes += more
        if self.bytes > min(MOST_BYTES, max(RATIO_FROM, MOST_RATIO * self.packed())):
            raise _Refused("makes the archive grow beyond all measure")


def is_archive(name: str) -> bool:
    """Is a file of this name unpacked? An ``.apk`` or an ``.xpi`` is a zip too, but is installed as it is."""
    return name.lower().endswith(_SUFFIXES)


def unpack(archive: Path, into: Path, *, check: Check | None = None) -> None:
    """Unpack into an existing, empty folder. On an error, what is there already is left for the caller to remove.

    Raises ``BrokenBuild`` (damaged, hostile, or of a kind that this machine cannot unpack) and ``CacheTrouble``.
    """
    look = check or _nothing
    try:
        start, end = _ends(archive)
    except OSError as error:
        raise BrokenBuild(f"{archive.name} cannot be read: {error.strerror}") from error
    with _explained(archive.name, into) as seen:
        _unpack(archive, into, start, end, look, seen)


def unpack_stream(source: Flow, name: str, into: Path, *, check: Check | None = None) -> bool:
    """Unpack an archive that is still coming; ``False`` if it is of a kind whose end is needed first.

    Otherwise as ``unpack``. Nothing of it can be trusted before the whole archive is.
    """
    start = b""
    while len(start) < _LONGEST_MAGIC and (more := source.read(_LONGEST_MAGIC - len(start))):
        start += more
    if not start.startswith(tuple(_PACKED_TARS)):
        return False
    look = check or _nothing
    rest = io.BufferedReader(_Rest(start, source), _CHUNK)

    def still_wanted() -> None:
        source.check()
        look()

    with _explained(name, into) as seen, _plain(start, rest, still_wanted) as plain:
        _write_tar(plain, into, lambda: source.taken, still_wanted, seen)
    return True


@contextmanager
def _explained(name: str, into: Path) -> Iterator[_Seen]:
    """What goes wrong within is the archive's fault or the disk's."""
    seen = _Seen()
    with on_disk(into):
        try:
            yield seen
        except _Refused as error:
            if seen.member:
                _refuse(seen.member, str(error))
            raise BrokenBuild(f"the archive is refused: its beginning {error}") from error
        except xz.TooMuchMemory as error:
            raise BrokenBuild(f"{name} is refused: {error}") from error
        except _NONSENSE as error:
            raise _damaged(name, error, seen) from error
        except OSError as error:
            # Without a number it is not from the system but from bz2; EINVAL is a place before the file's beginning.
            if error.errno not in (None, errno.EINVAL):
                raise
            raise _damaged(name, error, seen) from error


def _damaged(name: str, error: Exception, seen: _Seen) -> BrokenBuild:
    where = f" (in or after its member {_quoted(seen.member)})" if seen.member else ""
    return BrokenBuild(f"{name} is damaged: {_cut(str(error))}{where}")


def _unpack(archive: Path, into: Path, start: bytes, end: bytes, check: Check, seen: _Seen) -> None:
    size = archive.stat().st_size
    if start.startswith(tuple(_PACKED_TARS)):
        with archive.open("rb") as file, _plain(start, file, check) as plain:
            return _write_tar(plain, into, lambda: size, check, seen)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with zipfile.ZipFile(archive) as opened_zip:
            return _write(_of_zip(opened_zip, size), _Tree(into, _Measure(lambda: size, check)), seen)
    if end.startswith(b"koly") or archive.name.lower().endswith(".dmg"):
        return _unpack_dmg(archive, into)
    raise BrokenBuild(f"{archive.name} is no archive that can be unpacked ({_beginning(start)})")


def _write_tar(plain: IO[bytes], into: Path, packed: Callable[[], int], check: Check, seen: _Seen) -> None:
    tallied = _Tallied(plain, _Measure(packed, check))
    _write(_of_tar(tallied), _Tree(into, _Measure(packed, check)), seen)


def _beginning(start: bytes) -> str:
    """For people: an error page is known by its words, another kind of file by its first bytes."""
    words = " ".join(start.decode("ascii", "replace").split())
    if words and words.isascii() and words.isprintable():
        return f"it begins with: {words}"
    return f"it begins with the bytes {start[:8].hex(' ')}" if start else "it is empty"


def _ends(archive: Path) -> tuple[bytes, bytes]:
    """The first bytes, and the last 512, where a disk image has its signature."""
    with archive.open("rb") as file:
        start = file.read(16)
        file.seek(max(0, archive.stat().st_size - 512))
        return start, file.read()


def _nothing() -> None:
    pass


# ------------------------------------------------------------------------------------------- what is in there

_PACKED_TARS: dict[bytes, Callable[[Any], AbstractContextManager[Any]]] = {
    b"\xfd7zXZ\x00": xz.open_plain,
    b"BZh": bzip2.open_plain,
    b"\x1f\x8b": gzip.open,
}
_LONGEST_MAGIC = max(map(len, _PACKED_TARS))


@contextmanager
def _plain(start: bytes, packed: Any, check: Check) -> Iterator[Any]:
    """What a packed tar, given as a file, unpacks to; ``start`` says how it is packed."""
    magic = next(magic for magic in _PACKED_TARS if start.startswith(magic))
    with ExitStack() as stack:
        command = quicker(magic)
        if command is not None:
            try:
                yield stack.enter_context(piped(command, packed.read, check))
                return
            except ProgramLacking as error:
                log.debug("%s: Python unpacks instead", error)
        yield stack.enter_context(_PACKED_TARS[magic](packed))


class _Rest(io.RawIOBase):
    """A flow whose beginning was looked at already, as a file that can only be read on."""

    def __init__(self, start: bytes, source: Flow) -> None:
        self._start = start
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk, self._start = self._start[: len(buffer)], self._start[len(buffer) :]
        chunk = chunk or self._source.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Tallied:
    """What a packed tar unpacks to, counted, and with an end to what may stand between two members.

    Without it tarfile would take any amount of memory: for a header, a list of holes, a row of headers.
    """

    def __init__(self, plain: IO[bytes], measure: _Measure) -> None:
        self._plain = plain
        self._measure = measure
        self._left: int | None = MOST_BETWEEN

    def between(self) -> None:
        self._left = MOST_BETWEEN

    def within(self) -> None:
        self._left = None

    def read(self, size: int) -> bytes:
        chunk = self._plain.read(size)
        self._measure.add(len(chunk))
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                raise _Refused(f"is followed by more than {MOST_BETWEEN:,} bytes of headers")
        return chunk


_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _Header(tarfile.TarInfo):
    """A header as tarfile reads it, but looked at before tarfile reads as much as it announces."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _HEADERS and header.size > MOST_HEADER:
            raise _Refused(f"is followed by a header of {header.size:,} bytes")
        if not 0 <= header.size <= MOST_BYTES:
            _refuse(header.name, f"announces {header.size:,} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:
            _refuse(header.name, "is a file with holes")
        return header


def _of_tar(plain: _Tallied) -> Iterator[_Member]:
    # As a stream ("r|"), which reads each byte once. The packed file is opened by us and not by tarfile, whose own
    # stream does not notice a packed file that ends too early between two members.
    with tarfile.open(fileobj=plain, mode="r|", bufsize=_CHUNK, tarinfo=_Header) as tar:  # type: ignore[call-overload]
        while (member := tar.next()) is not None:
            if len(tar.pax_headers) > MOST_GLOBAL:
                _refuse(member.name, f"has more than {MOST_GLOBAL} global headers before it")
            plain.within()
            yield _tar_member(tar, member)
            plain.between()
            tar.members.clear()  # tarfile would keep them all
    plain.within()
    while plain.read(_CHUNK):  # to the end, where the check sums are
        pass


def _tar_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> _Member:
    if member.issparse():
        _refuse(member.name, "is a file with holes")
    if member.isreg():
        return _Member(member.name, _Form.FILE, member.mode, content=lambda: _extracted(tar, member))
    if member.isdir():
        return _Member(member.name, _Form.FOLDER)
    if member.issym():
        return _Member(member.name, _Form.LINK, target=member.linkname)
    if not member.islnk():
        _refuse(member.name, "is a device or a pipe")
    return _Member(member.name, _Form.TWIN, target=member.linkname)


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    return content


# For others zipfile knows no end to what it unpacks at once. Mozilla's zips have only these.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _of_zip(archive: zipfile.ZipFile, size: int) -> Iterator[_Member]:
    packed = 0
    for member in archive.infolist():
        packed += member.compress_size
        mode = member.external_attr >> 16  # of Unix, or 0 where the zip was made elsewhere
        if packed > size:
            _refuse(member.filename, "shares its bytes with others, or has more than the archive")
        if member.compress_type not in _PACKINGS:
            _refuse(member.filename, "is packed in a way that is not used for builds")
        if member.is_dir():
            yield _Member(member.filename, _Form.FOLDER)
        elif stat.S_ISLNK(mode):
            if member.file_size > LONGEST_NAME:
                _refuse(member.filename, "is a link to a path that is too long")
            yield _Member(member.filename, _Form.LINK, target=os.fsdecode(archive.read(member)))
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            _refuse(member.filename, "is a device or a pipe")
        else:
            yield _Member(member.filename, _Form.FILE, mode or 0o644, content=_zip_content(archive, member))


def _zip_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)


# --------------------------------------------------------------------------------------- what may come through


def _write(members: Iterator[_Member], tree: _Tree, seen: _Seen) -> None:
    for member in members:
        seen.member = member.name
        tree.add(member)


@dataclass(slots=True)
class _Entry:
    """What the archive put into a place, and, of a folder, by their folded names, what is inside."""

    name: str
    form: _Form
    inside: dict[str, _Entry] = field(default_factory=dict)


class _Tree:
    """The folder that is being filled. Knows what is in it, and never goes through a link.

    Whether two names are one does not depend on the disk: an archive is refused on every system or on none.
    """

    def __init__(self, root: Path, written: _Measure) -> None:
        self._root = root
        self._written = written
        self._top = _Entry("", _Form.FOLDER)
        self._places = 0
        self._members = 0

    def add(self, member: _Member) -> None:
        self._written.check()
        self._members += 1
        self._refuse_many()
        parts = _place(member.name)
        if not parts:
            if member.form is not _Form.FOLDER:
                _refuse(member.name, "has no name of its own")
            return
        try:
            self._make(member, parts)
        except (FileExistsError, NotADirectoryError):  # a disk that takes even more names for one than we do
            _refuse(member.name, "is there twice")
        except OSError as error:
            if error.errno in _BAD_NAME:
                _refuse(member.name, f"cannot be written: {error.strerror}")
            raise

    def _make(self, member: _Member, parts: tuple[str, ...]) -> None:
        above = self._top
        for depth in range(1, len(parts)):
            above = self._folder(above, parts[:depth], member.name)
        path = self._root.joinpath(*parts)
        if member.form is _Form.FOLDER:
            self._folder(above, parts, member.name)
            return
        if self._found(above, parts, member.name) is not None:
            _refuse(member.name, "is there twice")
        entry = above.inside[_folded(parts[-1])] = _Entry(parts[-1], member.form)
        self._more_places()
        match member.form:
            case _Form.FILE:
                assert member.content is not None
                self._fill(path, member.mode, member.content())
            case _Form.LINK:
                _refuse_leading_out(member.target, parts, member.name)
                path.symlink_to(member.target)
            case _Form.TWIN:
                # A copy and not a link: a build that is run may write into its own files.
                twin = self._root.joinpath(*self._earlier(member))
                self._fill(path, twin.stat().st_mode, twin.open("rb"))
                entry.form = _Form.FILE

    def _folder(self, above: _Entry, parts: tuple[str, ...], name: str) -> _Entry:
        """Made if it is new. But never the root: when a run ends, that may be gone, and is to stay so."""
        entry = self._found(above, parts, name)
        if entry is None:
            self._more_places()
            self._root.joinpath(*parts).mkdir()
            entry = above.inside[_folded(parts[-1])] = _Entry(parts[-1], _Form.FOLDER)
        if entry.form is not _Form.FOLDER:
            _refuse(name, "is there twice")
        return entry

    def _found(self, above: _Entry, parts: tuple[str, ...], name: str) -> _Entry | None:
        entry = above.inside.get(_folded(parts[-1]))
        if entry is None:
            return None
        if entry.name != parts[-1]:
            other = "/".join((*parts[:-1], entry.name))
            _refuse(name, f"is beside {_quoted(other)}, and some systems take the two names for one")
        if entry.form is _Form.LINK:
            _refuse(name, "goes through a link of the archive")
        return entry

    def _more_places(self) -> None:
        self._places += 1
        self._refuse_many()

    def _refuse_many(self) -> None:
        if max(self._members, self._places) > MOST_MEMBERS:
            raise _Refused(f"is one too many: more than {MOST_MEMBERS:,} members")

    def _fill(self, path: Path, mode: int, content: AbstractContextManager[IO[bytes]]) -> None:
        with content as source, path.open("xb") as file:
            while chunk := source.read(_CHUNK):
                self._written.add(len(chunk))
                file.write(chunk)
        # Never setuid, never writable for others, always readable and writable for us.
        path.chmod((mode & 0o755) | 0o600)

    def _earlier(self, member: _Member) -> tuple[str, ...]:
        parts = _place(member.target)
        entry: _Entry | None = self._top
        for depth in range(1, len(parts) + 1):
            entry = entry and self._found(entry, parts[:depth], member.name)
        # The member itself has its place by now, but is no file yet.
        if entry is None or entry.form is not _Form.FILE:
            _refuse(member.name, f"is a link to {_quoted(member.target)}, which did not come before it")
        return parts


def _folded(part: str) -> str:
    """The same for all names that some system takes for one: for their case, their Unicode, or dots at their end."""
    part = part.rstrip(". ")
    if part.isascii():
        return part.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def _place(name: str) -> tuple[str, ...]:
    """Where in the tree a member of this name belongs. Refuses it when that is nowhere.

    Backslashes and drive letters count everywhere, so that an archive is refused on every system or on none.
    """
    if len(name) > LONGEST_NAME:
        _refuse(name, f"has a name of {len(name):,} characters")
    windows = PureWindowsPath(name)
    if not name or "\0" in name or windows.drive or windows.root or not all(map(_is_name, windows.parts)):
        _refuse(name, "has no place inside")
    if len(windows.parts) > DEEPEST:
        _refuse(name, f"lies deeper than {DEEPEST} folders")
    return windows.parts


def _is_name(part: str) -> bool:
    """No dots alone: with a space behind, or three of them, Windows may take them for a way up, too."""
    return bool(part.strip(". "))


def _refuse_leading_out(target: str, link: tuple[str, ...], name: str) -> None:
    """A link may go up as far as the root, and then down.

    Never down and up again: where "down" is another link, "up" would be anywhere. With this rule every link ends
    inside, whatever the others are, since the folders above a link are folders.
    """
    if len(target) > LONGEST_NAME:
        _refuse(name, "is a link to a path that is too long")
    windows = PureWindowsPath(target)
    parts = windows.parts
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    out = not all(map(_is_name, parts[ups:])) or ups > len(link) - 1
    if not target or windows.drive or windows.root or out:
        _refuse(name, f"is a link that leads out, to {_quoted(target)}")


def _refuse(name: str, why: str) -> NoReturn:
    raise BrokenBuild(f"the archive is refused: its member {_quoted(name)} {why}")


def _quoted(name: str) -> str:
    return repr(_cut(name))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


# ------------------------------------------------------------------------------------------------------- macOS


def _unpack_dmg(archive: Path, into: Path) -> None:
    if shutil.which("hdiutil") is None:
        raise BrokenBuild(f"{archive.name} can only be unpacked on macOS")
    with _mounted(archive) as volume:
        apps = sorted(volume.glob("*.app"))
        if not apps:
            raise BrokenBuild(f"{archive.name} holds no application")
        for app in apps:  # and not the link to /Applications beside it
            _run("ditto", str(app), str(into / app.name), archive=archive)


@contextmanager
def _mounted(image: Path) -> Iterator[Path]:
    volume = Path(tempfile.mkdtemp(prefix="mozbisect-volume-"))
    try:
        attach = ("attach", "-nobrowse", "-noautoopen", "-readonly", "-mountpoint", str(volume), str(image))
        _run("hdiutil", *attach, archive=image)
        try:
            yield volume
        finally:
            with suppress(BrokenBuild):  # it stays mounted, and the build is none the worse for it
                _run("hdiutil", "detach", "-force", str(volume), archive=image)
    finally:
        with suppress(OSError):
            volume.rmdir()


def _run(*command: str, archive: Path) -> None:
    """Run a program of macOS. Some images show a licence first: it is answered, as a person would, with Y."""
    try:
        done = subprocess.run(
            command, input="Y\n", capture_output=True, text=True, errors="replace", timeout=_HDIUTIL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenBuild(f"{archive.name}: {command[0]} did not end in {_HDIUTIL_SECONDS} seconds") from error
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise BrokenBuild(f"{archive.name}: {command[0]} {command[1]} failed: {why}")
