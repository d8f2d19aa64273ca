"""A real little server that gives fixed answers: for tests of one question and its answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Canned:
    """``answers``: path with query → (status, content type, body). Everything else is a 404."""

    def __init__(self, answers: dict[str, tuple[int, str, str]], url: str) -> None:
        self.answers = answers
        self.url = url
        self.asked: list[str] = []

    def says(self, path: str, body: object, *, status: int = 200, kind: str = "application/json") -> None:
        self.answers[path] = (status, kind, body if isinstance(body, str) else json.dumps(body))


@contextmanager
def canned() -> Iterator[Canned]:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here.asked.append(self.path)
            status, kind, body = here.answers.get(self.path, (404, "application/json", '{"code": "ResourceNotFound"}'))
            raw = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    here = Canned({}, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
