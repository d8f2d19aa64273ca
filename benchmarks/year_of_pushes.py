"""A year of pushes to autoland: how long it takes to list, in how much memory, and how fast the search asks about it.

    python benchmarks/year_of_pushes.py

A server on this machine answers as hg does for 29,000 pushes of five changesets, each with its Git hash: about 31 MiB
in all. What is measured runs in a process of its own: the peak of its memory, with the program loaded and without.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PUSHES = 29_000
CHANGESETS = 5
FIRST = date(2025, 9, 1)
LAST = date(2026, 8, 31)

MEASURED = """
import sys, time
from datetime import date, datetime, timezone
from mozbisect.core.journal import Listed, Opened, Session, from_line, to_line
from mozbisect.core.model import REGRESSION, Day, Leg, LegKind, Timeline
from mozbisect.core.search import Search, Try
from mozbisect.core.model import Side
from mozbisect.net.http import Http
from mozbisect.sources.pushlog import Pushlog
import requests

def peak():  # of this process alone: what getrusage says takes in the one that started it
    rows = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(rows["VmHWM"].split()[0]) / 1024

url, first, last = sys.argv[1], date.fromisoformat(sys.argv[2]), date.fromisoformat(sys.argv[3])
http = Http()
before, start = peak(), time.monotonic()
pushes = Pushlog(http, url).by_day("autoland", first, last)
listed = time.monotonic() - start
print(f"{len(pushes):,} pushes in {http.requests_made} requests: {listed:.2f} s, "
      f"peak {peak():.0f} MiB ({before:.0f} before)")

leg = Leg(LegKind.PUSHES, "autoland", Day(first), Day(last), "", check_ends=True)
start = time.monotonic()
event = Listed(Timeline(leg, pushes, 0, len(pushes) - 1))
session = Session(Opened(1, "x", datetime.now(timezone.utc), REGRESSION, {})).after(event)
print(f"session: {time.monotonic() - start:.2f} s")
start = time.monotonic()
line = to_line(event)
print(f"journal: {len(line) / 2**20:.1f} MiB written in {time.monotonic() - start:.2f} s, peak {peak():.0f} MiB")
start = time.monotonic()
from_line(line)
print(f"journal: read in {time.monotonic() - start:.2f} s, peak {peak():.0f} MiB")

asked, slowest = 0, 0.0
search, culprit = Search(len(pushes), 0, len(pushes) - 1, check_ends=True), len(pushes) // 3
while True:
    start = time.monotonic()
    step = search.ask()
    search.ahead()
    slowest = max(slowest, time.monotonic() - start)
    if not isinstance(step, Try):
        break
    asked += 1
    # One build in seven cannot be tested.
    side = Side.UNTESTABLE if step.at % 7 == 3 else Side.NEW if step.at >= culprit else Side.OLD
    search = search.tell(step.at, side)
print(f"search: {asked} questions, the slowest took {slowest * 1000:.1f} ms with what is ahead of it")
"""


class Year:
    """The rows of every push, as JSON, in the order of time."""

    def __init__(self) -> None:
        start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp()
        end = start + ((LAST - FIRST).days + 1) * 86_400
        self.times = [int(start + 60 + at * (end - start - 120) / PUSHES) for at in range(PUSHES)]
        self.rows = [self._row(at) for at in range(PUSHES)]

    def _row(self, at: int) -> str:
        nodes = [hashlib.sha1(f"{at} {one}".encode()).hexdigest() for one in range(CHANGESETS)]
        row = {
            "changesets": nodes,
            "date": self.times[at],
            "git_changesets": [node[::-1] for node in nodes],
            "user": "someone.with.a.name@example.org",
        }
        # hg.mozilla.org indents what it answers.
        text = f'"{200_000 + at}": {json.dumps(row, indent=2)}'
        return "\n" + text.replace("\n", "\n    ")

    def answer(self, query: dict[str, list[str]]) -> bytes:
        first = bisect_right(self.times, _moment(query["startdate"][0]))
        last = bisect_left(self.times, _moment(query["enddate"][0]))
        return f'{{"lastpushid": {200_000 + PUSHES}, "pushes": {{{",".join(self.rows[first:last])}}}}}'.encode()


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def main() -> None:
    year = Year()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = year.answer(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        whole = year.answer({"startdate": [str(FIRST)], "enddate": [str(LAST + timedelta(days=1))]})
        print(f"{len(whole) / 2**20:.0f} MiB of answers")
        subprocess.run([sys.executable, "-c", MEASURED, url, str(FIRST), str(LAST)], check=True)
        server.shutdown()


if __name__ == "__main__":
    main()
