"""Nightlies for phones: Fennec below ``mobile``, with what tells its revision; Fenix and Focus, each package alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial

from mozbisect.practice.packages import Bakery
from mozbisect.practice.reply import Reply
from mozbisect.practice.shelf import Entry, filler, of_package, of_text
from mozbisect.practice.world import Nightly, Package

ABIS = ("arm64-v8a", "armeabi-v7a", "x86", "x86_64")

# Fennec's folders for ARM said which Android they were made for, until a day.
_FENNEC_ARM = (
    (date(2014, 12, 6), "android"),
    (date(2014, 12, 13), "android-api-10"),
    (date(2016, 1, 29), "android-api-11"),
    (date(2017, 8, 30), "android-api-15"),
    (date.max, "android-api-16"),
)

PHONES = ("fennec", "fenix", "focus")


@dataclass(frozen=True, slots=True)
class _Made:
    """A folder: the nightly, and how the platform is written in the names of its files."""

    nightly: Nightly
    platform: str


class PhoneNightlies:
    """A shelf: the nightlies of one of ``PHONES``."""

    def __init__(self, bakery: Bakery, product: str) -> None:
        self._world = bakery.world
        self._bakery = bakery
        self._product = product

    def folders(self) -> Iterable[str]:
        return self._by_place

    def files(self, folder: str) -> Mapping[str, Entry]:
        one = self._by_place[folder]
        stem = f"{self._product}-{one.nightly.version}.multi.{one.platform}"
        texts = self._texts(one, stem) if self._product == "fennec" else {}
        modified = one.nightly.when + timedelta(hours=2)
        entries = {name: Entry(partial(of_text, name, text), modified) for name, text in texts.items()}
        if self._world.has_builds(one.nightly):
            made = partial(self._baked, one, f"{stem}.apk")
            entries[f"{stem}.apk"] = Entry(made, modified, lost=self._world.package(one.nightly) is Package.DEAD)
        return entries

    def _texts(self, one: _Made, stem: str) -> dict[str, str]:
        texts = {name: filler(name) for name in ("robocop.apk", f"{stem}.apk.asc", f"{stem}.checksums")}
        if self._world.has_origin(one.nightly):
            texts[f"{stem}.json"] = json.dumps(self._bakery.target_json(one.nightly, one.platform), indent=2)
        if self._world.has_txt(one.nightly):
            texts[f"{stem}.txt"] = self._bakery.txt(one.nightly)
        return texts

    def _baked(self, one: _Made, name: str) -> Reply:
        return of_package(name, self._bakery.of(one.nightly, one.platform, product=self._product))

    @cached_property
    def _by_place(self) -> dict[str, _Made]:
        found = {}
        for nightly in self._world.nightlies:
            stamp = self._stamp(nightly)
            month = f"/pub/{_FOLDERS.get(self._product, self._product)}/nightly/{stamp[:4]}/{stamp[5:7]}"
            for ending, platform in self._endings(nightly).items():
                found[f"{month}/{stamp}-{ending}/"] = _Made(nightly, platform)
        return found

    def _stamp(self, nightly: Nightly) -> str:
        """Fennec's folders are named by the moment of the build; those of Fenix and Focus by that of the push."""
        return nightly.stamp if self._product == "fennec" else f"{nightly.push.when:%Y-%m-%d-%H-%M-%S}"

    def _endings(self, nightly: Nightly) -> dict[str, str]:
        """How the names of its folders end, and how the platform of each is written."""
        if self._product == "fennec":
            arm = next(words for until, words in _FENNEC_ARM if nightly.when.date() < until)
            endings = {arm: "android-arm", "android-x86": "android-i386", "android-aarch64": "android-aarch64"}
            return {f"{nightly.push.repo}-{ending}": platform for ending, platform in endings.items()}
        if not self._world.has_builds(nightly):
            return {}
        return {f"{self._product}-{nightly.version}-android-{abi}": f"android-{abi}" for abi in ABIS}


_FOLDERS = {"fennec": "mobile"}
