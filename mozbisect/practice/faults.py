"""What goes wrong on the way: slowness, and one fault in so many requests. It knows nothing of HTTP servers.

Which requests are hit depends on their count alone, so that a run with one connection is the same every time, and
with several at least the number of faults is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Fault(StrEnum):
    """What happens to a request that is hit."""

    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    NOT_FOUND = "404"
    TOO_MANY = "429"  # with Retry-After
    RESET = "reset"  # before a word is said
    RESET_BODY = "reset-body"
    TRUNCATE = "truncate"  # a whole length is announced, half of it sent, and the connection closed in peace
    SHORT = "short"  # half of the body, announced as if it were all
    CORRUPT = "corrupt"  # the right length, some bytes flipped
    EMPTY = "empty"  # 200 and nothing
    HTML = "html"  # 200 and a page that says sorry
    ETAG = "etag"  # another ETag than before, as if the file had changed: who asks for the rest of it gets it all
    STALL = "stall"  # half of the body, then silence until the server is closed


@dataclass(frozen=True, slots=True)
class Faults:
    """One ``kind`` of fault in ``every`` requests that are ``of`` a class and have ``only`` in their path.

    ``latency`` in seconds before each answer; ``bandwidth`` in bytes a second, for each connection. ``seed`` chooses
    which one of every so many is hit; ``at_most`` ends it after so many; ``retry_after`` in seconds, for 429 and 503.
    """

    kind: Fault | str | None = None
    every: int = 10
    of: Literal["build", "metadata", "all"] = "all"
    only: str = ""
    seed: int = 0
    at_most: int | None = None
    retry_after: int | None = None
    latency: float = 0.0
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("every must be 1 at least")
        if self.kind is not None:
            Fault(self.kind)  # raises ValueError


class Misfortune:
    """Counts the requests of one server. Safe to ask from several threads."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._asked = 0
        self._hit = 0

    def strikes(self, path: str, *, is_build: bool) -> Fault | None:
        """The fault that this request suffers, if any. To be called once a request."""
        faults = self._faults
        if faults.kind is None or faults.only not in path:
            return None
        if faults.of != "all" and is_build != (faults.of == "build"):
            return None
        with self._lock:
            number = self._asked
            self._asked += 1
            # The last of every so many, unless a seed says otherwise: the very first request usually goes well.
            is_turn = (number + 1 + faults.seed) % faults.every == 0
            if not is_turn or (faults.at_most is not None and self._hit >= faults.at_most):
                return None
            self._hit += 1
        return Fault(faults.kind)
