"""archive.mozilla.org of a world: nightly folders with all that lies in real ones, and not only what is wanted.

A folder holds some two hundred files for six platforms. Packages are made for three of them (``packages.BUILT``);
the rest is a line of text each, of the size that the listing says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property, lru_cache
from urllib.parse import unquote

from mozbisect.practice import listing
from mozbisect.practice.packages import BUILT, Bakery
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.world import CENTRAL, Nightly, Package, World

ROOT = "/pub/firefox/nightly/"

PLATFORMS = {
    "linux-i686": ".tar.xz",
    "linux-x86_64": ".tar.xz",
    "linux-aarch64": ".tar.xz",
    "mac": ".dmg",
    "win32": ".zip",
    "win64": ".zip",
    "win64-aarch64": ".zip",
}

# What lies beside each package, by what its name adds to "firefox-<version>.en-US.<platform>".
_BESIDE = (
    *(f".{suite}.tests.tar.gz" for suite in ("awsy", "common", "cppunittest", "mochitest", "reftest", "talos")),
    *(f".{suite}.tests.tar.gz" for suite in ("web-platform", "xpcshell")),
    ".complete.mar",
    ".complete.mar.asc",
    ".crashreporter-symbols.zip",
    ".generated-files.tar.gz",
    ".langpack.xpi",
    ".mozinfo.json",
    ".test_packages.json",
)
_ORIGIN = (".json", ".buildhub.json")
_FAR = ("Firefox Installer.en-US.exe", "mozharness.zip")
_TYPES = {".txt": "text/plain", ".json": "application/json", ".checksums": "text/plain", ".asc": "text/plain"}


class Archive:
    """Answers GET requests. ``json_listings``: listings are JSON for who asks for it, as they are today."""

    def __init__(self, world: World, bakery: Bakery, *, json_listings: bool = True) -> None:
        self._world = world
        self._bakery = bakery
        self._json_listings = json_listings
        self._files_of = lru_cache(maxsize=256)(self._make_files)

    def answer(self, path: str, accept: str) -> Reply:
        """``path`` from ``/pub`` on, as it came."""
        path = unquote(path)
        folder = path.rstrip("/") + "/"
        if folder in self._folders:
            return self._listing(folder, accept)
        place, _, name = path.rpartition("/")
        nightly = self._by_place.get(f"{place}/")
        if nightly is not None:
            return self._file(nightly, name)
        base, _, inner = folder.removesuffix("/").rpartition("/")
        nightly = self._by_place.get(f"{base.removesuffix('/mar-tools')}/")
        if nightly is not None and inner in ("mar-tools", "linux64"):
            return self._listing(folder, accept)
        return as_text("Not Found", 404)

    # ----------------------------------------------------------------------------------------------- listings

    @cached_property
    def _by_place(self) -> dict[str, Nightly]:
        return {_place(nightly): nightly for nightly in self._world.nightlies}

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        """Every folder with the names of the folders in it."""
        found: dict[str, set[str]] = {}
        places = list(self._by_place)
        places += [f"{place.removesuffix('/')}-l10n/" for place in places]
        places.append(f"{ROOT}latest-{CENTRAL}/")
        for place in places:
            found.setdefault(place, set())
            while place != "/pub/":
                parent, _, name = place.removesuffix("/").rpartition("/")
                place = f"{parent}/"
                found.setdefault(place, set()).add(f"{name}/")
        return found

    def _listing(self, folder: str, accept: str) -> Reply:
        folders = sorted(self._folders.get(folder, ()))
        files = list(self._listed(folder))
        headers = {"Vary": "Accept", "Cache-Control": "max-age=900"}
        if self._json_listings and listing.wants_json(accept):
            return as_json(listing.as_rows(folders, files), headers=headers)
        page = listing.as_html(folder, folders, files)
        return Reply(200, page.encode(), "text/html", headers)

    def _listed(self, folder: str) -> Iterator[listing.File]:
        nightly = self._by_place.get(folder)
        if nightly is not None:
            modified = nightly.when + timedelta(hours=3, minutes=17)
            for name, length in self._files_of(nightly).items():
                yield listing.File(name, length, modified)
        elif folder.endswith("-l10n/"):
            nightly = self._by_place[f"{folder.removesuffix('-l10n/')}/"]
            for lang in ("de", "fr", "ja"):
                name = f"firefox-{nightly.version}.{lang}.linux-x86_64.tar.xz"
                yield listing.File(name, len(_filler(name)), nightly.when + timedelta(hours=5))

    # -------------------------------------------------------------------------------------------------- files

    def _make_files(self, nightly: Nightly) -> dict[str, int]:
        """Name and size of every file in a nightly's folder."""
        return {name: self._content(nightly, name).length for name in self._names(nightly)}

    def _names(self, nightly: Nightly) -> Iterator[str]:
        yield from _FAR
        for platform, ending in PLATFORMS.items():
            if platform in BUILT and not self._world.has_builds(nightly):
                continue
            stem = f"firefox-{nightly.version}.en-US.{platform}"
            yield from (stem + end for end in (*_BESIDE, ending, f"{ending}.asc", ".checksums", "_info.txt"))
            if self._world.has_origin(nightly):
                yield from (stem + end for end in _ORIGIN)
            if self._world.has_txt(nightly):
                yield f"{stem}.txt"
            if platform.startswith("win"):
                yield f"{stem}.installer.exe"
            yield f"jsshell-{platform}.zip"

    def _file(self, nightly: Nightly, name: str) -> Reply:
        if name not in self._files_of(nightly):
            return as_text("Not Found", 404)
        if self._world.package(nightly) is Package.DEAD and self._platform_of(nightly, name) is not None:
            return as_text("Not Found", 404)
        return self._content(nightly, name)

    def _platform_of(self, nightly: Nightly, name: str) -> str | None:
        """The platform whose package the name is."""
        for platform, ending in BUILT.items():
            if name == f"firefox-{nightly.version}.en-US.{platform}{ending}":
                return platform
        return None

    def _content(self, nightly: Nightly, name: str) -> Reply:
        platform = self._platform_of(nightly, name)
        if platform is not None:
            made = self._bakery.of(nightly, platform)
            return Reply(
                200,
                made.own,
                "application/x-xz" if name.endswith("xz") else "application/zip",
                {"Cache-Control": "max-age=604800"},
                padding=made.padding,
                etag=f'"{made.sha256[:32]}"',
                is_build=True,
            )
        content_type = next((kind for end, kind in _TYPES.items() if name.endswith(end)), "application/octet-stream")
        body = self._text(nightly, name).encode()
        return Reply(200, body, content_type, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def _text(self, nightly: Nightly, name: str) -> str:
        stem = f"firefox-{nightly.version}.en-US."
        platform, dot, ending = name.removeprefix(stem).partition(".")
        if not name.startswith(stem):
            return _filler(name)
        match dot + ending:
            case ".txt" if platform in PLATFORMS:
                return self._bakery.txt(nightly)
            case ".json":
                return json.dumps(self._bakery.target_json(nightly, platform), indent=2)
            case ".buildhub.json":
                return json.dumps(self._buildhub(nightly, platform), indent=2)
            case ".checksums":
                return self._checksums(nightly, platform)
            case ".txt":
                return f"buildID={nightly.build_id}\n"  # firefox-….linux-x86_64_info.txt
        return _filler(name)

    def _buildhub(self, nightly: Nightly, platform: str) -> dict[str, object]:
        return {
            "build": {"id": nightly.build_id, "date": f"{nightly.when:%Y-%m-%dT%H:%M:%SZ}", "number": None},
            "source": {
                "product": "firefox",
                "repository": self._bakery.repository(CENTRAL),
                "revision": nightly.push.head.node,
                "tree": CENTRAL,
            },
            "target": {
                "channel": "nightly",
                "locale": "en-US",
                "os": platform.partition("-")[0],
                "platform": platform,
                "version": nightly.version,
            },
        }

    def _checksums(self, nightly: Nightly, platform: str) -> str:
        """``<hash> sha512 <size> <file>`` for what lies beside a platform's package, and for itself."""
        stem = f"firefox-{nightly.version}.en-US.{platform}"
        lines = []
        for name in self._names(nightly):
            if not name.startswith((f"{stem}.", f"{stem}_")) or name.endswith(".checksums"):
                continue
            if name == f"{stem}{BUILT.get(platform)}":
                made = self._bakery.of(nightly, platform)
                lines.append(f"{made.sha512} sha512 {len(made)} {name}")
            else:
                body = self._text(nightly, name).encode()
                lines.append(f"{hashlib.sha512(body).hexdigest()} sha512 {len(body)} {name}")
        return "\n".join(sorted(lines)) + "\n"


def _place(nightly: Nightly) -> str:
    return f"{ROOT}{nightly.when:%Y/%m}/{nightly.folder}/"


def _filler(name: str) -> str:
    return f"For practice only, this is no {name}.\n"
