"""What comes over HTTP, from a real server that misbehaves on demand."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from mozbisect.core.errors import NetworkError, NotFound, ServerTrouble
from mozbisect.net import http as asking
from mozbisect.net import page as pages
from mozbisect.net import stream as streams
from mozbisect.net.http import Http
from mozbisect.net.troubles import CutShort, Gone, Offline, Refused, Unreachable
from tests.serving import Cut, File, Instead, Reset, Server, Stall, Status, Trickle, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


class Naps(list[float]):
    """Stands in for sleep, and remembers how long it should have been."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def http(naps: Naps) -> Iterator[Http]:
    http = Http(timeout=5.0, sleep=naps)
    yield http
    http.close()


def test_a_page_comes_with_its_text_its_type_and_where_it_came_from(server: Server, http: Http) -> None:
    url = server.put("/page", "Größe".encode(), headers={"Content-Type": "text/html; charset=UTF-8"})
    page = http.text(url)
    assert (page.url, page.content_type, page.text) == (url, "text/html", "Größe")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", "é".encode()),  # requests alone would read this as Latin-1
        ("text/plain; charset=iso-8859-1", "é".encode("latin-1")),
        ("text/plain; charset=no-such-thing", "é".encode()),
        ("text/plain; charset=undefined", "é".encode()),
    ],
)
def test_a_text_is_read_in_its_own_charset_and_else_in_utf8(
    content_type: str, body: bytes, server: Server, http: Http
) -> None:
    assert http.text(server.put("/t", body, headers={"Content-Type": content_type})).text == "é"


def test_a_redirection_is_followed_and_named(server: Server, http: Http) -> None:
    there = server.put("/there", b"here I am")
    server.faults["/artifact"] += [Status(303, {"location": there}, b'{"storageType": "s3"}')]
    page = http.text(f"{server.base}/artifact")
    assert (page.text, page.url) == ("here I am", there)
    assert http.requests_made == 2


def test_we_say_who_we_are_and_want_nothing_packed(server: Server, http: Http) -> None:
    http.text(server.put("/", b"x"), accept="application/json")
    (headers,) = server.asked("/")
    assert headers["User-Agent"].startswith("mozbisect/")
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Accept"] == "application/json"


def test_one_connection_serves_many_requests(server: Server, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    connects: list[object] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, to: tuple[str, int]) -> None:
        connects.append(to)
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", counted)
    url = server.put("/", b"x")
    for _ in range(5):
        http.text(url)
    assert len(connects) == 1


# ---------------------------------------------------------------------------------------------- trying again


@pytest.mark.parametrize(
    "fault",
    [Status(500), Status(503), Status(429), Status(406), Status(408), Status(303), Reset(), Cut(3), Cut(3, reset=True)],
    ids=str,
)
def test_what_can_pass_is_tried_again(fault: Status | Reset | Cut, server: Server, http: Http, naps: Naps) -> None:
    url = server.put("/page", b"the whole page")
    server.faults["/page"] += [fault, fault]
    assert http.text(url).text == "the whole page"
    assert len(naps) == 2


def test_a_chunked_body_that_breaks_off_is_tried_again(server: Server, http: Http) -> None:
    url = server.put("/page", b"the whole page", headers={"Transfer-Encoding": "chunked"})
    server.faults["/page"] += [Cut(8)]
    assert http.text(url).text == "the whole page"
    assert len(server.seen) == 2


@pytest.mark.parametrize("at", [-1, 3])
def test_silence_is_not_waited_out(at: int, server: Server, naps: Naps) -> None:
    url = server.put("/page", b"the whole page")
    server.faults["/page"] += [Stall(at)]
    http = Http(timeout=0.1, sleep=naps)
    assert http.text(url).text == "the whole page"
    assert len(naps) == 1


def test_the_pauses_grow(server: Server, http: Http, naps: Naps) -> None:
    server.faults["/page"] += [Status(500)] * 9
    with pytest.raises(ServerTrouble):
        http.text(f"{server.base}/page")
    assert len(server.seen) == 5
    assert all(0.75 * base <= nap <= 1.25 * base for nap, base in zip(naps, (0.5, 1, 2, 4), strict=True))


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "99999"}, asking.LONGEST_PAUSE),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
    ],
)
def test_the_server_says_when_to_come_back(
    headers: dict[str, str], pause: float, server: Server, http: Http, naps: Naps
) -> None:
    url = server.put("/page", b"x")
    server.faults["/page"] += [Status(429, headers)]
    assert http.text(url).text == "x"
    assert naps == [pause]


@given(st.text(st.characters(codec="latin-1"), max_size=40))
@example("Wed, 21 Oct 2015 07:28:00 +99999999999999")
@example("Wed, 21 Oct 99999999999 07:28:00 GMT")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
def test_a_retry_after_that_makes_no_sense_is_no_reason_to_fail(text: str) -> None:
    pause = asking._pause(1, asking._asked_pause({"Retry-After": text}))
    assert 0.0 <= pause <= asking.LONGEST_PAUSE


# ------------------------------------------------------------------------------------------- when it is no use


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_said_at_once_with_the_words_of_the_server(
    status: int, server: Server, http: Http, naps: Naps
) -> None:
    server.faults["/rev"] += [Status(status, {}, b'{"error": "unknown revision \'foo\'"}')]
    with pytest.raises(NotFound) as caught:
        http.json(f"{server.base}/rev")
    assert isinstance(caught.value, Gone)
    assert caught.value.body == '{"error": "unknown revision \'foo\'"}'
    assert caught.value.status == status
    assert naps == []


def test_the_words_of_the_server_are_not_worth_an_error_of_their_own(server: Server, http: Http) -> None:
    server.put("/long", b"")
    server.faults["/long"] += [Status(404, {}, b"x" * 100_000)]
    with pytest.raises(Gone) as caught:
        http.text(f"{server.base}/long")
    assert caught.value.body == ""


@pytest.mark.parametrize("status", [400, 401, 403, 451])
def test_a_refusal_is_final_and_tells_its_status(status: int, server: Server, http: Http, naps: Naps) -> None:
    server.faults["/no"] += [Status(status)]
    with pytest.raises(Refused, match=f"/no: the server answered {status}") as caught:
        http.text(f"{server.base}/no")
    assert caught.value.status == status
    assert naps == []


def test_trouble_that_does_not_pass_names_the_address_the_status_and_the_tries(server: Server, http: Http) -> None:
    server.faults["/page"] += [Status(503)] * 5
    with pytest.raises(ServerTrouble) as caught:
        http.text(f"{server.base}/page")
    assert caught.value.url == f"{server.base}/page"
    assert f"{server.base}/page: the server answered 503" in caught.value.what
    assert "(tried 5 times)" in caught.value.what
    assert caught.value.advice


def test_nobody_there_is_found_out_in_two_tries(naps: Naps) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        with pytest.raises(Offline, match=r"cannot reach 127\.0\.0\.1: connection refused") as caught:
            Http(sleep=naps).text(url)
    assert len(naps) == 1
    assert sum(naps) < 2
    assert "proxy" in caught.value.advice


def test_a_name_that_nobody_has_is_told_as_such(naps: Naps, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Offline, match=r"cannot reach archive\.mozilla\.org: name or service not known"):
        Http(sleep=naps).text("http://archive.mozilla.org/pub/")
    assert len(naps) == 1


def test_a_connection_that_always_breaks_is_unreachable_but_not_offline(server: Server, http: Http, naps: Naps) -> None:
    server.faults["/x"] += [Reset()] * 9
    with pytest.raises(Unreachable, match="the connection broke: connection reset by peer") as caught:
        http.text(f"{server.base}/x")
    assert not isinstance(caught.value, Offline)
    assert len(naps) == 4


def test_a_server_that_never_answers_is_unreachable(server: Server, naps: Naps) -> None:
    server.faults["/x"] += [Stall(-1)] * 2
    with pytest.raises(Unreachable, match=r"no answer from 127\.0\.0\.1 within 0\.1 seconds"):
        Http(timeout=0.1, tries=2, sleep=naps).text(f"{server.base}/x")


def test_a_proxy_that_is_not_there_is_named_as_the_cause(naps: Naps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(Offline, match="proxy"):
        Http(sleep=naps).text("http://archive.mozilla.org/")


@pytest.mark.parametrize("url", ["ftp://ftp.mozilla.org/", "nonsense", "http://"])
def test_an_address_that_is_none_is_an_error_of_ours(url: str, http: Http) -> None:
    with pytest.raises(NetworkError):
        http.text(url)


def test_a_page_without_end_is_not_read_to_its_end(server: Server, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_TEXT", 1000)
    with pytest.raises(NetworkError, match="more than 1,000 bytes"):
        http.text(server.put("/endless", b"x" * 2000))


def test_ctrl_c_passes_at_once(server: Server) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    server.faults["/x"] += [Status(500)] * 9
    with pytest.raises(KeyboardInterrupt):
        Http(sleep=interrupted).text(f"{server.base}/x")
    assert len(server.seen) == 1


# --------------------------------------------------------------------------------------------------------- JSON


def test_json_is_parsed(server: Server, http: Http) -> None:
    assert http.json(server.put("/j", b'{"a": [1, null]}')) == {"a": [1, None]}


@pytest.mark.parametrize(
    ("file", "nature"),
    [
        (File(b"<!DOCTYPE html><title>Log in</title>"), "an HTML page"),
        (File(b"oops", {"Content-Type": "text/html"}), "an HTML page"),
        (File(b""), "nothing"),
        (File(b'{"a": [1,'), "half a document"),
        (File(b"oops", {"Content-Type": "text/plain"}), "text/plain"),
    ],
)
def test_what_is_not_json_is_called_by_its_name(file: File, nature: str, server: Server, http: Http) -> None:
    server.files["/j"] = file
    with pytest.raises(ServerTrouble, match=f"the server answered with {nature}, where JSON was expected") as caught:
        http.json(f"{server.base}/j")
    assert "tried 5 times" in caught.value.what


def test_an_error_page_in_place_of_json_is_tried_again(server: Server, http: Http) -> None:
    url = server.put("/j", b"[1]")
    server.faults["/j"] += [Instead(File(b"<html>busy</html>"))]
    assert http.json(url) == [1]


# ------------------------------------------------------------------------------------------------------ streams


def test_a_stream_gives_status_headers_in_any_case_and_every_byte(server: Server, http: Http) -> None:
    body = bytes(range(256)) * 1000
    with http.stream(server.put("/f", body, etag='"abc"')) as stream:
        assert (stream.status, stream.headers["etag"], stream.length) == (200, '"abc"', len(body))
        assert b"".join(stream.chunks()) == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_was_packed_against_our_will_is_unpacked(chunked: bool, server: Server, http: Http) -> None:
    headers = {"Content-Encoding": "gzip"} | ({"Transfer-Encoding": "chunked"} if chunked else {})
    url = server.put("/f", gzip.compress(b"plain" * 1000), headers=headers)
    with http.stream(url) as stream:
        assert stream.length is None
        assert b"".join(stream.chunks()) == b"plain" * 1000


def test_half_a_packed_body_is_cut_short(server: Server, http: Http) -> None:
    half = gzip.compress(bytes(range(256)) * 50)[:-20]
    with http.stream(server.put("/f", half, headers={"Content-Encoding": "gzip"})) as stream, pytest.raises(CutShort):
        list(stream.chunks())


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_packing_that_nobody_understands_is_the_servers_trouble(encoding: str, server: Server, http: Http) -> None:
    url = server.put("/f", b"nonsense", headers={"Content-Encoding": encoding})
    with http.stream(url) as stream, pytest.raises(ServerTrouble):
        list(stream.chunks())


def test_a_stream_that_ends_early_says_how_far_it_came(server: Server, http: Http) -> None:
    url = server.put("/f", b"x" * 5000)
    server.faults["/f"] += [Cut(1234)]
    with http.stream(url) as stream, pytest.raises(CutShort, match=r"broke off after [0-9,]+ of 5,000 bytes"):
        list(stream.chunks(size=100))


def test_a_body_that_only_trickles_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each silence is short enough, and the whole would take a day."""
    url = server.put("/f", b"x" * 5000)
    server.faults["/f"] += [Trickle(1000)]
    with (
        closing(Http(timeout=0.2, tries=1)) as http,
        http.stream(url) as stream,
        pytest.raises(CutShort, match=r"4,096 bytes a second, and was given up after 1,0\d\d of 5,000 bytes"),
    ):
        list(stream.chunks())


def test_a_slow_body_comes_to_its_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SLOWEST", 100)
    url = server.put("/f", b"x" * 5000)
    server.faults["/f"] += [Trickle(0, size=500, pause=0.05)]
    with closing(Http(timeout=0.3)) as http, http.stream(url) as stream:
        assert b"".join(stream.chunks()) == b"x" * 5000


def test_what_the_reader_does_meanwhile_is_no_slowness_of_the_server(server: Server) -> None:
    url = server.put("/f", b"x" * 5000)
    with closing(Http(timeout=0.1)) as http, http.stream(url) as stream:
        came = 0
        for chunk in stream.chunks(size=2500):
            came += len(chunk)
            time.sleep(0.3)
    assert came == 5000


def test_a_connection_whose_body_was_read_is_used_again(server: Server, http: Http) -> None:
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        url = server.put("/f", b"x" * 200_000, headers=headers)
        for _ in range(3):
            with http.stream(url) as stream:
                assert sum(map(len, stream.chunks())) == 200_000
    assert len({seen.port for seen in server.seen}) == 1


def test_a_short_body_is_noticed_where_urllib3_does_not_count() -> None:
    class Uncounted:  # urllib3 before 2.0, which other people's environments still have
        def __init__(self) -> None:
            self.read = lambda size, decode_content: left.pop()

    left = [b"", b"half"]

    response = requests.Response()
    response.status_code, response.url, response.raw = 200, "http://a/b", Uncounted()
    response.headers["Content-Length"] = "8"
    with pytest.raises(CutShort, match="broke off after 4 of 8 bytes"):
        list(streams.Stream(response).chunks())


def test_a_range_beyond_the_end_is_told_and_not_raised(server: Server, http: Http) -> None:
    url = server.put("/f", b"abc", etag='"1"')
    with http.stream(url, headers={"Range": "bytes=3-"}) as stream:
        assert stream.status == 416


def test_a_reader_who_waits_is_woken_by_an_abort(server: Server, http: Http) -> None:
    url = server.put("/f", b"x" * 5000)
    server.faults["/f"] += [Stall(100)]
    with http.stream(url) as stream:

        def wake() -> None:
            server.stalling.wait(5)
            stream.abort()

        waker = threading.Thread(target=wake)
        waker.start()
        with pytest.raises(CutShort):
            list(stream.chunks())
        waker.join()


def test_many_threads_share_one_http(server: Server, http: Http) -> None:
    urls = [server.put(f"/{n}", str(n).encode()) for n in range(40)]
    found: dict[str, str] = {}
    threads = [threading.Thread(target=lambda url=url: found.update({url: http.text(url).text})) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {url: str(n) for n, url in enumerate(urls)}
    assert http.requests_made == 40


def test_requests_is_imported_with_the_first_request_only() -> None:
    code = "import sys, mozbisect.net.http as net; net.Http().close(); sys.exit('requests' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
