"""A small real HTTP server that can be told to misbehave: so many answers of a path, then its file.

with serving() as server:
    url = server.put("/a.zip", b"...", etag='"1"')
    server.faults["/a.zip"] += [Status(503), Cut(at=10)]     # the third request is served
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class File:
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    ranges: bool = True


@dataclass(frozen=True)
class Status:
    """An answer with this status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Reset:
    """The connection is reset before a word is said."""


@dataclass(frozen=True)
class Cut:
    """All that was announced, but the connection ends after ``at`` bytes of the body."""

    at: int
    reset: bool = False


@dataclass(frozen=True)
class Stall:
    """Silence after ``at`` bytes of the body (-1: before the headers), until the server is closed."""

    at: int


@dataclass(frozen=True)
class Trickle:
    """After ``at`` bytes of the body, ``size`` more every ``pause`` seconds, until the server is closed."""

    at: int
    size: int = 1
    pause: float = 0.01


@dataclass(frozen=True)
class Instead:
    """Another file this once; ``careless``: also for who asked for the rest of the right one."""

    file: File
    careless: bool = False


Fault = Status | Reset | Cut | Stall | Trickle | Instead


@dataclass(frozen=True)
class Seen:
    path: str
    headers: Mapping[str, str]
    port: int  # of who asked: one for each connection


class Server:
    def __init__(self, base: str) -> None:
        self.base = base
        self.files: dict[str, File] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self.stalling = threading.Event()  # somebody is being kept waiting
        self.lock = threading.Lock()

    def put(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        ranges: bool = True,
    ) -> str:
        self.files[path] = File(body, headers or {}, etag, ranges)
        return self.base + path

    def asked(self, path: str) -> list[Mapping[str, str]]:
        """The headers of every request for a path."""
        return [seen.headers for seen in self.seen if seen.path == path]


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: Server

    def do_GET(self) -> None:
        world = self.world
        with world.lock:
            world.seen.append(Seen(self.path, dict(self.headers.items()), self.client_address[1]))
            fault = world.faults[self.path].pop(0) if world.faults[self.path] else None
        file = world.files.get(self.path)
        match fault:
            case Reset():
                return self._reset()
            case Status(status, headers, body):
                return self._send(status, body, headers)
            case Stall(-1):
                return self._stall()
            case Instead(other):
                file = other
        careless = isinstance(fault, Instead) and fault.careless
        if file is None:
            return self._send(404, b'{"error": "unknown"}', {"Content-Type": "application/json"})
        status, body, headers = self._wanted(file, careless=careless)
        match fault:
            case Cut(at, reset):
                self._send(status, body, headers, only=at)
                return self._reset() if reset else self._hang_up()
            case Stall(at):
                self._send(status, body, headers, only=at)
                return self._stall()
            case Trickle(at, size, pause):
                self._send(status, body, headers, only=at)
                return self._trickle(body[at:], size, pause)
        return self._send(status, body, headers)

    def _wanted(self, file: File, *, careless: bool) -> tuple[int, bytes, dict[str, str]]:
        headers = dict(file.headers)
        if file.etag:
            headers["ETag"] = file.etag
        if file.ranges:
            headers.setdefault("Accept-Ranges", "bytes")
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        mark = self.headers.get("If-Range")
        known = careless or mark is None or mark in (headers.get("ETag"), headers.get("Last-Modified"))
        if match is None or not file.ranges or not known:
            return 200, file.body, headers
        start = int(match[1])
        if start >= len(file.body):
            return 416, b"", headers
        end = min(int(match[2] or len(file.body)), len(file.body) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(file.body)}"
        return 206, file.body[start : end + 1], headers

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], only: int | None = None) -> None:
        self.send_response_only(status)
        if headers.get("Transfer-Encoding") != "chunked":
            self.send_header("Content-Length", str(len(body)))
        else:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:only])
        self.wfile.flush()

    def _stall(self) -> None:
        self.world.stalling.set()
        self.world.over.wait(30)
        self._hang_up()

    def _trickle(self, rest: bytes, size: int, pause: float) -> None:
        self.world.stalling.set()
        for at in range(0, len(rest), size):
            if self.world.over.wait(pause):
                break
            self.wfile.write(rest[at : at + size])

    def _hang_up(self) -> None:
        self.close_connection = True

    def _reset(self) -> None:
        # To close with "linger 0" is to send RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    world = Server("")
    with _Quiet(("127.0.0.1", 0), type("Answer", (_Answer,), {"world": world})) as server:
        world.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield world
        finally:
            world.over.set()
            server.shutdown()
            thread.join()
