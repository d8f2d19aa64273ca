"""The connections of one file beside its first one, and what the first one does once its own answer has ended.

Each takes the lowest piece that nobody brings, asks for just that, and only of the very same file (a strong ETag in
If-Range). Where others hold all that is missing, it asks for a part of what they hold, and has it only once the first
bytes of that are here; so an answer that does not come takes nothing from anybody. Whoever brings its piece so slowly
that the others would wait for it is relieved of it.

    first   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒····················   asks for all, and its answer goes on until another has the rest
    second                  ▒▒▒▒▒▒▒▒········       asks for a part of that; was it given, the first is left with less

Whatever goes wrong at one of them, be it a cut, a 200, another ETag, a 429 or silence, the piece is given back, and
the others go on without it. None of them decides that a file begins anew, and no answer of the server is judged
twice: when none is left, the file is tried again by one, that has the patience, the tries and the words for all that.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from itertools import chain
from typing import IO

from mozbisect.core.errors import NetworkError
from mozbisect.fetch.stop import Stop, await_end
from mozbisect.fetch.transfer.filling import Filling
from mozbisect.fetch.transfer.line import Lane
from mozbisect.fetch.transfer.pace import Pace
from mozbisect.fetch.transfer.ranges import ENDLESS, Piece
from mozbisect.net.http import Http
from mozbisect.net.stream import Stream
from mozbisect.net.troubles import CutShort, Unreachable

log = logging.getLogger(__name__)

WORTH_IT = 16 << 20  # bytes still to come: with less, another connection has hardly begun when all is here
SMALLEST, LARGEST = 1 << 20, 8 << 20  # bytes of a piece: large at first, as each costs a round trip, small at the end
PATIENCE = 2.0  # seconds without work, until somebody who brings less than this in them is relieved
_GLANCE = 0.1
_LAST_WAIT = 0.3  # seconds for all of them to end; one that hangs all the same can write nothing any more

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class _Unlike(NetworkError):
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


class _Connection:
    """One of the crew."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.piece: Piece | None = None
        self.relieved = False

    def relieved_at(self, stream: Stream) -> None:
        """Another brings its piece: nothing is to be waited for."""
        self.relieved = True
        stream.abort()


class Crew:
    """For one version of one file, known to the server by its ``mark``."""

    def __init__(self, http: Http, url: str, mark: str, filling: Filling, pace: Pace, lane: Lane) -> None:
        self._http = http
        self._url = url
        self._mark = mark
        self._filling = filling
        self._pace = pace
        self._lane = lane
        self._lock = threading.RLock()
        self._away = False
        self._at_work: dict[threading.Thread, _Connection] = {}
        self._wishing: _Connection | None = None  # who asks for what another holds; one at a time

    def __bool__(self) -> bool:
        """Is anybody at work?"""
        with self._lock:
            return bool(self._at_work)

    def grow(self) -> None:
        """One more connection. The caller has asked the line for it."""
        self._pace.grew()
        one = _Connection(Stop())
        thread = threading.Thread(target=self._work, args=(one,), name="connection", daemon=True)
        with self._lock:
            self._at_work[thread] = one
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            log.debug("%s", error)
            self._leaves(thread, for_good=True)

    def help_out(self, stop: Stop, file: IO[bytes], progress: Callable[[], None]) -> None:
        """In the thread of the first connection: bring what is left together with the others, until it is all here.

        Returns also when nobody else is at work any more. ``progress`` is called with every few bytes and now and then.
        Raises what went wrong for the first one, once the others have not made good for it.
        """
        one = _Connection(stop)
        trouble: NetworkError | None = None
        while self and not self._filling.complete:
            if trouble is not None:
                self._glance(progress)
                continue
            try:
                if piece := self._next(one, progress):
                    self._pull(one, piece, file, progress)
            except NetworkError as error:
                trouble = error
                self._failed(one, error)
        if trouble is not None and not self._filling.complete:
            raise trouble

    def send_home(self) -> None:
        """Afterwards nobody writes into the file any more, and what they had is free."""
        self._pace.only_one()
        with self._lock:
            self._away = True
            at_work = dict(self._at_work)
        for one in at_work.values():
            one.stop.now()
            if one.piece is not None:
                self._filling.give_back(one.piece)
        await_end(at_work, _LAST_WAIT, idle=self._http.keeps_waiting)
        for thread in at_work:  # also one that hangs: it counts no more
            self._leaves(thread, for_good=True)

    # ------------------------------------------------------------------------------------- what one of them does

    def _work(self, one: _Connection) -> None:
        for_good = True
        try:
            with self._filling.open() as file:
                while piece := self._next(one):
                    self._pull(one, piece, file)
            for_good = False
        except Exception as error:  # noqa: BLE001  (whatever it is: a volunteer is no loss)
            self._failed(one, error)
        finally:
            self._leaves(threading.current_thread(), for_good=for_good)

    def _leaves(self, thread: threading.Thread, *, for_good: bool) -> None:
        with self._lock:
            if self._at_work.pop(thread, None) is None:  # it was sent home
                return
            if len(self._at_work) + 1 < self._pace.connections:
                self._pace.lost(for_good=for_good)
        self._lane.one_less()
        with self._filling.changed:
            self._filling.changed.notify_all()

    def _failed(self, one: _Connection, error: Exception) -> None:
        """A server that does not want several is not asked again in this run. A cut may happen to anybody once."""
        log.debug("one of several connections ends: %r", error)
        if isinstance(error, CutShort | Unreachable) and not self._away:
            self._lane.was_cut()
        elif isinstance(error, NetworkError) and not self._away:
            self._pace.only_one()
            self._lane.no_more()
        with self._lock:
            self._wishing = None if self._wishing is one else self._wishing

    def _next(self, one: _Connection, progress: Callable[[], None] | None = None) -> Piece | None:
        """What it is to bring, or a wish; ``None`` when there is nothing for it any more, or it is one too many."""
        watched, since, was_at = None, 0.0, 0
        while not self._filling.complete and (self if progress else not self._is_surplus(one)):
            if piece := self._claimed(one) or self._wish(one, self._filling.beside(self._size)):
                return piece
            lowest, now = self._filling.lowest(), time.monotonic()
            if lowest is None or lowest is not watched or now - since >= PATIENCE:
                if lowest and lowest is watched and lowest.at - was_at < lowest.left:
                    return self._wish(one, Piece(lowest.at, lowest.end))
                watched, since, was_at = lowest, now, lowest.at if lowest else 0
            self._glance(progress)
        return None

    def _claimed(self, one: _Connection) -> Piece | None:
        with self._lock:
            one.piece = None if self._away else self._filling.claim(self._size)
            return one.piece

    def _wish(self, one: _Connection, wish: Piece | None) -> Piece | None:
        with self._lock:
            if wish is None or self._away or self._wishing is not None or self._is_surplus(one):
                return None
            self._wishing = one
            return wish

    def _takes(self, one: _Connection, piece: Piece) -> bool:
        """It comes. Is it (still) wanted?"""
        with self._lock:
            if self._wishing is not one:
                return True
            self._wishing = None
            if self._away or not self._filling.take(piece):
                return False
            one.piece = piece
            return True

    def _pull(
        self, one: _Connection, piece: Piece, file: IO[bytes], progress: Callable[[], None] | None = None
    ) -> None:
        headers, here = asks(piece, self._mark, self._filling.whole), piece.at
        try:
            with self._http.stream(self._url, headers=headers, tries=1) as stream, one.stop.ends(stream):
                if not answers(stream, piece, self._mark, self._filling.whole):
                    raise _Unlike(f"{self._url}: {stream.status} for {headers}", url=self._url)
                chunks = stream.chunks()
                begun = next(chunks, b"")  # headers are a promise only
                if not self._takes(one, piece):
                    return
                with self._filling.held(piece, lambda: one.relieved_at(stream)):
                    for chunk in chain((begun,), chunks):
                        one.stop.check()
                        mine = chunk[max(0, piece.at - here) :]  # the first of a wish may be here by now
                        here += len(chunk)
                        if self._filling.put(piece, file, mine) < len(mine):
                            break
                        if progress:
                            progress()
                    if piece.left or one.relieved:
                        raise CutShort(f"{self._url}: {piece.left} bytes of {headers} did not come", url=self._url)
        finally:
            self._filling.give_back(piece)

    @property
    def _size(self) -> int:
        """Bytes of the next piece: less and less, so that all end together."""
        left = (self._filling.whole or 0) - self._filling.arrived
        return max(SMALLEST, min(LARGEST, left // (2 * self._pace.connections)))

    def _is_surplus(self, one: _Connection) -> bool:
        """The first one never is."""
        with self._lock:
            too_many = len(self._at_work) + 1 > self._pace.connections or self._lane.is_crowded()
            return too_many and one in self._at_work.values()

    def _glance(self, progress: Callable[[], None] | None) -> None:
        with self._filling.changed:
            self._filling.changed.wait(_GLANCE)
        if progress:
            progress()
