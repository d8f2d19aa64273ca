"""What was released: ``releases/<version>/`` with lists of checksums, ``candidates/<version>-candidates/build<N>/``.

Packages are made for the same platforms as nightlies. Windows has an installer below ``releases`` and a zip below
``candidates`` only, as in reality; installers and images are a line of text each. Beside the versions lie
folders that are none, with the names that the real index has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from itertools import product

from mozbisect.practice.packages import BUILT, LANGS, Bakery
from mozbisect.practice.reply import Reply
from mozbisect.practice.shelf import Entry, filler, of_package, of_text
from mozbisect.practice.signing import Key
from mozbisect.practice.world import Package, Push, Release, moment

PLATFORMS = ("linux-aarch64", "linux-i686", "linux-x86_64", "mac", "win32", "win64", "win64-aarch64")

ODD = (
    *("0.10rc", "3.0.16-real", "3.0.19-real-real", "38.0.5-funnelcake37", "38.0.5b1-2", "bonecho", "cdn_test"),
    *("custom-updates", "deerpark", "devpreview", "granparadiso", "latest", "latest-beta", "latest-esr", "namoroka"),
    *("partners", "sha1-installers", "shiretoko", "stub"),
)

_SUMS = {"SHA256SUMS": "sha256", "SHA512SUMS": "sha512"}
_LANGS = ("en-US", *LANGS)


class Released:
    """A shelf: what of a world was released as ``name``: firefox, thunderbird, or devedition (its betas)."""

    def __init__(self, bakery: Bakery, name: str) -> None:
        self._world = bakery.world
        self._bakery = bakery
        self._name = name
        self._prefix = "thunderbird" if name == "thunderbird" else "firefox"
        self._pub = f"/pub/{name}"
        self._released = {
            one.version: one for one in self._world.releases if name != "devedition" or one.channel == "beta"
        }
        self._sums_of = lru_cache(maxsize=64)(self._sums)

    def folders(self) -> Iterable[str]:
        return self._by_place

    def files(self, folder: str) -> Mapping[str, Entry]:
        return self._by_place[folder]()

    @cached_property
    def _by_place(self) -> dict[str, Callable[[], dict[str, Entry]]]:
        found: dict[str, Callable[[], dict[str, Entry]]] = {}
        if self._name == "firefox":
            found |= {f"{self._pub}/releases/{name}/": self._odd for name in ODD}
        for version, one in self._released.items():
            place = f"{self._pub}/releases/{version}/"
            found[place] = partial(self._top, one)
            found[f"{place}source/"] = partial(self._source, one)
            for platform, lang in product(PLATFORMS, _LANGS):
                found[f"{place}{platform}/{lang}/"] = partial(self._out, one, platform, lang)
            for number, push in enumerate(one.builds, 1):
                place = f"{self._pub}/candidates/{version}-candidates/build{number}/"
                for platform, lang in product(PLATFORMS, _LANGS):
                    found[f"{place}{platform}/{lang}/"] = partial(self._candidate, one, push, platform, lang)
        return found

    # ------------------------------------------------------------------------------------------------ folders

    def _odd(self) -> dict[str, Entry]:
        return {
            "README.txt": Entry(partial(of_text, "README.txt", filler("release")), moment(self._world.parameters.start))
        }

    def _top(self, one: Release) -> dict[str, Entry]:
        made: dict[str, Callable[[], Reply]] = {name: partial(self._sums_of, one.version, name) for name in _SUMS}
        if (key := self._bakery.key) is not None:
            made |= {f"{name}.asc": partial(self._signature, one.version, name, key) for name in _SUMS}
            made["KEY"] = lambda: of_text("KEY", key.public)
        return {name: Entry(make, self._modified(one)) for name, make in made.items()}

    def _signature(self, version: str, name: str, key: Key) -> Reply:
        sums = self._sums_of(version, name)
        return of_text(f"{name}.asc", key.sign(sums.part(0, sums.length).decode()))

    def _source(self, one: Release) -> dict[str, Entry]:
        """What ends like a package and is none."""
        return self._texts(one, {f"{self._prefix}-{one.version}.source.tar.xz": filler("source")})

    def _out(self, one: Release, platform: str, lang: str) -> dict[str, Entry]:
        return self._packages(one, one.push, platform, lang, self._names(one, platform))

    def _candidate(self, one: Release, push: Push, platform: str, lang: str) -> dict[str, Entry]:
        stem = f"{self._prefix}-{one.version}"
        names = [*self._names(one, platform), *([f"{stem}.zip"] if platform.startswith("win") else [])]
        packages = self._packages(one, push, platform, lang, names)
        if lang != "en-US":
            return packages
        texts = {
            f"{stem}.txt": self._bakery.txt(push),
            f"{stem}.json": json.dumps(self._bakery.target_json(push, platform), indent=2),
        }
        beside = packages | self._texts(one, texts)
        sums = Entry(lambda: of_text(".checksums", _checksums(beside)), self._modified(one))
        return beside | {f"{stem}.checksums": sums}

    def _names(self, one: Release, platform: str) -> list[str]:
        """What people install."""
        title = self._prefix.capitalize()
        if platform == "mac":
            return [f"{title} {one.version}.dmg"]
        if platform.startswith("win"):
            return [f"{title} Setup {one.version}.exe", f"{title} Setup {one.version}.msi"]
        return [f"{self._prefix}-{one.version}.tar.xz"]

    # -------------------------------------------------------------------------------------------------- files

    def _packages(self, one: Release, push: Push, platform: str, lang: str, names: Iterable[str]) -> dict[str, Entry]:
        found = self._texts(one, {name: filler(f"{platform}/{lang}/{name}") for name in names})
        for name in found:
            if platform in BUILT and name.endswith(BUILT[platform]):
                made = partial(self._baked, push, platform, lang, name)
                found[name] = Entry(made, self._modified(one), lost=self._world.package(push) is Package.DEAD)
        return found

    def _texts(self, one: Release, texts: Mapping[str, str]) -> dict[str, Entry]:
        return {name: Entry(partial(of_text, name, text), self._modified(one)) for name, text in texts.items()}

    def _baked(self, push: Push, platform: str, lang: str, name: str) -> Reply:
        return of_package(name, self._bakery.of(push, platform, lang=lang))

    def _sums(self, version: str, name: str) -> Reply:
        """``<hex>  <platform>/<lang>/<file>`` for all that lies below a release."""
        one = self._released[version]
        places = {f"{platform}/{lang}": self._out(one, platform, lang) for platform, lang in product(PLATFORMS, _LANGS)}
        lines = []
        for place, entries in (*places.items(), ("source", self._source(one))):
            for file, entry in entries.items():
                reply = entry.made()
                digest = hashlib.new(_SUMS[name], reply.part(0, reply.length)).hexdigest()
                lines.append(f"{digest}  {place}/{file}\n")
        return of_text(f"{name}.txt", "".join(lines))

    def _modified(self, one: Release) -> datetime:
        return moment(one.day) + timedelta(hours=13)


def _checksums(files: Mapping[str, Entry]) -> str:
    """``<hash> sha512 <size> <file>`` for each."""
    made = {name: entry.made() for name, entry in files.items()}
    digests = {name: hashlib.sha512(reply.part(0, reply.length)).hexdigest() for name, reply in made.items()}
    return "".join(f"{digests[name]} sha512 {reply.length} {name}\n" for name, reply in made.items())
