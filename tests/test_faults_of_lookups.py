"""What goes wrong with what servers tell, in whole searches: never a wrong answer, and the exact one if it passes.

Every so many answers are spoilt, of listings, build information, pushlogs, the index and lists of artifacts alike. More
seeds, and each service by itself: ``python benchmarks/faults_of_lookups.py``.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from mozbisect import wiring
from mozbisect.net.http import Http
from mozbisect.practice.faults import Fault, Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from tests.test_worlds import bisect, options, revisions

SMALL = WorldParameters(seed=3, start=LAST_DAY - timedelta(days=11), days=12, pushes_per_day=12)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's ``Retry-After`` is a second; a test has none to give."""
    monkeypatch.setattr(wiring, "Http", partial(Http, sleep=lambda seconds: None))


@pytest.mark.parametrize("json_listings", [True, False], ids=["json", "html"])
@pytest.mark.parametrize("kind", [kind for kind in Fault if kind is not Fault.NOT_FOUND], ids=str)
def test_the_answer_is_exact_though_a_seventh_of_what_servers_tell_is_spoilt(
    world: World, kind: Fault, json_listings: bool
) -> None:
    faults = Faults(kind=kind, every=7, of="metadata", seed=int(json_listings) * 3)
    with PracticeServer(world, faults=faults, json_listings=json_listings) as server:
        patience = 0.3 if kind is Fault.STALL else 10.0
        session = bisect(options(world, server, http_timeout=patience), [])
        last, first = revisions(world, session)
        asked = len(server.log)
    assert_exact(world, last, first)
    assert asked > 25  # of which a good part was spoilt


@pytest.mark.parametrize("only", ["/nightly/", "/json-pushes", "/index/", "/chain-of-trust.json"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_there_is_not_taken_for_missing_by_a_slip(world: World, only: str, seed: int) -> None:
    """A server says now and then that something is not there, though it is."""
    faults = Faults(kind=Fault.NOT_FOUND, every=3, of="metadata", only=only, seed=seed)
    with PracticeServer(world, faults=faults) as server:
        session = bisect(options(world, server), [])
    assert_exact(world, *revisions(world, session))


def assert_exact(world: World, last: str, first: str) -> None:
    expected = world.expected()
    assert (last, first) == (expected.last_old.head.node, expected.first_new.head.node)
