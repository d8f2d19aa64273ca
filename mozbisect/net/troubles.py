"""What went wrong between us and a server: errors with words and advice, and how much another try may help.

    what the server does                        what the caller sees
    ──────────────────────────────────────────  ───────────────────────────────────────────
    404, 410                                    Gone (a NotFound), at once
    406, 408, 425, 429, 5xx, a nonsensical body  Busy (a ServerTrouble), after every try
    3xx that leads nowhere                      the same
    304, which we asked for                     the page that we remember
    any other 4xx                               Refused, at once
    no connection, no answer in time            Unreachable, after every try
    a body that ends early, or only trickles    CutShort, after every try

Names what happened. Asks nobody, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mozbisect.core.errors import NetworkError, NotFound, ServerTrouble

if TYPE_CHECKING:
    import requests

TRIES_OFFLINE = 2  # nobody there, or nobody of that name: it is the cable, not the server

CHECK_NETWORK = "Check the network connection, and the proxy settings (HTTPS_PROXY, NO_PROXY)."
CHECK_TRUST = "Check the clock of this machine, and the certificates of your proxy (REQUESTS_CA_BUNDLE)."


class Unreachable(NetworkError):
    """Nothing answered: refused, reset, or silent for too long."""

    at_most = 1_000_000  # tries that make sense


class Offline(Unreachable):
    """Not even a connection could be made: another try in a second will hardly differ. (From a server that has
    answered in this run before, it may: that is ``Unreachable``.)"""

    at_most = TRIES_OFFLINE


class CutShort(NetworkError):
    """An answer began well and ended before its end."""


class Busy(ServerTrouble):
    """Trouble of the server, perhaps with the number of seconds it asks us to stay away."""

    after: float | None = None


class Refused(NetworkError):
    """The server will not do this, and would not tomorrow: a 4xx that another try does not change."""

    status = 0


class Locked(Refused):
    """401 or 403 of a service that wants to know who we are: no property of the thing that was asked for."""


class Gone(NotFound):
    """404 or 410. ``body`` is what the server said about it, when that was short; else empty."""

    status = 404
    body = ""


def unanswered(error: requests.RequestException, url: str, timeout: float) -> NetworkError:
    """The request had no answer at all. Which kind of nothing was it?"""
    import requests
    from urllib3.exceptions import NewConnectionError

    host = urlsplit(url).hostname or url
    if isinstance(error, requests.exceptions.SSLError):
        return Offline(f"{url}: no trust between us and {host}: {_innermost(error)}", url=url, advice=CHECK_TRUST)
    if isinstance(error, requests.exceptions.ProxyError):
        return Offline(f"{url}: the proxy does not let us through: {_innermost(error)}", url=url, advice=CHECK_NETWORK)
    if isinstance(error, requests.Timeout):
        return Unreachable(f"{url}: no answer from {host} within {timeout:g} seconds", url=url, advice=CHECK_NETWORK)
    if any(isinstance(cause, NewConnectionError) for cause in _causes(error)):
        return Offline(f"cannot reach {host}: {_innermost(error)} ({url})", url=url, advice=CHECK_NETWORK)
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return Unreachable(f"{url}: the connection broke: {_innermost(error)}", url=url, advice=CHECK_NETWORK)
    return Refused(f"{url}: cannot be asked for: {error}", url=url)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on down; ``requests`` and ``urllib3`` hide causes in three places."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _innermost(error: BaseException) -> str:
    """The plain words of the operating system, without the wrapping of three libraries."""
    words = [cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror]
    return words[-1].lower() if words else str(error)
