"""Several connections for one file: right or an error, whatever happens to any of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import MozbisectError
from mozbisect.fetch.stop import Stop, Stopped
from mozbisect.fetch.transfer import crew, pace
from mozbisect.fetch.transfer import download as module
from mozbisect.fetch.transfer.download import download
from mozbisect.fetch.transfer.filling import Filling
from mozbisect.fetch.transfer.line import MOST_CUTS, Lane, Line
from mozbisect.net import stream
from mozbisect.net.http import Http
from mozbisect.practice.faults import Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import WorldParameters
from tests.fetch.conftest import build_at, sha
from tests.practice.test_server import package
from tests.serving import Cut, Fault, File, Instead, Reset, Server, Stall, Status, Trickle, serving

BODY = bytes(range(256)) * 8000  # 2 MB
OTHER = BODY[::-1]


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small pieces, and as many connections as may be, at once."""
    monkeypatch.setattr(module, "WORTH_IT", 100_000)
    monkeypatch.setattr(crew, "PATIENCE", 0.1)
    monkeypatch.setattr(crew, "SMALLEST", 50_000)
    monkeypatch.setattr(crew, "LARGEST", 100_000)
    monkeypatch.setattr(pace, "SETTLES_IN", 0.0)
    monkeypatch.setattr(pace, "MEASURED_FOR", 1e-9)
    monkeypatch.setattr(pace, "PAYS", -10.0)
    yield
    assert helpers() == []


def helpers() -> list[threading.Thread]:
    """Those that are still at work, after a moment in which they may end."""
    until = time.monotonic() + 1
    while (found := [one for one in threading.enumerate() if one.name == "connection"]) and time.monotonic() < until:
        found[0].join(0.1)
    return found


def helpers_now() -> bool:
    return any(one.name == "connection" for one in threading.enumerate())


def lane(most: int = 4) -> Lane:
    return Lane(Line(most=most), lambda: True)


def ranges(server: Server) -> list[str | None]:
    return [headers.get("Range") for headers in server.asked("/f.zip")]


def test_several_bring_it_whole_and_each_byte_is_asked_for_once(
    server: Server, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PATIENCE", 60.0)
    server.faults["/f.zip"] += [Trickle(0, size=50_000)]
    build = build_at(server.put("/f.zip", BODY, etag='"1"'), size=len(BODY), digest=sha("sha256", BODY))
    told: list[int] = []
    seal = download(http, build, tmp_path / "part", lane=lane(), tell=lambda here, whole: told.append(here))
    assert (tmp_path / "part").read_bytes() == BODY
    assert seal.sha256 == sha("sha256", BODY).hex
    first, *others = ranges(server)
    assert first is None
    assert len(others) > 3
    assert len(set(others)) == len(others)
    assert {headers.get("If-Range") for headers in server.asked("/f.zip")[1:]} == {'"1"'}
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("file", "most"),
    [
        (File(BODY, etag='"1"'), 1),
        (File(BODY, etag='W/"1"'), 4),
        (File(BODY), 4),
        (File(BODY, {"Last-Modified": "Mon, 14 Sep 2026 09:31:22 GMT"}), 4),
        (File(BODY, etag='"1"', ranges=False), 4),
        (File(BODY, {"Transfer-Encoding": "chunked"}, etag='"1"'), 4),
        (File(BODY[:90_000], etag='"1"'), 4),
    ],
    ids=["off", "weak mark", "no mark", "a date", "no ranges", "no length", "small"],
)
def test_where_pieces_might_not_fit_or_not_pay_there_is_one(
    file: File, most: int, server: Server, http: Http, tmp_path: Path
) -> None:
    build = build_at(server.put("/f.zip", b""))
    server.files["/f.zip"] = file
    download(http, build, tmp_path / "part", lane=lane(most))
    assert (tmp_path / "part").read_bytes() == file.body
    assert ranges(server) == [None]


def test_a_transfer_that_nobody_waits_for_has_one(server: Server, http: Http, tmp_path: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    download(http, build, tmp_path / "part", lane=Lane(Line(most=4), lambda: False))
    assert ranges(server) == [None]


class Unpacker:
    """Is always so many bytes behind the download."""

    def __init__(self, behind: int) -> None:
        self.behind = behind

    def reached(self, file: Path, here: int) -> None: ...

    def restart(self) -> None: ...

    def complete(self) -> None: ...


@pytest.mark.parametrize(("behind", "several"), [(0, True), (module.EASE - 1, True), (module.EASE, False)])
def test_where_unpacking_takes_the_time_one_is_enough(
    behind: int, several: bool, server: Server, http: Http, tmp_path: Path
) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    download(http, build, tmp_path / "part", lane=lane(), also=Unpacker(behind))
    assert (len(ranges(server)) > 1) is several


def test_one_too_many_leaves_when_another_build_comes(server: Server, http: Http, tmp_path: Path) -> None:
    line = Line(most=2)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    with line.transfer():
        download(http, build, tmp_path / "part", lane=Lane(line, lambda: True))
    assert ranges(server) == [None]

    extra, asked = threading.Event(), [0]

    def another() -> None:
        with line.transfer():
            line.give_way(lambda: None, unless=lambda: False)
            extra.set()

    waiting = threading.Thread(target=another)

    def tell(here: int, whole: int | None) -> None:
        if waiting.ident is None and len(ranges(server)) > 1:
            waiting.start()
            assert extra.wait(5)
            asked.append(len(ranges(server)))

    download(http, build, tmp_path / "other", lane=Lane(line, lambda: True), tell=tell)
    waiting.join(5)
    assert 2 <= asked[-1] <= 5  # of over twenty: it did not stay to the end
    assert (tmp_path / "other").read_bytes() == BODY


@pytest.mark.parametrize("digest", [True, False])
def test_a_server_that_cannot_do_what_it_says_is_asked_for_parts_once_a_run(
    digest: bool, server: Server, http: Http, tmp_path: Path
) -> None:
    """It announces ranges and an ETag, and sends the whole file whenever it is asked for a part."""
    line = Line(most=4)
    for name in ("/f.zip", "/g.zip"):
        build = build_at(server.put(name, BODY), digest=sha("sha256", BODY) if digest else None)
        server.files[name] = File(BODY, {"Accept-Ranges": "bytes"}, etag='"1"', ranges=False)
        server.faults[name] += [Trickle(0, size=50_000)]
        download(http, build, tmp_path / name[1:], lane=Lane(line, lambda: True))
        assert (tmp_path / name[1:]).read_bytes() == BODY
    assert len(server.asked("/f.zip")) == 2
    assert len(server.asked("/g.zip")) == 1


def at_its_first_bytes(act: Callable[[], None]) -> Callable[[int, int | None], None]:
    """Does something as soon as some of the file has come, and before another connection is tried."""
    done: list[bool] = []

    def tell(here: int, whole: int | None) -> None:
        if not done:
            done.append(True)
            act()

    return tell


@pytest.mark.parametrize("status", [429, 503, 403, 404, 416])
def test_a_server_that_refuses_another_connection_costs_the_first_one_nothing(
    status: int, server: Server, tmp_path: Path
) -> None:
    naps: list[float] = []
    line = Line(most=4)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))

    server.faults["/f.zip"] += [Trickle(0, size=50_000)]

    def refuse() -> None:
        server.faults["/f.zip"] += [Status(status, {"Retry-After": "60"})] * 50

    with closing(Http(sleep=naps.append)) as http:
        download(http, build, tmp_path / "part", lane=Lane(line, lambda: True), tell=at_its_first_bytes(refuse))
    assert (tmp_path / "part").read_bytes() == BODY
    assert naps == []
    assert len(server.seen) == 2  # and the first one's only answer goes on to the end
    assert line.one_each


@pytest.mark.parametrize("fault", [Trickle(1000), Stall(200_000)], ids=str)
def test_a_first_connection_that_hardly_brings_anything_is_relieved(
    fault: Fault, server: Server, http: Http, tmp_path: Path
) -> None:
    """Five seconds of silence would end it, and a byte now and then would not."""
    server.faults["/f.zip"] += [fault]
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    begun = time.monotonic()
    download(http, build, tmp_path / "part", lane=lane())
    assert (tmp_path / "part").read_bytes() == BODY
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("fault", [Trickle(1000), Stall(1000), Stall(-1)], ids=str)
def test_another_that_hardly_brings_anything_is_relieved(
    fault: Fault, server: Server, http: Http, tmp_path: Path
) -> None:
    def trickle() -> None:
        server.faults["/f.zip"] += [fault]

    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    begun = time.monotonic()
    download(http, build, tmp_path / "part", lane=lane(), tell=at_its_first_bytes(trickle))
    assert (tmp_path / "part").read_bytes() == BODY
    assert time.monotonic() - begun < 4


def test_where_all_of_them_trickle_they_do_not_take_from_each_other_for_ever(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SLOWEST", 0)
    server.faults["/f.zip"] += [Trickle(0, size=20_000, pause=0.02)] * 100
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    with closing(Http(sleep=lambda seconds: None)) as http:
        download(http, build, tmp_path / "part", lane=lane())
    assert (tmp_path / "part").read_bytes() == BODY
    pieces = len(BODY) // crew.SMALLEST
    assert len(server.seen) <= pieces + 4


def test_a_cut_is_no_reason_to_have_one_connection_for_the_next_build(
    server: Server, http: Http, tmp_path: Path
) -> None:
    def cut() -> None:
        server.faults["/f.zip"] += [Cut(1000)]

    line = Line(most=2)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    server.faults["/f.zip"] += [Trickle(0, size=50_000)]
    download(http, build, tmp_path / "part", lane=Lane(line, lambda: True), tell=at_its_first_bytes(cut))
    assert not line.one_each
    assert line.one_more()  # and the one that was lost is given back


def test_a_server_that_cuts_several_off_again_and_again_is_asked_by_one(
    server: Server, http: Http, tmp_path: Path
) -> None:
    def cut() -> None:
        server.faults["/f.zip"] += [Trickle(0, size=50_000), Cut(1000)]

    line = Line(most=2)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    for number in range(1, MOST_CUTS + 1):
        cut()
        download(http, build, tmp_path / str(number), lane=Lane(line, lambda: True))
        assert line.one_each == (number == MOST_CUTS)
    server.seen.clear()
    download(http, build, tmp_path / "last", lane=Lane(line, lambda: True))
    assert ranges(server) == [None]


def test_headers_are_no_bytes(server: Server, tmp_path: Path) -> None:
    """A helper that was given the answer it wanted, and then nothing, takes nothing from the first one."""
    line = Line(most=2)
    server.faults["/f.zip"] += [Trickle(0, size=50_000), Stall(0)]
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    with closing(Http(timeout=60.0)) as http:
        download(http, build, tmp_path / "part", lane=Lane(line, lambda: True))
    assert (tmp_path / "part").read_bytes() == BODY
    assert len(ranges(server)) == 2


def test_one_that_hangs_before_its_answer_gives_its_place_back(server: Server, tmp_path: Path) -> None:
    line = Line(most=2)
    server.faults["/f.zip"] += [Trickle(0, size=50_000), Stall(-1)]
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    with closing(Http(timeout=2.0)) as http:
        download(http, build, tmp_path / "part", lane=Lane(line, lambda: True))
        assert helpers_now()
        assert (line.one_more(), line.one_more(), line.one_more()) == (True, True, False)
        until = time.monotonic() + 5
        while helpers_now() and time.monotonic() < until:
            time.sleep(0.05)
    assert not line.one_more()  # it was given back once, and not once more when it ended


def test_one_that_left_for_another_build_comes_again(server: Server, http: Http, tmp_path: Path) -> None:
    line = Line(most=2)
    build = build_at(server.put("/f.zip", BODY * 12, etag='"1"'))
    counts: list[int] = []  # of requests: before the other build came, when it left, at the end
    other: list[AbstractContextManager[None]] = []

    def tell(here: int, whole: int | None) -> None:
        asked = len(ranges(server))
        if not counts and asked > 2:
            counts.append(asked)
            other.append(line.transfer())
            other[0].__enter__()
        elif other and len(counts) == 1 and not helpers_now():
            counts.append(asked)
            other[0].__exit__(None, None, None)

    download(http, build, tmp_path / "part", lane=Lane(line, lambda: True), tell=tell)
    assert (tmp_path / "part").read_bytes() == BODY * 12
    assert len(counts) == 2
    assert len({seen.port for seen in server.seen}) >= 3
    assert len(ranges(server)) > counts[1] + 1


def test_where_the_system_has_no_more_threads_there_is_one(
    server: Server, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    line = Line(most=2)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))

    def full() -> None:
        monkeypatch.setattr(threading.Thread, "start", refuse)

    download(http, build, tmp_path / "part", lane=Lane(line, lambda: True), tell=at_its_first_bytes(full))
    assert ranges(server) == [None]
    assert line.one_more()


TROUBLE: list[Fault] = [
    Status(429, {"Retry-After": "1"}),
    Status(503, {"Retry-After": "1"}),
    Status(416),
    Reset(),
    Cut(1000),
    Instead(File(OTHER, etag='"2"')),
    Instead(File(OTHER, etag='"2"'), careless=True),
    Status(206, {"Content-Range": f"bytes 0-9/{len(BODY)}", "ETag": '"1"'}, b"0123456789"),
]


@pytest.mark.parametrize("fault", TROUBLE, ids=str)
def test_a_helper_in_trouble_gives_back_what_it_had_and_there_is_one_connection_again(
    fault: Fault, server: Server, http: Http, tmp_path: Path
) -> None:
    url = server.put("/f.zip", BODY, etag='"1"')
    (tmp_path / "file").touch()
    filling, course = Filling(tmp_path / "file", len(BODY)), pace.Pace(4)
    line = Line(most=2)
    mine = filling.claim(500_000)
    assert mine is not None
    team = crew.Crew(http, url, '"1"', filling, course, Lane(line, lambda: True))
    server.faults["/f.zip"].append(fault)
    assert line.one_more()
    team.grow()
    assert helpers() == []
    assert (course.connections, course.explores) == (1, False)
    assert line.one_more()
    assert filling.arrived <= 1000
    rest = filling.claim()
    assert rest is not None
    assert rest.at == 500_000 + filling.arrived


@pytest.mark.parametrize("fault", TROUBLE, ids=str)
def test_trouble_at_any_of_them_does_no_harm(fault: Fault, server: Server, http: Http, tmp_path: Path) -> None:
    server.put("/f.zip", BODY, etag='"1"')
    build = build_at(server.base + "/f.zip")
    told: list[int] = []

    def second_one_fails(here: int, whole: int | None) -> None:
        if not told:
            server.faults["/f.zip"].append(fault)
        told.append(here)

    download(http, build, tmp_path / "part", lane=lane(), tell=second_one_fails)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.faults["/f.zip"] == []


def test_what_was_taken_back_can_be_written_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    filling = Filling(tmp_path / "file", 8)
    with filling.open() as file:
        late, piece = filling.claim(4), filling.claim(4)
        assert late is not None
        assert piece is not None
        assert filling.put(late, file, b"ab") == 2
        filling.give_back(late)
        assert filling.put(late, file, b"xx") == 0
        assert filling.put(piece, file, b"efghi") == 4
        again = filling.claim()
        assert again is not None
        assert filling.put(again, file, b"cdxxxx") == 2
    assert filling.complete
    assert (tmp_path / "file").read_bytes() == b"abcdefgh"


faults = st.lists(
    st.sampled_from(
        [
            Status(429, {"Retry-After": "1"}),
            Status(503),
            Status(416),
            Status(206, {"Content-Range": f"bytes 0-9/{len(BODY)}", "ETag": '"1"'}, b"0123456789"),
            Reset(),
            Stall(-1),
            Instead(File(OTHER, etag='"2"')),
            Instead(File(OTHER, etag='"2"'), careless=True),
            Instead(File(b"<html>")),
        ]
    )
    | st.integers(0, len(BODY) // 8).map(lambda at: Cut(at))
    | st.integers(0, len(BODY) // 8).map(lambda at: Cut(at, reset=True))
    | st.integers(0, len(BODY) // 8).map(lambda at: Stall(at)),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=faults, known=st.booleans())
def test_whatever_happens_the_file_is_right_or_there_is_an_error(
    faults: list[Fault], known: bool, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    http = Http(timeout=0.1, sleep=lambda seconds: None)
    with serving() as server:
        url = server.put("/f.zip", BODY, etag='"1"')
        build = build_at(url, digest=sha("sha256", BODY) if known else None)
        server.faults["/f.zip"] += faults
        for _ in range(2):
            try:
                seal = download(http, build, part, lane=lane())
            except MozbisectError:
                continue
            # Without a digest, a whole other file is what the server has, as far as anybody can tell.
            assert part.read_bytes() in ((BODY,) if known else (BODY, OTHER))
            assert seal.sha256 == sha("sha256", part.read_bytes()).hex
            part.unlink()
    assert not part.exists() or part.with_name("notes").exists()
    for left in (part, part.with_name("notes")):
        left.unlink(missing_ok=True)
    http.close()


@pytest.mark.parametrize("at", [0, 1000])
def test_a_stop_ends_all_of_them_within_a_second(
    at: int, server: Server, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PATIENCE", 60.0)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    stop = Stop()

    def stall(here: int, whole: int | None) -> None:
        server.faults["/f.zip"] = [Stall(at)] * 20

    def end() -> None:
        server.stalling.wait(5)
        stop.now()

    ender = threading.Thread(target=end)
    ender.start()
    with pytest.raises(Stopped):
        download(http, build, tmp_path / "part", lane=lane(), tell=stall, stop=stop)
    ender.join()
    assert helpers() == []


def test_ctrl_c_ends_all_of_them(server: Server, http: Http, tmp_path: Path) -> None:
    def interrupted(here: int, whole: int | None) -> None:
        if helpers_now():
            raise KeyboardInterrupt

    build = build_at(server.put("/f.zip", BODY * 4, etag='"1"'))
    with pytest.raises(KeyboardInterrupt):
        download(http, build, tmp_path / "part", lane=lane(), tell=interrupted)
    assert helpers() == []
    assert not (tmp_path / "part").exists()


def test_on_a_server_that_gives_each_connection_so_much_it_is_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MEASURED_FOR", 0.05)
    monkeypatch.setattr(pace, "PAYS", 0.5)
    world = make_world(WorldParameters(days=5, pushes_per_day=3))
    with PracticeServer(world, faults=Faults(bandwidth=4e6), size_mb=6) as server:
        url = package(server)
        seconds = {}
        for most in (1, 4):
            begun = time.monotonic()
            http = Http()
            download(http, build_at(url), tmp_path / str(most), lane=lane(most))
            http.close()
            seconds[most] = time.monotonic() - begun
    assert (tmp_path / "1").read_bytes() == (tmp_path / "4").read_bytes()
    assert seconds[4] < 0.8 * seconds[1]
