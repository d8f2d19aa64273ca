"""What was released, and what product-details says of it, against the world."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest

from mozbisect.practice.released import ODD
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import Release, World
from tests.practice.conftest import Answer, ask

DAYS = (date(2026, 9, 4), date(2026, 9, 7))


@pytest.fixture(scope="module")
def world(small: Callable[..., World]) -> World:
    return small(seed=3, trains=True, train_days=DAYS, products=("firefox", "thunderbird", "devedition"))


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as running:
        yield running


def listed(server: PracticeServer, path: str) -> Any:
    return ask(f"{server.archive_url}/{path}", Accept="application/json").json


def get(server: PracticeServer, path: str) -> Answer:
    return ask(f"{server.archive_url}/{quote(path)}")


def names(server: PracticeServer, path: str) -> set[str]:
    return {row["name"] for row in listed(server, path)["files"]}


@pytest.fixture
def newest(world: World) -> Release:
    return [one for one in world.releases if one.channel == "release"][-1]


def test_the_index_holds_every_version_and_what_is_none(server: PracticeServer, world: World) -> None:
    folders = {name.rstrip("/") for name in listed(server, "firefox/releases/")["prefixes"]}
    assert folders == {one.version for one in world.releases} | set(ODD)
    assert names(server, f"firefox/releases/{ODD[0]}/") == {"README.txt"}
    betas = {one.version for one in world.releases if one.channel == "beta"}
    assert {name.rstrip("/") for name in listed(server, "devedition/releases/")["prefixes"]} == betas


@pytest.mark.parametrize("product", ["firefox", "devedition", "thunderbird"])
def test_the_sums_of_a_release_are_those_of_all_its_files(server: PracticeServer, world: World, product: str) -> None:
    one = next(one for one in world.releases if one.channel == "beta")
    base = f"{product}/releases/{one.version}"
    for sums, algorithm in (("SHA256SUMS", "sha256"), ("SHA512SUMS", "sha512")):
        lines = [line.split("  ", 1) for line in get(server, f"{base}/{sums}").text.splitlines()]
        found = {path: digest for digest, path in lines}
        below = {
            f"{place}{lang}{name}"
            for place in listed(server, f"{base}/")["prefixes"]
            for lang in (listed(server, f"{base}/{place}")["prefixes"] or [""])
            for name in names(server, f"{base}/{place}{lang}")
        }
        assert set(found) == below
        for path, digest in found.items():
            assert hashlib.new(algorithm, get(server, f"{base}/{path}").body).hexdigest() == digest


def test_windows_has_an_installer_below_releases_and_a_zip_below_candidates(
    server: PracticeServer, newest: Release
) -> None:
    version, last = newest.version, len(newest.builds)
    assert names(server, f"firefox/releases/{version}/win64/en-US/") == {
        f"Firefox Setup {version}.exe",
        f"Firefox Setup {version}.msi",
    }
    candidate = f"firefox/candidates/{version}-candidates/build{last}"
    assert f"firefox-{version}.zip" in names(server, f"{candidate}/win64/en-US/")
    linux = get(server, f"firefox/releases/{version}/linux-x86_64/de/firefox-{version}.tar.xz").body
    assert linux == get(server, f"{candidate}/linux-x86_64/de/firefox-{version}.tar.xz").body
    assert linux != get(server, f"{candidate}/linux-x86_64/en-US/firefox-{version}.tar.xz").body


def test_each_build_of_a_candidate_tells_what_it_was_made_from(server: PracticeServer, world: World) -> None:
    seen = set()
    for one in world.releases:
        for number, push in enumerate(one.builds, 1):
            stem = f"firefox/candidates/{one.version}-candidates/build{number}/linux-x86_64/en-US/firefox-{one.version}"
            told = ask(f"{server.archive_url}/{stem}.json").json
            assert (told["buildid"], told["moz_source_stamp"]) == (push.build_id, push.head.node)
            assert told["moz_app_version"] == world.version(push)
            text = get(server, f"{stem}.txt").text
            assert text == f"{push.build_id}\n{server.hg_url}/releases/{push.repo}/rev/{push.head.node}\n"
            seen.add(number)
    assert seen == {1, 2}


def test_what_went_out_is_what_taskcluster_built(server: PracticeServer, world: World, newest: Release) -> None:
    push = newest.push
    route = f"gecko.v2.{push.repo}.shippable.revision.{push.head.node}.firefox.linux64-opt"
    task = ask(f"{server.taskcluster_url}/api/index/v1/task/{route}").json["taskId"]
    built = ask(f"{server.artifact_url}/{task}/0/public/build/target.tar.xz").body
    assert (
        built
        == get(server, f"firefox/releases/{newest.version}/linux-x86_64/en-US/firefox-{newest.version}.tar.xz").body
    )


def test_without_trains_nothing_was_released(small: Callable[..., World]) -> None:
    with PracticeServer(small()) as server:
        assert ask(f"{server.archive_url}/firefox/releases/").status == 404
        assert ask(f"{server.product_details_url}/firefox.json").json == {"releases": {}}


# ------------------------------------------------------------------------------------------------ product-details


def details(server: PracticeServer, name: str) -> Any:
    return ask(f"{server.product_details_url}/{name}.json").json


def test_every_version_is_there_with_its_day_and_its_category(server: PracticeServer, world: World) -> None:
    categories = {"beta": {"dev"}, "esr": {"esr"}, "release": {"major", "stability"}}
    rows = details(server, "firefox")["releases"]
    assert set(rows) == {f"firefox-{one.version}" for one in world.releases}
    for one in world.releases:
        row = rows[f"firefox-{one.version}"]
        assert (row["date"], row["build_number"]) == (str(one.day), len(one.builds))
        assert row["category"] in categories[one.channel]
        assert row["version"] == one.version.removesuffix("esr")
    assert {row["category"] for row in rows.values()} >= {"major", "dev", "esr"}
    betas = {f"devedition-{one.version}" for one in world.releases if one.channel == "beta"}
    assert set(details(server, "devedition")["releases"]) == betas


def test_histories_add_up_to_what_was_released_and_go_back_further(server: PracticeServer, world: World) -> None:
    histories = {
        kind: details(server, f"firefox_history_{kind}_releases") for kind in ("major", "stability", "development")
    }
    for one in world.releases:
        told = {kind for kind, days in histories.items() if days.get(one.version) == str(one.day)}
        assert told == ({"development"} if one.channel == "beta" else set() if one.channel == "esr" else {"major"})
    major = histories["major"]
    # As in the real one.
    real = {
        "14.0.1": "2012-07-17",
        "33.0": "2014-10-14",
        "33.1": "2014-11-10",
        "52.0": "2017-03-07",
        "53.0": "2017-04-19",
    }
    real |= {"54.0": "2017-06-13", "100.0": "2022-05-03", "125.0.1": "2024-04-16", "131.0": "2024-10-01"}
    assert {version: major[version] for version in real} == real
    assert "125.0" not in major
    assert "14.0" not in major


def test_the_newest_versions_are_those_at_the_end_of_the_world(server: PracticeServer, world: World) -> None:
    versions = details(server, "firefox_versions")
    last = {one.channel: one.version for one in world.releases}
    assert versions["LATEST_FIREFOX_VERSION"] == last["release"]
    assert versions["LATEST_FIREFOX_DEVEL_VERSION"] == versions["FIREFOX_DEVEDITION"] == last["beta"]
    assert versions["FIREFOX_ESR"] == last["esr"]
    assert versions["FIREFOX_NIGHTLY"] == world.nightlies[-1].version
    assert versions["LAST_MERGE_DATE"] == str(DAYS[-1])
    assert ask(f"{server.product_details_url}/chromium.json").status == 404
