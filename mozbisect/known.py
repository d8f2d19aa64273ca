"""What is known without a search: the build types of each app, and the days of the releases. Lines, for a reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from mozbisect.catalog.apps import APPS
from mozbisect.catalog.releases import LEFT_CENTRAL

HISTORY = "firefox_history_major_releases.json"


def build_types() -> Iterator[str]:
    for app in APPS:
        yield f"{app.name}:"
        yield from (f"  {name}" for name in app.build_types)


def released(history: object) -> dict[int, date]:
    """The day on which each version came out. ``history`` is the service's document, {"131.0": "2024-10-01", …}.

    Raises ``ValueError`` when it is anything else.
    """
    if not isinstance(history, dict):
        raise ValueError("it is no object")
    days: dict[int, date] = {}
    for version, day in history.items():
        match = re.match(r"\d+", str(version))
        if match is None or not isinstance(day, str):
            raise ValueError(f"{version!r}: {day!r} is no release")
        major, when = int(match[0]), date.fromisoformat(day)
        days[major] = min(when, days.get(major, when))  # 14.0.1 was the first 14
    return days


def releases(days: Mapping[int, date]) -> Iterator[str]:
    """A line for each version, the newest first. ``days``: when they came out, as far as that is known."""
    yield f"{'version':<9}{'left mozilla-central':<22}{'released' if days else ''}".rstrip()
    oldest, newest = min(LEFT_CENTRAL), max((*LEFT_CENTRAL, *days))
    for version in range(newest, oldest - 1, -1):
        yield f"{version:<9}{LEFT_CENTRAL.get(version, ASKED)!s:<22}{days.get(version, '')}".rstrip()


ASKED = "(asked for when used)"
"""Where the day is not in our table: a search with such a bound asks for the tag that was set on it."""
