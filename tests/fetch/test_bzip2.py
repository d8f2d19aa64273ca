"""bzip2 on several cores: the same bytes as Python's own, or the same refusal."""

from __future__ import annotations

import bz2
import io
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.fetch.unpack import bzip2, bzip2_marks

SHOWN = (OSError, EOFError, ValueError)  # what damage may raise


def plain(packed: bytes, *, cores: int = 3, piece: int = 1 << 16) -> bytes:
    with bzip2.open_plain(io.BytesIO(packed), cores) as file:
        return b"".join(iter(lambda: file.read(piece), b""))


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 100, 99_979, 99_981, 100_000, 350_000])
@pytest.mark.parametrize("level", [1, 9])
def test_any_number_of_blocks_comes_out_as_it_went_in(size: int, level: int) -> None:
    for body in (noise(size), b"ab" * size, bytes(size)):
        assert plain(bz2.compress(body, level)) == body


def test_rows_one_after_the_other_are_one_file() -> None:
    bodies = [noise(n * 60_000, n) for n in range(5)]
    assert plain(b"".join(bz2.compress(body, 1) for body in bodies)) == b"".join(bodies)


@given(st.lists(st.binary(max_size=300).map(lambda seed: seed * 700), max_size=3), st.integers(1, 9))
@settings(max_examples=40)
def test_whatever_was_packed_comes_out(bodies: list[bytes], level: int) -> None:
    packed = b"".join(bz2.compress(body, level) for body in bodies)
    if bodies:
        assert plain(packed) == b"".join(bodies)


def watched(packed: bytes, piece: int = 1000) -> bytes:
    """As by a program that is content with whatever it is given."""
    file = bzip2_marks.Watched(io.BytesIO(packed))
    return bz2.decompress(b"".join(iter(lambda: file.read(piece), b"")))


WAYS = [lambda packed: plain(packed, cores=1), plain, watched]
by_every_way = pytest.mark.parametrize("way", WAYS, ids=["one core", "several", "watched"])
SECOND = bz2.compress(b"the second row" * 9999)


@by_every_way
@pytest.mark.parametrize(
    "after",
    [
        *(b"BZh9", b"BZ", b"no bzip2", bytes(2 << 20) + b"no"),
        *(SECOND[:-1], b"XZ" + SECOND[2:], b"BZh0" + SECOND[4:], bytes(9) + SECOND),
    ],
)
def test_what_follows_the_end_and_is_no_row_is_damage(after: bytes, way: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SHOWN):
        way(bz2.compress(noise(150_000), 1) + after)


@by_every_way
@pytest.mark.parametrize("zeros", [1, 999, 5 << 20])
def test_zeros_may_follow_the_end(zeros: int, way: Callable[[bytes], bytes]) -> None:
    assert way(SECOND + bz2.compress(b"") + SECOND + bytes(zeros)) == b"the second row" * 9999 * 2


@given(st.lists(st.binary(max_size=9).map(lambda seed: seed * 70), min_size=1, max_size=6), st.integers(1, 99))
@settings(max_examples=60)
def test_who_watches_refuses_no_file_that_is_right(bodies: list[bytes], piece: int) -> None:
    assert watched(b"".join(map(bz2.compress, bodies)), piece) == b"".join(bodies)


@by_every_way
def test_many_tiny_rows_take_no_time(way: Callable[[bytes], bytes]) -> None:
    assert way(bz2.compress(b"x") * 40_000) == b"x" * 40_000  # minutes, where each looks at all that follow it


@by_every_way
def test_a_file_that_ends_anywhere_too_early_is_damaged(way: Callable[[bytes], bytes]) -> None:
    packed = bz2.compress(noise(250_000), 1)
    for length in (*range(0, len(packed), 9973), len(packed) - 1, len(packed) - 5):
        with pytest.raises(SHOWN):
            way(packed[:length])


_packed = bz2.compress(noise(250_000), 1) + bz2.compress(b"the second row" * 9999, 9)


@given(st.data())
@settings(max_examples=120)
def test_damage_is_never_taken_for_what_was_packed(data: st.DataObject) -> None:
    body = bytearray(_packed)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        found = plain(bytes(body))
    except SHOWN:
        return
    assert found == bz2.decompress(_packed)  # the filling bits behind an end mean nothing


def test_a_block_that_is_missing_or_twice_is_noticed() -> None:
    blocks = list(bzip2._blocks(io.BytesIO(bz2.compress(noise(250_000), 1))))
    assert len(blocks) == 3

    def body(one: bytes) -> str:  # in bits: what stands between head and end
        bits = "".join(f"{byte:08b}" for byte in one)
        return bits[32 : bits.rindex(f"{bzip2_marks.END:048b}")]

    whole = "".join(f"{byte:08b}" for byte in bz2.compress(noise(250_000), 1))
    end = whole[whole.rindex(f"{bzip2_marks.END:048b}") :].rstrip("0")
    for chosen in ([0, 2], [0, 1, 1, 2], [1, 0, 2]):
        bits = f"{int.from_bytes(blocks[0][:4], 'big'):032b}" + "".join(body(blocks[n]) for n in chosen) + end
        bits += "0" * (-len(bits) % 8)
        with pytest.raises(SHOWN):
            plain(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def test_no_thread_is_left_also_of_who_stops_reading() -> None:
    with bzip2.open_plain(io.BytesIO(bz2.compress(noise(900_000), 1)), 3) as file:
        assert file.read(10)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unpacking-bzip2")]


def test_all_builds_share_the_threads() -> None:
    packed = bz2.compress(noise(900_000), 1)
    files = [bzip2.open_plain(io.BytesIO(packed), 2) for _ in range(3)]
    with files[0] as one, files[1] as two, files[2] as three:
        assert one.read(10) == two.read(10) == three.read(10) == noise(900_000)[:10]
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("unpacking-bzip2")]
        assert len(threads) == 2
        one.close()
        one.close()
        assert two.read(10) == noise(900_000)[10:20]


def test_no_more_is_read_than_the_threads_have_to_do() -> None:
    packed = bz2.compress(noise(12_000_000), 1)
    source = io.BytesIO(packed)
    with bzip2.open_plain(source, 2) as file:
        assert file.read(10)
        assert source.tell() <= 2 << 20


def test_one_core_has_no_threads() -> None:
    with bzip2.open_plain(io.BytesIO(bz2.compress(b"xx")), 1) as file:
        assert file.read(1) == b"x"
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("unpacking-bzip2")]


def test_an_error_of_the_source_reaches_the_reader() -> None:
    class Source(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), bzip2.open_plain(Source(), 2) as file:
        file.read(1)


def test_a_block_that_wants_more_than_is_there_is_damaged_and_not_empty() -> None:
    with pytest.raises(EOFError):
        bzip2._unpacked(bz2.compress(noise(90_000))[:-3000])
