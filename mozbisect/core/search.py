"""The search as a value: ask it what to test, tell it what was seen, and there is a new value.

Candidates ``0 … size - 1``, oldest first; those before the change are OLD, the change and all after it are NEW. A
search holds what it was told and nothing else: whatever it knows is worked out from that. It reads no clock, file
or dice, so the same answers always lead to the same next question.

    search = Search(size=365, old_at=0, new_at=364, check_ends=True)
    while isinstance(step := search.ask(), Try):
        search = search.tell(step.at, side_of(step.at))

Verdicts are taken to be never wrong. With equal costs and nothing untestable or missing this is the binary search: at
most ``ceil(log2(n))`` tests for ``n`` places where the change can be (missing builds have not been seen to cost more
than one test above that). Where two builds come in the time of one, they are asked for in pairs that leave a third of
the range (``Costs.two_at_once``). What is asked, in this order:

1. **The ends**, if they are claims and not facts: the old one, then the new one. Where an end has no build or cannot be
   tested, its neighbour stands in: outwards first (if the claim is right, further out is the same side), then
   inwards. After ``END_PATIENCE`` untestable builds an end is given up: the claim is believed as it stands.

       position     old_at-2   old_at-1   old_at   old_at+1   old_at+2   …
       its turn         3          2         1         4          5           (old_at-2 is the first candidate here)

2. **Between the newest OLD and the oldest NEW**: where a test tells most for its cost (``belief.Certain.best``).
3. **Nothing more**, when no position is left, or all that is left lies inside a hole of untestable builds whose rims
   are known (six at least), where a test would tell next to nothing. Missing builds alone are no reason to give up.

Answers that cannot all be right are a result, ``Contradiction``, and no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import chain, count

from mozbisect.core.belief import EQUAL_COSTS, Certain, Costs
from mozbisect.core.model import Side

__all__ = ["EQUAL_COSTS", "Contradiction", "Costs", "Found", "Likely", "Observation", "Search", "Try"]

END_PATIENCE = 6
CLAIM_HOLDS = 0.95
"""How likely a person is right about an end. Only ``ahead`` uses it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer: the side that was seen at a position."""

    at: int
    side: Side


@dataclass(frozen=True, slots=True)
class Try:
    """Test this one. ``left``: about how many questions will follow it."""

    at: int
    left: int


@dataclass(frozen=True, slots=True)
class Found:
    """The change came after ``last_old`` and not after ``first_new``.

    ``untested`` are all positions strictly between, oldest first: missing, untestable or given up on. Whether the two
    were really observed, or are only claimed, ``Search.seen`` tells.
    """

    last_old: int
    first_new: int
    untested: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """``seen_old`` is OLD and ``seen_new`` is NEW, though ``seen_new`` is not the later of the two.

    ``refuted`` is the claimed end that turned out to be on the other side (the claim is then one of the two
    positions); ``None`` if what was seen contradicts itself.
    """

    seen_old: int
    seen_new: int
    refuted: Side | None = None


@dataclass(frozen=True, slots=True)
class Likely:
    """A position that may be asked soon, and how likely it is that it will be."""

    at: int
    probability: float


@dataclass(frozen=True, slots=True)
class Search:
    """A stretch of candidates, and what was seen in it.

    The change is claimed to lie after ``old_at`` and not after ``new_at``. ``check_ends``: these claims are what a
    person said, and are tested; otherwise they are facts. ``missing`` positions are known to have no build: they
    are never asked, yet the change may have come with one of them.

    Raises ``ValueError`` if a position lies outside of the candidates.
    """

    size: int
    old_at: int
    new_at: int
    check_ends: bool
    observations: tuple[Observation, ...] = ()
    missing: frozenset[int] = field(default=frozenset())

    def __post_init__(self) -> None:
        if not 0 <= self.old_at < self.new_at < self.size:
            raise ValueError(f"the ends {self.old_at} and {self.new_at} do not fit {self.size} candidates")
        if any(not 0 <= seen.at < self.size for seen in self.observations):
            raise ValueError(f"something was seen outside of {self.size} candidates")
        if self.missing and not 0 <= min(self.missing) <= max(self.missing) < self.size:
            raise ValueError(f"something is missing outside of {self.size} candidates")

    # -------------------------------------------------------------------------------------------- tell

    def tell(self, at: int, side: Side) -> Search:
        """What is known once ``side`` was seen at ``at``."""
        return replace(self, observations=(*self.observations, Observation(at, side)))

    def miss(self, at: int) -> Search:
        """What is known once ``at`` turned out to have no build."""
        return replace(self, missing=self.missing | {at})

    def undo(self) -> Search:
        """Without the last observation; what is missing stays missing. Raises ``ValueError`` if there is none."""
        if not self.observations:
            raise ValueError("nothing was told that could be taken back")
        return replace(self, observations=self.observations[:-1])

    def seen(self, at: int) -> Side | None:
        """What was really seen at ``at``, if anything; OLD and NEW outweigh UNTESTABLE."""
        return self._sides().get(at)

    # --------------------------------------------------------------------------------------------- ask

    def ask(self, costs: Costs = EQUAL_COSTS) -> Try | Found | Contradiction:
        """What to do next. A few milliseconds for 100,000 candidates."""
        if clash := self._clash():
            return clash
        belief = self._belief()
        ends = self._unchecked_ends()
        at = ends[0] if ends else belief.best(self.missing, costs)
        if at is None:
            return Found(belief.old, belief.new, tuple(range(belief.old + 1, belief.new)))
        return Try(at, len(ends) + self._open(belief).bit_length() - 1)

    def left(self) -> int:
        """About how many questions are left, the present one included; 0 when there is nothing to ask."""
        step = self.ask()
        return step.left + 1 if isinstance(step, Try) else 0

    def ahead(self, costs: Costs = EQUAL_COSTS, most: int = 2) -> tuple[Likely, ...]:
        """What will probably be asked after the present question: up to ``most`` positions, likeliest first.

        Follows the likeliest answers, as deep as ``most`` allows. Of all positions that can be the very next
        question the probabilities add up to at most 1; one further on is never likelier than what leads to it.
        """
        likely: dict[int, float] = {}
        alone = replace(costs, two_at_once=False)  # the second of two is asked about for what it tells itself
        number = count()
        paths = [(-1.0, next(number), self)]  # minus how likely it is (heapq pops the smallest), and what is known then
        while paths and len(likely) < most:
            weight, _, search = heappop(paths)
            step = search.ask(costs if search is self else alone)
            if not isinstance(step, Try):
                continue
            if search is not self:
                likely[step.at] = likely.get(step.at, 0.0) - weight
            for side, chance in search._chances(step.at):
                if chance > 0:
                    heappush(paths, (weight * chance, next(number), search.tell(step.at, side)))
        ranked = sorted(likely.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Likely(at, probability) for at, probability in ranked)

    def _chances(self, at: int) -> tuple[tuple[Side, float], ...]:
        """How likely each answer to the question at ``at`` is."""
        belief = self._belief()
        if at <= belief.old:
            return (Side.OLD, CLAIM_HOLDS), (Side.NEW, 1 - CLAIM_HOLDS)
        if at >= belief.new:
            return (Side.OLD, 1 - CLAIM_HOLDS), (Side.NEW, CLAIM_HOLDS)
        new, testable = belief.chance_new(at), belief.chance_testable(at)
        return (Side.OLD, testable * (1 - new)), (Side.NEW, testable * new), (Side.UNTESTABLE, 1 - testable)

    # ----------------------------------------------------------------------------------- what is known

    def _sides(self) -> dict[int, Side]:
        skips = {seen.at: seen.side for seen in self.observations if seen.side is Side.UNTESTABLE}
        verdicts = {seen.at: seen.side for seen in self.observations if seen.side is not Side.UNTESTABLE}
        return skips | verdicts

    def _where(self, side: Side) -> list[int]:
        return [seen.at for seen in self.observations if seen.side is side]

    def _clash(self) -> Contradiction | None:
        old, new = max(self._where(Side.OLD), default=-1), min(self._where(Side.NEW), default=self.size)
        if new <= old:
            return Contradiction(old, new)
        if new <= self.old_at:
            return Contradiction(self.old_at, new, refuted=Side.OLD)
        if old >= self.new_at:
            return Contradiction(old, self.new_at, refuted=Side.NEW)
        return None

    def _belief(self) -> Certain:
        """Between what was seen. What was only claimed steps in where nothing was seen; a fact is as good as seen.

        So a stand-in further out than the claimed end widens the search to itself:
        OLD  ?(old_at)  …  NEW(new_at): the change may also have come with old_at, which nobody could test.
        """
        olds, news = self._where(Side.OLD), self._where(Side.NEW)
        old = max(olds) if olds and self.check_ends else max([self.old_at, *olds])
        new = min(news) if news and self.check_ends else min([self.new_at, *news])
        skipped = sorted(at for at, side in self._sides().items() if side is Side.UNTESTABLE and old < at < new)
        return Certain(old, new, tuple(skipped))

    def _open(self, belief: Certain) -> int:
        """How many positions can still be asked between the ends."""
        between = range(belief.old + 1, belief.new)
        few, many = sorted((between, self.missing), key=len)
        absent = sum(map(many.__contains__, few))  # there may be a hundred thousand
        return len(between) - absent - sum(at not in self.missing for at in belief.untestable)

    # ---------------------------------------------------------------------------------------- the ends

    def _unchecked_ends(self) -> list[int]:
        """Where the claims are to be tested, the old one first."""
        if not self.check_ends:
            return []
        sides = self._sides()
        stand_ins: list[int | None] = []
        if not any(side is Side.OLD and at >= self.old_at for at, side in sides.items()):
            outwards, inwards = range(self.old_at, -1, -1), range(self.old_at + 1, self.new_at)
            stand_ins.append(self._stand_in(chain(outwards, inwards), sides))
        if not any(side is Side.NEW and at <= self.new_at for at, side in sides.items()):
            outwards, inwards = range(self.new_at, self.size), range(self.new_at - 1, self.old_at, -1)
            stand_ins.append(self._stand_in(chain(outwards, inwards), sides))
        return [at for at in stand_ins if at is not None]

    def _stand_in(self, order: Iterator[int], sides: dict[int, Side]) -> int | None:
        """The first in ``order`` that is still to be tested for its end; ``None`` if one was, or the end is given up.

        An outward one that was tested shows the side of the end (else it is a contradiction) and stands in for
        it. An inward one shows the other side, and has nothing left to ask between itself and the end.
        """
        skipped = 0
        for at in order:
            if at in self.missing:
                continue
            if at not in sides:
                return at
            skipped += 1
            if sides[at] is not Side.UNTESTABLE or skipped == END_PATIENCE:
                return None
        return None
