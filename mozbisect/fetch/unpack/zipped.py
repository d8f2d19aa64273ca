"""The members of a zip, by its directory, which stands at its end."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO

from mozbisect.fetch.unpack.member import LONGEST_NAME, Form, Member, refuse

# For others zipfile knows no end to what it unpacks at once. Mozilla's zips have only these.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def members(archive: zipfile.ZipFile, size: int) -> Iterator[Member]:
    packed = 0
    for member in archive.infolist():
        packed += member.compress_size
        mode = member.external_attr >> 16  # of Unix, or 0 where the zip was made elsewhere
        if packed > size:
            refuse(member.filename, "shares its bytes with others, or has more than the archive")
        if member.compress_type not in _PACKINGS:
            refuse(member.filename, "is packed in a way that is not used for builds")
        if member.is_dir():
            yield Member(member.filename, Form.FOLDER)
        elif stat.S_ISLNK(mode):
            if member.file_size > LONGEST_NAME:
                refuse(member.filename, "is a link to a path that is too long")
            yield Member(member.filename, Form.LINK, target=os.fsdecode(archive.read(member)))
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            refuse(member.filename, "is a device or a pipe")
        else:
            yield Member(member.filename, Form.FILE, mode or 0o644, content=_zip_content(archive, member))


def _zip_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)
