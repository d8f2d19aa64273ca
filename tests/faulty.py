"""A whole search while one request in so many goes wrong: what kind of fault, where, and how it came out.

Used by ``test_faults.py`` with a few seeds and by ``benchmarks/faults.py`` with many. In-process, over a small invented
history; pauses between tries are shortened, since what is asked is the answer and not how long it took.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mozbisect.core.errors import MozbisectError
from mozbisect.core.journal import Event, Session
from mozbisect.net import http as net
from mozbisect.practice.faults import Fault, Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from tests.test_worlds import bisect, options, revisions

SILENCE = 0.5  # seconds that a server may be silent here
HURRY = 0.01  # of the pauses that a real run makes between two tries

TARGETS: Mapping[str, Mapping[str, Any]] = {
    "listings": {"of": "metadata", "only": "-mozilla-central/"},  # and the small files in the folder of a nightly
    "build info": {"of": "metadata", "only": ".txt"},
    "checksums": {"of": "metadata", "only": ".checksums"},
    "pushlog": {"of": "metadata", "only": "json-pushes"},
    "index": {"of": "metadata", "only": "/taskcluster/api/index"},
    "artifacts": {"of": "metadata", "only": "/taskcluster/api/queue"},
    "builds": {"of": "build"},
    "everything": {"of": "all"},
}

FINAL = frozenset({Fault.NOT_FOUND})
"""What another try does not change: it means that the thing is not there."""


@dataclass(frozen=True)
class Outcome:
    """``grade``: exact, wider, gave up, or WRONG; ``why`` it gave up; ``hits``: requests that had the fault."""

    grade: str
    hits: int = 0
    why: str = ""


def run(kind: Fault, target: str, seed: int, *, every: int = 10) -> Outcome:
    """One search. Raises whatever is no error on purpose: that is a bug."""
    world = small_world(seed)
    faults = Faults(kind=kind, every=every, seed=seed, **TARGETS[target])
    events: list[Event] = []
    with in_a_hurry(), PracticeServer(world, faults=faults) as server:
        try:
            session = bisect(options(world, server, http_timeout=SILENCE), events)
        except MozbisectError as error:
            return Outcome("gave up", hits(server), error.what)
    return Outcome(grade(world, session), hits(server))


def hits(server: PracticeServer) -> int:
    return server._misfortune._hit


def small_world(seed: int) -> World:
    days = 12
    return make_world(
        WorldParameters(seed=seed, start=LAST_DAY - timedelta(days=days - 1), days=days, pushes_per_day=8)
    )


def grade(world: World, session: Session) -> str:
    last, first = revisions(world, session)
    if not world.contains_culprit(first) or (last and world.contains_culprit(last)):
        return "WRONG"
    expected = world.expected()
    is_exact = (last, first) == (expected.last_old.head.node, expected.first_new.head.node)
    return "exact" if is_exact else "wider"


@contextmanager
def in_a_hurry() -> Iterator[None]:
    pause = net._pause
    net._pause = lambda number, asked: HURRY * pause(number, asked)
    try:
        yield
    finally:
        net._pause = pause
