"""Brings the file of one build here, whole or not at all. Knows nothing of folders, caches or archives.

A transfer that breaks is carried on where it broke, by this run or by the next one, if the server can do that and the
file is still the same one; if not, it begins again. What arrives is measured behind the connections, and shown to
whoever unpacks meanwhile:

    try 1   ████████░░░░░░░░   connection reset        → Range: bytes=8…, If-Range: "etag"
    try 2   ████████████████   a digest that is wrong  → begin again
    try 3   ████████████████   right                   → done

The first connection is the caller's thread, and alone decides; others may help it (see ``crew``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn, Protocol

from mozbisect.core.errors import BrokenBuild, NetworkError, NoBuild, NotFetched, NotFound
from mozbisect.core.model import Build
from mozbisect.fetch.scratch import on_disk
from mozbisect.fetch.stop import Stop
from mozbisect.fetch.transfer.crew import WORTH_IT, Crew, answers, asks
from mozbisect.fetch.transfer.filling import Filling
from mozbisect.fetch.transfer.line import Lane, Line
from mozbisect.fetch.transfer.pace import Pace
from mozbisect.fetch.transfer.parts import Notes, Origin, believed
from mozbisect.fetch.transfer.ranges import ENDLESS, Piece
from mozbisect.fetch.verify import Seal, Tally, is_page, transport_digest
from mozbisect.net.http import Http
from mozbisect.net.stream import Stream
from mozbisect.net.troubles import CutShort, Locked, Unreachable

log = logging.getLogger(__name__)

# A try that brought this much is not counted as a failed one, so that a shaky line gets there in the end.
WORTHWHILE = 8 << 20
MOST_TRIES = 40  # in all, also of those that brought something
MOST_PAUSES = 300.0  # seconds in all; a server may ask for two minutes each time
LONG_PAUSE = 2.0  # seconds; not made for a build that nobody waits for: perhaps it is just what is too much there
LARGEST = 8 << 30  # bytes; a server that tells no length may send without end
EASE = 4 << 20  # bytes that are here and not unpacked: some tenths of a second of unpacking
_CHUNK = 1 << 18

Tell = Callable[[int, int | None], None]
"""Told the bytes that are here, and of how many, if that is known."""


class Follower(Protocol):
    """Reads the file while it comes, before anybody can know whether it is right."""

    @property
    def behind(self) -> int:
        """How many bytes are in the file that it has not read; 0 if it does not read on the way."""

    def reached(self, file: Path, here: int) -> None:
        """The first so many bytes are in the file."""

    def restart(self) -> None:
        """Forget them all: the file begins anew."""

    def complete(self) -> None:
        """The file is whole and right; afterwards it is renamed."""


def download(
    http: Http,
    build: Build,
    part: Path,
    *,
    stop: Stop | None = None,
    tell: Tell | None = None,
    also: Follower | None = None,
    lane: Lane | None = None,
) -> Seal:
    """Write the build's file to ``part``, in a folder for this alone. What an earlier try left there is carried on.

    ``also`` follows the file, also through broken transfers that go on; ``lane`` is how it shares the line.
    After an error nothing is there, unless it can be carried on (see ``parts``). Raises ``NoBuild`` (it is gone),
    ``NotFetched`` (it cannot be had whole), ``NetworkError`` (nothing answers any more), ``CacheTrouble``, and
    ``Stopped`` if ``stop`` was told so.
    """
    notes = Notes(part)
    lane = lane or Lane(Line(), lambda: True)
    try:
        with on_disk(part.parent), _opened(part) as file, lane.transfer():
            transfer = _Transfer(http, build, part, file, notes, stop or Stop(), tell, also, lane)
            transfer.pick_up()
            budget = _Budget(stop.pause if stop else http.sleep, lane.urgent)
            http.insist(transfer.carry_on, also=(BrokenBuild,), sleep=budget.pause)
            if also is not None:
                also.complete()
            return transfer.seal
    except BaseException as error:
        if isinstance(error, NotFound) or (stop and stop.for_good) or not notes.any:
            notes.forget()
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if isinstance(error, NotFound):
            raise NoBuild(f"{build.file_name} is listed, but the server says that it is gone") from error
        if isinstance(error, BrokenBuild):
            raise NotFetched(error.what) from error
        if isinstance(error, NetworkError) and not isinstance(error, Unreachable | Locked):
            raise NotFetched(f"{build.file_name} cannot be downloaded: {error.what}") from error
        raise
    finally:
        notes.close()


class _SpentBudget(BrokenBuild):
    """Too much was tried already."""

    at_most = 1  # so that it is not tried again


class _Budget:
    """Pauses, as long as all of them together are not too long. ``urgent``: does somebody wait for the build?"""

    def __init__(self, pause: Callable[[float], None], urgent: Callable[[], bool]) -> None:
        self._pause = pause
        self._urgent = urgent
        self._left = MOST_PAUSES

    def pause(self, seconds: float) -> None:
        if seconds > LONG_PAUSE and not self._urgent():
            raise _SpentBudget(f"the server asks for a pause of {seconds:.0f} seconds, and nobody waits for it")
        self._left -= seconds
        if self._left < 0:
            raise _SpentBudget(f"the server asked for pauses of more than {MOST_PAUSES:.0f} seconds in all")
        self._pause(seconds)


class _Transfer:
    """One file on its way, through as many tries as it takes."""

    def __init__(
        self,
        http: Http,
        build: Build,
        part: Path,
        file: IO[bytes],
        notes: Notes,
        stop: Stop,
        tell: Tell | None,
        also: Follower | None,
        lane: Lane,
    ) -> None:
        self._http = http
        self._build = build
        self._part = part
        self._file = file
        self._notes = notes
        self._stop = stop
        self._tell = tell or (lambda _here, _whole: None)
        self._also = also
        self._lane = lane
        self._tries = 0
        self._begins("", build.size)

    @property
    def seal(self) -> Seal:
        return self._tally.seal

    def pick_up(self) -> None:
        """Go on from what an earlier try has left, as far as it is as it was."""
        origin, known = self._notes.read() or (None, [])
        good = believed(self._part, known) if origin and origin.fits(self._build) else []
        here = good[-1][0] if good else 0
        self._cut_to(here)
        if origin and good:
            log.debug("%s: %d bytes are here from an earlier try", self._build.file_name, here)
            self._notes.begin(origin, good)
            self._begins(origin.mark, origin.whole, here)

    def carry_on(self) -> None:
        """One try, and more for as long as each brings the file well forward."""
        while True:
            before = self._filling.arrived
            try:
                return self._one_try()
            except CutShort as error:
                self._stop.check()  # perhaps it was us who cut it
                if self._filling.arrived - before < WORTHWHILE:
                    raise
                log.debug("%s; at once again", error.what)

    def _begins(self, mark: str, whole: int | None, here: int = 0) -> None:
        """A version of the file, of which so many bytes are here. ``mark``: by which the server knows it again."""
        self._mark = mark
        self._tally = Tally(self._build.digest, on_the_way=True)
        self._filling = Filling(self._part, whole, here)
        self._pace = Pace(self._lane.most, worth=self._lane.worth)
        self._crew = Crew(self._http, self._build.url, mark, self._filling, self._pace, self._lane)
        self._can_be_shared = False
        self._shared = False  # others have brought some of it

    def _one_try(self) -> None:
        self._stop.check()
        self._tries += 1
        if self._tries > MOST_TRIES:
            raise _SpentBudget(f"{self._build.file_name}: it broke off {MOST_TRIES} times ({self._build.url})")
        try:
            self._follow()
            while not self._filling.complete:
                if self._crew:
                    self._crew.help_out(self._stop, self._file, self._advance)
                elif piece := self._filling.claim():
                    self._bring(piece)
        finally:
            self._lane.was_worth(self._pace.worth)
            self._crew.send_home()
            self._follow()
        if complaint := self._tally.complaint(self._build):
            if self._shared:
                self._lane.no_more()
            self._spoiled(complaint)

    def _bring(self, piece: Piece) -> None:
        headers = asks(piece, self._mark, self._filling.whole)
        try:
            with self._http.stream(self._build.url, headers=headers, tries=1) as stream, self._stop.ends(stream):
                piece = self._continued(stream, piece) if headers else self._begin(stream)
                with self._filling.held(piece, stream.abort):
                    for chunk in stream.chunks():
                        if self._add(piece, chunk, stream) < len(chunk):
                            break
                    if piece.end == ENDLESS:
                        self._filling.ends(piece)
                    if piece.left:
                        self._spoiled(
                            f"the file has {self._filling.arrived:,} bytes instead of {self._filling.whole:,}"
                        )
        except CutShort as error:
            self._stop.check()  # perhaps it was us who cut it
            if not self._crew and not self._filling.complete:
                raise
            log.debug("%s; the others go on", error.what)
        finally:
            self._filling.give_back(piece)

    def _continued(self, stream: Stream, piece: Piece) -> Piece:
        """What the stream brings: the piece, or all. A server may ignore the range, or have another file by now."""
        if stream.status == 200:
            return self._begin(stream)
        if not answers(stream, piece, self._mark, self._filling.whole):
            self._spoiled("the server did not go on where it broke off")
        self._can_be_shared = self._is_exact()
        self._tally.told(transport_digest(stream.headers))
        return piece

    def _begin(self, stream: Stream) -> Piece:
        self._forget()
        if stream.status != 200:
            self._spoiled(f"the server sent a part of it (status {stream.status}), where all was asked for")
        length, size = stream.length, self._build.size
        if size is not None and length not in (None, size):
            self._spoiled(f"the server has {length:,} bytes where {size:,} were announced")
        self._begins("" if stream.encoded else _mark(stream), size if length is None else length)
        self._tally.told(transport_digest(stream.headers))
        if self._mark:
            self._notes.begin(Origin.of(self._build, self._mark, self._filling.whole))
        self._can_be_shared = self._is_exact() and stream.headers.get("Accept-Ranges", "").strip() == "bytes"
        piece = self._filling.claim()
        if piece is None:
            self._spoiled("the file is empty")
        return piece

    def _is_exact(self) -> bool:
        """Is it clear enough which file this is, that pieces of it from several connections fit together?"""
        return self._mark.startswith('"') and self._filling.whole is not None

    def _add(self, piece: Piece, chunk: bytes, stream: Stream) -> int:
        """How many of the bytes were wanted."""
        self._stop.check()
        if piece.at == 0 and is_page(stream.headers.get("Content-Type", ""), chunk):
            self._spoiled("the server sent a web page in place of the build")
        taken = self._filling.put(piece, self._file, chunk)
        if taken < len(chunk) and piece.end == self._filling.whole:
            self._spoiled(f"the server sent more than {self._filling.whole:,} bytes")
        if self._filling.arrived > LARGEST:
            self._spoiled(f"the server sent more than {LARGEST:,} bytes, which no build has")
        self._advance()
        return taken

    def _advance(self) -> None:
        """Some more has come. Let one more connection help, if one more may pay."""
        self._progress()
        if self._explores() and self._pace.one_more(self._filling.arrived) and self._lane.one_more():
            self._crew.grow()
            self._shared = True

    def _explores(self) -> bool:
        left = (self._filling.whole or 0) - self._filling.arrived
        worth_it = self._can_be_shared and self._pace.explores and left >= WORTH_IT
        return worth_it and not self._at_ease and self._lane.may_widen()

    @property
    def _at_ease(self) -> bool:
        """Is unpacking what takes the time, and not the line?"""
        return self._also is not None and self._also.behind >= EASE

    def _progress(self) -> None:
        self._stop.check()
        self._follow()
        self._tell(self._filling.arrived, self._filling.whole)
        settled = not self._explores()
        self._lane.saw(self._filling.arrived, self._stop.check, settled=settled, at_ease=self._at_ease)

    def _follow(self) -> None:
        """Measure what is whole from its beginning on, and let it be unpacked."""
        front = self._filling.front
        while self._tally.size < front:
            self._file.seek(self._tally.size)
            # Up to a multiple of it, whatever the pieces of the network: so the notes are at round places.
            chunk = self._file.read(min(_CHUNK - self._tally.size % _CHUNK, front - self._tally.size))
            if not chunk:
                self._spoiled("somebody cut its file on the disk")
            self._tally.add(chunk)
            self._notes.follow(self._tally)
            if self._also is not None:
                self._also.reached(self._part, self._tally.size)

    def _forget(self) -> None:
        self._crew.send_home()
        self._notes.forget()
        self._cut_to(0)
        if self._tally.size and self._also is not None:
            self._also.restart()
        self._begins("", self._build.size)

    def _cut_to(self, size: int) -> None:
        if self._file.seek(0, os.SEEK_END) > size:
            self._file.truncate(size)

    def _spoiled(self, why: str) -> NoReturn:
        self._forget()
        raise BrokenBuild(f"{self._build.file_name}: {why} ({self._build.url})")


@contextmanager
def _opened(part: Path) -> Iterator[IO[bytes]]:
    """To be written and read, without a buffer: what was put there is there for others, and a full disk is noticed."""
    part.touch()
    with part.open("r+b", buffering=0) as file:
        yield file


def _mark(stream: Stream) -> str:
    """What If-Range may be asked with. A weak ETag promises too little: two such files may differ in bytes."""
    etag = stream.headers.get("ETag", "")
    return etag if etag.startswith('"') else stream.headers.get("Last-Modified", "")
