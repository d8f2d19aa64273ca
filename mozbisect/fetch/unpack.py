"""Unpacks the archive of a build into an empty folder, and lets nothing out of that folder.

What an archive is, its first bytes say, not its name. Of its members only plain files, folders and links that
stay inside come through; their names are checked before anything is written, their sizes while it is. Members are
written by one small writer for every format, which never follows a link and never writes over anything.

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
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NoReturn

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch import bzip2
from mozbisect.fetch.flow import Flow
from mozbisect.fetch.programs import ProgramLacking, piped, quicker
from mozbisect.fetch.scratch import on_disk

log = logging.getLogger(__name__)

# A Firefox unpacks to about 300 MB, four times its archive; the largest debug builds to 4 GB.
MOST_BYTES = 20 << 30
MOST_RATIO = 200  # times the archive, once it is beyond RATIO_FROM
RATIO_FROM = 1 << 30
MOST_MEMBERS = 200_000

_CHUNK = 1 << 16  # bytes, of reading and of writing: with 1 MiB, tarfile takes half a second longer for a Firefox
_LONGEST_LINK = 4096  # bytes: more is no path on any system we run on
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
    with _explained(archive.name, into):
        _unpack(archive, into, start, end, look)


def unpack_stream(source: Flow, name: str, into: Path, *, check: Check | None = None) -> bool:
    """Unpack an archive that is still coming; ``False`` if it is of a kind whose end is needed first.

    Otherwise as ``unpack``. Nothing of it can be trusted before the whole archive is.
    """
    start = b""
    while len(start) < _LONGEST_MAGIC and (more := source.read(_LONGEST_MAGIC - len(start))):
        start += more
    if not start.startswith(tuple(_PACKED_TARS)):
        return False
    with _explained(name, into), _plain(start, io.BufferedReader(_Rest(start, source), _CHUNK)) as plain:
        _write(_of_tar(plain), into, name, lambda: source.taken, check or _nothing)
    return True


@contextmanager
def _explained(name: str, into: Path) -> Iterator[None]:
    """What goes wrong within is the archive's fault or the disk's."""
    with on_disk(into):
        try:
            yield
        except _NONSENSE as error:
            raise BrokenBuild(f"{name} is damaged: {error}") from error
        except OSError as error:
            # Without a number it is not from the system but from bz2; EINVAL is a place before the file's beginning.
            if error.errno not in (None, errno.EINVAL):
                raise
            raise BrokenBuild(f"{name} is damaged: {error}") from error


def _unpack(archive: Path, into: Path, start: bytes, end: bytes, check: Check) -> None:
    size = archive.stat().st_size
    if start.startswith(tuple(_PACKED_TARS)):
        with archive.open("rb") as file, _plain(start, file) as plain:
            return _write(_of_tar(plain), into, archive.name, lambda: size, check)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with zipfile.ZipFile(archive) as opened_zip:
            return _write(_of_zip(opened_zip), into, archive.name, lambda: size, check)
    if end.startswith(b"koly") or archive.name.lower().endswith(".dmg"):
        return _unpack_dmg(archive, into)
    raise BrokenBuild(f"{archive.name} is no archive that can be unpacked ({_beginning(start)})")


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
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bzip2.open_plain,
    b"\x1f\x8b": gzip.open,
}
_LONGEST_MAGIC = max(map(len, _PACKED_TARS))


@contextmanager
def _plain(start: bytes, packed: Any) -> Iterator[Any]:
    """What a packed tar, given as a file, unpacks to; ``start`` says how it is packed."""
    magic = next(magic for magic in _PACKED_TARS if start.startswith(magic))
    with ExitStack() as stack:
        command = quicker(magic)
        if command is not None:
            try:
                yield stack.enter_context(piped(command, packed.read))
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


def _of_tar(plain: IO[bytes]) -> Iterator[_Member]:
    # As a stream ("r|"), which reads each byte once. The packed file is opened by us and not by tarfile, whose own
    # stream does not notice a packed file that ends too early between two members.
    with tarfile.open(fileobj=plain, mode="r|", bufsize=_CHUNK) as tar:
        for member in tar:
            yield _tar_member(tar, member)
    while plain.read(_CHUNK):  # to the end, where the check sums are
        pass


def _tar_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> _Member:
    if member.isreg():
        return _Member(member.name, _Form.FILE, member.mode, content=lambda: _extracted(tar, member))
    if member.isdir():
        return _Member(member.name, _Form.FOLDER)
    if member.issym():
        return _Member(member.name, _Form.LINK, target=member.linkname)
    if member.islnk():
        return _Member(member.name, _Form.TWIN, target=member.linkname)
    raise BrokenBuild(f"the archive holds a device or a pipe: {member.name!r}")


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    return content


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for member in archive.infolist():
        mode = member.external_attr >> 16  # of Unix, or 0 where the zip was made elsewhere
        if member.is_dir():
            yield _Member(member.filename, _Form.FOLDER)
        elif stat.S_ISLNK(mode):
            if member.file_size > _LONGEST_LINK:
                _refuse(member.filename, "is a link to a path that is too long")
            yield _Member(member.filename, _Form.LINK, target=os.fsdecode(archive.read(member)))
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            _refuse(member.filename, "is a device or a pipe")
        else:
            yield _Member(member.filename, _Form.FILE, mode or 0o644, content=_zip_content(archive, member))


def _zip_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)


# --------------------------------------------------------------------------------------- what may come through


def _write(members: Iterator[_Member], into: Path, name: str, packed: Callable[[], int], check: Check) -> None:
    """``packed``: the bytes of the archive, or those of it that were read so far."""
    tree = _Tree(into, packed, check)
    for number, member in enumerate(members, start=1):
        if number > MOST_MEMBERS:
            raise BrokenBuild(f"{name} has more than {MOST_MEMBERS:,} members")
        check()
        tree.add(member)


class _Tree:
    """The folder that is being filled. Knows which of its paths are links, and never goes through one."""

    def __init__(self, root: Path, packed: Callable[[], int], check: Check) -> None:
        self._root = root
        self._check = check
        self._packed = packed
        self._written = 0
        self._links: set[PurePosixPath] = set()
        self._folders = {_ROOT}

    def add(self, member: _Member) -> None:
        inside = _place(member.name)
        if inside == _ROOT:
            return
        self._refuse_links(inside, member.name)
        path = self._root / inside
        try:
            self._make_folder(inside.parent)
            self._make(member, inside, path)
        except (FileExistsError, NotADirectoryError):
            # Also how "Readme" and "README" look on a disk that does not tell them apart.
            _refuse(member.name, "is there twice")
        except OSError as error:
            if error.errno in _BAD_NAME:
                _refuse(member.name, f"cannot be written: {error.strerror}")
            raise

    def _make_folder(self, inside: PurePosixPath) -> None:
        """With those above it, but never the root: when a run ends, that may be gone, and is to stay so."""
        if inside not in self._folders:
            self._make_folder(inside.parent)
            (self._root / inside).mkdir(exist_ok=True)
            self._folders.add(inside)

    def _make(self, member: _Member, inside: PurePosixPath, path: Path) -> None:
        match member.form:
            case _Form.FOLDER:
                path.mkdir(exist_ok=True)
            case _Form.FILE:
                assert member.content is not None
                self._fill(path, member.name, member.mode, member.content())
            case _Form.LINK:
                _refuse_leading_out(member.target, inside, member.name)
                self._links.add(inside)
                path.symlink_to(member.target)
            case _Form.TWIN:
                # A copy and not a link: a build that is run may write into its own files.
                twin = self._root / self._earlier(member)
                self._fill(path, member.name, twin.stat().st_mode, twin.open("rb"))

    def _fill(self, path: Path, name: str, mode: int, content: AbstractContextManager[IO[bytes]]) -> None:
        with content as source, path.open("xb") as file:
            while chunk := source.read(_CHUNK):
                self._check()
                self._written += len(chunk)
                if self._written > min(MOST_BYTES, max(RATIO_FROM, MOST_RATIO * self._packed())):
                    _refuse(name, "makes the archive grow beyond all measure")
                file.write(chunk)
        # Never setuid, never writable for others, always readable and writable for us.
        path.chmod((mode & 0o755) | 0o600)

    def _earlier(self, member: _Member) -> PurePosixPath:
        other = _place(member.target)
        self._refuse_links(other, member.name)
        if not (self._root / other).is_file():
            _refuse(member.name, f"is a link to {member.target!r}, which did not come before it")
        return other

    def _refuse_links(self, inside: PurePosixPath, name: str) -> None:
        if not self._links.isdisjoint((inside, *inside.parents)):
            _refuse(name, "goes through a link of the archive")


_ROOT = PurePosixPath()


def _place(name: str) -> PurePosixPath:
    """Where in the tree a member of this name belongs. Refuses it when that is nowhere.

    Backslashes and drive letters count everywhere, so that an archive is refused on every system or on none.
    """
    windows = PureWindowsPath(name)
    if not name or "\0" in name or windows.drive or windows.root or ".." in windows.parts:
        _refuse(name, "has no place inside")
    return PurePosixPath(*windows.parts)


def _refuse_leading_out(target: str, link: PurePosixPath, name: str) -> None:
    """A link may go up as far as the root, and then down.

    Never down and up again: where "down" is another link, "up" would be anywhere. With this rule every link ends
    inside, whatever the others are, since the folders above a link are folders.
    """
    parts = PureWindowsPath(target).parts
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    windows = PureWindowsPath(target)
    if not target or windows.drive or windows.root or ".." in parts[ups:] or ups > len(link.parent.parts):
        _refuse(name, f"is a link that leads out, to {target!r}")


def _refuse(name: str, why: str) -> NoReturn:
    raise BrokenBuild(f"the archive is refused: its member {name!r} {why}")


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
