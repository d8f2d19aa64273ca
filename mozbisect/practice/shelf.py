"""What a part of the archive is made of: folders, and files that are made when somebody asks for them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mozbisect.practice.builds import Archive
from mozbisect.practice.reply import Reply

_TYPES = {".txt": "text/plain", ".json": "application/json", ".checksums": "text/plain", ".asc": "text/plain"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file. ``made`` is what one gets; ``lost``: it is listed, and 404 for who asks for it."""

    made: Callable[[], Reply]
    modified: datetime
    lost: bool = False


class Shelf(Protocol):
    """A part of the archive."""

    def folders(self) -> Iterable[str]:
        """The path of every folder with files in it, and of those without that are there nevertheless; ``/pub/…/``."""
        ...

    def files(self, folder: str) -> Mapping[str, Entry]:
        """What lies in one of the folders, by name."""
        ...


def of_text(name: str, text: str) -> Reply:
    kind = next((kind for end, kind in _TYPES.items() if name.endswith(end)), "application/octet-stream")
    body = text.encode()
    return Reply(200, body, kind, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def of_package(name: str, made: Archive) -> Reply:
    return Reply(
        200,
        made.own,
        "application/x-xz" if name.endswith("xz") else "application/zip",
        {"Cache-Control": "max-age=604800", **goog_hash(made)},
        padding=made.padding,
        etag=f'"{made.sha256[:32]}"',
        is_build=True,
    )


def goog_hash(made: Archive) -> dict[str, str]:
    """What Google's storage, where both hosts of packages keep theirs, says beside a file; also beside a part of it."""
    return {"x-goog-stored-content-encoding": "identity", "x-goog-hash": f"md5={b64encode(made.md5).decode()}"}


def filler(name: str) -> str:
    """What a file holds that only fills a folder."""
    return f"For practice only, this is no {name}.\n"
