"""Listings of every era hold the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from mozbisect.core.errors import ServerTrouble
from mozbisect.net.http import Http
from mozbisect.sources.listing import Entry, entries
from tests.canned import Canned, canned

DATA = Path(__file__).parent.parent / "data" / "archive"
HERE = "/pub/firefox/nightly/2026/09/"

APACHE_2010 = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head><title>Index of /pub</title></head>
<body><h1>Index of /pub/mozilla.org/firefox/nightly/2010/11</h1><pre>
<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <hr>
<a href="/pub/mozilla.org/firefox/nightly/2010/">Parent Directory</a>
<a href="2010-11-02-04-mozilla-central/">2010-11-02-04-mozilla-central/</a> 02-Nov-2010 04:30 -
<a href="Firefox%20Installer.en-US.exe">Firefox Installer.en-US.exe</a> 02-Nov-2010 1M
</pre></body></html>"""


def test_todays_page_as_it_was_recorded(server: Canned, http: Http) -> None:
    page = (DATA / "cnpmcore_pub_firefox_releases_131.0.3.html").read_text()
    server.says("/pub/firefox/releases/131.0.3/", page, kind="text/html")
    found = entries(http, f"{server.url}/pub/firefox/releases/131.0.3/")
    assert [entry.name for entry in found if entry.is_folder][:4] == [
        "jsshell",
        "linux-i686",
        "linux-x86_64",
        "mac-EME-free",
    ]
    assert Entry("SHA512SUMS", is_folder=False) in found
    assert all(entry.name not in ("..", "releases") for entry in found)
    assert len(found) == page.count("<a href=") - 1  # all but the parent


def test_an_apache_index_of_2010(server: Canned, http: Http) -> None:
    server.says(HERE, APACHE_2010, kind="text/html;charset=UTF-8")
    assert entries(http, server.url + HERE) == (
        Entry("2010-11-02-04-mozilla-central", is_folder=True),
        Entry("Firefox Installer.en-US.exe", is_folder=False),
    )


def test_json_where_the_server_offers_it_has_exact_sizes(server: Canned, http: Http) -> None:
    server.says(
        HERE,
        {"prefixes": ["2026-09-14-mozilla-central/"], "files": [{"name": "a+b.txt", "size": 57, "last_modified": ""}]},
    )
    assert entries(http, server.url + HERE) == (
        Entry("2026-09-14-mozilla-central", is_folder=True),
        Entry("a+b.txt", is_folder=False, size=57),
    )


def test_a_folder_that_is_not_there_is_empty(server: Canned, http: Http) -> None:
    assert entries(http, server.url + "/nowhere/") == ()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (500, "text/plain", "Internal Server Error."),
        (200, "text/html", "<html><body>We are down for maintenance</body></html>"),
        (200, "application/json", '{"error": "what?"}'),
        (200, "application/json", "<html>"),
    ],
)
def test_trouble_is_an_error_and_never_an_empty_folder(
    server: Canned, http: Http, status: int, kind: str, body: str
) -> None:
    server.says(HERE, body, status=status, kind=kind)
    with pytest.raises(ServerTrouble) as caught:
        entries(http, server.url + HERE)
    assert HERE in str(caught.value)


def test_one_page_of_nonsense_is_asked_for_again() -> None:
    bodies = ["<html>Sorry</html>", '{"prefixes": ["2026-09-14-x/"], "files": []}']
    kinds = ["text/html", "application/json"]
    with canned() as server:
        server.says(HERE, bodies[0], kind=kinds[0])

        def mend(_: float) -> None:
            server.says(HERE, bodies[1], kind=kinds[1])

        http = Http(tries=2, sleep=mend)
        assert [entry.name for entry in entries(http, server.url + HERE)] == ["2026-09-14-x"]
        http.close()


def test_half_a_page_is_no_listing(server: Canned, http: Http) -> None:
    server.says(HERE, APACHE_2010[: len(APACHE_2010) // 2], kind="text/html")
    with pytest.raises(ServerTrouble):
        entries(http, server.url + HERE)
