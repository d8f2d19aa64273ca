"""The answers to the two questions, as values, and what a box plot says of them. Reads no file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from math import floor

UNKNOWN = "unknown"
"""Stands for a variant or an app that a ping does not name."""

WHISKER = 1.5
"""How many times the distance of the quartiles a value may lie beyond them before it is an outlier (Tukey's rule)."""


@dataclass(frozen=True, slots=True)
class Uses:
    """How often mozbisect was used on a day (UTC) through one front end."""

    day: date
    variant: str
    uses: int


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the builds were that were asked for: ``spread`` is (months, pings), the youngest first, never empty."""

    app: str
    build_type: str
    spread: tuple[tuple[int, int], ...]

    @property
    def pings(self) -> int:
        return sum(pings for _, pings in self.spread)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the lines, in the order in which they are left out. Each line is in one of them, but for the last
    five: ``counted`` answers the first question and ``aged`` the second; what is between them had no age."""

    lines: int = 0
    unreadable: int = 0
    undated: int = 0
    too_early: int = 0
    repeated: int = 0
    development: int = 0
    counted: int = 0
    synthetic: int = 0
    untyped: int = 0
    dateless: int = 0
    ahead: int = 0

    @property
    def aged(self) -> int:
        return self.counted - self.untyped - self.dateless - self.ahead


COUNTS = tuple(item.name for item in fields(Counts))


@dataclass(frozen=True, slots=True)
class Answer:
    """``uses`` by day and variant; ``ages`` with the most asked for first. ``notes`` is what else must be said."""

    uses: tuple[Uses, ...]
    ages: tuple[Ages, ...]
    counts: Counts
    since: date | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """What is drawn as a box: quartiles, the fences (the last values that are no outliers), and the outliers."""

    lower_fence: int
    lower_quartile: float
    median: float
    upper_quartile: float
    upper_fence: int
    outliers: tuple[tuple[int, int], ...]
    """(months, pings), the youngest first."""

    @property
    def outlying(self) -> int:
        """Pings beyond the fences."""
        return sum(pings for _, pings in self.outliers)


def box(ages: Ages) -> Box:
    """Quartiles are interpolated between the two neighbours, as PERCENTILE_CONT of BigQuery does it."""
    lower, median, upper = (quantile(ages.spread, share) for share in (0.25, 0.5, 0.75))
    reach = WHISKER * (upper - lower)
    inside = [months for months, _ in ages.spread if lower - reach <= months <= upper + reach]
    outliers = tuple(row for row in ages.spread if not inside[0] <= row[0] <= inside[-1])
    return Box(inside[0], lower, median, upper, inside[-1], outliers)


def quantile(spread: tuple[tuple[int, int], ...], share: float) -> float:
    """Of values that are counted, the smallest first: which one has this share of them below it?"""
    at = share * (sum(pings for _, pings in spread) - 1)
    below = floor(at)
    low, high = _nth(spread, below), _nth(spread, below + 1)
    return low + (at - below) * (high - low)


def _nth(spread: tuple[tuple[int, int], ...], at: int) -> int:
    for months, pings in spread:
        at -= pings
        if at < 0:
            return months
    return spread[-1][0]


def variants(uses: Iterable[Uses], known: tuple[str, ...]) -> tuple[str, ...]:
    """The variants that occur: ours in their usual order, and then any other, the most frequent first."""
    totals: dict[str, int] = {}
    for row in uses:
        totals[row.variant] = totals.get(row.variant, 0) + row.uses
    others = sorted(set(totals) - set(known), key=lambda name: (-totals[name], name))
    return (*(name for name in known if name in totals), *others)
