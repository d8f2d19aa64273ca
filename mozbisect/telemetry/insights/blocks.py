"""A stream of lines cut into files that hold whole lines, for a reader that wants files. What comes compressed (gzip)
is unpacked on the way. Only a few files are there at a time: some that are read, some that wait, some in the making.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, cycle
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Protocol

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"


class Readable(Protocol):
    """Where bytes come from. Best without a buffer: its lock, held by a thread that waits, would hold up the end."""

    def read(self, most: int, /) -> bytes | None:
        """At least one, unless there are no more."""


class Blocks:
    """``overlong`` counts the lines that were too long and passed over; ``notes`` says what was damaged."""

    SIZE = 2**24
    """Bytes from which on a block is full."""

    LONGEST = 2**23
    """Bytes of a line: thousands of times as many as a ping has. It may be longer by a piece."""

    PIECE = 2**18
    """Bytes that are read at once."""

    AT_A_TIME = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.overlong = 0
        self.notes: list[str] = []

    def of(self, name: str, stream: Readable) -> Iterator[list[Path]]:
        """The stream as lists of files, which are there until the next are asked for. ``name`` is for a note."""
        return _ahead(self._batches(name, stream))

    def _batches(self, name: str, stream: Readable) -> Iterator[list[Path]]:
        pieces = self._pieces(name, stream)
        rest: bytes | None = b""
        for turn in cycle(range(3)):
            ready = [self._folder / f"block-{turn}-{at}" for at in range(self.AT_A_TIME)]
            for path in ready:
                path.unlink(missing_ok=True)  # ext4 would write through to the disk what is overwritten
                rest = self._fill(path, rest, pieces) if rest is not None else None
            yield [path for path in ready if path.exists()]
            if rest is None:
                return

    def _fill(self, path: Path, start: bytes, pieces: Iterator[bytes]) -> bytes | None:
        """One block. Gives the beginning of the next, None at the end of the stream."""
        with path.open("wb") as file:
            whole, size = 0, file.write(start)
            skipping = False
            for piece in pieces:
                if skipping:  # until the line ends that is too long
                    _, end, piece = piece.partition(b"\n")
                    skipping = not end
                cut = piece.rfind(b"\n") + 1
                if cut and size + cut >= self.SIZE:
                    file.write(piece[:cut])
                    return piece[cut:]
                if cut:
                    whole = size + cut
                size += file.write(piece)
                if size - whole > self.LONGEST:
                    file.seek(whole)
                    file.truncate()
                    self.overlong += 1
                    size, skipping = whole, True
        return None

    def _pieces(self, name: str, stream: Readable) -> Iterator[bytes]:
        pieces = iter(lambda: stream.read(self.PIECE) or b"", b"")
        first = next(pieces, b"")
        read = chain((first.removeprefix(BOM),), pieces)
        return self._unpacked(name, read) if first.startswith(GZIP) else read

    def _unpacked(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """What is packed, with whatever comes after it also packed (a file of gzip may consist of several)."""
        unpacker, begun = zlib.decompressobj(wbits=31), False
        trouble = ""
        try:
            for piece in pieces:
                while piece:
                    yield unpacker.decompress(piece, self.PIECE)
                    piece, begun = unpacker.unconsumed_tail, True
                    if unpacker.eof:
                        piece = unpacker.unused_data.lstrip(b"\0")
                        unpacker, begun = zlib.decompressobj(wbits=31), False
            yield unpacker.flush()
            trouble = "it ends too early" if begun and not unpacker.eof else ""
        except zlib.error as error:
            trouble = str(error)
        if trouble:
            self.notes.append(f"{name} is damaged, and was read as far as possible: {trouble}.")


def _ahead(batches: Iterable[list[Path]]) -> Iterator[list[Path]]:
    """The same, but the next is made while one is used; by a thread that holds up nobody who does not wait for it."""
    made: Queue[list[Path] | BaseException | None] = Queue(1)

    def make() -> None:
        try:
            for batch in batches:
                made.put(batch)
            made.put(None)
        except BaseException as error:  # noqa: BLE001  (raised on the other side)
            made.put(error)

    Thread(target=make, daemon=True).start()
    while (batch := made.get()) is not None:
        if isinstance(batch, BaseException):
            raise batch
        yield batch
