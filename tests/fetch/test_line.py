"""The line: the build that is waited for comes first, and others go on where they do no harm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mozbisect.fetch.transfer.line import SILENT, Lane, Line


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


SETTLED = (20e6,) * 3


@contextmanager
def two_builds(line: Line) -> Iterator[None]:
    """One that somebody waits for, and another."""
    with line.urgent(), line.transfer(), line.transfer():
        yield


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
        ((), False),
        (SETTLED, True),
        ((20e6,) * 4, True),
        ((20e6,) * 7, False),  # in company, for a try
        ((20e6,) * 30, False),
        ((20e6,) * 7 + (10e6,) * 30, True),
        ((20e6,) * 7 + (19e6,) * 30, False),
        ((60e6, 60e6) + (20e6,) * 30, False),  # what was in buffers is no speed
    ],
)
def test_others_wait_where_they_slow_it_down(speeds: tuple[float, ...], expected: bool) -> None:
    clock = Clock()
    line = Line(clock)
    with two_builds(line):
        transferred(line, clock, *speeds)
        assert waits(line) is expected
    assert not waits(line)


def test_what_did_no_harm_last_time_need_not_wait_but_is_watched_again() -> None:
    clock = Clock()
    line = Line(clock)
    with two_builds(line):
        transferred(line, clock, *(20e6,) * 30)
    with two_builds(line):
        assert not waits(line)
        transferred(line, clock, *(10e6,) * 10)
        assert waits(line)
    with two_builds(line):
        transferred(line, clock, *SETTLED)
        assert waits(line)


def test_who_becomes_urgent_waits_no_more() -> None:
    clock = Clock()
    line = Line(clock)
    with two_builds(line):
        transferred(line, clock, *SETTLED)
        assert not waits(line, unless=lambda: True)


def test_who_waits_goes_on_when_the_line_is_free() -> None:
    clock = Clock()
    line = Line(clock)
    checked = threading.Event()
    with two_builds(line):
        transferred(line, clock, *SETTLED)
        waiter = threading.Thread(target=line.give_way, args=(checked.set,), kwargs={"unless": lambda: False})
        waiter.start()
        assert checked.wait(5)
    waiter.join(5)
    assert not waiter.is_alive()


def test_no_more_connections_than_the_bound() -> None:
    line = Line(most=3)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        assert urgent.one_more()
        assert urgent.one_more()
        assert not urgent.one_more()
        urgent.one_less()
        assert urgent.one_more()


def test_each_build_has_a_connection_before_any_gets_two() -> None:
    line = Line(most=4)
    urgent, ahead = Lane(line, lambda: True), Lane(line, lambda: False)
    with line.urgent(), urgent.transfer():
        with ahead.transfer():
            assert not urgent.one_more()
            assert not ahead.one_more()
        assert urgent.one_more()


def test_the_urgent_one_gets_two_beside_others_that_do_no_harm() -> None:
    clock = Clock()
    line = Line(clock, most=3)
    urgent, ahead = Lane(line, lambda: True), Lane(line, lambda: False)
    with line.urgent(), urgent.transfer(), ahead.transfer():
        transferred(line, clock, *(20e6,) * 30)
        assert not ahead.one_more()
        assert urgent.one_more()
        assert not urgent.one_more()


def test_what_is_fetched_for_later_has_one_connection_unless_somebody_waits_for_what_is_here_already() -> None:
    line = Line(most=4)
    ahead = Lane(line, lambda: False)
    with ahead.transfer():
        assert not ahead.one_more()
        with line.urgent():
            assert ahead.one_more()


def test_others_need_not_wait_for_one_that_is_not_on_the_line() -> None:
    clock = Clock()
    line = Line(clock)
    with line.urgent(), line.transfer():
        transferred(line, clock, *SETTLED)
        assert not waits(line)
        with line.transfer():
            assert waits(line)


def test_who_brings_nothing_holds_nobody_up() -> None:
    """It may be waiting for a server that is busy with just the others."""
    clock = Clock()
    line = Line(clock)
    with two_builds(line):
        transferred(line, clock, *SETTLED)
        assert waits(line)
        clock.time += SILENT
        assert not waits(line)


def test_after_trouble_there_is_one_connection_for_each() -> None:
    line = Line(most=4)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        assert urgent.one_more()
        urgent.no_more()
        assert not urgent.one_more()


def test_where_unpacking_takes_the_time_the_line_is_for_all() -> None:
    clock = Clock()
    line = Line(clock, most=4)
    urgent, ahead = Lane(line, lambda: True), Lane(line, lambda: False)
    with line.urgent(), urgent.transfer(), ahead.transfer():
        transferred(line, clock, *SETTLED)
        assert waits(line)
        line.saw(10**8, at_ease=True)
        assert not waits(line)
        assert ahead.one_more()
        transferred(line, clock, *SETTLED)
        assert waits(line)
        assert not ahead.one_more()


def test_connections_are_compared_each_with_its_like() -> None:
    """With four connections it was at 80 MB/s, with one it is at 20: that is no slower."""
    clock = Clock()
    line = Line(clock, most=4)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        while urgent.one_more():
            pass
        transferred(line, clock, *(80e6,) * 30)
        for _ in range(3):
            urgent.one_less()
    with line.urgent(), urgent.transfer(), line.transfer():
        transferred(line, clock, *(20e6,) * 30)
        assert not waits(line)


def test_a_connection_too_many_is_told_when_another_build_comes() -> None:
    line = Line(most=2)
    urgent = Lane(line, lambda: True)
    with line.urgent(), urgent.transfer():
        assert urgent.one_more()
        assert not urgent.is_crowded()
        with line.transfer():
            assert urgent.is_crowded()
            urgent.one_less()
            assert not urgent.is_crowded()


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
    with two_builds(line):
        for _ in range(30):
            clock.time += 0.1
            lane.saw(int(clock.time * 20e6), lambda: None, settled=False, at_ease=False)
        assert waits(line)
