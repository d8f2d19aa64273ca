"""Look-ahead, without any download: what is begun, what is stopped, what is thrown away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import NoBuild
from mozbisect.core.model import Candidate
from mozbisect.fetch.ahead import SMALL_SHARE, Errand, LookAhead, Purse
from tests.fetch.conftest import build_at, nightly, unlikely

A, B, C, D = (nightly(key) for key in "abcd")


class Patience:
    """Stands in for the clock: patience is over when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.seconds: list[float] = []

    def __call__(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        self.seconds.append(seconds)
        self.waiting.append(then)
        return lambda: self.waiting.remove(then)

    def is_over(self) -> None:
        waiting, self.waiting = self.waiting, []
        for then in waiting:
            then()


class Work:
    """Errands that go on until they are stopped, or until the test lets them end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.stopped: list[str] = []
        self.discarded: list[str] = []
        self.goes_on = {candidate: threading.Event() for candidate in (A, B, C, D)}
        self.fails: set[Candidate] = set()
        self.changed = threading.Condition()

    def run(self, errand: Errand) -> None:
        self._note(self.begun, errand.candidate.key)
        try:
            while not self.goes_on[errand.candidate].wait(0.005):
                errand.stop.check()
        except BaseException:
            self._note(self.stopped, errand.candidate.key)
            raise
        if errand.candidate in self.fails:
            raise NoBuild("no such build")
        errand.build = build_at("http://a/b", candidate=errand.candidate)
        errand.tree = Path(errand.candidate.key)

    def discard(self, tree: Path) -> None:
        self._note(self.discarded, str(tree))

    def _note(self, where: list[str], what: str) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait for it; looks again now and then, as not all that can happen is noted here."""
        with self.changed:
            for _ in range(1000):
                if happened():
                    return
                self.changed.wait(0.005)
        raise AssertionError("it did not happen")


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def ahead(work: Work, patience: Patience) -> Iterator[LookAhead]:
    ahead = LookAhead(work.run, work.discard, patience=0.25, later=patience)
    yield ahead
    ahead.close()


def is_ready(ahead: LookAhead, candidate: Candidate) -> Callable[[], bool]:
    """Has its thread nothing more to do?"""
    return lambda: candidate in ahead.begun() and candidate not in {errand.candidate for errand in ahead._threads}


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "look-ahead"]


def test_nothing_is_begun_before_patience_is_over(ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(A))
    assert (work.begun, patience.seconds) == ([], [0.25])
    patience.is_over()
    work.until(lambda: work.begun == ["a"])


@pytest.mark.parametrize("end", ["want", "claim", "close"])
def test_who_answers_at_once_makes_nothing_begin(end: str, ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(A))
    {"want": lambda: ahead.want({}), "claim": lambda: ahead.claim(D), "close": ahead.close}[end]()
    assert patience.waiting == []
    patience.is_over()
    assert work.begun == []


def test_two_at_once_and_likeliest_first(ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(C, A, B))
    patience.is_over()
    work.until(lambda: len(work.begun) == 2)
    assert set(work.begun) == {"c", "a"}
    assert len(running()) == 2


def test_one_that_comes_to_nothing_makes_place_for_the_next(ahead: LookAhead, work: Work, patience: Patience) -> None:
    work.fails = {A}
    ahead.want(unlikely(A, B, C))
    patience.is_over()
    work.goes_on[A].set()
    work.until(lambda: set(work.begun) == {"a", "b", "c"})
    assert ahead.claim(A) is None


def test_one_that_is_ready_keeps_its_place(ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(A, B, C))
    patience.is_over()
    work.goes_on[A].set()
    work.goes_on[B].set()
    for thread in running():
        thread.join(5)
    assert set(work.begun) == {"a", "b"}


def test_a_claim_gives_the_errand_that_is_under_way_and_the_others_go_on(
    ahead: LookAhead, work: Work, patience: Patience
) -> None:
    ahead.want(unlikely(A, B))
    patience.is_over()
    work.until(lambda: len(work.begun) == 2)
    claimed = ahead.claim(A)
    assert claimed is not None
    work.goes_on[A].set()
    assert claimed.done.wait(5)
    assert claimed.tree == Path("a")
    assert ahead.claim(A) is None
    assert work.stopped == []
    ahead.close()
    assert work.discarded == []  # it belongs to who claimed it


def test_what_is_nearly_certain_is_begun_at_once_and_a_guess_is_not(
    ahead: LookAhead, work: Work, patience: Patience
) -> None:
    ahead.want({A: 0.9, B: 0.5})
    work.until(lambda: work.begun == ["a"])
    ahead.claim(C)
    patience.is_over()  # it was called off: somebody waits for C
    assert work.begun == ["a"]
    ahead.be_patient()
    patience.is_over()
    work.until(lambda: work.begun == ["a", "b"])


@pytest.mark.parametrize("ready", [True, False])
def test_what_is_brought_now_is_not_dropped_before_it_is_claimed(
    ready: bool, ahead: LookAhead, work: Work, patience: Patience
) -> None:
    ahead.want({A: 0.9})
    work.until(lambda: work.begun == ["a"])
    if ready:
        work.goes_on[A].set()
        work.until(is_ready(ahead, A))
    ahead.want({B: 0.5, C: 0.5}, present=A)
    claimed = ahead.claim(A)
    assert claimed is not None
    work.goes_on[A].set()
    assert claimed.done.wait(5)
    assert (work.stopped, work.discarded, claimed.tree) == ([], [], Path("a"))


def test_a_likely_build_is_begun_at_once_while_little_was_lost(ahead: LookAhead, work: Work) -> None:
    ahead.want({A: 0.66, B: 0.33}, left=20)
    assert work.begun == []  # nothing was used so far, of which it could be a small share
    ahead.used(100)
    ahead.want({A: 0.5, B: 0.5}, left=20)
    assert work.begun == []  # neither is likely
    ahead.want({A: 0.66, B: 0.33}, left=3)
    assert work.begun == []  # too little will be wanted in all
    ahead.want({A: 0.66, B: 0.33}, left=20)
    work.until(lambda: work.begun == ["a"])
    assert ahead.begun() == {A}
    ahead.claim(D)
    assert work.begun == ["a"]


def test_what_is_thrown_away_is_counted(work: Work, patience: Patience) -> None:
    def run(errand: Errand) -> None:
        errand.tell(100, 100)
        work.run(errand)

    ahead = LookAhead(run, work.discard, later=patience)
    ahead.want({A: 0.9, B: 0.9})
    work.goes_on[A].set()
    work.until(lambda: is_ready(ahead, A)() and len(work.begun) == 2)
    ahead.want(unlikely(C))
    work.until(lambda: ahead.purse.wasted == 200)
    ahead.close()
    assert ahead.purse.used == 0


@given(st.integers(1, 200), st.data())
def test_the_lost_bets_are_a_small_share_in_the_end(builds: int, data: st.DataObject) -> None:
    purse = Purse()
    for left in reversed(range(builds)):
        purse.use(50)
        if data.draw(st.booleans()) and purse.allows(0, left):
            purse.wasted += 50
    assert purse.wasted / (purse.used + purse.wasted) <= SMALL_SHARE


def test_as_much_is_lost_as_may_be() -> None:
    purse, builds = Purse(), 100
    for left in reversed(range(builds)):
        purse.use(50)
        purse.wasted += 50 * purse.allows(0, left)
    assert purse.wasted / (purse.used + purse.wasted) > SMALL_SHARE - 0.01


def test_to_claim_what_is_ready_disturbs_nobody(ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(A, B))
    patience.is_over()
    work.goes_on[A].set()
    work.until(is_ready(ahead, A))
    assert ahead.claim(A) is not None
    ahead.want(unlikely(B, C))
    patience.is_over()
    work.until(lambda: len(work.begun) == 3)
    assert set(work.begun) == {"a", "b", "c"}
    b = ahead.claim(B)
    assert b is not None
    work.goes_on[B].set()
    assert b.done.wait(5)
    assert (b.tree, work.begun.count("b")) == (Path("b"), 1)


def test_what_is_not_wanted_any_more_is_stopped_and_what_is_still_wanted_goes_on(
    ahead: LookAhead, work: Work, patience: Patience
) -> None:
    ahead.want(unlikely(A, B))
    patience.is_over()
    work.until(lambda: len(work.begun) == 2)
    ahead.want(unlikely(B, C))
    work.until(lambda: work.stopped == ["a"])
    patience.is_over()
    work.until(lambda: len(work.begun) == 3)
    assert work.begun[-1] == "c"


def test_what_is_ready_and_not_wanted_any_more_is_thrown_away(ahead: LookAhead, work: Work, patience: Patience) -> None:
    ahead.want(unlikely(A))
    patience.is_over()
    work.goes_on[A].set()
    work.until(is_ready(ahead, A))
    ahead.want(unlikely(B))
    assert work.discarded == ["a"]


def test_kept_errands_go_to_their_end_and_leave_no_tree(work: Work, patience: Patience) -> None:
    ahead = LookAhead(work.run, work.discard, keep=True, later=patience)
    ahead.want(unlikely(A))
    patience.is_over()
    work.until(lambda: work.begun == ["a"])
    ahead.want(unlikely(B))
    ahead.claim(C)
    assert work.stopped == []
    work.goes_on[A].set()
    work.until(lambda: work.discarded == ["a"])
    ahead.close()
    assert work.stopped == []


def test_kept_errands_take_places_until_they_end(work: Work, patience: Patience) -> None:
    ahead = LookAhead(work.run, work.discard, keep=True, later=patience)
    ahead.want(unlikely(A, B))
    patience.is_over()
    ahead.want(unlikely(C))
    patience.is_over()
    assert set(work.begun) <= {"a", "b"}
    work.goes_on[B].set()
    work.until(lambda: "c" in work.begun)
    ahead.close()


def test_an_errand_that_fails_says_nothing(
    ahead: LookAhead, work: Work, patience: Patience, capfd: pytest.CaptureFixture[str]
) -> None:
    work.fails = {A}
    work.goes_on[A].set()
    del work.goes_on[B]  # so that its errand ends in a KeyError
    ahead.want(unlikely(A, B))
    patience.is_over()
    for thread in running():
        thread.join(5)
    assert ahead.claim(A) is None
    assert ahead.claim(B) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("keep", [False, True])
def test_after_the_close_no_thread_runs_and_nothing_begins(keep: bool, work: Work, patience: Patience) -> None:
    ahead = LookAhead(work.run, work.discard, keep=keep, later=patience)
    ahead.want(unlikely(A, B, C))
    patience.is_over()
    work.until(lambda: len(work.begun) == 2)
    ahead.close()
    assert running() == []
    ahead.want(unlikely(D))
    patience.is_over()
    assert len(work.begun) == 2
    ahead.close()


def test_patience_by_the_real_clock(work: Work) -> None:
    ahead = LookAhead(work.run, work.discard, patience=0.01)
    ahead.want(unlikely(A))
    work.until(lambda: work.begun == ["a"])
    ahead.close()


def test_given_up_it_throws_all_away_and_begins_nothing_more(work: Work, patience: Patience) -> None:
    ahead = LookAhead(work.run, work.discard, keep=True, later=patience)
    ahead.want({A: 1.0, B: 1.0})
    work.until(lambda: len(work.begun) == 2)
    assert ahead.give_up()
    assert not ahead.begun()
    ahead.want({C: 1.0})
    assert not ahead.begun()
    assert not ahead.give_up()
    ahead.close()


def test_where_no_thread_can_be_started_nothing_seems_to_be_under_way(
    ahead: LookAhead, work: Work, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        ahead.want({A: 0.9})
        assert (ahead.begun(), ahead.claim(A)) == (frozenset(), None)
        LookAhead(work.run, work.discard).want(unlikely(A))  # nor does its clock
    ahead.want({A: 0.9})
    work.until(lambda: work.begun == ["a"])


def test_the_close_does_not_wait_for_a_thread_that_only_waits(patience: Patience) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def run(_: Errand) -> None:
        begun.set()
        go_on.wait(10)

    ahead = LookAhead(run, lambda _: None, idle=lambda _: True, later=patience)
    ahead.want({A: 0.9})
    assert begun.wait(5)
    began = time.monotonic()
    ahead.close()
    assert time.monotonic() - began < 0.3
    go_on.set()
    for thread in running():
        thread.join(5)
