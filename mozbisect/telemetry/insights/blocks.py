"""A stream of lines cut into files that hold whole lines, for a reader that wants files. A few at a time: when the next
ones are asked for, these are overwritten. What comes compressed (gzip) is unpacked on the way.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from io import BufferedReader
from pathlib import Path

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"


class Blocks:
    """``overlong`` counts the lines that were too long and passed over; ``notes`` says what was damaged."""

    SIZE = 2**24
    """Bytes of a block."""

    LONGEST = SIZE // 2
    """Bytes of a line: thousands of times as many as a ping has."""

    AT_A_TIME = 8

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.overlong = 0
        self.notes: list[str] = []

    def of(self, name: str, stream: BufferedReader) -> Iterator[list[Path]]:
        """The stream as lists of files. ``name`` is what a note calls it."""
        ready: list[Path] = []
        for block in self._whole_lines(self._pieces(name, stream)):
            path = self._folder / f"block-{len(ready)}"
            path.write_bytes(block)
            ready.append(path)
            if len(ready) == self.AT_A_TIME:
                yield ready
                ready = []
        if ready:
            yield ready

    def _whole_lines(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        rest, skipping = b"", False
        for piece in pieces:
            block = rest + piece
            if skipping:  # until the line ends that was too long
                _, end, block = block.partition(b"\n")
                skipping = not end
            lines, end, rest = block.rpartition(b"\n")
            if skipping:
                rest = b""
            if lines:
                yield lines + end
            if len(rest) > self.LONGEST:
                self.overlong += 1
                rest, skipping = b"", True
        if rest:
            yield rest

    def _pieces(self, name: str, stream: BufferedReader) -> Iterator[bytes]:
        """Each so small that it makes one block with a rest before it."""
        source: GzipFile | BufferedReader = GzipFile(fileobj=stream) if stream.peek(2)[:2] == GZIP else stream
        room, mark = self.SIZE - self.LONGEST, BOM
        piece = bytearray()
        try:
            # As much as there is, for what comes before the damage is worth having.
            while more := source.read1(room - len(piece)):
                piece += more
                if len(piece) == room:
                    yield bytes(piece).removeprefix(mark)
                    piece.clear()
                    mark = b""
        except (EOFError, BadGzipFile, zlib.error) as error:
            self.notes.append(f"{name} is damaged, and was read as far as possible: {error}.")
        if piece:
            yield bytes(piece).removeprefix(mark)
