from __future__ import annotations

import re
from pathlib import Path

import pytest

from mozbisect.practice.listing import as_html
from tests.practice.conftest import ask
from tests.rendered import rendered

DEBUG = "firefox/nightly/2014/12/2014-12-10-mozilla-central-debug"
PATHS = {
    f"{DEBUG}/firefox-37.0a1.en-US.debug-linux-x86_64-asan.tar.bz2": b"package",
    f"{DEBUG}/firefox-37.0a1.en-US.debug-linux-x86_64-asan.txt": None,
    "firefox/nightly/2017/08/2017-08-25-10-01-26-mozilla-central-l10n/Firefox Installer.fr.exe": None,
}
RECORDED = Path(__file__).parent / "data" / "archive" / "cnpmcore_pub_firefox_releases_131.0.3.html"


def hrefs(text: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', text)


def test_a_folder_is_listed_as_the_archive_lists_it() -> None:
    with rendered(PATHS) as url:
        page = ask(f"{url}/firefox/nightly/2014/12/")
        assert page.text == as_html("/pub/firefox/nightly/2014/12/", ["2014-12-10-mozilla-central-debug/"], [])
        assert (page.headers["cache-control"], page.headers["vary"]) == ("max-age=900", "Accept")
        assert page.text == ask(f"{url}/firefox/nightly/2014/12").text
        rows = ask(f"{url}/{DEBUG}/", Accept="application/json").json
        assert [row["name"] for row in rows["files"]] == [path.rpartition("/")[2] for path in list(PATHS)[:2]]
        assert ask(f"{url}/{next(iter(PATHS))}").body == b"package"
        assert ask(f"{url}/{list(PATHS)[2].replace(' ', '%20')}").status == 200


def test_the_names_of_a_recorded_page_give_that_page_again() -> None:
    recorded = [link for link in hrefs(RECORDED.read_text()) if link.startswith("/pub/firefox/releases/131.0.3/")]
    paths = [link.removeprefix("/pub/") + ("x" if link.endswith("/") else "") for link in recorded]
    with rendered(paths) as url:
        assert hrefs(ask(f"{url}/firefox/releases/131.0.3/").text)[1:] == recorded


def test_a_folder_without_a_file_is_none_and_one_with_an_index_is_that() -> None:
    with rendered({**PATHS, "empty/": None, "firefox/about/index.html": b"<h1>About</h1>"}) as url:
        assert ask(f"{url}/empty/").status == 404
        assert ask(f"{url}/firefox/about/").body == b"<h1>About</h1>"
        assert hrefs(ask(f"{url}/").text) == ["/", "/pub/firefox/"]


@pytest.mark.parametrize("base", ["/pub", "/pub/mozilla.org", "/mirror/of/pub"])
@pytest.mark.parametrize("style", ["bucketlister", "apache"])
def test_the_tree_lies_where_it_is_wanted(base: str, style: str) -> None:
    with rendered(PATHS, base=base, style=style) as url:  # type: ignore[arg-type]
        assert url.endswith(base)
        assert ask(f"{url}/{DEBUG}/").status == 200
        assert ask(f"{url}/firefox/nightly/2013/").status == 404


def test_json_is_only_for_an_archive_that_has_it() -> None:
    with rendered(PATHS, json=False) as url:
        assert ask(f"{url}/{DEBUG}/", Accept="application/json").headers["content-type"] == "text/html"


def test_the_old_server_had_relative_links_and_links_that_sort() -> None:
    with rendered({**PATHS, "firefox/nightly/2014/12/empty/": None}, style="apache") as url:
        links = hrefs(ask(f"{url}/firefox/nightly/2014/12/", Accept="application/json").text)
        assert links == [
            *("?C=N;O=D", "?C=M;O=A", "?C=S;O=A", "?C=D;O=A", "/pub/firefox/nightly/2014/"),
            *("2014-12-10-mozilla-central-debug/", "empty/"),
        ]
        moved = ask(f"{url}/firefox/nightly/2014/12")
        assert (moved.status, moved.headers["location"]) == (301, "/pub/firefox/nightly/2014/12/")
        assert ask(f"{url}/firefox/nightly/2014/12/empty/").status == 200
        installers = ask(f"{url}/firefox/nightly/2017/08/2017-08-25-10-01-26-mozilla-central-l10n/")
        assert hrefs(installers.text)[-1] == "Firefox%20Installer.fr.exe"
