"""The connections of one file beside its first one: volunteers, who leave at the first trouble.

Each takes the lowest piece that nobody brings, asks for just that, and only of the very same file (a strong ETag in
If-Range). Whatever goes wrong, be it a cut, a 200, another ETag, a 429 or silence, the piece is given back, and the
first connection goes on alone; it has the patience, the tries and the words for all that, and no answer of the
server is judged twice. So a volunteer never raises, and never decides that a file begins anew.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import IO

from mozbisect.fetch.stop import Stop
from mozbisect.fetch.transfer.filling import Filling
from mozbisect.fetch.transfer.line import Lane
from mozbisect.fetch.transfer.pace import Pace
from mozbisect.fetch.transfer.ranges import ENDLESS, Piece
from mozbisect.net import Http, Stream

log = logging.getLogger(__name__)

WORTH_IT = 16 << 20  # bytes still to come: with less, another connection has hardly begun when all is here
SMALLEST, LARGEST = 1 << 20, 8 << 20  # bytes of a piece: large at first, as each costs a round trip, small at the end
_LAST_WAIT = 0.5  # seconds for all of them to end; one that hangs in a connection can write nothing any more

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class _Unlike(Exception):
    """Not the answer that was asked for."""


def asks(piece: Piece, mark: str, whole: int | None) -> dict[str, str]:
    """The headers by which the server gives just this piece, if it has the same file still."""
    to_the_end = piece.end in (whole, ENDLESS)
    if not mark or (to_the_end and piece.at == 0):
        return {}
    end = "" if to_the_end else piece.end - 1
    return {"Range": f"bytes={piece.at}-{end}", "If-Range": mark}


def answers(stream: Stream, piece: Piece, mark: str, whole: int | None) -> bool:
    """Is this a part of the same file, that begins where the piece does?"""
    match = _CONTENT_RANGE.match(stream.headers.get("Content-Range", ""))
    if not mark or stream.status != 206 or stream.encoded or match is None or int(match[1]) != piece.at:
        return False
    if match[3] != "*" and (whole or int(match[2]) + 1) != int(match[3]):  # where no length is known: all the rest
        return False
    # A server may not have understood If-Range.
    return not mark.startswith('"') or stream.headers.get("ETag", mark) == mark


class Crew:
    """For one version of one file, known to the server by its ``mark``."""

    def __init__(self, http: Http, url: str, mark: str, filling: Filling, pace: Pace, lane: Lane) -> None:
        self._http = http
        self._url = url
        self._mark = mark
        self._filling = filling
        self._pace = pace
        self._lane = lane
        self._lock = threading.Lock()
        self._away = False
        self._pieces: dict[threading.Thread, tuple[Stop, Piece | None]] = {}

    @property
    def size(self) -> int:
        """Bytes of the next piece: less and less, so that all end together."""
        left = (self._filling.whole or 0) - self._filling.arrived
        return max(SMALLEST, min(LARGEST, left // (2 * self._pace.connections)))

    def __bool__(self) -> bool:
        """Is anybody at work?"""
        with self._lock:
            return bool(self._pieces)

    def grow(self) -> None:
        """One more connection. The caller has asked the line for it."""
        self._pace.grew()
        stop, number = Stop(), self._pace.connections
        thread = threading.Thread(target=self._work, args=(number, stop), name="connection", daemon=True)
        with self._lock:
            self._pieces[thread] = stop, None
        thread.start()

    def send_home(self) -> None:
        """Afterwards nobody writes into the file any more, and what they had is free."""
        self._pace.only_one()
        with self._lock:
            self._away = True
            at_work = dict(self._pieces)
        for stop, piece in at_work.values():
            stop.now()
            if piece is not None:
                self._filling.give_back(piece)
        until = time.monotonic() + _LAST_WAIT
        for thread in at_work:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self, number: int, stop: Stop) -> None:
        try:
            with self._filling.open() as file:
                while piece := self._claim(number, stop):
                    try:
                        self._pull(piece, file, stop)
                    finally:
                        self._filling.give_back(piece)
        except Exception as error:  # noqa: BLE001  (whatever it is: a volunteer is no loss)
            log.debug("a connection beside the first one ends: %r", error)
            self._pace.only_one()
            if not self._away:  # and was not sent away by us
                self._lane.no_more()
        finally:
            with self._lock:
                del self._pieces[threading.current_thread()]
            self._lane.one_less()
            with self._filling.changed:
                self._filling.changed.notify_all()

    def _claim(self, number: int, stop: Stop) -> Piece | None:
        with self._lock:
            if self._away or number > self._pace.connections or self._lane.is_crowded():
                return None
            piece = self._filling.claim(self.size)
            self._pieces[threading.current_thread()] = stop, piece
            return piece

    def _pull(self, piece: Piece, file: IO[bytes], stop: Stop) -> None:
        headers = asks(piece, self._mark, self._filling.whole)
        with self._http.stream(self._url, headers=headers, tries=1) as stream, stop.ends(stream):
            if not answers(stream, piece, self._mark, self._filling.whole):
                raise _Unlike(f"{self._url}: {stream.status} for {headers}")
            for chunk in stream.chunks():
                stop.check()
                if self._filling.put(piece, file, chunk) < len(chunk):
                    break
        if piece.left:
            raise _Unlike(f"{self._url}: {piece.left} bytes too few")
