"""What the search promises, whatever the history looks like."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from math import ceil, log, log2
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.core.belief import Certain
from mozbisect.core.model import Side
from mozbisect.core.search import Contradiction, Costs, Found, Likely, Observation, Search, Try

OLD, NEW, UNTESTABLE = Side.OLD, Side.NEW, Side.UNTESTABLE


@dataclass(frozen=True)
class History:
    """A made-up truth: candidates from ``culprit`` on are NEW, some cannot be tested, some do not exist."""

    culprit: int
    broken: Collection[int] = ()
    absent: Collection[int] = ()

    def side(self, at: int) -> Side:
        if at in self.broken:
            return UNTESTABLE
        return NEW if at >= self.culprit else OLD


def walk(search: Search, history: History, costs: Costs | None = None) -> tuple[Search, Found | Contradiction]:
    """Answer until there is nothing to ask; builds are discovered to be absent only when asked for."""
    costs = costs or Costs()
    for _ in range(2 * search.size + 2):
        step = search.ask(costs)
        if not isinstance(step, Try):
            return search, step
        assert search.seen(step.at) is None, "asked twice"
        assert step.at not in search.missing, "asked for a build that does not exist"
        absent = step.at in history.absent
        search = search.miss(step.at) if absent else search.tell(step.at, history.side(step.at))
    raise AssertionError("the search does not end")


def found(search: Search, history: History, costs: Costs | None = None) -> tuple[Search, Found]:
    search, step = walk(search, history, costs)
    assert isinstance(step, Found)
    return search, step


def asked(search: Search) -> list[int]:
    return [seen.at for seen in search.observations]


def facts(places: int, missing: frozenset[int] = frozenset()) -> Search:
    """A search between two known ends, with so many places for the change."""
    return Search(places + 1, 0, places, check_ends=False, missing=missing)


@st.composite
def searches(draw: st.DrawFn, most: int = 60) -> tuple[Search, History]:
    """A search that has not begun, with claims that are right, and the truth about it."""
    size = draw(st.integers(2, most))
    old_at = draw(st.integers(0, size - 2))
    new_at = draw(st.integers(old_at + 1, size - 1))
    positions = st.frozensets(st.integers(0, size - 1))
    check_ends = draw(st.booleans())
    missing, broken, absent = draw(positions), draw(positions), draw(positions)
    search = Search(size, old_at, new_at, check_ends=check_ends, missing=missing)
    return search, History(draw(st.integers(old_at + 1, new_at)), broken, absent)


# ------------------------------------------------------------------------------------------ it ends, and is right


@given(searches())
@settings(max_examples=400)
def test_a_search_with_right_claims_always_brackets_the_culprit(case: tuple[Search, History]) -> None:
    begun, history = case
    search, result = found(begun, history)
    assert result.last_old < history.culprit <= result.first_new
    assert result.untested == tuple(range(result.last_old + 1, result.first_new))
    assert all(search.seen(at) in (None, UNTESTABLE) for at in result.untested)
    assert search.seen(result.last_old) is OLD or result.last_old == begun.old_at
    assert search.seen(result.first_new) is NEW or result.first_new == begun.new_at


@given(searches())
def test_facts_are_never_asked_again(case: tuple[Search, History]) -> None:
    begun, history = case
    search, result = found(replace(begun, check_ends=False), history)
    assert all(begun.old_at < at < begun.new_at for at in asked(search))
    assert begun.old_at <= result.last_old < result.first_new <= begun.new_at


@given(searches())
def test_missing_builds_alone_never_cost_the_sharpest_answer(case: tuple[Search, History]) -> None:
    begun, history = case
    search, result = found(begun, replace(history, broken=()))
    assert all(at in search.missing for at in result.untested)


@pytest.mark.parametrize("places", [*range(1, 70), 255, 256, 257, 1000])
def test_with_nothing_untestable_it_is_the_binary_search(places: int) -> None:
    spent = []
    for culprit in range(1, places + 1):
        search, result = found(facts(places), History(culprit))
        assert result == Found(culprit - 1, culprit, ())
        spent.append(len(search.observations))
    assert max(spent) == ceil(log2(places))
    assert sum(spent) == places * max(spent) - (2 ** max(spent) - places)  # no decision tree has less in all


def test_of_two_that_tell_the_same_the_older_is_asked() -> None:
    assert facts(9).ask() == Try(4, 3)
    assert facts(9, missing=frozenset({4, 5})).ask() == Try(3, 2)


def test_the_two_ends_cost_one_question_each() -> None:
    search, result = found(Search(366, 0, 365, check_ends=True), History(200))
    assert asked(search)[:2] == [0, 365]
    assert len(search.observations) <= 2 + 9
    assert result == Found(199, 200, ())


@given(st.integers(1, 200), st.data())
def test_missing_builds_cost_at_most_one_question_over_the_binary_search(places: int, data: st.DataObject) -> None:
    absent = data.draw(st.frozensets(st.integers(1, max(1, places - 1)))) - {places}
    culprit = data.draw(st.integers(1, places))
    search, _ = found(facts(places, missing=absent), History(culprit))
    assert len(search.observations) <= ceil(log2(places)) + 1


@given(st.integers(1, 200), st.data())
def test_builds_at_hand_never_make_it_fetch_more_than_the_binary_search(places: int, data: st.DataObject) -> None:
    at_hand = data.draw(st.frozensets(st.integers(0, places)))
    culprit = data.draw(st.integers(1, places))
    search, result = found(facts(places), History(culprit), Costs(at_hand=at_hand))
    assert result == Found(culprit - 1, culprit, ())
    assert sum(at not in at_hand for at in asked(search)) <= ceil(log2(places))


# -------------------------------------------------------------------------------------------------- what it is


@given(searches())
def test_answers_told_again_give_an_equal_search_and_the_same_question(case: tuple[Search, History]) -> None:
    begun, history = case
    search, _ = walk(begun, history)
    again = replace(begun, missing=search.missing)
    for count, seen in enumerate(search.observations):
        assert again == replace(search, observations=search.observations[:count])
        again = again.tell(seen.at, seen.side)
    assert again == search
    assert again.ask() == search.ask()


@given(searches(), st.data())
def test_undo_takes_back_exactly_what_was_told(case: tuple[Search, History], data: st.DataObject) -> None:
    search, _ = case
    at = data.draw(st.integers(0, search.size - 1))
    told = search.tell(at, data.draw(st.sampled_from(Side)))
    assert told != search
    assert told.undo() == search
    assert told.miss(at).undo() == search.miss(at)


def test_there_is_nothing_to_undo_before_the_first_answer() -> None:
    with pytest.raises(ValueError, match="taken back"):
        facts(3).undo()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Search(3, 1, 1, check_ends=True),
        lambda: Search(3, 2, 1, check_ends=True),
        lambda: Search(3, -1, 1, check_ends=True),
        lambda: Search(3, 0, 3, check_ends=True),
        lambda: facts(3).tell(4, OLD),
        lambda: facts(3).tell(-1, OLD),
        lambda: facts(3).miss(4),
        lambda: facts(3).miss(-1),
        lambda: Costs(fetch=-1),
        lambda: Costs(fetch=float("nan")),
    ],
)
def test_what_cannot_be_is_refused_at_birth(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


def test_what_was_seen_is_told_apart_from_what_is_claimed() -> None:
    search = facts(9).tell(3, UNTESTABLE).tell(4, OLD)
    assert [search.seen(at) for at in (0, 3, 4)] == [None, UNTESTABLE, OLD]


@pytest.mark.parametrize("sides", [(UNTESTABLE, OLD), (OLD, UNTESTABLE), (OLD, OLD)])
def test_a_verdict_outweighs_a_skip_of_the_same_build(sides: tuple[Side, Side]) -> None:
    search = facts(9).tell(4, sides[0]).tell(4, sides[1])
    assert search.seen(4) is OLD
    assert search.ask() == facts(9).tell(4, OLD).ask()


# --------------------------------------------------------------------------------------------------- the ends


def ends(size: int = 30, old_at: int = 10, new_at: int = 20, missing: frozenset[int] = frozenset()) -> Search:
    return Search(size, old_at, new_at, check_ends=True, missing=missing)


def test_the_old_end_is_asked_first_then_the_new_one_then_the_middle() -> None:
    search, _ = found(ends(), History(15))
    assert asked(search)[:3] == [10, 20, 15]


def test_beside_an_end_without_a_build_the_neighbour_further_out_stands_in() -> None:
    search, result = found(ends(missing=frozenset({10, 9, 20})), History(10 + 1, broken={21}))
    assert asked(search)[:3] == [8, 21, 22]
    assert result == Found(8, 11, (9, 10))


def test_a_stand_in_further_out_keeps_the_untested_end_among_the_suspects() -> None:
    search, result = found(ends(), History(11, broken={10}))
    assert asked(search)[:3] == [10, 9, 20]
    assert result == Found(9, 11, (10,))
    search, result = found(ends(), History(20, broken={20}))
    assert asked(search)[:3] == [10, 20, 21]
    assert result == Found(19, 21, (20,))


def test_where_history_ends_the_neighbours_further_in_stand_in() -> None:
    search = ends(size=11, old_at=0, new_at=10, missing=frozenset({0, 10}))
    assert asked(found(search, History(5))[0])[:2] == [1, 9]


def test_a_stand_in_further_in_that_is_beyond_the_change_only_shrinks_the_range() -> None:
    search, result = found(ends(old_at=0, missing=frozenset({0})), History(1))
    assert asked(search) == [1]
    assert result == Found(0, 1, ())
    assert search.seen(0) is None


def test_an_end_is_given_up_after_six_untestable_builds_and_then_believed() -> None:
    broken = range(5, 11)
    search, result = found(ends(missing=frozenset({8})), History(11, broken=broken))
    assert asked(search)[:7] == [10, 9, 7, 6, 5, 4, 20], "a missing build does not count"
    assert result == Found(4, 11, tuple(broken))
    search, result = found(ends(), History(11, broken=broken))
    assert asked(search)[:7] == [10, 9, 8, 7, 6, 5, 20]
    assert result == Found(10, 11, ())
    assert search.seen(10) is UNTESTABLE


def test_a_new_end_given_up_is_believed_as_well() -> None:
    search, result = found(ends(), History(20, broken=range(20, 30)))
    assert asked(search)[:7] == [10, 20, 21, 22, 23, 24, 25]
    assert result == Found(19, 20, ())


def test_any_answer_that_proves_an_end_saves_its_question() -> None:
    assert ends().tell(12, OLD).ask() == Try(20, 3)
    assert ends().tell(12, OLD).tell(18, NEW).ask() == Try(15, 2)


@pytest.mark.parametrize(
    ("culprit", "refuted"),
    [(0, OLD), (9, OLD), (10, OLD), (21, NEW), (30, NEW)],
)
def test_a_wrong_claim_is_refuted(culprit: int, refuted: Side) -> None:
    _, result = walk(ends(), History(culprit))
    expected = Contradiction(10, 10, OLD) if refuted is OLD else Contradiction(20, 20, NEW)
    assert result == expected


def test_a_stand_in_refutes_a_claim_too() -> None:
    assert walk(ends(), History(5, broken={10}))[1] == Contradiction(10, 9, OLD)
    assert walk(ends(), History(25, broken={20}))[1] == Contradiction(21, 20, NEW)


# --------------------------------------------------------------------------------------------- contradictions


def test_old_after_new_is_a_contradiction() -> None:
    assert facts(20).tell(8, NEW).tell(12, OLD).ask() == Contradiction(seen_old=12, seen_new=8)


def test_both_sides_at_one_position_are_a_contradiction() -> None:
    search = facts(20).tell(8, NEW).tell(8, OLD)
    assert search.ask() == Contradiction(8, 8)
    assert search.left() == 0
    assert search.ahead() == ()
    assert search.undo().ask() == facts(20).tell(8, NEW).ask()


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(Side)), max_size=12), st.booleans())
def test_any_answers_at_all_lead_to_a_result_that_they_bear_out(
    answers: list[tuple[int, Side]], check_ends: bool
) -> None:
    search = Search(13, 3, 9, check_ends, tuple(Observation(at, side) for at, side in answers))
    olds = [at for at, side in answers if side is OLD] + ([] if check_ends else [3])
    news = [at for at, side in answers if side is NEW] + ([] if check_ends else [9])
    match search.ask():
        case Contradiction(seen_old, seen_new, refuted):
            assert seen_new <= seen_old
            assert seen_old in olds or (refuted is OLD and seen_old == 3)
            assert seen_new in news or (refuted is NEW and seen_new == 9)
        case Found(last_old, first_new):
            assert last_old == max(olds, default=3)
            assert first_new == min(news, default=9)
        case Try(at):
            assert search.seen(at) is None
            assert max(olds, default=-1) < min(news, default=13)


# ------------------------------------------------------------------------------------------- holes and costs


def test_the_search_steps_away_from_an_untestable_build() -> None:
    step = facts(364).tell(182, UNTESTABLE).ask()
    assert isinstance(step, Try)
    assert 1 <= abs(step.at - 182) < 60


def test_far_sides_of_a_hole_are_reached_before_it_is_given_up() -> None:
    hole = range(5, 26)
    for culprit in (*range(1, 5), *range(27, 31)):
        assert found(facts(30), History(culprit, broken=hole))[1] == Found(culprit - 1, culprit, ())
    for culprit in range(5, 27):
        assert found(facts(30), History(culprit, broken=hole))[1] == Found(4, 26, tuple(hole))


def test_a_hole_is_given_up_long_before_every_build_in_it_was_tried() -> None:
    search, result = found(facts(1000), History(500, broken=range(300, 700)))
    assert result == Found(299, 700, tuple(range(300, 700)))
    assert len(search.observations) < 40


def test_a_build_at_hand_near_the_middle_is_preferred() -> None:
    assert facts(100).ask(Costs(at_hand=frozenset({40}))) == Try(40, 6)
    assert facts(100).ask(Costs(at_hand=frozenset({3}))) == Try(50, 6)
    assert facts(100).ask(Costs(fetch=0.01, at_hand=frozenset({40}))) == Try(50, 6)


def in_pairs(places: int, culprit: int) -> tuple[int, int, int]:
    """With two builds brought at once: how often they are waited for; how many are judged, and brought for nothing."""
    search, ready = facts(places), frozenset[int]()
    waits = judged = lost = 0
    while isinstance(step := search.ask(costs := Costs(at_hand=ready, two_at_once=True)), Try):
        if step.at not in ready:
            waits, lost = waits + 1, lost + len(ready)
            ready = frozenset(one.at for one in search.ahead(costs, most=1) if one.probability > 0.6)
        else:
            ready -= {step.at}
        judged += 1
        search = search.tell(step.at, History(culprit).side(step.at))
    assert search.ask() == Found(culprit - 1, culprit, ())
    return waits, judged, lost + len(ready)


@pytest.mark.parametrize("places", [2, 3, 4, 9, 59, 243, 500])
def test_two_builds_at_once_leave_a_third_where_one_leaves_a_half(places: int) -> None:
    runs = [in_pairs(places, culprit) for culprit in range(1, places + 1)]
    waits, judged, lost = ([one[i] for one in runs] for i in range(3))
    assert max(waits) <= ceil(log(places, 3)) + 1
    assert max(judged) <= ceil(4 / 3 * ceil(log2(places)))
    assert mean(judged) <= 1.07 * log2(places) + 0.7
    assert mean(lost) / (mean(judged) + mean(lost)) < 0.17


def test_what_comes_beside_a_build_is_the_middle_of_the_larger_rest() -> None:
    search, two = facts(2700), Costs(two_at_once=True)
    assert search.ask(two) == Try(900, 11)
    beside, *_ = search.ahead(two)
    assert (beside.at, round(beside.probability, 3)) == (1800, 0.667)
    told = search.tell(900, OLD)
    assert told.ask(replace(two, at_hand=frozenset({1800}))) == Try(1800, 10)


@st.composite
def beliefs(draw: st.DrawFn) -> tuple[Certain, frozenset[int], Costs]:
    old = draw(st.integers(0, 50))
    new = old + draw(st.integers(1, 150))
    inside = st.frozensets(st.integers(old + 1, max(old + 1, new - 1)), max_size=12)
    untestable = tuple(sorted(draw(inside) - {new}))
    some = st.frozensets(st.integers(old, new))
    start = draw(st.integers(old, new))
    missing = draw(some) | frozenset(range(start, draw(st.integers(start, new))))
    return Certain(old, new, untestable), missing, Costs(draw(st.floats(0, 9)), draw(some), draw(st.booleans()))


@given(beliefs())
@settings(max_examples=400)
def test_looking_at_a_few_positions_finds_the_best_of_all(case: tuple[Certain, frozenset[int], Costs]) -> None:
    belief, missing, costs = case

    def telling(at: int) -> float:
        return belief.information(at) * belief.chance_testable(at)

    def worth(at: int) -> float:
        beside = belief.foreseen(at) if costs.two_at_once and len(belief.untestable) < 6 else 0.0
        return (belief.information(at) + beside) * belief.chance_testable(at) / costs.of(at)

    open_ = [at for at in range(belief.old + 1, belief.new) if at not in missing and at not in belief.untestable]
    best = belief.best(missing, costs)
    if best is None:  # given up: only what lies inside a hole may be left, and it tells little
        assert all(belief.untestable[0] < at < belief.untestable[-1] for at in open_)
        assert all(telling(at) < 0.1 for at in open_)
    elif len(belief.untestable) < 2:
        assert best in open_
        assert worth(best) == pytest.approx(max(map(worth, open_)), rel=1e-12)
    else:
        assert best in open_
        rim = [at for at in open_ if not belief.untestable[0] < at < belief.untestable[-1]]
        enough = [at for at in open_ if telling(at) >= 0.1]
        assert worth(best) >= max(map(worth, {*rim, *enough}), default=0) * (1 - 1e-12)


@given(beliefs(), st.data())
def test_chances_are_chances(case: tuple[Certain, frozenset[int], Costs], data: st.DataObject) -> None:
    belief, _, _ = case
    at = data.draw(st.integers(belief.old, belief.new))
    assert 0 <= belief.chance_new(at) <= 1
    if belief.old < at < belief.new and at not in belief.untestable:
        assert 0 < belief.chance_testable(at) <= 1
        assert 0 < belief.information(at) <= 1


# ------------------------------------------------------------------------------------------- left and ahead


def test_left_counts_down() -> None:
    search, seen = Search(257, 0, 256, check_ends=True), []
    while isinstance(step := search.ask(), Try):
        seen.append((search.left(), step.left))
        search = search.tell(step.at, History(100).side(step.at))
    assert seen == [(count, count - 1) for count in range(10, 0, -1)]
    assert search.left() == 0


def test_what_is_missing_or_untestable_is_not_left() -> None:
    assert facts(4).left() == 2
    assert facts(4).tell(2, UNTESTABLE).left() == 2
    assert facts(4).tell(2, UNTESTABLE).miss(2).left() == 2
    assert facts(4).tell(2, UNTESTABLE).miss(1).left() == 1


@given(searches())
def test_left_is_zero_only_when_there_is_nothing_to_ask(case: tuple[Search, History]) -> None:
    begun, history = case
    search, _ = walk(begun, history)
    assert search.left() == 0
    while search.observations:
        search = search.undo()
        step = search.ask()
        assert isinstance(step, Try) == (search.left() > 0)


def test_ahead_names_both_halves() -> None:
    assert facts(8).ahead() == (Likely(2, 0.5), Likely(6, 0.5))
    assert [likely.at for likely in facts(8).ahead(most=6)] == [2, 6, 1, 3, 5, 7]


def test_ahead_looks_past_the_ends_to_the_middle() -> None:
    named = ends().ahead()
    assert [likely.at for likely in named] == [20, 15]
    assert named[0].probability > named[1].probability > 0.5


def test_inside_a_hole_ahead_also_names_what_would_follow_another_untestable_build() -> None:
    search = facts(100)
    for _ in range(5):
        present = search.ask()
        assert isinstance(present, Try)
        search = search.tell(present.at, UNTESTABLE)
    present = search.ask()
    assert isinstance(present, Try)
    following = search.tell(present.at, UNTESTABLE).ask()
    assert isinstance(following, Try)
    assert following.at in {likely.at for likely in search.ahead()}


@given(searches(), st.data())
def test_ahead_names_what_each_answer_would_lead_to(case: tuple[Search, History], data: st.DataObject) -> None:
    begun, history = case
    search, _ = walk(begun, history)
    for _ in range(data.draw(st.integers(1, 8))):
        if not search.observations:
            break
        search = search.undo()
    present = search.ask()
    if not isinstance(present, Try):
        return
    likely = {one.at: one.probability for one in search.ahead(most=1000)}
    following = [search.tell(present.at, side).ask() for side in (OLD, NEW)]
    assert {step.at for step in following if isinstance(step, Try)} <= likely.keys()
    assert present.at not in likely
    assert all(0 < probability <= 1 + 1e-9 for probability in likely.values())
    assert list(likely.values()) == sorted(likely.values(), reverse=True)
    assert likely.keys() <= {at for at in range(search.size) if search.seen(at) is None and at not in search.missing}


@given(searches())
def test_the_chances_of_all_that_can_be_the_next_question_add_up_to_one_at_most(case: tuple[Search, History]) -> None:
    search = replace(case[0], check_ends=False)
    if not isinstance(present := search.ask(), Try):
        return
    following = [search.tell(present.at, side).ask() for side in (OLD, NEW)]
    soon = {step.at for step in following if isinstance(step, Try)}
    likely = {one.at: one.probability for one in search.ahead(most=1000)}
    assert sum(likely[at] for at in soon) <= 1 + 1e-9


# ---------------------------------------------------------------------------------------------- large searches


def test_a_step_of_a_large_search_looks_at_few_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0
    information = Certain.information

    def counted(self: Certain, at: int) -> float:
        nonlocal looked_at
        looked_at += 1
        return information(self, at)

    monkeypatch.setattr(Certain, "information", counted)
    search = facts(99_999)
    assert isinstance(search.ask(), Try)
    assert looked_at < 50
    for at in range(40_000, 60_000, 1000):
        search = search.tell(at, UNTESTABLE)
    looked_at = 0
    assert isinstance(search.ask(), Try)
    assert looked_at < 50 * 21
