"""Which revision a build was made from, as the small files beside it in the archive say.

2010: one line, ``<build id> <revision>``. Later: a line with the build id, a line with ``<hg url>/rev/<revision>``;
some lack the second. ``.json`` and ``.buildhub.json`` say the same in fields.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mozbisect.catalog.repos import at_path
from mozbisect.core.errors import NetworkError, ServerTrouble
from mozbisect.memory import FOREVER
from mozbisect.net.http import Http
from mozbisect.net.page import Page


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a build came from; what is not known is None."""

    repo: str | None = None
    revision: str | None = None
    git_revision: str | None = None
    build_id: str | None = None


_REV_URL = re.compile(r"(https?://\S+?)/rev/([0-9a-f]{40}|[0-9a-f]{12})(?!\S)")
_GIT_URL = re.compile(r"https?://github\.com/\S+/commit/([0-9a-f]{40})\b")
_BUILD_ID = re.compile(r"\b(\d{14})\b")
_ONE_LINE = re.compile(r"\d{10,14} ([0-9a-f]{40}|[0-9a-f]{12})")


def read_origin(http: Http, url: str, *, doubt: bool = False) -> Origin:
    """The origin that the file at ``url`` tells; empty where it cannot be read (it is a help, not a need).

    ``doubt``: it was listed, and should be there.
    """
    try:
        return http.read(url, _from_json if url.endswith(".json") else _from_txt, keep=FOREVER, doubt=doubt)
    except NetworkError:
        return Origin()


# Every such file tells something; one that tells nothing is half a file, or another page in its place.


def _from_json(page: Page) -> Origin:
    return _something(from_json(page.text), page)


def _from_txt(page: Page) -> Origin:
    origin = from_txt(page.text)
    cut = "http" in page.text and not (origin.revision or origin.git_revision)
    return _something(Origin() if cut else origin, page)


def _something(origin: Origin, page: Page) -> Origin:
    if origin == Origin():
        raise ServerTrouble(f"{page.url} tells nothing about a build.", url=page.url)
    return origin


def from_txt(text: str) -> Origin:
    build_id = _BUILD_ID.search(text)
    git = _GIT_URL.search(text)
    shared = {"build_id": build_id[1] if build_id else None, "git_revision": git[1] if git else None}
    if match := _REV_URL.search(text):
        return Origin(repo_at(match[1]), match[2], **shared)
    if match := _ONE_LINE.fullmatch(text.strip()):
        return Origin(None, match[1], **shared)
    return Origin(**shared)


def from_json(text: str) -> Origin:
    """``target.json`` (flat) or ``buildhub.json`` (nested)."""
    try:
        row = json.loads(text)
    except ValueError:
        return Origin()
    if not isinstance(row, dict):
        return Origin()
    if isinstance(row.get("source"), dict):
        source, build = row["source"], row.get("build")
        stamp = build.get("id") if isinstance(build, dict) else None
        return Origin(repo_at(_text(source.get("repository")) or ""), _text(source.get("revision")), None, _text(stamp))
    # Literally "MOZ_SOURCE_REPO=https://…" in 2017.
    place = (_text(row.get("moz_source_repo")) or "").removeprefix("MOZ_SOURCE_REPO=")
    return Origin(repo_at(place), _text(row.get("moz_source_stamp")), None, _text(row.get("buildid")))


def repo_at(url: str) -> str | None:
    """The repository whose path the URL ends with, on whichever server."""
    row = at_path(urlsplit(url).path)
    return row.name if row else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
