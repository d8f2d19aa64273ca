"""A stream in blocks: no line is lost or cut, whatever its length and however it comes."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from mozbisect.telemetry.insights.blocks import BOM, Blocks


def small(folder: Path) -> Blocks:
    blocks = Blocks(folder)
    blocks.SIZE, blocks.LONGEST, blocks.PIECE, blocks.AT_A_TIME = 64, 32, 7, 3  # type: ignore[misc]
    return blocks


def lines_of(blocks: Blocks, data: bytes) -> list[bytes]:
    found = []
    for some in blocks.of("stream", BytesIO(data)):
        for path in some:
            assert path.stat().st_size <= blocks.SIZE + blocks.LONGEST + blocks.PIECE
            found += path.read_bytes().splitlines()
    return [line for line in found if line]


@given(st.lists(st.integers(0, 120)), st.booleans(), st.booleans())
def test_lines_come_out_whole_and_what_is_too_long_is_counted(sizes: list[int], ends: bool, packed: bool) -> None:
    lines = [(b"%d." % at).ljust(size, b"x") if size else b"" for at, size in enumerate(sizes)]
    data = b"\n".join(lines) + (b"\n" if ends else b"")
    with TemporaryDirectory() as folder:
        blocks = small(Path(folder))
        found = lines_of(blocks, gzip.compress(data) if packed else data)
    whole = [line for line in lines if line]
    assert len(found) + blocks.overlong == len(whole)
    assert set(found) <= set(whole)
    # A line that is short enough is never passed over; one that is longer by a piece always is.
    assert {line for line in whole if len(line) <= blocks.LONGEST} <= set(found)
    assert all(len(line) <= blocks.LONGEST + blocks.PIECE for line in found)
    assert not blocks.notes


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    assert lines_of(small(tmp_path), BOM + b"one\ntwo\n") == [b"one", b"two"]


def test_a_damaged_archive_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    data = b"".join(b"%08d\n" % (at * 7919) for at in range(2000))
    packed = gzip.compress(data)
    blocks = small(tmp_path)
    found = lines_of(blocks, packed[: len(packed) // 2])
    assert found
    assert b"\n".join(found) == data[: len(b"\n".join(found))]
    assert len(blocks.notes) == 1
    assert blocks.notes[0].startswith("stream is damaged")
