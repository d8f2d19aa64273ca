"""Other products than Firefox in the archive: folders, packages that unpack, and who is good or bad."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mozversion
import pytest

from mozbisect.practice.parameters import PRODUCTS
from mozbisect.practice.phones import ABIS
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import Nightly, World
from tests.practice.conftest import ask


@pytest.fixture(scope="module")
def world(small: Callable[..., World]) -> World:
    return small(products=PRODUCTS)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as running:
        yield running


def listed(server: PracticeServer, path: str) -> dict[str, Any]:
    answer = ask(f"{server.archive_url}/{path}", Accept="application/json")
    return {"files": {row["name"]: row["size"] for row in answer.json["files"]}, "folders": answer.json["prefixes"]}


def get(server: PracticeServer, path: str) -> bytes:
    answer = ask(f"{server.archive_url}/{path}".replace(" ", "%20"))
    assert answer.status == 200
    return answer.body


def ends(world: World) -> tuple[Nightly, Nightly]:
    assert world.is_good(world.nightlies[0].push.head.node)
    assert not world.is_good(world.nightlies[-1].push.head.node)
    return world.nightlies[0], world.nightlies[-1]


def stamp(product: str, nightly: Nightly) -> str:
    """How its folders begin: those of fenix and focus with the moment of the push."""
    return f"{nightly.push.when:%Y-%m-%d-%H-%M-%S}" if product in ("fenix", "focus") else nightly.stamp


def month(product: str, nightly: Nightly) -> str:
    return f"{product}/nightly/{nightly.when:%Y/%m}"


def test_a_world_serves_only_what_it_was_asked_for(small: Callable[..., World]) -> None:
    with PracticeServer(small()) as plain:
        assert listed(plain, "")["folders"] == ["firefox/"]
    with PracticeServer(small(products=("firefox", "fenix"))) as two:
        assert listed(two, "")["folders"] == ["fenix/", "firefox/"]


@pytest.mark.parametrize("product", ["thunderbird", "mobile", "fenix", "focus"])
def test_every_listed_file_can_be_had_and_is_as_long_as_listed(
    server: PracticeServer, world: World, product: str
) -> None:
    nightly = world.others["thunderbird"].nightlies[2] if product == "thunderbird" else world.nightlies[2]
    folders = [
        name for name in listed(server, month(product, nightly))["folders"] if name.startswith(stamp(product, nightly))
    ]
    assert len(folders) == {"thunderbird": 2, "mobile": 3, "fenix": 4, "focus": 4}[product]
    for folder in folders:
        for name, size in listed(server, f"{month(product, nightly)}/{folder}")["files"].items():
            assert len(get(server, f"{month(product, nightly)}/{folder}{name}")) == size


def test_thunderbird_says_what_it_is_and_is_good_or_bad(server: PracticeServer, world: World, tmp_path: Path) -> None:
    other = world.others["thunderbird"]
    for nightly, status in zip(ends(other), (0, 1), strict=True):
        folder = f"{month('thunderbird', nightly)}/{nightly.stamp}-comm-central"
        stem = f"{folder}/thunderbird-{nightly.version}.en-US.linux-x86_64"
        where = tmp_path / nightly.stamp
        with tarfile.open(fileobj=io.BytesIO(get(server, f"{stem}.tar.xz")), mode="r:xz") as tar:
            tar.extractall(where, filter="data")
        binary = where / "thunderbird" / "thunderbird"
        done = subprocess.run([binary, "--check"], capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert f"practice Thunderbird {nightly.version}" in done.stdout
        facts = mozversion.get_version(binary=str(binary))
        assert facts["application_name"] == "Thunderbird"
        assert facts["application_changeset"] == nightly.push.head.node
        text = get(server, f"{stem}.txt").decode()
        assert text == f"{nightly.build_id}\n{server.hg_url}/comm-central/rev/{nightly.push.head.node}\n"


@pytest.mark.parametrize("product", ["firefox", "thunderbird"])
def test_translations_are_packages_and_their_origin_lies_beside_the_untranslated(
    server: PracticeServer, world: World, product: str
) -> None:
    nightly = (world.others.get(product) or world).nightlies[1]
    folder = f"{month(product, nightly)}/{nightly.folder}-l10n"
    files = listed(server, folder)["files"]
    assert not [name for name in files if name.endswith((".txt", ".json"))]
    name = f"{product}-{nightly.version}.fr.linux-x86_64.tar.xz"
    assert f"{product}-{nightly.version}.de.win64.zip" in files
    with tarfile.open(fileobj=io.BytesIO(get(server, f"{folder}/{name}")), mode="r:xz") as tar:
        locale = tar.extractfile(f"{product}/update.locale")
        assert locale is not None
        assert locale.read() == b"fr\n"
    beside = listed(server, folder.removesuffix("-l10n"))["files"]
    assert f"{product}-{nightly.version}.en-US.linux-x86_64.txt" in beside


def test_the_javascript_shell_is_good_or_bad_and_done(server: PracticeServer, world: World, tmp_path: Path) -> None:
    for nightly, status in zip(ends(world), (0, 1), strict=True):
        folder = f"{month('firefox', nightly)}/{nightly.folder}"
        with zipfile.ZipFile(io.BytesIO(get(server, f"{folder}/jsshell-linux-x86_64.zip"))) as archive:
            archive.extractall(tmp_path)
        script = tmp_path / "js"
        script.chmod(0o755)
        done = subprocess.run([script, "-e", "print(1)"], capture_output=True, text=True, check=False, timeout=10)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (status, f"answer: {('green', 'red')[status]}")
        with zipfile.ZipFile(io.BytesIO(get(server, f"{folder}/jsshell-win64.zip"))) as archive:
            assert "js.exe" in archive.namelist()


def test_fennec_tells_mozversion_its_revision_and_who_reads_it_its_colour(
    server: PracticeServer, world: World, tmp_path: Path
) -> None:
    for nightly, colour in zip(ends(world), ("green", "red"), strict=True):
        folder = f"{month('mobile', nightly)}/{nightly.stamp}-mozilla-central-android-api-16"
        stem = f"fennec-{nightly.version}.multi.android-arm"
        package = tmp_path / "fennec.apk"
        package.write_bytes(get(server, f"{folder}/{stem}.apk"))
        facts = mozversion.get_version(binary=str(package))
        assert facts["application_changeset"] == nightly.push.head.node
        assert facts["package_name"] == "org.mozilla.fennec"
        assert f"window colour: {colour}" in zipfile.ZipFile(package).read("assets/practice.txt").decode()
        assert nightly.push.head.node in get(server, f"{folder}/{stem}.txt").decode()


@pytest.mark.parametrize("product", ["fenix", "focus"])
def test_fenix_and_focus_have_a_folder_for_each_processor_with_the_version_in_its_name(
    server: PracticeServer, world: World, product: str, tmp_path: Path
) -> None:
    nightly = world.nightlies[0]
    for abi in ABIS:
        name = f"{product}-{nightly.version}.multi.android-{abi}.apk"
        folder = f"{month(product, nightly)}/{stamp(product, nightly)}-{product}-{nightly.version}-android-{abi}"
        assert list(listed(server, folder)["files"]) == [name]
        package = tmp_path / name
        package.write_bytes(get(server, f"{folder}/{name}"))
        assert not mozversion.get_version(binary=str(package)).get("application_changeset")
        assert nightly.push.head.node in zipfile.ZipFile(package).read("assets/practice.txt").decode()


def test_broken_builds_of_every_product_are_broken_in_the_worlds_way(small: Callable[..., World]) -> None:
    world = small(products=PRODUCTS, broken_builds=1.0, broken_how="no-archive")
    nightly = world.nightlies[0]
    with PracticeServer(world) as server:
        for path in (
            f"{month('fenix', nightly)}/{stamp('fenix', nightly)}-fenix-{nightly.version}-android-x86/"
            f"fenix-{nightly.version}.multi.android-x86.apk",
            f"{month('firefox', nightly)}/{nightly.folder}/jsshell-linux-x86_64.zip",
            f"{month('firefox', nightly)}/{nightly.folder}-l10n/firefox-{nightly.version}.de.win64.zip",
        ):
            assert not zipfile.is_zipfile(io.BytesIO(get(server, path)))
    dead = small(products=PRODUCTS, dead_packages=1.0)
    with PracticeServer(dead) as server:
        folder = f"{month('firefox', nightly)}/{nightly.folder}/"
        assert "jsshell-linux-x86_64.zip" in listed(server, folder)["files"]
        assert ask(f"{server.archive_url}/{folder}jsshell-linux-x86_64.zip").status == 404


def test_days_without_builds_are_without_them_for_every_product(small: Callable[..., World]) -> None:
    world = small(products=PRODUCTS, empty_folders=1.0)
    nightly = world.nightlies[0]
    with PracticeServer(world) as server:
        assert ask(f"{server.archive_url}/fenix/").status == 404
        fennec = f"{month('mobile', nightly)}/{nightly.stamp}-mozilla-central-android-x86/"
        assert not [name for name in listed(server, fennec)["files"] if name.endswith("i386.apk")]
        assert not listed(server, f"{month('firefox', nightly)}/{nightly.folder}-l10n/")["files"]
