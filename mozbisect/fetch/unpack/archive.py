"""Unpacks the archive of a build into an empty folder, and lets nothing out of that folder.

What an archive is, its first bytes say, not its name. Of its members only plain files, folders and links that
stay inside come through. Here the parts of this folder meet, and what they raise becomes what was wrong with the build:

    .tar.xz .tar.bz2 .tar.gz ──packing──► tarred ─┐       (also while the file is still coming)
    .zip ───────────────────────────────► zipped ─┴► tree ─► files, folders, links
    .dmg ───────────────────────────────► dmg                (hdiutil, ditto: both of macOS)

What a member may be is said in ``member``, how much it may take in ``measure``.
"""

from __future__ import annotations

import errno
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mozbisect.core.errors import BrokenBuild
from mozbisect.fetch.scratch import on_disk
from mozbisect.fetch.unpack import packing, tarred, xz, zipped
from mozbisect.fetch.unpack.dmg import unpack_dmg
from mozbisect.fetch.unpack.flow import Flow
from mozbisect.fetch.unpack.measure import CHUNK, Check, Measure, Refused
from mozbisect.fetch.unpack.member import cut, quoted, refuse
from mozbisect.fetch.unpack.tree import Seen, Tree, write

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
    while len(start) < packing.LONGEST_MAGIC and (more := source.read(packing.LONGEST_MAGIC - len(start))):
        start += more
    if not start.startswith(packing.MAGICS):
        return False
    look = check or _nothing
    rest = io.BufferedReader(_Rest(start, source), CHUNK)

    def still_wanted() -> None:
        source.check()
        look()

    with _explained(name, into) as seen, packing.plain(start, rest, still_wanted) as plain:
        _write_tar(plain, into, lambda: source.taken, still_wanted, seen)
    return True


@contextmanager
def _explained(name: str, into: Path) -> Iterator[Seen]:
    """What goes wrong within is the archive's fault or the disk's."""
    seen = Seen()
    with on_disk(into):
        try:
            yield seen
        except Refused as error:
            if seen.member:
                refuse(seen.member, str(error))
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


def _damaged(name: str, error: Exception, seen: Seen) -> BrokenBuild:
    where = f" (in or after its member {quoted(seen.member)})" if seen.member else ""
    return BrokenBuild(f"{name} is damaged: {cut(str(error))}{where}")


def _unpack(archive: Path, into: Path, start: bytes, end: bytes, check: Check, seen: Seen) -> None:
    size = archive.stat().st_size
    if start.startswith(packing.MAGICS):
        with archive.open("rb") as file, packing.plain(start, file, check) as plain:
            return _write_tar(plain, into, lambda: size, check, seen)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with archive.open("rb") as file:
            return write(zipped.members(file, size), Tree(into, Measure(lambda: size, check)), seen)
    if end.startswith(b"koly") or archive.name.lower().endswith(".dmg"):
        return unpack_dmg(archive, into)
    raise BrokenBuild(f"{archive.name} is no archive that can be unpacked ({_beginning(start)})")


def _write_tar(plain: IO[bytes], into: Path, packed: Callable[[], int], check: Check, seen: Seen) -> None:
    write(tarred.members(plain, Measure(packed, check)), Tree(into, Measure(packed, check)), seen)


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
