"""A list of paths, served as archive.mozilla.org would: to run a program on real names of folders and files.

    with rendered(["firefox/nightly/2014/12/2014-12-10-mozilla-central-debug/firefox-37.0a1.en-US.win32.txt"]) as url:
        listing = url + "/firefox/nightly/2014/12/"          # url is what --archive-base-url wants

``style`` "bucketlister" is the server since October 2015: absolute links, JSON for who asks for it, no empty folders.
"apache" is the one before: relative links, links that sort, a redirection to the final slash, empty folders (paths that
end in a slash).
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from mozbisect.practice.archive import Archive
from mozbisect.practice.listing import wants_json
from mozbisect.practice.reply import Reply, as_text
from mozbisect.practice.shelf import Entry, filler, of_text

MODIFIED = datetime(2025, 4, 12, 8, 53, tzinfo=UTC)  # the archive's times are those of its last move, for all files

Style = Literal["bucketlister", "apache"]


@contextmanager
def rendered(
    files: Mapping[str, bytes | None] | Mapping[str, bytes] | Iterable[str],
    *,
    base: str = "/pub",
    style: Style = "bucketlister",
    json: bool = True,
) -> Iterator[str]:
    """The URL of ``base``, without a slash at its end, while the ``with`` lasts.

    ``files``: paths below ``base``, and what is in them (None, or no mapping at all: some line of text). ``json``:
    listings are JSON for who asks for it.
    """
    contents = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files)
    root = f"/{base.strip('/')}/"
    shelf = _Shelf(root, contents)
    pages = _Apache(shelf) if style == "apache" else _Bucketlister(shelf, json=json)
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.pages = pages
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{root.rstrip('/')}"
        finally:
            server.shutdown()
            thread.join()


class _Shelf:
    """The paths as folders."""

    def __init__(self, root: str, contents: Mapping[str, bytes | None]) -> None:
        self.root = root
        self._by_folder: dict[str, dict[str, Entry]] = {}
        self.empty = [f"{root}{path}" for path in contents if path.endswith("/")]
        for path, content in contents.items():
            folder, _, name = f"{root}{path}".rpartition("/")
            if name:
                self._by_folder.setdefault(f"{folder}/", {})[name] = Entry(partial(_reply, name, content), MODIFIED)

    def folders(self) -> Iterable[str]:
        return self._by_folder

    def files(self, folder: str) -> Mapping[str, Entry]:
        return self._by_folder.get(folder, {})


def _reply(name: str, content: bytes | None) -> Reply:
    if content is None:
        return of_text(name, filler(name))
    kinds = {".txt": "text/plain", ".json": "application/json", ".html": "text/html"}
    kind = next((kind for end, kind in kinds.items() if name.endswith(end)), "application/octet-stream")
    return Reply(200, content, kind)


class _Bucketlister:
    def __init__(self, shelf: _Shelf, *, json: bool) -> None:
        self._shelf = shelf
        self._archive = Archive([shelf], json_listings=json, root=shelf.root)

    def answer(self, path: str, accept: str) -> Reply:
        folder = f"{unquote(path).rstrip('/')}/"
        index = self._shelf.files(folder).get("index.html")
        if index is not None and not wants_json(accept):
            return index.made()
        return self._archive.answer(path, accept)


class _Apache:
    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf
        self._folders: dict[str, set[str]] = {shelf.root: set()}
        for place in (*shelf.folders(), *shelf.empty):
            while place != shelf.root:
                self._folders.setdefault(place, set())
                parent, _, name = place.removesuffix("/").rpartition("/")
                self._folders.setdefault(f"{parent}/", set()).add(f"{name}/")
                place = f"{parent}/"

    def answer(self, path: str, accept: str) -> Reply:
        path = unquote(path)
        if f"{path}/" in self._folders:
            return Reply(301, b"", "text/html; charset=iso-8859-1", {"Location": quote(f"{path}/")})
        if path in self._folders:
            return as_text(self._page(path), 200, "text/html;charset=UTF-8")
        folder, _, name = path.rpartition("/")
        entry = self._shelf.files(f"{folder}/").get(name)
        return entry.made() if entry else as_text("<h1>Not Found</h1>", 404, "text/html; charset=iso-8859-1")

    def _page(self, path: str) -> str:
        sizes = {name: str(entry.made().length) for name, entry in self._shelf.files(path).items()}
        names = [*sorted(self._folders[path]), *sorted(sizes)]
        sort = "".join(f'<a href="?C={letter};O={order}">{word}</a> ' for letter, order, word in _SORT)
        parent = path.rstrip("/").rpartition("/")[0] + "/"
        rows = "".join(
            f'<img src="/icons/{"folder" if name.endswith("/") else "unknown"}.gif" alt="[   ]"> '
            f'<a href="{quote(name)}">{html.escape(name)}</a>  {MODIFIED:%d-%b-%Y %H:%M}  {sizes.get(name, "-"):>5}  \n'
            for name in names
        )
        title = f"Index of {html.escape(path.rstrip('/'))}"
        return (
            '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n <head>\n'
            f"  <title>{title}</title>\n </head>\n <body>\n<h1>{title}</h1>\n"
            f'<pre><img src="/icons/blank.gif" alt="Icon "> {sort}<hr>'
            f'<img src="/icons/back.gif" alt="[DIR]"> <a href="{parent}">Parent Directory</a>  -   \n'
            f"{rows}<hr></pre>\n</body></html>\n"
        )


_SORT = (("N", "D", "Name"), ("M", "A", "Last modified"), ("S", "A", "Size"), ("D", "A", "Description"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    pages: _Apache | _Bucketlister

    def handle_error(self, *_: object) -> None:
        pass


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: _Server

    def do_GET(self) -> None:
        reply = self.server.pages.answer(urlsplit(self.path).path, self.headers.get("Accept", ""))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(reply.length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.part(0, reply.length))

    do_HEAD = do_GET  # noqa: N815

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass
