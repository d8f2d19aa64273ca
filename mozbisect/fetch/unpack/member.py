"""What a member of an archive may be, and where in a tree it may lie: values and rules, and nothing of any disk.

Whether a name is refused does not depend on the system: an archive is refused on every one or on none. So backslashes,
drive letters and all that some system takes for one name count everywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import PureWindowsPath
from typing import IO, NoReturn

from mozbisect.core.errors import BrokenBuild

LONGEST_NAME = 4096  # characters of a member's name or of a link's target: more is no path on any system we run on
DEEPEST = 64  # folders; a Firefox has 12 at most. Far deeper trees are the end of what walks and removes them.

# What HFS+ passes over when it compares names (Apple's Technical Note TN1150, as git has it, too).
_PASSED_OVER = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))

_SHOWN = 200  # characters of a name, in a message


class Form(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    TWIN = "hard link"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of any archive. ``target`` is of links only: as written for LINK, from the root for TWIN."""

    name: str
    form: Form
    mode: int = 0o644
    target: str = ""
    content: Callable[[], AbstractContextManager[IO[bytes]]] | None = None


def folded(part: str) -> str:
    """The same for all names that some system takes for one.

    That is for their case, their Unicode, characters that cannot be seen, or dots at their end.
    """
    if part.isascii():
        return part.rstrip(". ").lower()
    part = part.translate(_PASSED_OVER).rstrip(". ")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def place(name: str) -> tuple[str, ...]:
    """Where in the tree a member of this name belongs. Refuses it when that is nowhere.

    Backslashes and drive letters count everywhere, so that an archive is refused on every system or on none.
    """
    if len(name) > LONGEST_NAME:
        refuse(name, f"has a name of {len(name):,} characters")
    windows = PureWindowsPath(name)
    if not name or "\0" in name or windows.drive or windows.root or not all(map(_is_name, windows.parts)):
        refuse(name, "has no place inside")
    if len(windows.parts) > DEEPEST:
        refuse(name, f"lies deeper than {DEEPEST} folders")
    return windows.parts


def _is_name(part: str) -> bool:
    """No dots alone: with a space behind, or three of them, Windows may take them for a way up, too.

    No colon: NTFS takes ``firefox:evil`` for something inside the file ``firefox``. No build of Mozilla's has one.
    """
    return ":" not in part and bool(part.translate(_PASSED_OVER).strip(". "))


def refuse_leading_out(target: str, link: tuple[str, ...], name: str) -> None:
    """A link may go up as far as the root, and then down.

    Never down and up again: where "down" is another link, "up" would be anywhere. With this rule every link ends
    inside, whatever the others are, since the folders above a link are folders.
    """
    if len(target) > LONGEST_NAME:
        refuse(name, "is a link to a path that is too long")
    windows = PureWindowsPath(target)
    parts = windows.parts
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    out = not all(map(_is_name, parts[ups:])) or ups > len(link) - 1
    if not target or windows.drive or windows.root or out:
        refuse(name, f"is a link that leads out, to {quoted(target)}")


def refuse(name: str, why: str) -> NoReturn:
    raise BrokenBuild(f"the archive is refused: its member {quoted(name)} {why}")


def quoted(name: str) -> str:
    return repr(cut(name))


def cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
