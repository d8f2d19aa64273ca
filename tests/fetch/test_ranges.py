"""Which bytes are here: every byte in one place only, and none lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from mozbisect.fetch.transfer.ranges import ENDLESS, Piece, Ranges

WHOLE = 100


class Connections(RuleBasedStateMachine):
    """Any number of connections that claim, bring, shorten and give back, in any order."""

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

    @rule(piece=pieces, size=st.integers(0, 30))
    def shorten(self, piece: Piece, size: int) -> None:
        if self.ranges.holds(piece):
            self.ranges.shorten(piece, size)

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
