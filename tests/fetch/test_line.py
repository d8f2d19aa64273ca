"""The line: the build that is waited for comes first, and others go on where they do no harm."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mozbisect.fetch.line import Line


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def transferred(line: Line, clock: Clock, *speeds: float) -> None:
    """The urgent transfer, a tenth of a second at each of the speeds."""
    here = 0.0
    line.saw(0)
    for speed in speeds:
        clock.time += 0.1
        here += speed / 10
        line.saw(int(here))


def waits(line: Line, *, unless: Callable[[], bool] = lambda: False) -> bool:
    class Waits(Exception):
        pass

    def noticed() -> None:
        raise Waits

    try:
        line.give_way(noticed, unless=unless)
    except Waits:
        return True
    return False


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ((), True),
        ((20e6,) * 2, True),
        ((20e6,) * 4, False),  # in company, for a try
        ((20e6,) * 30, False),
        ((20e6,) * 4 + (10e6,) * 30, True),
        ((20e6,) * 4 + (19e6,) * 30, False),
    ],
)
def test_others_wait_where_they_slow_it_down(speeds: tuple[float, ...], expected: bool) -> None:
    clock = Clock()
    line = Line(clock)
    with line.urgent():
        transferred(line, clock, *speeds)
        assert waits(line) is expected
    assert not waits(line)


def test_who_becomes_urgent_waits_no_more() -> None:
    line = Line()
    with line.urgent():
        assert not waits(line, unless=lambda: True)


def test_who_waits_goes_on_when_the_line_is_free() -> None:
    line = Line()
    urgent = line.urgent()
    urgent.__enter__()
    waiter = threading.Thread(target=line.give_way, args=(lambda: None,), kwargs={"unless": lambda: False})
    waiter.start()
    urgent.__exit__(None, None, None)
    waiter.join(5)
    assert not waiter.is_alive()
