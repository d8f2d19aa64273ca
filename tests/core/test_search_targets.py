"""How many questions a hole of broken builds costs: our targets, measured.

A year of nightlies, 60 of them in a row that cannot be tested, wherever they lie and wherever the culprit is. The
mean and the 95th percentile are exact: every case is played (cases that have the same answers are played once).
Sharp cases are those where both neighbours of the change can be tested.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pytest

from mozbisect.core.model import Side
from mozbisect.core.search import Found, Search, Try

YEAR = 365
HOLE = 60

Chooser = Callable[[Search], int | None]


@dataclass(frozen=True)
class Case:
    sharp: bool
    questions: int
    suspects: int  # how many places were left
    fewest: int  # how many are left when every build is tested


def by_the_search(search: Search) -> int | None:
    step = search.ask()
    return step.at if isinstance(step, Try) else None


def by_walking(search: Search) -> int | None:
    """As a plain bisection does it: the untried one closest to the middle, until none is left."""
    old = max((seen.at for seen in search.observations if seen.side is Side.OLD), default=search.old_at)
    new = min((seen.at for seen in search.observations if seen.side is Side.NEW), default=search.new_at)
    tried = {seen.at for seen in search.observations}
    return min(set(range(old + 1, new)) - tried, key=lambda at: abs(2 * at - old - new), default=None)


def play(
    search: Search, after: int, upto: int, broken: Collection[int], choose: Chooser
) -> Iterator[tuple[range, Search]]:
    """Every way the search can end for the culprits after ``after`` up to ``upto``: which of them, and its end."""
    at = choose(search)
    if at is None:
        yield range(after + 1, upto + 1), search
        return
    if at in broken:
        yield from play(search.tell(at, Side.UNTESTABLE), after, upto, broken, choose)
        return
    if at > after:
        yield from play(search.tell(at, Side.NEW), after, min(at, upto), broken, choose)
    if at < upto:
        yield from play(search.tell(at, Side.OLD), max(at, after), upto, broken, choose)


def cases(places: int, broken: Collection[int], choose: Chooser = by_the_search) -> Iterator[Case]:
    """All culprits of one history."""
    for culprits, end in play(Search(places + 1, 0, places, check_ends=False), 0, places, broken, choose):
        result = end.ask()
        suspects = result.first_new - result.last_old if isinstance(result, Found) else 1
        for culprit in culprits:
            old, new = culprit - 1, culprit
            while old in broken:
                old -= 1
            while new in broken:
                new += 1
            yield Case(new - old == 1, len(end.observations), suspects, new - old)


def mean(values: list[int]) -> float:
    return sum(values) / len(values)


def p95(values: list[int]) -> int:
    return sorted(values)[int(0.95 * len(values))]


def year_with_a_hole(choose: Chooser, step: int = 1) -> list[Case]:
    starts = range(1, YEAR - HOLE + 1, step)
    return [case for start in starts for case in cases(YEAR, range(start, start + HOLE), choose)]


@pytest.fixture(scope="module")
def year() -> list[Case]:
    return year_with_a_hole(by_the_search)


def test_a_sharp_answer_beside_a_hole_costs_few_questions(year: list[Case]) -> None:
    questions = [case.questions for case in year if case.sharp]
    assert len(questions) == 92_720
    assert mean(questions) <= 9.7
    assert p95(questions) <= 13
    assert max(questions) <= 20


def test_walking_along_the_hole_costs_more_than_twice_as_many() -> None:
    questions = [case.questions for case in year_with_a_hole(by_walking, step=17) if case.sharp]
    assert mean(questions) >= 20
    assert p95(questions) >= 60


def test_a_sharp_answer_beside_a_hole_is_never_lost(year: list[Case]) -> None:
    assert all(case.suspects == 1 for case in year if case.sharp)


def test_a_hole_that_holds_the_culprit_is_given_up_with_its_exact_rims(year: list[Case]) -> None:
    inside = [case for case in year if not case.sharp]
    assert all(case.suspects == case.fewest == HOLE + 1 for case in inside)
    assert mean([case.questions for case in inside]) <= 17.5
    assert max(case.questions for case in inside) <= 20


def drawn(trials: int, history: Callable[[random.Random], Collection[int]]) -> list[Case]:
    dice = random.Random(20260914)
    return [case for _ in range(trials) for case in cases(YEAR, history(dice))]


def lost(played: list[Case]) -> float:
    """The share of sharp cases that did not end with the sharp answer."""
    sharp = [case for case in played if case.sharp]
    return sum(case.suspects > 1 for case in sharp) / len(sharp)


def test_a_third_of_the_year_broken_and_some_more_here_and_there() -> None:
    def history(dice: random.Random) -> Collection[int]:
        start = dice.randint(1, YEAR - 110)
        return {*range(start, start + 110), *(at for at in range(1, YEAR) if dice.random() < 0.02)}

    played = drawn(40, history)
    assert mean([case.questions for case in played]) <= 14
    assert sum(case.suspects for case in played) <= 1.05 * sum(case.fewest for case in played)
    assert lost(played) <= 0.01


def test_single_broken_builds_here_and_there_cost_hardly_anything() -> None:
    played = drawn(30, lambda dice: {at for at in range(1, YEAR) if dice.random() < 0.1})
    assert mean([case.questions for case in played]) <= 9.5
    assert lost(played) <= 0.001


def test_with_three_of_ten_builds_broken_the_sharp_answer_is_seldom_lost() -> None:
    played = drawn(30, lambda dice: {at for at in range(1, YEAR) if dice.random() < 0.3})
    assert mean([case.questions for case in played]) <= 12
    assert lost(played) <= 0.02


def test_when_nothing_at_all_can_be_tested_the_search_soon_says_so() -> None:
    assert max(case.questions for case in cases(YEAR, range(1, YEAR))) <= 25
