"""Writes members into an empty folder: one small writer for every format, which never leaves that folder.

It never follows a link, never writes over anything, and gives no member more rights than it needs. Names are checked
before anything is written (``member``), sizes while it is (``measure``).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mozbisect.fetch.unpack import measure
from mozbisect.fetch.unpack.measure import CHUNK, Measure, Refused
from mozbisect.fetch.unpack.member import Form, Member, folded, place, quoted, refuse, refuse_leading_out

_BAD_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


@dataclass(slots=True)
class Seen:
    """How far an archive was read, for whoever has to explain what is wrong with it."""

    member: str = ""


def write(members: Iterator[Member], tree: Tree, seen: Seen) -> None:
    for member in members:
        seen.member = member.name
        tree.add(member)


@dataclass(slots=True)
class _Entry:
    """What the archive put into a place, and, of a folder, by their folded names, what is inside."""

    name: str
    form: Form
    inside: dict[str, _Entry] = field(default_factory=dict)


class Tree:
    """The folder that is being filled. Knows what is in it, and never goes through a link.

    Whether two names are one does not depend on the disk: an archive is refused on every system or on none.
    """

    def __init__(self, root: Path, written: Measure) -> None:
        self._root = root
        self._written = written
        self._top = _Entry("", Form.FOLDER)
        self._places = 0
        self._members = 0

    def add(self, member: Member) -> None:
        self._written.check()
        self._members += 1
        self._refuse_many()
        parts = place(member.name)
        if not parts:
            if member.form is not Form.FOLDER:
                refuse(member.name, "has no name of its own")
            return
        try:
            self._make(member, parts)
        except (FileExistsError, NotADirectoryError):  # a disk that takes even more names for one than we do
            refuse(member.name, "is there twice")
        except OSError as error:
            if error.errno in _BAD_NAME:
                refuse(member.name, f"cannot be written: {error.strerror}")
            raise

    def _make(self, member: Member, parts: tuple[str, ...]) -> None:
        above = self._top
        for depth in range(1, len(parts)):
            above = self._folder(above, parts[:depth], member.name)
        path = self._root.joinpath(*parts)
        if member.form is Form.FOLDER:
            self._folder(above, parts, member.name)
            return
        if self._found(above, parts, member.name) is not None:
            refuse(member.name, "is there twice")
        entry = above.inside[folded(parts[-1])] = _Entry(parts[-1], member.form)
        self._more_places()
        match member.form:
            case Form.FILE:
                assert member.content is not None
                self._fill(path, member.mode, member.content())
            case Form.LINK:
                refuse_leading_out(member.target, parts, member.name)
                path.symlink_to(member.target)
            case Form.TWIN:
                # A copy and not a link: a build that is run may write into its own files.
                twin = self._root.joinpath(*self._earlier(member))
                self._fill(path, twin.stat().st_mode, twin.open("rb"))
                entry.form = Form.FILE

    def _folder(self, above: _Entry, parts: tuple[str, ...], name: str) -> _Entry:
        """Made if it is new. But never the root: when a run ends, that may be gone, and is to stay so."""
        entry = self._found(above, parts, name)
        if entry is None:
            self._more_places()
            self._root.joinpath(*parts).mkdir()
            entry = above.inside[folded(parts[-1])] = _Entry(parts[-1], Form.FOLDER)
        if entry.form is not Form.FOLDER:
            refuse(name, "is there twice")
        return entry

    def _found(self, above: _Entry, parts: tuple[str, ...], name: str) -> _Entry | None:
        entry = above.inside.get(folded(parts[-1]))
        if entry is None:
            return None
        if entry.name != parts[-1]:
            other = "/".join((*parts[:-1], entry.name))
            refuse(name, f"is beside {quoted(other)}, and some systems take the two names for one")
        if entry.form is Form.LINK:
            refuse(name, "goes through a link of the archive")
        return entry

    def _more_places(self) -> None:
        self._places += 1
        self._refuse_many()

    def _refuse_many(self) -> None:
        if max(self._members, self._places) > measure.MOST_MEMBERS:
            raise Refused(f"is one too many: more than {measure.MOST_MEMBERS:,} members")

    def _fill(self, path: Path, mode: int, content: AbstractContextManager[IO[bytes]]) -> None:
        with content as source, path.open("xb") as file:
            while chunk := source.read(CHUNK):
                self._written.add(len(chunk))
                file.write(chunk)
        # Never setuid, never writable for others, always readable and writable for us.
        path.chmod((mode & 0o755) | 0o600)

    def _earlier(self, member: Member) -> tuple[str, ...]:
        parts = place(member.target)
        entry: _Entry | None = self._top
        for depth in range(1, len(parts) + 1):
            entry = entry and self._found(entry, parts[:depth], member.name)
        # The member itself has its place by now, but is no file yet.
        if entry is None or entry.form is not Form.FILE:
            refuse(member.name, f"is a link to {quoted(member.target)}, which did not come before it")
        return parts
