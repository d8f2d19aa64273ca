from __future__ import annotations

import http.client
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from mozbisect.practice.faults import Fault, Faults
from mozbisect.practice.server import PracticeServer, Seen
from mozbisect.practice.world import World
from tests.practice.conftest import ask


def package(server: PracticeServer, number: int = 2) -> str:
    nightly = server.world.nightlies[number]
    name = f"firefox-{nightly.version}.en-US.linux-x86_64.tar.xz"
    return f"{server.archive_url}/firefox/nightly/{nightly.when:%Y/%m}/{nightly.folder}/{name}"


@pytest.fixture(scope="module")
def whole(world: World) -> bytes:
    """The package as servers give it that do not write their own port into it."""
    with PracticeServer(world, mozilla_urls=True) as server:
        return ask(package(server)).body


def test_the_log_says_what_was_asked_in_order(world: World) -> None:
    with PracticeServer(world) as server:
        ask(f"{server.hg_url}/mozilla-central/json-pushes?version=2")
        ask(f"{server.archive_url}/nothing", "HEAD")
        assert server.log == [
            Seen("GET", "/hg/mozilla-central/json-pushes?version=2", 200),
            Seen("HEAD", "/pub/nothing", 404),
        ]
        server.forget()
        assert server.log == []


def test_one_connection_serves_many_requests(server: PracticeServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.hg_url).netloc, timeout=10)
    for path in ("/hg/mozilla-central/json-pushes", "/pub/nothing", "/pub/firefox/nightly/", "/lando/api/x"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is not None
    connection.close()


def test_options_lead_every_service_here(server: PracticeServer) -> None:
    words = server.options()
    services = ["archive-base", "taskcluster-root", "hg", "lando", "product-details"]
    assert words[::2] == [f"--{service}-url" for service in services]
    assert all(url.startswith("http://127.0.0.1:") for url in words[1::2])


def test_a_download_can_be_continued(server: PracticeServer) -> None:
    first = ask(package(server))
    etag, whole = first.headers["etag"], first.body
    rest = ask(package(server), Range="bytes=100-", If_Range=etag)
    assert (rest.status, rest.body) == (206, whole[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    changed = ask(package(server), Range="bytes=100-", If_Range='"another"')
    assert (changed.status, changed.body) == (200, whole)
    assert ask(package(server), Range=f"bytes={len(whole)}-").status == 416
    piece = ask(package(server), Range="bytes=100-199", If_Range=etag)
    assert (piece.status, piece.body, piece.headers["content-length"]) == (206, whole[100:200], "100")
    assert piece.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert first.headers["accept-ranges"] == "bytes"


def test_a_file_may_seem_to_change(world: World) -> None:
    with PracticeServer(world, faults=Faults(Fault.ETAG, every=2)) as server:
        first = ask(package(server))
        other = ask(package(server), Range="bytes=100-", If_Range=first.headers["etag"])
        assert (other.status, other.body) == (200, first.body)
        assert other.headers["etag"] != first.headers["etag"]


def test_a_large_build_is_continued_across_its_two_parts(world: World) -> None:
    with PracticeServer(world, size_mb=1) as server:
        whole = ask(package(server)).body
        assert len(whole) > 1 << 20
        start = len(whole) - 500
        assert ask(package(server), Range=f"bytes={start}-").body == whole[start:]


@pytest.mark.parametrize("kind", ["500", "503", "404", "429"])
def test_a_fault_may_be_a_status(world: World, kind: str) -> None:
    with PracticeServer(world, faults=Faults(kind, every=1, retry_after=7)) as server:
        answer = ask(package(server))
        assert answer.status == int(kind)
        assert answer.headers.get("retry-after") == ("7" if kind in ("503", "429") else None)
        assert server.log == [Seen("GET", urlsplit(package(server)).path, int(kind))]


@pytest.mark.parametrize("kind", [Fault.CORRUPT, Fault.SHORT, Fault.EMPTY, Fault.HTML])
def test_a_fault_may_be_a_wrong_body_with_a_right_status(world: World, whole: bytes, kind: Fault) -> None:
    with PracticeServer(world, mozilla_urls=True, faults=Faults(kind, every=1)) as server:
        answer = ask(package(server))
    assert answer.status == 200
    assert answer.body != whole
    lengths = {Fault.CORRUPT: len(whole), Fault.SHORT: len(whole) // 2, Fault.EMPTY: 0}
    assert len(answer.body) == lengths.get(kind, len(answer.body))
    if kind is Fault.HTML:
        assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Fault.RESET, ConnectionResetError),
        (Fault.RESET_BODY, (ConnectionResetError, http.client.IncompleteRead)),
        (Fault.TRUNCATE, http.client.IncompleteRead),
    ],
)
def test_a_fault_may_end_the_connection(world: World, kind: Fault, error: type[Exception]) -> None:
    with PracticeServer(world, faults=Faults(kind, every=1)) as server, pytest.raises(error):
        ask(package(server))


def test_a_stall_lasts_until_the_server_is_closed(world: World, whole: bytes) -> None:
    with PracticeServer(world, mozilla_urls=True, faults=Faults(Fault.STALL, every=1)) as server:
        connection = http.client.HTTPConnection(urlsplit(server.archive_url).netloc, timeout=0.5)
        connection.request("GET", urlsplit(package(server)).path)
        response = connection.getresponse()
        assert response.read(len(whole) // 2) == whole[: len(whole) // 2]
        with pytest.raises(TimeoutError):
            response.read(1)
    connection.close()


def test_one_in_so_many_requests_of_a_class_is_hit(world: World) -> None:
    with PracticeServer(world, faults=Faults("503", every=3, of="build")) as server:
        for _ in range(9):
            ask(package(server))
            ask(f"{server.hg_url}/mozilla-central/json-pushes")
        hit = Counter((seen.path.startswith("/hg"), seen.status) for seen in server.log)
    assert hit == {(False, 200): 6, (False, 503): 3, (True, 200): 9}


def test_faults_can_be_for_some_paths_and_come_to_an_end(world: World) -> None:
    with PracticeServer(world, faults=Faults("500", every=1, only="json-pushes", at_most=2)) as server:
        log = f"{server.hg_url}/mozilla-central/json-pushes"
        assert [ask(log).status for _ in range(4)] == [500, 500, 200, 200]
        assert ask(package(server)).status == 200


@pytest.mark.parametrize("wrong", [{"kind": "no such"}, {"every": 0}])
def test_faults_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no such|every"):
        Faults(**wrong)  # type: ignore[arg-type]


def test_the_network_can_be_far_and_narrow(world: World) -> None:
    with PracticeServer(world, size_mb=1, faults=Faults(latency=0.1, bandwidth=8 << 20)) as server:
        start = time.monotonic()
        ask(f"{server.archive_url}/nothing")
        near = time.monotonic()
        ask(package(server))
        assert 0.1 <= near - start < 1.0
        assert 0.2 <= time.monotonic() - near < 2.0


def test_nothing_asked_for_brings_the_server_down(server: PracticeServer) -> None:
    base = server.hg_url.removesuffix("/hg")
    odd = [
        "/",
        "/pub",
        "/hg/mozilla-central/json-pushes?startID=x",
        "/hg/mozilla-central/json-pushes/x",
        "/artifacts/a/b",
    ]
    odd += ["/taskcluster/api", "/taskcluster/api/queue/v1/task/x/runs/y/artifacts", "/hg/integration/autoland/nothing"]
    odd += ["/hg/mozilla-central/json-pushes?startdate=tomorrow", "/hg/mozilla-central/rev/", "/lando"]
    for path in odd:
        assert ask(base + path).status in (200, 400, 404, 500), path
    assert ask(f"{base}/hg/x", "POST", b"{}").status == 405


def test_a_port_that_is_taken_is_an_error(world: World, server: PracticeServer) -> None:
    with pytest.raises(OSError, match="in use"):
        PracticeServer(world, port=urlsplit(server.hg_url).port or 0)
