from __future__ import annotations

from collections.abc import Iterator

import pytest

from mozbisect.net.http import Http
from tests.canned import Canned, canned


@pytest.fixture
def server() -> Iterator[Canned]:
    with canned() as server:
        yield server


@pytest.fixture
def http() -> Iterator[Http]:
    http = Http(timeout=5, tries=2, sleep=lambda seconds: None)
    yield http
    http.close()
