from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest

from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import Nightly, World
from tests.practice.conftest import ask


def folder(server: PracticeServer, nightly: Nightly) -> str:
    return f"{server.archive_url}/firefox/nightly/{nightly.when:%Y/%m}/{nightly.folder}/"


def names(server: PracticeServer, url: str) -> list[str]:
    return [row["name"] for row in ask(url, Accept="application/json").json["files"]]


@pytest.fixture
def nightly(world: World) -> Nightly:
    return world.nightlies[3]


def stem(nightly: Nightly) -> str:
    return f"firefox-{nightly.version}.en-US.linux-x86_64"


def test_the_month_lists_every_nightly_and_its_translations(server: PracticeServer, world: World) -> None:
    page = ask(f"{server.archive_url}/firefox/nightly/2026/09/")
    assert page.headers["content-type"] == "text/html"
    assert page.headers["vary"] == "Accept"
    shown = re.findall(r'href="/pub/firefox/nightly/2026/09/([^"]+)/"', page.text)
    assert [name for name in shown if name.endswith("central")] == [nightly.folder for nightly in world.nightlies]
    assert sum(name.endswith("-l10n") for name in shown) == len(world.nightlies)


def test_json_is_for_who_asks_for_it_and_says_the_same(server: PracticeServer, nightly: Nightly) -> None:
    url = folder(server, nightly)
    rows = ask(url, Accept="application/json").json
    hrefs = re.findall(r'<td>File</td>\s*<td><a href="[^"]+">([^<]+)<', ask(url).text)
    assert sorted(row["name"] for row in rows["files"]) == sorted(hrefs)
    assert len(hrefs) > 150


def test_an_old_archive_lists_in_html_only(world: World) -> None:
    with PracticeServer(world, json_listings=False) as old:
        page = ask(f"{old.archive_url}/firefox/nightly/2026/09/", Accept="application/json")
    assert page.headers["content-type"] == "text/html"


def test_a_path_without_its_last_slash_is_served_like_the_one_with_it(server: PracticeServer) -> None:
    assert (
        ask(f"{server.archive_url}/firefox/nightly/2026/09").body
        == ask(f"{server.archive_url}/firefox/nightly/2026/09/").body
    )


@pytest.mark.parametrize("path", ["/firefox/nightly/2031/01/", "/thunderbird/", "/firefox/nightly/2026/09/no-such/x"])
def test_what_holds_nothing_is_a_404_that_says_so(server: PracticeServer, path: str) -> None:
    answer = ask(server.archive_url + path)
    assert (answer.status, answer.text) == (404, "Not Found")


def test_every_listed_file_can_be_had_and_is_as_long_as_listed(server: PracticeServer, nightly: Nightly) -> None:
    for row in ask(folder(server, nightly), Accept="application/json").json["files"]:
        answer = ask(folder(server, nightly) + row["name"].replace(" ", "%20"))
        assert (answer.status, len(answer.body)) == (200, row["size"]), row["name"]


def test_the_text_beside_a_build_tells_its_id_and_revision(server: PracticeServer, nightly: Nightly) -> None:
    text = ask(f"{folder(server, nightly)}{stem(nightly)}.txt").text
    assert text == f"{nightly.build_id}\n{server.hg_url}/mozilla-central/rev/{nightly.push.head.node}\n"
    json = ask(f"{folder(server, nightly)}{stem(nightly)}.json").json
    assert (json["buildid"], json["moz_source_stamp"]) == (nightly.build_id, nightly.push.head.node)
    hub = ask(f"{folder(server, nightly)}{stem(nightly)}.buildhub.json").json
    assert (hub["build"]["id"], hub["source"]["revision"]) == (nightly.build_id, nightly.push.head.node)


def test_checksums_are_those_of_the_files(server: PracticeServer, nightly: Nightly) -> None:
    lines = ask(f"{folder(server, nightly)}{stem(nightly)}.checksums").text.splitlines()
    assert any(line.endswith(f"{stem(nightly)}.tar.xz") for line in lines)
    for line in lines:
        value, algorithm, size, name = line.split(" ", 3)
        body = ask(folder(server, nightly) + name).body
        assert (value, algorithm, int(size)) == (hashlib.sha512(body).hexdigest(), "sha512", len(body))


def test_build_information_may_name_the_real_server(world: World, nightly: Nightly) -> None:
    with PracticeServer(world, mozilla_urls=True) as elsewhere:
        text = ask(f"{folder(elsewhere, nightly)}{stem(nightly)}.txt").text
    assert f"https://hg.mozilla.org/mozilla-central/rev/{nightly.push.head.node}" in text


def test_holes_are_where_the_world_says(small: Callable[..., World]) -> None:
    world = small(empty_folders=0.3, missing_txt=0.3, missing_origin=0.3, dead_packages=0.3, seed=3)
    seen = set()
    with PracticeServer(world) as server:
        for nightly in world.nightlies:
            listed = names(server, folder(server, nightly))
            package = f"{stem(nightly)}.tar.xz"
            assert (package in listed) == world.has_builds(nightly)
            if package in listed:
                assert (f"{stem(nightly)}.txt" in listed) == world.has_txt(nightly)
                assert (f"{stem(nightly)}.json" in listed) == world.has_origin(nightly)
                status = ask(folder(server, nightly) + package).status
                assert (status == 200) == world.testable(nightly)
                seen.add(status)
            seen.add(package in listed)
    assert seen == {True, False, 200, 404}
