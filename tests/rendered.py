"""Files, served as archive.mozilla.org serves its own: listings of today, or those of Apache before 2015."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from mozbisect.practice import listing
from mozbisect.practice.reply import Reply, as_json, as_text

ROOT = "/pub/"


class Shelf:
    """``files``: path below ``pub/`` → content."""

    def __init__(self, files: Mapping[str, bytes], *, json: bool) -> None:
        self._files = {ROOT + path: content for path, content in files.items()}
        self._json = json

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._files:
            folder, _, name = path.rpartition("/")
            found[f"{folder}/"].add(name)
            while f"{folder}/" != ROOT:
                folder, _, name = folder.rpartition("/")
                found[f"{folder}/"].add(f"{name}/")
        return found

    def answer(self, path: str, accept: str) -> Reply:
        if path in self._files:
            return Reply(200, self._files[path], "application/octet-stream")
        folder = path.rstrip("/") + "/"
        held = self._folders.get(folder)
        if held is None:
            return as_text("Not Found", 404)
        when = datetime(2025, 4, 12, 8, 53, tzinfo=UTC)
        inner = [name for name in held if name.endswith("/")]
        files = [listing.File(name, len(self._files[folder + name]), when) for name in held if not name.endswith("/")]
        if self._json and listing.wants_json(accept):
            return as_json(listing.as_rows(inner, files))
        return Reply(200, listing.as_html(folder, inner, files).encode(), "text/html")


@contextmanager
def rendered(files: Mapping[str, bytes], *, json: bool = True) -> Iterator[str]:
    """The URL of ``pub`` while the ``with`` lasts. ``json``: listings are JSON for who asks for it."""
    shelf = Shelf(files, json=json)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body leave together

        def do_GET(self) -> None:
            reply = shelf.answer(unquote(urlsplit(self.path).path), self.headers.get("Accept", ""))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(reply.length))
            self.end_headers()
            self.wfile.write(reply.own)

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/pub"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
