"""The practice server: Mozilla's build services on one port of this machine, over a made-up history.

    /pub            archive.mozilla.org          /hg, /hg-edge    hg.mozilla.org
    /taskcluster    Taskcluster, root URL        /lando           lando.moz.tools
    /artifacts      where its artifacts lie      /product-details product-details.mozilla.org

It listens on the loopback address only, needs no network, and writes nothing to disk. What it answers is decided in
``archive``, ``taskcluster``, ``hg``, ``lando`` and ``product_details``; here are sockets, and what goes wrong with them
on purpose.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from mozbisect.practice import hawk
from mozbisect.practice.archive import Archive, shelves
from mozbisect.practice.faults import Fault, Faults, Misfortune
from mozbisect.practice.hg import Hg
from mozbisect.practice.lando import Lando
from mozbisect.practice.packages import Bakery
from mozbisect.practice.product_details import ProductDetails
from mozbisect.practice.reply import Reply, as_text
from mozbisect.practice.signing import Key, can_sign
from mozbisect.practice.tampering import Tamper, Tampering
from mozbisect.practice.taskcluster import Taskcluster
from mozbisect.practice.world import World

_CHUNK = 1 << 18
_SLICES = 20  # a second of limited bandwidth is sent in so many pieces

_SORRY = "<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body><h1>We will be right back</h1></body></html>\n"


class Seen(NamedTuple):
    """A request that was answered: with status 0 if the connection was cut before."""

    method: str
    path: str
    status: int


class PracticeServer:
    """Serves a world while the ``with`` lasts. Raises ``OSError`` if the port is taken.

    ``json_listings``: the archive lists in JSON for who asks for it. ``chain_of_trust``: tasks publish their digests.
    ``mozilla_urls``: build information names hg.mozilla.org in place of this server. ``hg_redirect``: /hg sends to
    /hg-edge. ``page_size``: Taskcluster's lists come in pages. ``size_mb``, ``firefox_dir``, ``bulk``: see ``builds``.
    ``signed``: lists of digests are signed, with a given key or a new one; ``tamper``: what is wrong with them.
    """

    def __init__(
        self,
        world: World,
        *,
        faults: Faults | None = None,
        port: int = 0,
        json_listings: bool = True,
        chain_of_trust: bool = True,
        mozilla_urls: bool = False,
        hg_redirect: bool = False,
        page_size: int | None = None,
        size_mb: int = 0,
        firefox_dir: Path | None = None,
        bulk: Path | None = None,
        signed: Key | bool = True,
        tamper: Tamper | str | None = None,
    ) -> None:
        self.world = world
        self._log: list[Seen] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._faults = faults or Faults()
        self._misfortune = Misfortune(self._faults)
        self._http = _Http(("127.0.0.1", port), partial(_Connection, self))
        self._thread: threading.Thread | None = None

        self._base = base = f"http://127.0.0.1:{self._http.server_port}"
        self.archive_url = f"{base}/pub"
        self.taskcluster_url = f"{base}/taskcluster"
        self.hg_url = f"{base}/hg"
        self.lando_url = f"{base}/lando"
        self.artifact_url = f"{base}/artifacts"
        self.product_details_url = f"{base}/product-details/1.0"

        hg_url = "https://hg.mozilla.org" if mozilla_urls else self.hg_url
        self.key = signed if isinstance(signed, Key) else Key() if signed and can_sign() else None
        self._tampering = Tampering(tamper, self.key or Key()) if tamper else None
        bakery = Bakery(world, hg_url, size_mb, firefox_dir, bulk, key=self.key)
        bakeries = [bakery, *(Bakery(other, hg_url, size_mb, key=self.key) for other in world.others.values())]
        self._archive = Archive([one for baker in bakeries for one in shelves(baker)], json_listings=json_listings)
        self._taskcluster = Taskcluster(bakeries, self.artifact_url, chain_of_trust=chain_of_trust, page_size=page_size)
        self._hg = Hg(world)
        self._lando = Lando(world)
        self._product_details = ProductDetails(world)
        self._hg_redirect = hg_redirect

    def options(self) -> list[str]:
        """What to add to a command line of mozbisect, so that it asks this server."""
        return [
            *("--archive-base-url", self.archive_url),
            *("--taskcluster-root-url", self.taskcluster_url),
            *("--hg-url", self.hg_url),
            *("--lando-url", self.lando_url),
            *("--product-details-url", self.product_details_url),
            *(("--release-key", self.key.fingerprint) if self.key and self._signs else ()),
        ]

    @property
    def _signs(self) -> bool:
        return self.world.parameters.trains or self.world.parameters.signed_nightlies

    @property
    def log(self) -> list[Seen]:
        """Every request until now, in the order of their answers."""
        with self._lock:
            return list(self._log)

    def forget(self) -> None:
        """Empty the log."""
        with self._lock:
            self._log.clear()

    def serve_forever(self) -> None:
        """Serve until Ctrl-C, or until ``close`` is called from another thread. To be used in the ``with``."""
        while not self._over.wait(1.0):
            pass

    def close(self) -> None:
        """Stop serving; who is kept waiting by a stall is let go."""
        self._over.set()
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="practice", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------- for a connection

    def answer(self, method: str, target: str, accept: str, body: bytes, authorization: str = "") -> Reply:
        """The answer to one request. Raises nothing that a request could cause."""
        parts = urlsplit(target)
        service, slash, rest = parts.path.removeprefix("/").partition("/")
        path = slash + rest
        if method == "POST":
            if service == "taskcluster" and path.startswith("/api/index/v1/namespaces/"):
                return self._taskcluster.namespaces(path, body)
            return as_text("Method Not Allowed", 405)
        match service:
            case "pub":
                reply = self._archive.answer(parts.path, accept)
                return self._tampering.touched(parts.path, reply, self._untouched) if self._tampering else reply
            case "taskcluster":
                signed = hawk.check(method, f"{self._base}{target}", authorization)
                return self._taskcluster.answer(path, dict(parse_qsl(parts.query)), signed)
            case "artifacts":
                return self._taskcluster.artifact(path)
            case "hg" if self._hg_redirect:
                return Reply(302, b"", "text/html", {"Location": target.replace("/hg/", "/hg-edge/", 1)})
            case "hg" | "hg-edge":
                return self._hg.answer(unquote(path), parts.query)
            case "lando":
                return self._lando.answer(path)
            case "product-details":
                return self._product_details.answer(path)
        return as_text("Not Found", 404)

    def _untouched(self, path: str) -> Reply:
        return self._archive.answer(path, "")

    def strikes(self, target: str, *, is_build: bool) -> Fault | None:
        """The fault that a request suffers, after the wait that every request has."""
        self.pause(self._faults.latency)
        return self._misfortune.strikes(target, is_build=is_build)

    @property
    def faults(self) -> Faults:
        return self._faults

    def pause(self, seconds: float | None) -> None:
        """Wait so long (for ever if ``None``), but not longer than the server lives."""
        if seconds != 0:
            self._over.wait(seconds)

    def saw(self, seen: Seen) -> None:
        with self._lock:
            self._log.append(seen)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no news."""


class _Connection(BaseHTTPRequestHandler):
    """One connection, with any number of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # the head and a small body leave together

    def __init__(self, practice: PracticeServer, *args: object) -> None:
        self._practice = practice
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        accept, authorization = (self.headers.get(name, "") for name in ("Accept", "Authorization"))
        reply = self._practice.answer(self.command, self.path, accept, body, authorization)
        fault = self._practice.strikes(self.path, is_build=reply.is_build)
        if fault is Fault.RESET:
            self._practice.saw(Seen(self.command, self.path, 0))
            self._reset()
            return
        reply = self._instead(reply, fault)
        start, end, status, headers = self._wanted(reply)
        self._practice.saw(Seen(self.command, self.path, status))
        self._send_head(reply, end - start, status, headers)
        if fault in _CUT and end - start > 0:
            end = start + (end - start) // 2
        if self.command != "HEAD":
            with suppress(ConnectionError):
                self._send_body(reply, start, end)
        if fault in _CUT:
            _CUT[fault](self)

    def _instead(self, reply: Reply, fault: Fault | None) -> Reply:
        """What is sent in place of the answer, by a fault that changes it."""
        match fault:
            case Fault.SERVER_ERROR | Fault.UNAVAILABLE | Fault.NOT_FOUND | Fault.TOO_MANY:
                retry_after = self._practice.faults.retry_after
                waits = fault in (Fault.UNAVAILABLE, Fault.TOO_MANY)
                if retry_after is None and fault is Fault.TOO_MANY:
                    retry_after = 1
                headers = {"Retry-After": str(retry_after)} if waits and retry_after is not None else {}
                return Reply(int(fault), b"Out of order, on purpose.\n", "text/plain", headers)
            case Fault.EMPTY:
                return Reply(200, b"", reply.content_type)
            case Fault.HTML:
                return as_text(_SORRY, 200, "text/html")
            case Fault.SHORT:
                return Reply(reply.status, reply.part(0, reply.length // 2), reply.content_type)
            case Fault.CORRUPT:
                return _corrupted(reply)
            case Fault.ETAG:
                return replace(reply, etag='"another"') if reply.etag else reply
        return reply

    def _wanted(self, reply: Reply) -> tuple[int, int, int, dict[str, str]]:
        """Where the body begins and ends, the status, more headers: for who wants a part of a file."""
        if reply.status != 200 or reply.etag is None:
            return 0, reply.length, reply.status, {}
        headers = {"ETag": reply.etag, "Accept-Ranges": "bytes"}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if match is None or self.headers.get("If-Range", reply.etag) != reply.etag:
            return 0, reply.length, 200, headers
        start, end = int(match[1]), min(int(match[2] or reply.length), reply.length - 1) + 1
        if start >= end:
            return 0, 0, 416, headers | {"Content-Range": f"bytes */{reply.length}"}
        return start, end, 206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{reply.length}"}

    def _send_head(self, reply: Reply, length: int, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in {**reply.headers, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, reply: Reply, start: int, end: int) -> None:
        bandwidth = self._practice.faults.bandwidth
        size = _CHUNK if bandwidth is None else max(1, int(bandwidth / _SLICES))
        for at in range(start, end, size):
            self.wfile.write(reply.part(at, min(at + size, end)))
            if bandwidth is not None:
                self.wfile.flush()
                self._practice.pause(1 / _SLICES)

    # -------------------------------------------------------------------------------------------- bad endings

    def _hang_up(self) -> None:
        self.close_connection = True

    def _reset(self) -> None:
        with suppress(OSError):
            self.wfile.flush()
            # To close while "linger 0" is set is to send RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _stall(self) -> None:
        with suppress(OSError):
            self.wfile.flush()
        self._practice.pause(None)
        self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def version_string(self) -> str:
        return "practice"

    def log_message(self, *_: object) -> None:
        """Nothing is printed here."""


_CUT: dict[Fault | None, Callable[[_Connection], None]] = {
    Fault.TRUNCATE: _Connection._hang_up,
    Fault.RESET_BODY: _Connection._reset,
    Fault.STALL: _Connection._stall,
}


def _corrupted(reply: Reply) -> Reply:
    """The right length and all that; every 97th byte is another, from the middle on."""
    body = bytearray(reply.part(0, reply.length))
    for at in range(len(body) // 2, len(body), 97):
        body[at] ^= 0xFF
    return Reply(reply.status, bytes(body), reply.content_type, reply.headers, etag=reply.etag, is_build=reply.is_build)
