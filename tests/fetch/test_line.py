"""The line: the build that is waited for comes first, and others go on where they do no harm."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mozbisect.fetch.line import Lane, Line


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


def test_no_more_connections_than_the_bound_and_none_for_a_build_ahead() -> None:
    line = Line(most=3)
    ahead = Lane(line, lambda: False)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        assert not ahead.one_more()
        assert urgent.one_more()
        assert urgent.one_more()
        assert not urgent.one_more()
        urgent.one_less()
        assert urgent.one_more()


def test_each_build_has_a_connection_before_any_gets_two() -> None:
    line = Line(most=4)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        with line.transfer():
            assert not urgent.one_more()
        assert urgent.one_more()


def test_who_begins_later_waits_until_there_is_a_connection_again() -> None:
    clock = Clock()
    line = Line(clock, most=2)
    urgent = Lane(line, lambda: True)
    checked = threading.Event()

    def later() -> None:
        with line.transfer():
            line.give_way(checked.set, unless=lambda: False)

    with line.urgent(), urgent.transfer():
        assert urgent.one_more()
        waiter = threading.Thread(target=later)
        waiter.start()
        assert checked.wait(5)
        assert not urgent.one_more()  # somebody waits
        transferred(line, clock, *(20e6,) * 30)  # the line itself would be free for others
        checked.clear()
        assert checked.wait(5)
        assert waiter.is_alive()
        urgent.one_less()
        waiter.join(5)
        assert not waiter.is_alive()


def test_while_the_urgent_one_tries_how_many_pay_it_is_alone() -> None:
    clock = Clock()
    line = Line(clock, most=4)
    lane = Lane(line, lambda: True)
    with line.urgent():
        for _ in range(30):
            clock.time += 0.1
            lane.saw(int(clock.time * 20e6), lambda: None, settled=False)
        assert waits(line)
