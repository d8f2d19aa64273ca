"""Nightlies for the desktop: folders with all that lies in real ones, and not only what is wanted.

A folder holds some two hundred files for seven platforms. Packages are made for five of them (``packages.BUILT``);
the rest is a line of text each, of the size that the listing says. Beside it lies a folder with translations.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property, partial

from mozbisect.practice.packages import BUILT, LANGS, Bakery
from mozbisect.practice.reply import Reply
from mozbisect.practice.shelf import Entry, filler, of_package, of_text
from mozbisect.practice.world import Nightly, Package

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


class Nightlies:
    """A shelf: the nightlies of Firefox, or of Thunderbird, and their translations."""

    def __init__(self, bakery: Bakery) -> None:
        self._world = bakery.world
        self._bakery = bakery
        self._product = bakery.product
        products = bakery.world.parameters.products
        self._translated = f"{self._product}-l10n" in products
        self._has_shells = self._product == "firefox" and "jsshell" in products
        self._root = f"/pub/{self._product}/nightly/"

    def folders(self) -> Iterable[str]:
        yield f"{self._root}latest-{self._world.parameters.central}/"
        for place in self._by_place:
            yield place
            yield f"{place.removesuffix('/')}-l10n/"

    def files(self, folder: str) -> Mapping[str, Entry]:
        if (nightly := self._by_place.get(folder)) is not None:
            return dict(self._of_a_nightly(nightly))
        if (nightly := self._by_place.get(f"{folder.removesuffix('-l10n/')}/")) is not None:
            return dict(self._translations(nightly))
        return {}

    @cached_property
    def _by_place(self) -> dict[str, Nightly]:
        return {f"{self._root}{one.when:%Y/%m}/{one.folder}/": one for one in self._world.nightlies}

    def _of_a_nightly(self, nightly: Nightly) -> Iterator[tuple[str, Entry]]:
        modified = nightly.when + timedelta(hours=3, minutes=17)
        is_lost = self._world.package(nightly) is Package.DEAD
        for name in self._names(nightly):
            package = self._package(nightly, name)
            if package is None:
                yield name, Entry(partial(self._made, nightly, name), modified)
            else:
                yield name, Entry(package, modified, lost=is_lost)

    def _names(self, nightly: Nightly) -> Iterator[str]:
        yield f"{self._product.capitalize()} Installer.en-US.exe"
        yield "mozharness.zip"
        for platform, ending in PLATFORMS.items():
            if platform in BUILT and not self._world.has_builds(nightly):
                continue
            stem = self._stem(nightly, platform)
            yield from (stem + end for end in (*_BESIDE, ending, f"{ending}.asc", ".checksums", "_info.txt"))
            if self._bakery.key is not None and self._world.parameters.signed_nightlies:
                yield f"{stem}.checksums.asc"
            if self._world.has_origin(nightly):
                yield from (stem + end for end in _ORIGIN)
            if self._world.has_txt(nightly):
                yield f"{stem}.txt"
            if platform.startswith("win"):
                yield f"{stem}.installer.exe"
            yield f"jsshell-{platform}.zip"

    def _translations(self, nightly: Nightly) -> Iterator[tuple[str, Entry]]:
        """Packages only: what tells their revision lies with the untranslated ones."""
        modified = nightly.when + timedelta(hours=5)
        if not self._translated:
            for lang in LANGS:
                name = self._stem(nightly, "linux-x86_64", lang) + ".tar.xz"
                yield name, Entry(partial(of_text, name, filler(name)), modified, lost=True)
            return
        if not self._world.has_builds(nightly):
            return
        for platform, ending in BUILT.items():
            for lang in LANGS:
                name = self._stem(nightly, platform, lang) + ending
                made = partial(self._baked, nightly, platform, name, lang=lang)
                yield name, Entry(made, modified, lost=self._world.package(nightly) is Package.DEAD)

    # -------------------------------------------------------------------------------------------------- files

    def _stem(self, nightly: Nightly, platform: str, lang: str = "en-US") -> str:
        return f"{self._product}-{nightly.version}.{lang}.{platform}"

    def _package(self, nightly: Nightly, name: str) -> Callable[[], Reply] | None:
        """How the package of this name is made, if it is one that can be had."""
        for platform, ending in BUILT.items():
            if name == self._stem(nightly, platform) + ending:
                return partial(self._baked, nightly, platform, name)
            if self._has_shells and name == f"jsshell-{platform}.zip":
                return partial(self._baked, nightly, platform, name, product="jsshell")
        return None

    def _baked(
        self, nightly: Nightly, platform: str, name: str, *, product: str | None = None, lang: str = "en-US"
    ) -> Reply:
        return of_package(name, self._bakery.of(nightly, platform, product=product, lang=lang))

    def _made(self, nightly: Nightly, name: str) -> Reply:
        return of_text(name, self._text(nightly, name))

    def _text(self, nightly: Nightly, name: str) -> str:
        stem = self._stem(nightly, "")
        platform, dot, ending = name.removeprefix(stem).partition(".")
        if not name.startswith(stem):
            return filler(name)
        match dot + ending:
            case ".txt" if platform in PLATFORMS:
                return self._bakery.txt(nightly)
            case ".json":
                return json.dumps(self._bakery.target_json(nightly, platform), indent=2)
            case ".buildhub.json":
                return json.dumps(self._buildhub(nightly, platform), indent=2)
            case ".checksums":
                return self._checksums(nightly, platform)
            case ".checksums.asc" if self._bakery.key is not None:
                return self._bakery.key.sign(self._checksums(nightly, platform))
            case ".txt":
                return f"buildID={nightly.build_id}\n"  # firefox-….linux-x86_64_info.txt
        return filler(name)

    def _buildhub(self, nightly: Nightly, platform: str) -> dict[str, object]:
        return {
            "build": {"id": nightly.build_id, "date": f"{nightly.when:%Y-%m-%dT%H:%M:%SZ}", "number": None},
            "source": {
                "product": self._product,
                "repository": self._bakery.repository(nightly.push.repo),
                "revision": nightly.push.head.node,
                "tree": nightly.push.repo,
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
        stem = self._stem(nightly, platform)
        lines = []
        for name in self._names(nightly):
            if not name.startswith((f"{stem}.", f"{stem}_")) or name.endswith((".checksums", ".checksums.asc")):
                continue
            if name == f"{stem}{BUILT.get(platform)}":
                made = self._bakery.of(nightly, platform)
                lines.append(f"{made.sha512} sha512 {len(made)} {name}")
            else:
                body = self._text(nightly, name).encode()
                lines.append(f"{hashlib.sha512(body).hexdigest()} sha512 {len(body)} {name}")
        return "\n".join(sorted(lines)) + "\n"
