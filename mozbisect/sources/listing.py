"""What a folder of the archive holds, from whichever form of listing the server has.

Today's server answers with JSON when asked for it; HTML is read where it does not: today's table and the Apache
index of the years before 2015 alike, through beautifulsoup4. A folder that is not there holds nothing (404);
any other trouble is an error and never an empty folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mozbisect.core.errors import NotFound, ServerTrouble
from mozbisect.net.http import Http, Keep
from mozbisect.net.page import Page


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a folder or a file, by its bare name. ``size`` in bytes where the listing is exact."""

    name: str
    is_folder: bool
    size: int | None = None


Rows = tuple[Entry, ...]


def entries(http: Http, url: str, *, keep: Keep[Rows] = None, doubt: bool = False) -> Rows:
    """All rows of the folder at ``url`` (which ends in a slash), in the server's order. Raises ``NetworkError``.

    ``keep`` and ``doubt`` as in ``Http.read``.
    """
    try:
        return http.read(url, _entries, accept="application/json", keep=keep, doubt=doubt)
    except NotFound:
        return ()


def _entries(page: Page) -> tuple[Entry, ...]:
    return _from_json(page) if "json" in page.content_type else _from_html(page)


def _from_json(page: Page) -> tuple[Entry, ...]:
    """``{"prefixes": ["a/", …], "files": [{"name", "last_modified", "size"}]}`` (bucketlister)."""
    try:
        listing = json.loads(page.text)
        folders = [Entry(name.strip("/"), is_folder=True) for name in listing["prefixes"]]
        files = [Entry(row["name"], is_folder=False, size=row["size"]) for row in listing["files"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServerTrouble(f"The listing of {page.url} cannot be read ({error}).", url=page.url) from error
    return (*folders, *files)


def _from_html(page: Page) -> tuple[Entry, ...]:
    from bs4 import BeautifulSoup, SoupStrainer

    soup = BeautifulSoup(page.text, "html.parser", parse_only=SoupStrainer(["h1", "title", "a"]))
    links = [str(link["href"]) for link in soup.find_all("a", href=True)]
    if not _is_listing(page, links):
        raise ServerTrouble(f"{page.url} answered with something that is no listing.", url=page.url)
    # The server may print another path than it was asked for (the /pub/mozilla.org of old): its heading tells.
    headings = [heading.get_text().rpartition(" ")[2] for heading in soup.find_all(["h1", "title"])]
    here = (urlsplit(page.url).path, *headings)
    found = (_entry(link, here) for link in links)
    return tuple(entry for entry in found if entry is not None)


def _is_listing(page: Page, links: Sequence[str]) -> bool:
    """Whole, and headed as one or with links to what lies below: a page that says sorry has neither."""
    text = page.text.rstrip().lower()
    if "<html" in text and not text.endswith("</html>"):
        return False
    below = urlsplit(page.url).path
    return bool(re.search(r"index of|directory listing", text)) or any(
        link != below and link.startswith(below) for link in links
    )


def _entry(link: str, here: tuple[str, ...]) -> Entry | None:
    """A link below the folder; not the parent, a sort order (``?C=N;O=D``) or another server."""
    path = unquote(urlsplit(link).path)
    if not path or link.startswith("?"):
        return None
    if path.startswith("/"):
        if any(f"{folder.rstrip('/')}/".startswith(f"{path.rstrip('/')}/") for folder in here):
            return None
        name = path.rstrip("/").rpartition("/")[2]
    else:
        name = path.rstrip("/").removeprefix("./")
    if not name or name in (".", "..") or "/" in name:
        return None
    return Entry(name, is_folder=path.endswith("/"))
