"""A small world and a server over it; both are made once, for nothing about them changes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest

from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World, WorldParameters


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """One request on a connection of its own; redirections are not followed. Raises what ``http.client`` raises."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, named)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def small() -> Callable[..., World]:
    """Makes a small world: eight days, a dozen pushes a day."""

    def make(**more: Any) -> World:
        return make_world(WorldParameters(**{"start": date(2026, 9, 1), "days": 8, "pushes_per_day": 12, **more}))

    return make


@pytest.fixture(scope="session")
def world(small: Callable[..., World]) -> World:
    return small()


@pytest.fixture(scope="session")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as running:
        yield running
