"""Two whole searches on one memory: the second asks less, says the same, and is never told about another world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mozbisect import request, wiring
from mozbisect.core.journal import FORMAT, Opened, Session
from mozbisect.engine import Engine
from mozbisect.memory import Memory
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from tests.fakes import START, Listener
from tests.test_worlds import options, revisions

LONG_AGO = LAST_DAY - timedelta(days=60)


def old_world(seed: int) -> World:
    return make_world(WorldParameters(seed=seed, start=LONG_AGO, days=12, pushes_per_day=12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def search(world: World, server: PracticeServer, memory: Memory | None) -> tuple[str, str]:
    asked = options(world, server, background_dl=False)  # what is looked up ahead differs from run to run
    asked_for = request.read(asked, today=LAST_DAY)
    opened = Opened(FORMAT, "test", START, asked_for.terms, asked.to_row())
    seen = wiring.world(asked, asked_for.target, today=LAST_DAY, memory=memory)
    with wiring.ports(asked, asked_for, seen, [Listener()], say=lambda line: None) as ports:
        engine = Engine(Session(opened), ports, lambda event: None, asked_for.reach)
        engine.run(asked_for.leg)
    return revisions(world, engine.session)


def questions(server: PracticeServer) -> list[str]:
    """What was asked beside the builds themselves."""
    return [one.path for one in server.log if not one.path.endswith(".tar.xz")]


def test_the_second_search_asks_for_nothing_that_cannot_have_changed(folder: Path) -> None:
    world = old_world(5)
    with PracticeServer(world) as server:
        first = search(world, server, Memory(folder, loopback=True))
        assert len(questions(server)) > 20
        server.forget()
        assert search(world, server, Memory(folder, loopback=True)) == first
        # July holds spare nightlies, should the first of August have no build: it was not there, and that may change.
        assert questions(server) == ["/pub/firefox/nightly/2026/07/"]
    expected = world.expected()
    assert first == (expected.last_old.head.node, expected.first_new.head.node)


@pytest.mark.parametrize(
    "broken", [lambda path: path.write_bytes(b"no"), lambda path: path.unlink()], ids=["no", "gone"]
)
def test_a_memory_that_is_lost_is_no_loss(folder: Path, broken: Callable[[Path], object]) -> None:
    world = old_world(5)
    with PracticeServer(world) as server:
        first = search(world, server, Memory(folder, loopback=True))
        (path,) = folder.iterdir()
        broken(path)
        assert search(world, server, Memory(folder, loopback=True)) == first


def test_another_world_on_the_same_port_is_not_answered_for_by_the_first(folder: Path) -> None:
    """As with mozbisect practice --port, or a port that the system gives out again."""
    one, other = old_world(5), old_world(6)
    with PracticeServer(one) as server:
        port = int(server.archive_url.rpartition(":")[2].partition("/")[0])
        search(one, server, Memory(folder))
    with PracticeServer(other, port=port) as server:
        found = search(other, server, Memory(folder))
    expected = other.expected()
    assert found == (expected.last_old.head.node, expected.first_new.head.node)


def test_two_searches_at_once_share_a_memory(folder: Path) -> None:
    from mozbisect.sources.together import together

    world = old_world(5)
    with PracticeServer(world) as server:
        found = together([lambda: search(world, server, Memory(folder, loopback=True)) for _ in range(3)])
    assert len(set(found)) == 1
