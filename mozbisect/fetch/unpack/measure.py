"""How much may come out of an archive: the limits, and the one who counts.

A tiny archive may unpack to anything, so both ends are counted: what comes out of a packed tar, before tarfile sees
it, and what is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# A Firefox unpacks to about 300 MB, four times its archive; the largest debug builds to 4 GB.
# Each counts twice: for what a packed tar unpacks to, and for what is written.
MOST_BYTES = 20 << 30
MOST_RATIO = 200  # times the archive, once it is beyond RATIO_FROM
RATIO_FROM = 1 << 30
MOST_MEMBERS = 200_000  # with the folders that are made for them

CHUNK = 1 << 16  # bytes, of reading and of writing: with 1 MiB, tarfile takes half a second longer for a Firefox

Check = Callable[[], None]
"""Called between pieces of work; what it raises ends the work."""


class Refused(Exception):
    """Something about the member that was seen last, or about what follows it, by one who does not know its name."""


@dataclass(slots=True)
class Measure:
    """Counts bytes, and knows when it is enough. ``packed``: the bytes of the archive, or of it as far as read."""

    packed: Callable[[], int]
    check: Check
    bytes: int = 0

    def add(self, more: int) -> None:
        self.check()
        self.bytes += more
        if self.bytes > min(MOST_BYTES, max(RATIO_FROM, MOST_RATIO * self.packed())):
            raise Refused("makes the archive grow beyond all measure")
