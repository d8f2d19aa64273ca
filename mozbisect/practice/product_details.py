"""product-details.mozilla.org of a world: which version went out on which day.

What a world released is there in full; of the versions before it only the days of the whole ones are told, by
Mozilla's calendar, with the oddities of the real history. An ESR's version is told without its ``esr``, which only its
key has, as in reality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from mozbisect.catalog.releases import LEFT_CENTRAL
from mozbisect.practice.reply import Reply, as_json, as_text
from mozbisect.practice.world import Release, World

# Whole versions that have no ``.0``, and those that came between two trains.
_ODD = {14: "14.0.1", 125: "125.0.1"}
_BETWEEN = {"33.1": date(2014, 11, 10), "53.0": date(2017, 4, 19)}

_TUESDAY = 1
LAST_ON_AURORA = 52  # until then a version went to aurora, then to beta, and out a train later than today

_CATEGORIES = {"beta": "dev", "esr": "esr"}


class ProductDetails:
    """Answers GET requests below ``/1.0/``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._files: Mapping[str, Callable[[], dict[str, Any]]] = {
            "firefox.json": lambda: _releases(world, "firefox"),
            "devedition.json": lambda: _releases(world, "devedition"),
            "firefox_history_major_releases.json": lambda: _before(world) | _days(world, "major"),
            "firefox_history_stability_releases.json": lambda: _days(world, "stability"),
            "firefox_history_development_releases.json": lambda: _days(world, "dev"),
            "firefox_versions.json": lambda: _versions(world),
        }
        if (other := world.others.get("thunderbird")) is not None:
            self._files |= {"thunderbird.json": lambda: _releases(other, "thunderbird")}

    def answer(self, path: str) -> Reply:
        """``path`` from ``/1.0`` on."""
        made = self._files.get(path.removeprefix("/1.0/"))
        if made is None:
            return as_text("Not Found", 404)
        return as_json(made(), headers={"Cache-Control": "max-age=600"})


def _releases(world: World, product: str) -> dict[str, Any]:
    found = world.releases
    if product == "devedition":
        found = tuple(one for one in found if one.channel == "beta")
    rows = {f"{product}-{one.version}": _row(one, product) for one in found}
    return {"releases": dict(sorted(rows.items()))}


def _row(one: Release, product: str) -> dict[str, Any]:
    return {
        "build_number": len(one.builds),
        "category": _category(one),
        "date": str(one.day),
        "description": None,
        "is_security_driven": False,
        "product": product,
        "version": one.version.removesuffix("esr"),
    }


def _category(one: Release) -> str:
    if one.channel in _CATEGORIES:
        return _CATEGORIES[one.channel]
    return "major" if one.version.endswith(".0") else "stability"


def _days(world: World, category: str) -> dict[str, str]:
    return {one.version: str(one.day) for one in world.releases if _category(one) == category}


def _before(world: World) -> dict[str, str]:
    """Whole versions that went out before the world began: on the Tuesday when a later one has left central."""
    found = dict(_BETWEEN)
    for major in LEFT_CENTRAL:
        left = LEFT_CENTRAL.get(major + (2 if major <= LAST_ON_AURORA else 1))
        if left is not None and f"{major}.0" not in _BETWEEN:
            found[_ODD.get(major, f"{major}.0")] = left + timedelta(days=(_TUESDAY - left.weekday()) % 7)
    return {version: str(day) for version, day in found.items() if day < world.parameters.start}


def _versions(world: World) -> dict[str, str]:
    """The newest of each channel at the world's end."""
    own = world.parameters
    newest = {one.channel: one for one in sorted(world.releases, key=lambda one: one.day)}
    versions = {channel: newest[channel].version if channel in newest else "" for channel in ("release", "beta", "esr")}
    departures = own.departures
    return {
        "FIREFOX_AURORA": "",
        "FIREFOX_DEVEDITION": versions["beta"],
        "FIREFOX_ESR": versions["esr"],
        "FIREFOX_ESR_NEXT": "",
        "FIREFOX_NIGHTLY": f"{own.major_on(own.end)}.0a1",
        "LAST_MERGE_DATE": str(departures[-1]) if departures else "",
        "LAST_RELEASE_DATE": str(newest["release"].day) if "release" in newest else "",
        "LATEST_FIREFOX_DEVEL_VERSION": versions["beta"],
        "LATEST_FIREFOX_OLDER_VERSION": "3.6.28",
        "LATEST_FIREFOX_RELEASED_DEVEL_VERSION": versions["beta"],
        "LATEST_FIREFOX_VERSION": versions["release"],
    }
