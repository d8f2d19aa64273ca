"""Quartiles, fences and outliers, held against the standard library."""

from __future__ import annotations

from collections import Counter
from datetime import date
from statistics import quantiles

from hypothesis import given
from hypothesis import strategies as st

from mozbisect.telemetry.insights.answers import Ages, Box, Uses, box, variants


def ages(*months: int) -> Ages:
    return Ages("firefox", "shippable", tuple(sorted(Counter(months).items())))


def test_a_box_that_was_reckoned_by_hand() -> None:
    # Places 2.25, 4.5 and 6.75, counted from 0: 1, 2.5 and 5.25. The fences are between -5.375 and 11.625.
    drawn = box(ages(1, 1, 1, 1, 2, 3, 3, 6, 7, 40))
    assert drawn == Box(1, 1.0, 2.5, 5.25, 7, ((40, 1),))


def test_the_example_of_the_first_posts() -> None:
    """Median 1 month, upper fence 6, points far beyond."""
    drawn = box(ages(*[1] * 50, *[2] * 12, *[3] * 25, *[6] * 5, 7, 24, 24, 83))
    assert (drawn.median, drawn.upper_fence) == (1, 6)
    assert drawn.outliers == ((7, 1), (24, 2), (83, 1))
    assert drawn.outlying == 4


def test_one_ping_is_a_box_without_width() -> None:
    assert box(ages(5)) == Box(5, 5, 5, 5, 5, ())


def test_values_below_the_box_can_be_outliers_too() -> None:
    assert box(ages(1, 30, 30, 31, 31, 32)).outliers == ((1, 1),)


@given(st.lists(st.integers(1, 400), min_size=2, max_size=200))
def test_the_quartiles_are_those_of_the_standard_library(months: list[int]) -> None:
    drawn = box(ages(*months))
    expected = quantiles(months, n=4, method="inclusive")
    assert all(
        abs(one - other) < 1e-9
        for one, other in zip((drawn.lower_quartile, drawn.median, drawn.upper_quartile), expected, strict=True)
    )


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200))
def test_fences_hold_exactly_what_is_no_outlier(months: list[int]) -> None:
    drawn = box(ages(*months))
    outside = sorted(value for value in months if not drawn.lower_fence <= value <= drawn.upper_fence)
    assert sorted(Counter(outside).items()) == list(drawn.outliers)
    reach = 1.5 * (drawn.upper_quartile - drawn.lower_quartile)
    assert all(
        value < drawn.lower_quartile - reach or value > drawn.upper_quartile + reach for value, _ in drawn.outliers
    )
    assert {drawn.lower_fence, drawn.upper_fence} <= set(months)


def test_variants_of_ours_come_first_and_others_by_how_often() -> None:
    day = date(2026, 9, 1)
    uses = [Uses(day, "gui", 1), Uses(day, "zed", 2), Uses(day, "vim", 9), Uses(day, "console", 1)]
    assert variants(uses, ("console", "mach", "gui", "ci")) == ("console", "gui", "vim", "zed")
