"""When a server is asked, and when what it said before will do: the same answers either way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mozbisect.core.errors import NotFound, ServerTrouble
from mozbisect.memory import A_DAY, ASK, FOREVER, Memory
from mozbisect.net.http import Guard, Http, Keep
from mozbisect.net.page import Page
from mozbisect.net.troubles import Busy
from tests.serving import Cut, File, Instead, Reset, Server, Status, serving

HTML = {"Content-Type": "text/html"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


Run = Callable[..., Http]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run of the program: an Http of its own, and the folder that all of them share."""
    runs: list[Http] = []

    def new(*, loopback: bool = True, **words: object) -> Http:
        memory = Memory(tmp_path / "cache", loopback=loopback)
        runs.append(Http(timeout=5, tries=3, sleep=lambda seconds: None, memory=memory, **words))  # type: ignore[arg-type]
        return runs[-1]

    yield new
    for http in runs:
        http.close()


def number(page: Page) -> int:
    """A reader: a page that holds a number."""
    if not page.text.isdecimal():
        raise ServerTrouble("not a number", url=page.url)
    return int(page.text)


def test_what_never_changes_is_asked_for_once_in_all_runs(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    assert [run().read(url, number, keep=FOREVER) for _ in range(3)] == [7, 7, 7]
    assert len(server.seen) == 1


def test_what_nobody_vouches_for_is_asked_for_each_time(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    assert run().read(url, number) == 7
    server.put("/n", b"8")
    assert run().read(url, number) == 8
    assert run().read(url, number, keep=lambda seen: None) == 8
    server.put("/n", b"9")
    assert run().read(url, number, keep=FOREVER) == 9


def test_how_long_may_follow_from_what_was_read(server: Server, run: Run) -> None:
    keep: Keep[int] = lambda seen: FOREVER if seen > 10 else None  # noqa: E731
    url = server.put("/n", b"7")
    assert run().read(url, number, keep=keep) == 7
    server.put("/n", b"12")
    assert run().read(url, number, keep=keep) == 12
    server.put("/n", b"13")
    assert run().read(url, number, keep=keep) == 12


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last-Modified": "Mon, 14 Sep 2026 10:00:00 GMT"}])
def test_what_may_change_is_asked_about_and_a_304_is_the_page_we_have(
    server: Server, run: Run, validator: dict[str, str]
) -> None:
    url = server.put("/n", b"7", headers=validator)
    assert run().read(url, number, keep=ASK) == 7
    server.faults["/n"] += [Status(304)]
    assert run().read(url, number, keep=ASK) == 7
    first, second = server.asked("/n")
    assert not {"If-None-Match", "If-Modified-Since"} & set(first)
    asked = second.get("If-None-Match") or second.get("If-Modified-Since")
    assert [asked] == list(validator.values())
    server.put("/n", b"8", headers=validator)  # it has changed after all: 200
    assert run().read(url, number, keep=ASK) == 8


def test_without_a_validator_a_page_that_may_change_is_asked_for_anew(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    assert run().read(url, number, keep=ASK) == 7
    server.put("/n", b"8")
    assert run().read(url, number, keep=ASK) == 8


def test_a_304_that_nobody_asked_for_is_no_page(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    server.faults["/n"] += [Status(304)] * 3
    with pytest.raises(Busy, match="304"):
        run().read(url, number, keep=FOREVER)


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(429),
        Reset(),
        Cut(1),
        Instead(File(b"<html>sorry</html>", HTML)),
        Instead(File(b"")),
        Instead(File(b"1\xff")),
        Instead(File(b"1\x00")),
    ],
    ids=str,
)
def test_only_what_was_understood_is_remembered(server: Server, run: Run, fault: Status) -> None:
    url = server.put("/n", b"12")
    server.faults["/n"] += [fault]
    assert run().read(url, number, keep=FOREVER) == 12
    assert run().read(url, number, keep=FOREVER) == 12
    assert len(server.seen) == 2
    server.faults["/m"] += [fault] * 3
    server.put("/m", b"55")
    with pytest.raises(Exception, match="tried 3 times"):
        run().read(f"{server.base}/m", number, keep=FOREVER)
    assert run().read(f"{server.base}/m", number, keep=FOREVER) == 55


def test_that_something_is_not_there_is_never_remembered(server: Server, run: Run) -> None:
    with pytest.raises(NotFound):
        run().read(f"{server.base}/n", number, keep=FOREVER)
    server.put("/n", b"7")
    assert run().read(f"{server.base}/n", number, keep=FOREVER) == 7


def test_what_a_newer_reader_does_not_understand_is_asked_for_again(server: Server, run: Run) -> None:
    url = server.put("/n", b"seven", headers={"ETag": '"1"'})
    assert run().read(url, lambda page: page.text, keep=FOREVER) == "seven"
    server.put("/n", b"7", headers={"ETag": '"1"'})
    assert run().read(url, number, keep=FOREVER) == 7
    assert run().read(url, number, keep=FOREVER) == 7
    assert len(server.seen) == 2


def test_a_page_that_has_not_changed_and_is_not_understood_is_asked_for_whole(server: Server, run: Run) -> None:
    url = server.put("/n", b"seven", headers={"ETag": '"1"'})
    assert run().read(url, lambda page: page.text, keep=ASK) == "seven"
    server.faults["/n"] += [Status(304)]
    server.put("/n", b"7")
    assert run().read(url, number, keep=ASK) == 7
    assert "If-None-Match" not in server.asked("/n")[-1]


def test_one_address_in_two_forms_is_two_things(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    assert run().read(url, number, keep=FOREVER, accept="application/json") == 7
    server.put("/n", b"8")
    assert run().read(url, number, keep=FOREVER, accept="text/html") == 8


def test_what_can_be_had_at_two_places_is_remembered_under_one_name(server: Server, run: Run) -> None:
    url = server.put("/short/n", b"7")
    assert run().read(url, number, keep=FOREVER, known_as=f"{server.base}/n") == 7
    assert run().read(f"{server.base}/n", number, keep=FOREVER) == 7
    assert len(server.seen) == 1


def test_a_clock_that_is_wrong_makes_nothing_final(server: Server, run: Run) -> None:
    """A month that has only begun would be over, and be remembered as it is."""
    for apart, expected in ((timedelta(days=-40), 8), (timedelta(days=40), 8), (timedelta(minutes=5), 7)):
        date = format_datetime(datetime.now(UTC) + apart, usegmt=True)
        url = server.put(f"/{apart.total_seconds()}", b"7", headers={"Date": date})
        assert run().read(url, number, keep=FOREVER) == 7
        server.put(f"/{apart.total_seconds()}", b"8")
        assert run().read(url, number, keep=FOREVER) == expected


def test_another_server_on_the_port_of_the_first_is_not_answered_for(run: Run) -> None:
    with serving() as server:
        url = server.put("/n", b"7")
        assert run(loopback=False).read(url, number, keep=FOREVER) == 7
        server.put("/n", b"8")  # as from another world: same host, same port, same path
        assert run(loopback=False).read(url, number, keep=FOREVER) == 8


def test_nothing_that_is_told_to_us_alone_is_left_on_the_disk(server: Server, run: Run) -> None:
    guard = Guard(f"{server.base}/api/", lambda method, url: {"Authorization": "Hawk x"}, str)
    secret, public = server.put("/api/n", b"7"), server.put("/n", b"7")
    for url, expected in ((secret, 8), (public, 7)):
        assert run(guard=guard).read(url, number, keep=FOREVER) == 7
        server.put(url.removeprefix(server.base), b"8")
        assert run(guard=guard).read(url, number, keep=FOREVER) == expected


def test_a_day_is_a_day(server: Server, tmp_path: Path) -> None:
    now = [1_789_000_000.0]
    url = server.put("/n", b"7")

    def read() -> int:
        http = Http(memory=Memory(tmp_path, loopback=True, now=lambda: now[0]))
        try:
            return http.read(url, number, keep=A_DAY)
        finally:
            http.close()

    assert read() == 7
    server.put("/n", b"8")
    now[0] += A_DAY - 1
    assert read() == 7
    now[0] += 2
    assert read() == 8


# ---------------------------------------------------------------------------------------- a 404 that may be a slip


def test_what_should_be_there_is_asked_for_thrice(server: Server, run: Run) -> None:
    url = server.put("/n", b"7")
    server.faults["/n"] += [Status(404), Status(404)]
    assert run().read(url, number, doubt=True) == 7
    server.faults["/n"] += [Status(404), Status(404), Status(404)]
    with pytest.raises(NotFound):
        run().read(url, number, doubt=True)
    server.faults["/n"] += [Status(404)]
    with pytest.raises(NotFound):
        run().read(url, number)


def test_json_in_which_something_is_missing_is_asked_for_again(server: Server, run: Run) -> None:
    url = server.put("/n", b'{"taskId": "x"}')
    server.faults["/n"] += [
        Instead(File(b'{"task": "x"}')),
        Instead(File(b"[]")),
    ]
    assert run().read_json(url, lambda row: row["taskId"]) == "x"
    server.faults["/n"] += [Instead(File(b'{"task": "x"}'))] * 3
    with pytest.raises(Busy, match="KeyError: 'taskId'"):
        run().read_json(url, lambda row: row["taskId"])


def test_a_server_that_has_answered_is_there_also_when_it_takes_no_connection(run: Run) -> None:
    with serving() as server:
        url = server.put("/n", b"7")
        http = run()
        assert http.read(url, number) == 7
        http.close()
    before = http.requests_made
    with pytest.raises(Exception, match="tried 3 times"):
        http.read(url, number)
    assert http.requests_made - before == 3
    with pytest.raises(Exception, match="tried 2 times"):  # nobody there so far: the cable, probably
        run().read(url, number)
