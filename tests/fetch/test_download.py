"""One file, whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild, CacheTrouble, NetworkError, NoBuild, NotFetched
from mozbisect.core.model import Digest
from mozbisect.fetch.stop import Stop, Stopped
from mozbisect.fetch.transfer import download as module
from mozbisect.fetch.transfer.download import download
from mozbisect.fetch.transfer.line import Lane, Line
from mozbisect.net.http import Http
from mozbisect.net.troubles import Unreachable
from tests.fetch.conftest import build_at, sha
from tests.serving import Cut, Fault, File, Instead, Reset, Server, Stall, Status, serving

BODY = bytes(range(256)) * 400


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "part"


def ranges(server: Server) -> list[str | None]:
    return [headers.get("Range") for headers in server.asked("/f.zip")]


def test_a_file_arrives_whole_and_is_sealed(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY), size=len(BODY), digest=sha("sha512", BODY))
    seal = download(http, build, part)
    assert part.read_bytes() == BODY
    assert (seal.size, seal.sha256) == (len(BODY), sha("sha256", BODY).hex)


def test_the_last_that_is_told_is_the_whole(server: Server, http: Http, part: Path) -> None:
    told: list[tuple[int, int | None]] = []
    download(http, build_at(server.put("/f.zip", BODY)), part, tell=lambda *now: told.append(now))
    assert told == sorted(told)
    assert told[-1] == (len(BODY), len(BODY))


# Of every fault there is one server that has it at first, and one that has it for ever.
PASSING: list[Fault] = [
    Status(500),
    Status(503, {"Retry-After": "1"}),
    Status(429),
    Reset(),
    Cut(0),
    Cut(1000),
    Cut(1000, reset=True),
    Instead(File(b"")),
    Instead(File(b"<!DOCTYPE html><title>Sorry</title>")),
    Instead(File(b"\xef\xbb\xbf \n<HTML>", {"Content-Type": "application/octet-stream"})),
    Instead(File(b"Sorry", {"Content-Type": "text/html; charset=utf-8"})),
    Instead(File(BODY[:-1])),
    Instead(File(BODY + b"x")),
    Instead(File(b"x" * len(BODY))),
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_fault_that_passes_does_no_harm(fault: Fault, server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'), size=len(BODY), digest=sha("sha256", BODY))
    server.faults["/f.zip"] += [fault, fault]
    download(http, build, part)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_fault_that_stays_leaves_nothing_behind(fault: Fault, server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY), size=len(BODY), digest=sha("sha256", BODY))
    server.faults["/f.zip"] += [fault] * 20
    with pytest.raises((BrokenBuild, Unreachable), match="tried 5 times"):
        download(http, build, part)
    assert not part.exists()
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (Status(404), NoBuild, r"f\.zip is listed, but the server says that it is gone"),
        (Status(410), NoBuild, r"is gone"),
        (Status(403), BrokenBuild, "the server answered 403"),
        (Status(500), BrokenBuild, "the server answered 500"),
        (Reset(), NetworkError, "the connection broke"),
        (Cut(1000), BrokenBuild, "broke off after 1,000 of 102,400 bytes"),
        (Instead(File(b"")), BrokenBuild, "the file is empty"),
        (Instead(File(b"<html>")), BrokenBuild, "a web page in place of the build"),
        (Instead(File(b"x" * len(BODY))), BrokenBuild, "its sha256 is [0-9a-f]{16}… where [0-9a-f]{16}… was published"),
    ],
    ids=str,
)
def test_the_reason_is_told(
    fault: Fault, error: type[Exception], reason: str, server: Server, http: Http, part: Path
) -> None:
    build = build_at(server.put("/f.zip", BODY, ranges=False), digest=sha("sha256", BODY))
    server.faults["/f.zip"] += [fault] * 5
    with pytest.raises(error, match=reason):
        download(http, build, part)


def test_a_length_that_is_not_the_announced_one_is_noticed_before_anything_is_fetched(
    server: Server, http: Http, part: Path
) -> None:
    told: list[int] = []
    build = build_at(server.put("/f.zip", BODY), size=7)
    with pytest.raises(BrokenBuild, match=r"the server has 102,400 bytes where 7 were announced"):
        download(http, build, part, tell=lambda here, whole: told.append(here))
    assert told == []


@pytest.mark.parametrize("at", [-1, 0, 1000])
def test_a_stall_is_ended_and_tried_again(at: int, server: Server, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    server.faults["/f.zip"] += [Stall(at)]
    download(Http(timeout=0.1, sleep=lambda seconds: None), build, part)
    assert part.read_bytes() == BODY


def test_nobody_there_is_the_network_and_not_the_build(http: Http, part: Path) -> None:
    with pytest.raises(NetworkError, match="cannot reach"):
        download(http, build_at("http://127.0.0.1:1/f.zip"), part)
    assert not part.exists()


# ------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize(
    "mark", [{"ETag": '"1"'}, {"Last-Modified": "Mon, 14 Sep 2026 09:31:22 GMT"}], ids=["etag", "date"]
)
def test_a_broken_transfer_goes_on_where_it_broke(mark: dict[str, str], server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, headers=mark))
    server.faults["/f.zip"] += [Cut(70_000), Cut(20_000)]
    download(http, build, part)
    assert part.read_bytes() == BODY
    first, second, third = ranges(server)
    assert first is None
    assert second is not None
    assert third is not None
    assert server.asked("/f.zip")[1]["If-Range"] == next(iter(mark.values()))


def test_a_server_that_knows_no_ranges_sends_it_all_again(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"', ranges=False))
    server.faults["/f.zip"] += [Cut(70_000)]
    download(http, build, part)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("mark", [{}, {"ETag": 'W/"1"'}], ids=str)
def test_without_a_strong_mark_no_two_halves_are_joined(
    mark: dict[str, str], server: Server, http: Http, part: Path
) -> None:
    build = build_at(server.put("/f.zip", BODY, headers=mark))
    server.faults["/f.zip"] += [Cut(70_000)]
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert ranges(server) == [None, None]


def test_a_file_that_changes_in_between_is_not_joined_from_two(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"2"'))
    server.faults["/f.zip"] += [Cut(70_000)]
    server.files["/f.zip"] = File(b"old" * 40_000, etag='"1"')

    def changed(here: int, whole: int | None) -> None:
        server.files["/f.zip"] = File(BODY, etag='"2"')

    download(http, build, part, tell=changed)
    assert part.read_bytes() == BODY


def test_a_server_that_goes_on_at_the_wrong_place_is_not_believed(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    wrong = Status(206, {"Content-Range": "bytes 0-9/102400", "ETag": '"1"'}, b"0123456789")
    server.faults["/f.zip"] += [Cut(70_000), wrong]
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert ranges(server)[2] is None


def test_a_part_that_nobody_asked_for_is_not_taken_for_the_whole(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    server.faults["/f.zip"] += [Status(206, {"Content-Range": "bytes 0-9/102400", "ETag": '"1"'}, b"0123456789")]
    download(http, build, part)
    assert part.read_bytes() == BODY


def test_the_rest_of_a_file_of_unknown_length_is_not_some_of_its_bytes(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, headers={"Transfer-Encoding": "chunked"}, etag='"1"'))
    server.faults["/f.zip"] += [Cut(70_000)]
    some = Status(206, {"Content-Range": "bytes 65536-65545/102400", "ETag": '"1"'}, b"0123456789")
    server.faults["/f.zip"] += [some]
    download(http, build, part)
    assert part.read_bytes() == BODY


def test_a_file_that_came_whole_but_wrong_begins_anew(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY, etag='"1"'), digest=sha("sha256", BODY))
    server.faults["/f.zip"] += [Instead(File(b"x" * len(BODY), etag='"1"'))]
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert ranges(server) == [None, None]


def test_a_try_that_brings_the_file_forward_is_not_counted(
    server: Server, http: Http, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 10_000)
    build = build_at(server.put("/f.zip", BODY, etag='"1"'))
    server.faults["/f.zip"] += [Cut(10_001)] * 9
    download(http, build, part)
    assert part.read_bytes() == BODY
    assert len(server.seen) == 10


def test_tries_that_begin_anew_each_time_come_to_an_end(
    server: Server, http: Http, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 10_000)
    build = build_at(server.put("/f.zip", BODY, etag='"1"', ranges=False))
    server.faults["/f.zip"] += [Cut(50_000)] * 100
    with pytest.raises(BrokenBuild):
        download(http, build, part)
    assert len(server.seen) < 12


def test_a_file_that_breaks_off_again_and_again_comes_to_an_end(
    server: Server, http: Http, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 1)
    monkeypatch.setattr(module, "MOST_TRIES", 6)
    build = build_at(server.put("/f.zip", bytes(9 << 20), etag='"1"'))
    server.faults["/f.zip"] += [Cut(1 << 17)] * 60
    with pytest.raises(NotFetched, match="broke off 6 times"):
        download(http, build, part)
    assert len(server.seen) == 6


def test_a_server_that_asks_for_one_pause_after_the_other_is_not_waited_for_all_day(
    server: Server, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    build = build_at(server.put("/f.zip", BODY))
    server.faults["/f.zip"] += [Status(503, {"Retry-After": "110"})] * 9
    with pytest.raises(NotFetched, match="pauses of more than 300 seconds"):
        download(Http(sleep=paused.append), build, part)
    assert paused == [110, 110]


def test_a_long_pause_is_left_to_who_needs_the_build(server: Server, part: Path) -> None:
    paused: list[float] = []
    build = build_at(server.put("/f.zip", BODY))
    server.faults["/f.zip"] += [Status(429), Status(429, {"Retry-After": "60"})]
    with pytest.raises(NotFetched, match="asks for a pause of 60 seconds, and nobody waits for it"):
        download(Http(sleep=paused.append), build, part, lane=Lane(Line(), lambda: False))
    assert len(paused) == 1
    assert paused[0] < 1
    server.faults["/f.zip"] += [Status(429, {"Retry-After": "60"})]
    download(Http(sleep=paused.append), build, part, lane=Lane(Line(), lambda: True))
    assert paused[1:] == [60]


faults = st.lists(
    st.sampled_from([Status(500), Reset(), Instead(File(b"")), Instead(File(b"<html>"))])
    | st.integers(0, len(BODY)).map(lambda at: Cut(at))
    | st.integers(0, len(BODY)).map(lambda at: Cut(at, reset=True)),
    max_size=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=faults, ranged=st.booleans(), etag=st.sampled_from([None, '"1"', 'W/"1"']))
def test_four_faults_of_any_kind_never_change_a_byte(
    faults: list[Fault], ranged: bool, etag: str | None, http: Http, tmp_path: Path
) -> None:
    with serving() as server:
        build = build_at(server.put("/f.zip", BODY, etag=etag, ranges=ranged))
        server.faults["/f.zip"] += faults
        part = tmp_path / "some-part"
        download(http, build, part)
        assert part.read_bytes() == BODY
        part.unlink()


# ----------------------------------------------------------------------------------------- stopping, and disks


def test_a_stop_ends_a_transfer_that_waits_for_bytes(server: Server, http: Http, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY))
    server.faults["/f.zip"] += [Stall(1000)]
    stop = Stop()

    def end() -> None:
        server.stalling.wait(5)
        stop.now()

    ender = threading.Thread(target=end)
    ender.start()
    with pytest.raises(Stopped):
        download(http, build, part, stop=stop)
    ender.join()
    assert not part.exists()


def test_a_stop_ends_a_pause(server: Server, part: Path) -> None:
    build = build_at(server.put("/f.zip", BODY))
    server.faults["/f.zip"] += [Status(503, {"Retry-After": "100"})] * 9
    stop = Stop()
    threading.Timer(0.05, stop.now).start()
    with pytest.raises(Stopped):
        download(Http(), build, part, stop=stop)


def test_what_is_stopped_already_is_not_begun(server: Server, http: Http, part: Path) -> None:
    stop = Stop()
    stop.now()
    with pytest.raises(Stopped):
        download(http, build_at(server.put("/f.zip", BODY)), part, stop=stop)
    assert server.seen == []


def test_ctrl_c_passes_and_leaves_nothing(server: Server, http: Http, part: Path) -> None:
    def interrupted(here: int, whole: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(http, build_at(server.put("/f.zip", BODY)), part, tell=interrupted)
    assert not part.exists()
    assert len(server.seen) == 1


def test_a_folder_that_is_not_there_is_trouble_with_the_folder(server: Server, http: Http, tmp_path: Path) -> None:
    with pytest.raises(CacheTrouble, match=f"cannot write in {tmp_path / 'gone'}: no such file or directory"):
        download(http, build_at(server.put("/f.zip", BODY)), tmp_path / "gone" / "part")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
def test_a_full_disk_is_told_with_advice(
    server: Server, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Callable[..., object] = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode, **_: opened(Path("/dev/full"), "wb", buffering=0))
    with pytest.raises(CacheTrouble, match="no space left on device") as caught:
        download(http, build_at(server.put("/f.zip", BODY)), tmp_path / "part")
    assert "--persist" in caught.value.advice
    assert len(server.seen) == 1


def test_a_digest_in_capitals_is_the_same_digest(server: Server, http: Http, part: Path) -> None:
    digest = Digest("sha512", sha("sha512", BODY).hex.upper())
    download(http, build_at(server.put("/f.zip", BODY), digest=digest), part)
    assert part.exists()


def test_a_server_that_sends_without_end_is_not_listened_to_for_ever(
    server: Server, http: Http, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", len(BODY) - 1)
    url = server.put("/f.zip", BODY, headers={"Transfer-Encoding": "chunked"})
    with pytest.raises(NotFetched, match="which no build has"):
        download(http, build_at(url), part)
    assert not part.exists()


# ------------------------------------------------------------------------------------- what the store says of a file


def goog(body: bytes) -> str:
    return f"crc32c=yZRlqg==,md5={base64.b64encode(hashlib.md5(body).digest()).decode()}"


def test_bytes_that_are_not_those_of_the_store_are_fetched_again(server: Server, http: Http, part: Path) -> None:
    """No digest is published: without this, a flipped bit would be found by the unpacker, or by nobody."""
    url = server.put("/f.zip", BODY, headers={"x-goog-hash": goog(BODY)})
    spoilt = bytes([BODY[0] ^ 1]) + BODY[1:]
    server.faults["/f.zip"] += [Instead(File(spoilt, {"x-goog-hash": goog(BODY)}))]
    download(http, build_at(url), part)
    assert part.read_bytes() == BODY
    assert len(server.asked("/f.zip")) == 2


def test_damage_on_the_way_that_stays_is_no_verdict(server: Server, http: Http, part: Path) -> None:
    url = server.put("/f.zip", BODY, headers={"x-goog-hash": goog(b"something else")})
    with pytest.raises(NotFetched, match="damaged on the way"):
        download(http, build_at(url), part)
    assert not part.exists()


def test_a_transfer_that_goes_on_is_held_against_what_was_said_of_the_whole(
    server: Server, http: Http, part: Path
) -> None:
    url = server.put("/f.zip", BODY, etag='"1"', headers={"x-goog-hash": goog(BODY)})
    server.faults["/f.zip"] += [Cut(1000)]
    download(http, build_at(url), part)
    assert part.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=1000-"]
