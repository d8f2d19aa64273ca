"""Invented pings: marked, the same again, and like real ones."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import islice

from mozbisect.catalog import apps
from mozbisect.telemetry.insights.answers import Ages, box
from mozbisect.telemetry.insights.synthetic import DAYS, MARK, pings
from mozbisect.telemetry.usage import VARIANTS

UNTIL = date(2026, 11, 20)


def test_each_line_is_marked() -> None:
    for ping in pings(500, seed=1, until=UNTIL):
        assert json.loads(ping.line)["metadata"]["header"]["x_source_tags"] == MARK


def test_the_same_words_give_the_same_pings_and_another_seed_gives_others() -> None:
    first, same, other = ([ping.line for ping in pings(50, seed=seed, until=UNTIL)] for seed in (1, 1, 2))
    assert first == same
    assert not set(first) & set(other)


def test_they_say_nothing_that_mozbisect_could_not_say() -> None:
    for ping in pings(3000, seed=3, until=UNTIL):
        assert ping.variant in VARIANTS
        assert ping.build_type in apps.app(ping.app).build_types
        assert UNTIL - timedelta(days=DAYS) < ping.at.date() <= UNTIL
        assert not (ping.bad and ping.launch)
        asked = ping.bad or ping.launch
        assert asked is None or asked <= ping.at.date()


def test_they_tell_the_story_of_the_real_ones() -> None:
    """Median 1 month, upper fence 6, many far beyond; some come twice, and some are of development versions."""
    made = list(pings(30_000, seed=4, until=UNTIL))
    spread: dict[int, int] = {}
    for ping in made:
        asked = ping.bad or ping.launch
        if asked and (ping.app, ping.build_type) == ("firefox", "shippable"):
            age = (ping.at.year - asked.year) * 12 + ping.at.month - asked.month + 1
            spread[age] = spread.get(age, 0) + 1
    drawn = box(Ages("firefox", "shippable", tuple(sorted(spread.items()))))
    assert (drawn.median, drawn.upper_fence) == (1, 6)
    assert sum(number for age, number in drawn.outliers if age > 20) > 100
    assert 0 < len(made) - len({ping.document for ping in made}) < 200
    assert any(".dev" in ping.version for ping in made)


def test_they_come_one_by_one() -> None:
    assert len(list(islice(pings(10**9, seed=5, until=UNTIL), 3))) == 3
