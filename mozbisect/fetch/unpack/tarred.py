"""The members of a tar, one after the other as they come, with an end to everything that a header may ask for.

Reads with tarfile, but looks at each header before tarfile does what it says.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Self

from mozbisect.fetch.unpack.measure import CHUNK, MOST_BYTES, Measure, Refused
from mozbisect.fetch.unpack.member import Form, Member, refuse

MOST_HEADER = 16 << 10  # bytes that a header of a tar may announce: room for a name, a target, and some more
MOST_BETWEEN = 1 << 20  # bytes of a tar between two members: all headers of one, and what was read ahead
MOST_GLOBAL = 100  # keywords that a tar may set for all its members


class _Tallied:
    """What a packed tar unpacks to, counted, and with an end to what may stand between two members.

    Without it tarfile would take any amount of memory: for a header, a list of holes, a row of headers.
    """

    def __init__(self, plain: IO[bytes], measure: Measure) -> None:
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
                raise Refused(f"is followed by more than {MOST_BETWEEN:,} bytes of headers")
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
            raise Refused(f"is followed by a header of {header.size:,} bytes")
        if not 0 <= header.size <= MOST_BYTES:
            refuse(header.name, f"announces {header.size:,} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:
            refuse(header.name, "is a file with holes")
        return header

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        """Zeros are the end. Of anything else that is no header tarfile would think so, too, and say nothing."""
        at = tar.offset
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"neither a member nor its end is at byte {at:,} of the tar: {error}") from error


def members(packed: IO[bytes], measure: Measure) -> Iterator[Member]:
    """Of a tar that is read once, from its beginning to its end; ``measure`` counts what is read."""
    plain = _Tallied(packed, measure)
    # As a stream ("r|"), which reads each byte once. The packed file is opened by us and not by tarfile, whose own
    # stream does not notice a packed file that ends too early between two members.
    with tarfile.open(fileobj=plain, mode="r|", bufsize=CHUNK, tarinfo=_Header) as tar:  # type: ignore[call-overload]
        while (member := tar.next()) is not None:
            if len(tar.pax_headers) > MOST_GLOBAL:
                refuse(member.name, f"has more than {MOST_GLOBAL} global headers before it")
            plain.within()
            yield _tar_member(tar, member)
            plain.between()
            tar.members.clear()  # tarfile would keep them all
        plain.within()
        assert tar.fileobj is not None
        _refuse_more(tar.fileobj)


def _refuse_more(rest: IO[bytes]) -> None:
    """What follows the first block of zeros: another one, and nothing but zeros up to the end of the file.

    GNU tar, bsdtar, busybox and Python all write both blocks, and fill up with zeros. Another tar behind the end, which
    tar itself passes over, would be a part that is left out. The end is read also for the check sums of the packing.
    """
    if len(end := rest.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("the tar ends without its end marker")
    while end:
        if end.strip(b"\0"):
            raise tarfile.ReadError("there is more behind the end marker of the tar")
        end = rest.read(CHUNK)


def _tar_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    if member.issparse():
        refuse(member.name, "is a file with holes")
    if member.isreg():
        return Member(member.name, Form.FILE, member.mode, content=lambda: _extracted(tar, member))
    if member.isdir():
        return Member(member.name, Form.FOLDER)
    if member.issym():
        return Member(member.name, Form.LINK, target=member.linkname)
    if not member.islnk():
        refuse(member.name, "is a device or a pipe")
    return Member(member.name, Form.TWIN, target=member.linkname)


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    return content
