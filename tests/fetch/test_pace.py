"""How many connections a file is worth, as far as that can be seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mozbisect.fetch.transfer.pace import Pace
from tests.fetch.test_line import Clock


def found(most: int, speed: Callable[[int], float], seconds: float = 10.0) -> tuple[int, int]:
    """How many connections there were in the end, and at most; ``speed`` in bytes a second for so many."""
    clock, here, highest = Clock(), 0.0, 1
    pace = Pace(most, clock)
    while clock.time < seconds:
        clock.time += 0.01
        here += speed(pace.connections) * 0.01
        if pace.one_more(int(here)):
            pace.grew()
        highest = max(highest, pace.connections)
    assert not pace.explores
    return pace.connections, highest


@pytest.mark.parametrize(
    ("most", "speed", "expected"),
    [
        (1, lambda n: 20e6 * n, (1, 1)),
        (4, lambda n: 20e6 * n, (4, 4)),  # so much for each connection
        (4, lambda n: 20e6, (1, 2)),  # a line that is full with one
        (4, lambda n: min(40e6, 20e6 * n), (2, 3)),  # … with two
        (9, lambda n: min(48e6, 20e6 * n), (2, 3)),  # the third brings only half of what it should: not clear enough
        (4, lambda n: 20e6 / n, (1, 2)),  # a server that dislikes it
        (4, lambda n: 0.0, (1, 2)),
    ],
)
def test_another_is_tried_as_long_as_the_last_one_paid(
    most: int, speed: Callable[[int], float], expected: tuple[int, int]
) -> None:
    assert found(most, speed) == expected


def test_one_that_could_not_be_had_is_not_judged() -> None:
    clock, here = Clock(), 0.0
    pace = Pace(4, clock)
    asked = 0
    while clock.time < 5:
        clock.time += 0.01
        here += 20e6 * 0.01
        asked += pace.one_more(int(here))  # and the line says no
    assert pace.connections == 1
    assert pace.explores
    assert asked > 3


def test_after_trouble_there_is_one_for_good() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    pace.grew()
    pace.only_one()
    clock.time += 100
    assert not pace.one_more(10**9)
    assert pace.connections == 1


def test_what_paid_for_the_last_file_is_taken_at_once() -> None:
    clock = Clock()
    pace = Pace(4, clock, worth=3)
    for expected in (2, 3):
        assert pace.one_more(0)
        pace.grew()
        assert pace.connections == expected
    assert not pace.one_more(0)  # a fourth only if it pays
    assert pace.explores


def test_so_many_as_there_may_be_need_no_trial() -> None:
    pace = Pace(2, Clock(), worth=5)
    assert pace.one_more(0)
    pace.grew()
    assert not pace.explores


@pytest.mark.parametrize(("speed", "expected"), [(lambda n: 20e6 * n, 4), (lambda n: min(40e6, 20e6 * n), 2)])
def test_what_was_found_is_there_for_the_next_file(speed: Callable[[int], float], expected: int) -> None:
    clock, here = Clock(), 0.0
    pace = Pace(4, clock)
    while clock.time < 5:
        clock.time += 0.01
        here += speed(pace.connections) * 0.01
        if pace.one_more(int(here)):
            pace.grew()
    pace.only_one()  # this file is done
    assert pace.worth == expected
