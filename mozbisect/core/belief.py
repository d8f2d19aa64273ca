"""What is believed while a search runs: where the change may be, which builds can be tested, which test tells most.

Pure numbers. Never knows how the answers were got, what the claimed ends are or what was asked before: ``search.py``
makes a belief anew from what it was told, and asks it. ``Certain`` is the belief for verdicts that are never wrong:
every place that the answers leave open is equally likely. A belief for verdicts that are sometimes wrong is another
class with the same public methods.

    position     3     4     5     6     7
                OLD    ?     ?     ?    NEW      four places: the change came with 4, 5, 6 or 7
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from math import log2

HOLE_PATIENCE = 0.1
"""Inside a hole, a test must be expected to tell this share of what it would tell if every build were testable."""

HOLE_TRIES = 6
"""No hole is given up before so many builds in it proved untestable."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a test costs: one unit to run it, and ``fetch`` more units for a build that is not ``at_hand``.

    One that is ``packed`` is here as well, but has to be unpacked: half of ``fetch``. A build at hand is preferred when
    it tells more for its cost. There may then be more than ``ceil(log2(n))`` questions for ``n`` places, but with
    nothing untestable never more than that many builds to fetch.

    ``two_at_once``: the build that the likelier answer leads to comes beside this one, in the same time. What counts
    is then what both tell: a third of the range is asked about, since two thirds are the better bet, with the
    middle of the rest after it. Two builds leave a third of the range where one leaves a half; at worst there is a
    third more to test.
    """

    fetch: float = 1.0
    at_hand: frozenset[int] = frozenset()
    two_at_once: bool = False
    packed: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.fetch >= 0:
            raise ValueError(f"to fetch a build cannot cost {self.fetch}")

    def of(self, at: int) -> float:
        if at in self.at_hand:
            return 1.0
        return 1.0 + self.fetch * (0.5 if at in self.packed else 1.0)


EQUAL_COSTS = Costs()


@dataclass(frozen=True, slots=True)
class Certain:
    """The change came after ``old`` and not after ``new``, at any place between with equal chance.

    ``untestable``: the positions between the two where a test gave no verdict, ascending.
    """

    old: int
    new: int
    untestable: tuple[int, ...] = ()

    def chance_new(self, at: int) -> float:
        """How likely a test at ``at``, between the two, would show NEW."""
        return (at - self.old) / (self.new - self.old)

    def chance_testable(self, at: int) -> float:
        """How likely a build between the two can be tested.

        Broken builds come in runs (holes). Towards each untestable neighbour, at distance d, the chance falls as
        ``d / (d + reach)``. How far a run is thought to reach grows with the number of builds that were found broken
        between the two, so that a search steps over a long hole in ever longer strides, and soon gives it up.
        """
        reach = (len(self.untestable) / 2) ** 2
        left, right = self._neighbours(at)
        chance = 1.0
        if left != self.old:
            chance *= (at - left) / (at - left + reach)
        if right != self.new:
            chance *= (right - at) / (right - at + reach)
        return chance

    def information(self, at: int) -> float:
        """What a test at ``at`` tells if it gives a verdict, in bits: 1 in the middle, less towards both ends."""
        size = self.new - self.old
        new, old = (at - self.old) / size, (self.new - at) / size  # exactly symmetric, so that ties are ties
        return -(new * log2(new) + old * log2(old))

    def foreseen(self, at: int) -> float:
        """What the next test after one at ``at`` tells, in bits, if the likelier answer comes and else nothing."""
        new, old = at - self.old, self.new - at  # so many places each answer leaves; of one there is no more to tell
        return max(places * (places > 1) for places in (new, old)) / (new + old)

    def best(self, missing: Collection[int], costs: Costs) -> int | None:
        """The position with the most information × chance to be testable ÷ cost, ``missing`` ones left out.

        Ties go to the middle, then to the older. ``None``: there is none, or what is left lies inside a hole (between
        untestable neighbours) and tells too little. At the rim of a hole the search never gives up, so the
        tested builds on both sides of a hole that is given up on are as close to it as they can be.
        """
        spots = [*self._peaks(missing, costs), *self._handy(missing, costs)]
        if len(self.untestable) >= HOLE_TRIES and any(map(self._inside_a_hole, spots)):
            floor = HOLE_PATIENCE * max(map(self.information, self._middle(missing)))
            spots = [at for at in spots if not self._inside_a_hole(at) or self._telling(at) >= floor]
        return max(
            spots,
            key=lambda at: (self._worth(at, costs) / costs.of(at), -abs(2 * at - self.old - self.new), -at),
            default=None,
        )

    def _telling(self, at: int) -> float:
        return self.information(at) * self.chance_testable(at)

    def _worth(self, at: int, costs: Costs) -> float:
        foreseen = self.foreseen(at) if self._in_pairs(costs) else 0.0
        return (self.information(at) + foreseen) * self.chance_testable(at)

    def _in_pairs(self, costs: Costs) -> bool:
        """Among many untestable builds little can be foreseen."""
        return costs.two_at_once and len(self.untestable) < HOLE_TRIES

    def _neighbours(self, at: int) -> tuple[int, int]:
        """The closest positions on either side of ``at`` that were tried."""
        right = bisect_left(self.untestable, at)
        return (
            self.untestable[right - 1] if right else self.old,
            self.untestable[right] if right < len(self.untestable) else self.new,
        )

    def _inside_a_hole(self, at: int) -> bool:
        left, right = self._neighbours(at)
        return left != self.old and right != self.new

    def _middle(self, missing: Collection[int]) -> list[int]:
        return _present((self.old + self.new) // 2, self.old, self.new, missing)

    def _peaks(self, missing: Collection[int], costs: Costs) -> list[int]:
        """Where a test is worth most, between any two neighbours that were tried.

        There its worth rises to a single peak, then falls (its logarithm is concave), so that a few positions are
        looked at instead of all; of those that are not missing, the best is next to the peak on one of its sides.
        In pairs there are two peaks, on either side of the middle.
        """
        worth = partial(self._worth, costs=costs)
        middle = (self.old + self.new) // 2 if self._in_pairs(costs) else self.new
        stretches = (
            (low, high, first, last)
            for low, high in pairwise((self.old, *self.untestable, self.new))
            for first, last in ((low + 1, min(middle, high - 1)), (max(middle, low) + 1, high - 1))
            if first <= last
        )
        peaks = (_present(_peak(worth, first, last), low, high, missing) for low, high, first, last in stretches)
        return list(chain.from_iterable(peaks))

    def _handy(self, missing: Collection[int], costs: Costs) -> list[int]:
        between = (at for at in costs.at_hand | costs.packed if self.old < at < self.new)
        return [at for at in between if at not in missing and at not in self.untestable]


def _peak(value: Callable[[int], float], first: int, last: int) -> int:
    """Where ``value``, which rises and then falls, is highest in ``first`` … ``last``; the older of two equals."""
    while first < last:
        middle = (first + last) // 2
        if value(middle) < value(middle + 1):
            first = middle + 1
        else:
            last = middle
    return first


def _present(at: int, after: int, before: int, missing: Collection[int]) -> list[int]:
    """The positions closest to ``at``, from either side, that are not missing; all strictly between the two limits.

    Walks along a run of missing positions: cheap, since it looks at each of them at most once.
    """
    upward = next((i for i in range(max(at, after + 1), before) if i not in missing), None)
    downward = next((i for i in range(min(at, before - 1), after, -1) if i not in missing), None)
    return [i for i in (downward, upward) if i is not None]
