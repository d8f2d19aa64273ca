"""Which bytes are here: every byte in one place only, and none lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from mozbisect.fetch.transfer.ranges import ENDLESS, Piece, Ranges

WHOLE = 100


class Connections(RuleBasedStateMachine):
    """Any number of connections that claim, bring, wish, take and give back, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges = Ranges(WHOLE, here=7)
        self.came = [1] * 7 + [0] * (WHOLE - 7)  # how often each byte was brought

    pieces = Bundle("pieces")

    @rule(target=pieces, size=st.none() | st.integers(1, 40))
    def claim(self, size: int | None) -> object:
        piece = self.ranges.claim(size)
        if piece is None:
            return multiple()
        assert self.ranges.holds(piece)
        assert 0 < piece.left <= (size or WHOLE)
        return piece

    @rule(piece=pieces, share=st.floats(0, 1))
    def bring(self, piece: Piece, share: float) -> None:
        if self.ranges.holds(piece):
            size = int(piece.left * share)
            for at in range(piece.at, piece.at + size):
                self.came[at] += 1
            self.ranges.came(piece, size)

    wishes = Bundle("wishes")

    @rule(target=wishes, size=st.integers(1, 30))
    def wish_for_a_part(self, size: int) -> object:
        wish = self.ranges.beside(size)
        if wish is None:
            return multiple()
        assert 0 < wish.left <= size
        return wish

    @rule(target=wishes)
    def wish_for_all(self) -> object:
        lowest = self.ranges.lowest()
        return multiple() if lowest is None else Piece(lowest.at, lowest.end)

    @rule(target=pieces, wish=consumes(wishes))
    def take(self, wish: Piece) -> object:
        """However long after it was wished for."""
        wished = range(wish.at, wish.end)
        missing = [at for at in wished if not self.came[at]]
        had = self.ranges.take(wish)
        assert (had is None) == (not missing)
        if had is None:
            return multiple()
        assert self.ranges.holds(wish)
        assert wish.at == missing[0]
        assert set(range(wish.at, wish.end)) <= set(missing)
        assert had.end == wish.at
        return wish

    @rule(piece=consumes(pieces))
    def give_back(self, piece: Piece) -> None:
        self.ranges.release(piece)
        self.ranges.release(piece)
        assert not self.ranges.holds(piece)

    @invariant()
    def no_byte_came_twice(self) -> None:
        assert max(self.came) == 1

    @invariant()
    def what_is_counted_is_here(self) -> None:
        assert self.ranges.arrived == sum(self.came)
        assert self.ranges.front == (self.came.index(0) if 0 in self.came else WHOLE)
        assert self.ranges.complete == (sum(self.came) == WHOLE)

    def teardown(self) -> None:
        """Whatever happened, one who claims until there is nothing more brings all that is not another's."""
        while piece := self.ranges.claim():
            self.bring(piece, 1.0)
            self.ranges.release(piece)
        self.no_byte_came_twice()
        self.what_is_counted_is_here()


TestConnections = Connections.TestCase


def test_a_newcomer_takes_a_part_of_what_the_first_one_holds_and_leaves_the_rest_to_others() -> None:
    ranges = Ranges(WHOLE)
    first = ranges.claim()
    assert first is not None
    ranges.came(first, 10)
    wish = ranges.beside(20)
    assert wish is not None
    assert (wish.at, wish.end) == (30, 50)
    assert (first.end, ranges.claim()) == (WHOLE, None)  # until it is taken, nothing has changed
    assert ranges.take(wish) is first
    assert (first.at, first.end) == (10, 30)
    third = ranges.claim()
    assert third is not None
    assert (third.at, third.end) == (50, WHOLE)


def test_of_a_wish_that_is_partly_here_the_rest_is_taken() -> None:
    ranges = Ranges(WHOLE)
    first = ranges.claim()
    assert first is not None
    wish = ranges.beside(20)
    assert wish is not None
    ranges.came(first, 25)
    assert ranges.take(wish) is first
    assert (first.left, wish.at, wish.end) == (0, 25, 40)


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_file_of_unknown_length_ends_where_its_bytes_end(here: int, more: int) -> None:
    ranges = Ranges(None, here)
    piece = ranges.claim()
    assert piece is not None
    assert piece.end == ENDLESS
    ranges.came(piece, more)
    assert not ranges.complete
    ranges.ends(piece)
    assert (ranges.complete, ranges.whole, ranges.front, piece.left) == (True, here + more, here + more, 0)
    assert ranges.claim() is None
