"""archive.mozilla.org of a world: shelves joined to one tree of folders, listed as the real one lists.

What lies on the shelves is decided in ``nightlies``, ``phones`` and ``released``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from urllib.parse import unquote

from mozbisect.practice import listing
from mozbisect.practice.nightlies import Nightlies
from mozbisect.practice.packages import Bakery
from mozbisect.practice.phones import PHONES, PhoneNightlies
from mozbisect.practice.released import Released
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.shelf import Entry, Shelf


def shelves(bakery: Bakery) -> list[Shelf]:
    """All that the archive has of a world: what its parameters ask for."""
    own = bakery.world.parameters
    found: list[Shelf] = [Nightlies(bakery), *(PhoneNightlies(bakery, one) for one in PHONES if one in own.products)]
    if own.trains:
        found.append(Released(bakery, bakery.product))
        if "devedition" in own.products and own.family == "mozilla":
            found.append(Released(bakery, "devedition"))
    return found


class Archive:
    """Answers GET requests. ``json_listings``: listings are JSON for who asks for it, as they are today.

    ``root``: the uppermost folder that is listed, with a slash at both ends.
    """

    def __init__(self, parts: Sequence[Shelf], *, json_listings: bool = True, root: str = "/pub/") -> None:
        self._parts = parts
        self._root = root
        self._json_listings = json_listings
        self._listed = lru_cache(maxsize=256)(self._list)

    def answer(self, path: str, accept: str) -> Reply:
        """``path`` from the root on, as it came."""
        path = unquote(path)
        folder = path.rstrip("/") + "/"
        if folder in self._folders:
            return self._listing(folder, accept)
        place, _, name = path.rpartition("/")
        entry = self._files(f"{place}/").get(name)
        if entry is None or entry.lost:
            return as_text("Not Found", 404)
        return entry.made()

    @cached_property
    def _shelf_of(self) -> dict[str, Shelf]:
        return {folder: shelf for shelf in self._parts for folder in shelf.folders()}

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        """Every folder with the names of the folders in it."""
        found: dict[str, set[str]] = {}
        for place in self._shelf_of:
            found.setdefault(place, set())
            while place != self._root:
                parent, _, name = place.removesuffix("/").rpartition("/")
                place = f"{parent}/"
                found.setdefault(place, set()).add(f"{name}/")
        return found

    def _files(self, folder: str) -> dict[str, Entry]:
        shelf = self._shelf_of.get(folder)
        return dict(shelf.files(folder)) if shelf is not None else {}

    def _list(self, folder: str) -> tuple[listing.File, ...]:
        """The files of a folder with their sizes, for which each of them is made."""
        return tuple(
            listing.File(name, entry.made().length, entry.modified) for name, entry in self._files(folder).items()
        )

    def _listing(self, folder: str, accept: str) -> Reply:
        folders = sorted(self._folders[folder])
        headers = {"Vary": "Accept", "Cache-Control": "max-age=900"}
        if self._json_listings and listing.wants_json(accept):
            return as_json(listing.as_rows(folders, self._listed(folder)), headers=headers)
        page = listing.as_html(folder, folders, self._listed(folder))
        return Reply(200, page.encode(), "text/html", headers)
