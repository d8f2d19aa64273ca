"""A server that catches pings, on loopback: what it was sent can be waited for, and it can be told to misbehave."""

from __future__ import annotations

import gzip
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema

DATA = Path(__file__).parent.parent / "data" / "glean"
PATIENCE = 60  # seconds until a ping that was promised is missed


@dataclass(frozen=True)
class Caught:
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Any

    @property
    def kind(self) -> str:
        return self.path.split("/")[3]

    @property
    def document(self) -> str:
        return self.path.split("/")[5]

    @property
    def values(self) -> dict[str, str]:
        """The metrics, by the name that follows ``usage.``; of a day its first ten letters."""
        metrics = self.body["metrics"]
        days = {name: text[:10] for name, text in metrics.get("datetime", {}).items()}
        return {name.removeprefix("usage."): text for name, text in {**metrics.get("string", {}), **days}.items()}


class Catcher:
    def __init__(self, url: str) -> None:
        self.url = url
        self.all: list[Caught] = []
        self.silent = threading.Event()  # set: nobody is answered any more
        self.over = threading.Event()
        self.answer: Callable[[Caught], int] = lambda caught: 200
        self._queue: queue.Queue[Caught] = queue.Queue()

    def catch(self, caught: Caught) -> int:
        status = self.answer(caught)
        self.all.append(caught)
        self._queue.put(caught)
        return status

    def next(self) -> Caught:
        """The next ping, which has to come."""
        return self._queue.get(timeout=PATIENCE)

    @property
    def kinds(self) -> list[str]:
        return [caught.kind for caught in self.all]


class _Handler(BaseHTTPRequestHandler):
    catcher: Catcher

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        body = json.loads(gzip.decompress(raw) if zipped else raw)
        status = self.catcher.catch(Caught(self.path, dict(self.headers.items()), raw, body))
        if self.catcher.silent.is_set():
            self.catcher.over.wait(PATIENCE)
            return
        self.send_response_only(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def catching() -> Iterator[Catcher]:
    catcher = Catcher("")
    with _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"catcher": catcher})) as server:
        catcher.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield catcher
        finally:
            catcher.over.set()
            server.shutdown()
            thread.join()


def validate(caught: Caught) -> None:
    """Against the schema that the pipeline has deployed for this kind of ping. Raises ``ValidationError``."""
    schema = json.loads((DATA / f"{caught.kind}.1.schema.json").read_text())
    jsonschema.Draft6Validator(schema).validate(caught.body)
