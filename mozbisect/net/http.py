"""The one who asks: opens connections, tries again where that can help, and remembers what may be remembered.

One ``Http`` is made by ``wiring`` and handed down. It keeps connections open, gives every wait a limit, and says in one
sentence what went wrong where another try does not help (see ``troubles``). It knows nothing of builds, and never
writes a file; what it may remember for the next runs it hands to a ``Memory``. ``requests`` is imported with the first
request.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from mozbisect import __version__
from mozbisect.core.errors import MozbisectError, NetworkError, ServerTrouble
from mozbisect.memory import Answer, Memory
from mozbisect.net.page import Page, parsed, told
from mozbisect.net.stream import PATIENCE, Stream
from mozbisect.net.troubles import Busy, CutShort, Gone, Locked, Offline, Refused, Unreachable, unanswered

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)
T = TypeVar("T")

# hg.mozilla.org's firewall answers 406 to agents that do not say who they are.
USER_AGENT = f"mozbisect/{__version__} (+https://github.com/mozilla/mozbisect)"

_ASKED_FOR = {416: ("Range",), 304: ("If-None-Match", "If-Modified-Since")}
"""Statuses that are welcome when one of these headers went out."""

# And every 5xx. A redirection that arrives here leads nowhere: a broken answer, and no refusal.
TRANSIENT = frozenset({301, 302, 303, 307, 308, 406, 408, 425, 429})
LONGEST_PAUSE = 120.0  # seconds; a Retry-After beyond this is not obeyed
SIDE_BY_SIDE = 16  # connections kept open to one host

Keep = float | Callable[[T], float | None] | None
"""For how many seconds an answer may be believed (``memory.FOREVER``, ``A_DAY``, ``ASK``), or how that follows from
what was read in it; None for an answer that is not to be remembered."""


Sign = Callable[[str, str], Mapping[str, str]]
"""(method, URL) → the headers by which a service knows who asks."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A service that does not tell everything to everybody.

    ``below`` is the origin and path that all its URLs begin with, ``sign`` says who asks there, and nowhere else.
    ``refused`` gives advice about a 401 or 403 that came from there.
    """

    below: str
    sign: Sign | None
    refused: Callable[[int], str]

    def covers(self, url: str) -> bool:
        """Compared part by part: ``https://tc.example.evil/`` does not lie below ``https://tc.example``."""
        ours, theirs = urlsplit(self.below), urlsplit(url)
        folder = ours.path.rstrip("/") + "/"
        same_origin = (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())
        return same_origin and theirs.path.startswith(folder) and "/../" not in theirs.path

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        return self.sign(method, url) if self.sign and self.covers(url) else {}


@dataclass(frozen=True, slots=True)
class _Got:
    """A page as it came, and what to tell the server when we ask again; ``clock`` is the server's own."""

    page: Page
    etag: str = ""
    modified: str = ""
    clock: datetime | None = None


class Http:
    """Made once, handed down; may be used from several threads at once.

    ``timeout`` is in seconds and holds for the connection and for every silence in an answer. ``tries`` is how
    often a thing is tried in all. Proxies and certificates come from the environment, as ``requests`` does it.
    """

    def __init__(
        self,
        *,
        timeout: float = PATIENCE,
        tries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
        user_agent: str = USER_AGENT,
        guard: Guard | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.requests_made = 0
        self._memory = memory
        self._answered: set[str] = set()  # hosts that are there
        self._idle: set[int] = set()  # threads that wait for an answer to begin, or to try again
        self._guard = guard
        self._timeout = timeout
        self._tries = tries
        self.sleep = sleep
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._session: requests.Session | None = None

    def text(self, url: str, *, accept: str | None = None, doubt: bool = False) -> Page:
        """A page, as text. Raises ``NetworkError`` or one below it."""
        return self.read(url, lambda page: page, accept=accept, doubt=doubt)

    def json(self, url: str, *, doubt: bool = False) -> object:
        """A JSON document. Raises ``NetworkError`` or one below it; what is not JSON is ``ServerTrouble``."""
        return self.read_json(url, lambda document: document, doubt=doubt)

    def read(
        self,
        url: str,
        read: Callable[[Page], T],
        *,
        accept: str | None = None,
        keep: Keep[T] = None,
        known_as: str | None = None,
        doubt: bool = False,
    ) -> T:
        """What ``read`` makes of a page; if it raises ``ServerTrouble``, the page is asked for again.

        ``keep``: how long the page may be remembered, once it was understood; as what it is ``known_as``, should the
        same be had at several places. ``doubt``: that it is not there is believed when it is said for the third time.
        """
        key = f"{accept or ''} {known_as or url}"
        memory = self._memory if keep is not None and self._may_keep(url) else None
        known = memory.recall(key) if memory else None
        if memory and known and memory.fresh(known):
            try:
                found = read(_page_of(known))
            except MozbisectError:  # an older mozbisect understood it otherwise
                known = None
            else:
                log.debug("remembered %s", url)
                return found

        def attempt() -> tuple[_Got, T]:
            nonlocal known
            got, known = self._got(url, accept, known), None  # should we have to ask again, it is for the whole page
            return got, read(got.page)

        got, found = self.insist(partial(self._thrice, attempt) if doubt else attempt)
        if memory:
            _remember(memory, key, got, keep(found) if callable(keep) else keep)
        return found

    def read_json(
        self,
        url: str,
        read: Callable[[Any], T],
        *,
        keep: Keep[T] = None,
        known_as: str | None = None,
        doubt: bool = False,
    ) -> T:
        """The same for a JSON document; one in which ``read`` misses something (``KeyError`` and the like) is
        ``ServerTrouble``."""

        def understood(page: Page) -> T:
            document = parsed(page, url)
            try:
                return read(document)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise Busy(f"{url} cannot be understood ({type(error).__name__}: {error}).", url=url) from error

        return self.read(url, understood, accept="application/json", keep=keep, known_as=known_as, doubt=doubt)

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, tries: int | None = None, doubt: bool = False
    ) -> Iterator[Stream]:
        """An answer to read piece by piece; its status is 200 or 206 (or 416, when a range was asked for).

        What breaks before the body is tried again (``tries`` times in all, when given); what breaks in the
        body is not: only the caller knows what to do with the first half. ``doubt`` as in ``read``.
        """

        def attempt() -> requests.Response:
            return self._open(url, headers or {})

        response = self.insist(partial(self._thrice, attempt) if doubt else attempt, tries=tries)
        try:
            yield Stream(response, self._timeout)
        finally:
            response.close()

    def insist(
        self,
        attempt: Callable[[], T],
        *,
        also: tuple[type[MozbisectError], ...] = (),
        tries: int | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> T:
        """Call ``attempt`` until it returns, with longer and longer pauses, and raise its error when it never does.

        Tried again are ``Unreachable``, ``CutShort``, ``ServerTrouble`` and the errors named in ``also``. ``sleep`` is
        for a caller whose pauses can be cut short.
        """
        number = 1
        passing: tuple[type[MozbisectError], ...] = (Unreachable, CutShort, ServerTrouble, *also)
        while True:
            try:
                return attempt()
            except passing as error:
                if number >= min(tries or self._tries, getattr(error, "at_most", number + 1)):
                    error.what += f" (tried {number} times)" if number > 1 else ""
                    raise
                pause = _pause(number, getattr(error, "after", None))
                log.debug("try %d: %s; again in %.1f s", number, error.what, pause)
            (sleep or self._sleep)(pause)
            number += 1

    def keeps_waiting(self, thread: threading.Thread) -> bool:
        """Does a thread do nothing but wait: for an answer to begin, or to try again? Nothing can wake it."""
        return thread.ident in self._idle

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        me = threading.get_ident()
        self._idle.add(me)
        try:
            yield
        finally:
            self._idle.discard(me)

    def _thrice(self, attempt: Callable[[], T]) -> T:
        """For what should be there: a 404 may be a slip of one of many servers that stand behind one name."""
        for pause in (0.0, _pause(1, None)):
            with suppress(Gone):
                return attempt()
            if pause:
                self._sleep(pause)
        return attempt()

    def _sleep(self, seconds: float) -> None:
        with self._waiting():
            self.sleep(seconds)

    def close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()
        if self._memory is not None:
            self._memory.close()

    def _may_keep(self, url: str) -> bool:
        """Nothing that is told to us alone is left on the disk."""
        private = self._guard is not None and self._guard.sign is not None and self._guard.covers(url)
        return self._memory is not None and not private and self._memory.takes(url)

    def _got(self, url: str, accept: str | None, known: Answer | None) -> _Got:
        headers = {
            "Accept": accept,
            "If-None-Match": known and known.etag,
            "If-Modified-Since": known and known.modified,
        }
        response = self._open(url, {name: value for name, value in headers.items() if value})
        try:
            stream = Stream(response, self._timeout)
            clock = _date(stream.headers.get("Date", ""))
            if known is not None and stream.status == 304:
                return _Got(_page_of(known), known.etag, known.modified, clock)
            page = Page(stream.url, *told(stream, url))
        finally:
            response.close()
        return _Got(page, stream.headers.get("ETag", ""), stream.headers.get("Last-Modified", ""), clock)

    def _open(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """One request. Raises at once what its status, or its absence, means."""
        import requests

        session = self._ready()
        try:
            with self._waiting():
                response = session.get(url, headers=dict(headers), timeout=self._timeout, stream=True)
        except requests.RequestException as error:
            self._count(1)
            raise self._seen_before(unanswered(error, url, self._timeout)) from error
        self._count(1 + len(response.history), urlsplit(response.url).netloc, urlsplit(url).netloc)
        log.debug("%d %s", response.status_code, response.url)
        if response.status_code in (200, 206) or not headers.keys().isdisjoint(
            _ASKED_FOR.get(response.status_code, ())
        ):
            return response
        try:
            raise self._explained(_unwelcome(response, url), response.url)
        finally:
            response.close()

    def _seen_before(self, error: NetworkError) -> NetworkError:
        """A server that has answered before is there, and does not take connections just now."""
        if isinstance(error, Offline) and urlsplit(error.url).netloc in self._answered:
            return Unreachable(error.what, url=error.url, advice=error.advice)
        return error

    def _explained(self, error: NetworkError, url: str) -> NetworkError:
        if self._guard and isinstance(error, Refused) and error.status in (401, 403) and self._guard.covers(url):
            return Locked(error.what, url=url, advice=self._guard.refused(error.status))
        return error

    def _ready(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = _session(self._user_agent, self._guard)
            return self._session

    def _count(self, requests_made: int, *answered: str) -> None:
        with self._lock:
            self.requests_made += requests_made
            self._answered.update(answered)


def _session(user_agent: str, guard: Guard | None) -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter

    class Signing(requests.Session):
        """Signs what goes to the guarded service, and each hop of a redirection anew: a signature fits one URL."""

        def send(self, request: requests.PreparedRequest, **words: Any) -> requests.Response:
            assert guard is not None
            if (request.headers.get("Authorization") or "").startswith("Hawk "):
                del request.headers["Authorization"]
            request.headers.update(guard.headers(request.method or "GET", request.url or ""))
            return super().send(request, **words)

    session = Signing() if guard is not None and guard.sign else requests.Session()
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=SIDE_BY_SIDE, pool_maxsize=SIDE_BY_SIDE))
    return session


def _unwelcome(response: requests.Response, url: str) -> NetworkError:
    """The request had an answer, and it was not what we wanted."""
    status = response.status_code
    said = f"{url}: the server answered {status} {response.reason or ''}".rstrip()
    if status in (404, 410):
        gone = Gone(said, url=url)
        gone.status, gone.body = status, _short_body(response)
        return gone
    if status in TRANSIENT or status >= 500 or 300 <= status < 400:  # a redirection that does not say where to
        busy = Busy(said, url=url, advice="The server has trouble; try again later.")
        busy.after = _asked_pause(response.headers)
        return busy
    refused = Refused(said, url=url)
    refused.status = status
    return refused


def _short_body(response: requests.Response, limit: int = 4096) -> str:
    """What a server says beside its status: worth having, never worth waiting for or failing over."""
    body = bytearray()
    try:
        for chunk in Stream(response).chunks(limit):
            body += chunk
            if len(body) > limit:
                return ""
    except NetworkError:
        return ""
    return body.decode("utf-8", "replace")


def _pause(number: int, asked: float | None) -> float:
    """Seconds to wait after try ``number`` (from 1): what the server asked for, else 0.5, 1, 2, 4, … give or take."""
    if asked is not None:
        return min(asked, LONGEST_PAUSE)
    return float(min(0.5 * 2 ** (number - 1), 30.0) * random.uniform(0.75, 1.25))


def _asked_pause(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds; it may also be a date, which is seen from the server's own clock if it tells it."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    until, now = _date(asked), _date(headers.get("Date", "")) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    """In UTC, as it is without a zone; ``None`` for what is no date, or none that can be reckoned with."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _page_of(known: Answer) -> Page:
    return Page(known.url, known.content_type, known.text)


def _remember(memory: Memory, key: str, got: _Got, seconds: float | None) -> None:
    # By a clock that is wrong, a month that has only begun would be over.
    if got.clock is not None and abs(got.clock - datetime.now(UTC)) > timedelta(days=1):
        return
    if seconds is None or (seconds <= 0 and not (got.etag or got.modified)):
        return
    answer = Answer(got.page.url, got.page.content_type, got.page.text, got.etag, got.modified)
    memory.keep(key, answer, seconds)
