from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mozbisect.practice.builds import BROKEN_PREF, Archive, Recipe, build, pack_bulk
from mozbisect.practice.world import Package

RECIPE = Recipe(
    ending=".tar.xz",
    version="156.0a1",
    build_id="20260904093122",
    repository="https://hg.mozilla.org/mozilla-central",
    revision="0123456789abcdef0123456789abcdef01234567",
    good=True,
)
BAD = replace(RECIPE, good=False)
ESR = Path("/usr/lib/firefox-esr")


def content(archive: Archive) -> bytes:
    return archive.padding + archive.own


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[Recipe], Path]:
    def unpack(recipe: Recipe) -> Path:
        with tarfile.open(fileobj=io.BytesIO(content(build(recipe))), mode="r:xz") as tar:
            tar.extractall(tmp_path, filter="data")
        return tmp_path / "firefox" / "firefox"

    return unpack


def run(binary: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([binary, *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


def test_the_same_recipe_gives_the_same_bytes() -> None:
    before = content(build(RECIPE))
    build.cache_clear()
    assert content(build(RECIPE)) == before
    assert content(build(BAD)) != before


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, size_mb=1), replace(RECIPE, ending=".zip")])
def test_digests_are_those_of_the_whole(recipe: Recipe) -> None:
    made = build(recipe)
    assert made.sha256 == hashlib.sha256(content(made)).hexdigest()
    assert made.sha512 == hashlib.sha512(content(made)).hexdigest()
    assert len(made) == len(content(made))


def test_a_check_tells_good_from_bad(unpacked: Callable[[Recipe], Path]) -> None:
    line = "practice Firefox 156.0a1 20260904093122 rev 0123456789abcdef0123456789abcdef01234567\n"
    assert run(unpacked(RECIPE), "--check") == (0, f"{line}window colour: green\n")
    assert run(unpacked(BAD), "--check") == (1, f"{line}window colour: red\n")
    assert run(unpacked(BAD), "--no-remote", "-profile", "x", "--check")[0] == 1


def test_a_version_is_told_by_good_and_bad_alike(unpacked: Callable[[Recipe], Path]) -> None:
    assert run(unpacked(BAD), "--version") == (0, "Mozilla Firefox 156.0a1\n")


def test_a_started_build_shows_its_colour_and_runs_until_it_is_told_to_end(unpacked: Callable[[Recipe], Path]) -> None:
    with subprocess.Popen([unpacked(BAD)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert [running.stdout.readline() for _ in range(2)][1] == "window colour: red\n"
        assert running.poll() is None
        running.terminate()
        assert running.wait(10) != 0


def test_a_build_says_what_it_was_made_from(unpacked: Callable[[Recipe], Path]) -> None:
    import mozversion

    facts = mozversion.get_version(binary=str(unpacked(RECIPE)))
    assert facts["application_name"] == "Firefox"
    assert facts["application_version"] == facts["platform_version"] == "156.0a1"
    assert facts["application_buildid"] == facts["platform_buildid"] == RECIPE.build_id
    assert facts["application_changeset"] == facts["platform_changeset"] == RECIPE.revision
    assert facts["application_repository"] == RECIPE.repository


def test_padding_makes_a_build_large_and_unpacks(unpacked: Callable[[Recipe], Path]) -> None:
    recipe = replace(BAD, size_mb=2)
    assert len(build(recipe)) > 2 << 20
    binary = unpacked(recipe)
    assert (binary.parent / "libxul.so").stat().st_size == 2 << 20
    assert run(binary, "--check")[0] == 1
    assert build(recipe).padding is build(replace(RECIPE, size_mb=2)).padding


@pytest.mark.skipif(shutil.which("tar") is None or shutil.which("xz") is None, reason="needs tar and xz")
def test_the_system_unpacks_a_build_of_two_streams(tmp_path: Path) -> None:
    (tmp_path / "b.tar.xz").write_bytes(content(build(replace(RECIPE, size_mb=1))))
    subprocess.run(["tar", "-xJf", "b.tar.xz"], cwd=tmp_path, check=True)
    assert run(tmp_path / "firefox" / "firefox", "--check")[0] == 0


def test_a_build_may_hold_the_files_of_a_real_one(unpacked: Callable[[Recipe], Path], tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    (installed / "browser").mkdir(parents=True)
    (installed / "browser" / "omni.ja").write_bytes(b"omni" * 1000)
    (installed / "application.ini").write_text("theirs")
    (installed / "link").symlink_to("/elsewhere")
    pack_bulk(installed, tmp_path / "bulk.xz")
    binary = unpacked(replace(BAD, bulk=tmp_path / "bulk.xz"))
    assert (binary.parent / "browser" / "omni.ja").read_bytes() == b"omni" * 1000
    assert "theirs" not in (binary.parent / "application.ini").read_text()
    assert not (binary.parent / "link").exists()
    assert run(binary, "--check")[0] == 1


def test_broken_builds_are_broken_in_their_own_ways(unpacked: Callable[[Recipe], Path]) -> None:
    dies = unpacked(replace(RECIPE, package=Package.DIES))
    assert run(dies) == (1, "")
    assert run(dies, "--check")[0] == 125
    dies.unlink()
    assert not unpacked(replace(RECIPE, package=Package.NO_BINARY)).exists()
    with pytest.raises(tarfile.ReadError):
        unpacked(replace(RECIPE, package=Package.NO_ARCHIVE))


def test_windows_gets_a_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(content(build(replace(RECIPE, ending=".zip"))))) as archive:
        assert "firefox/firefox.exe" in archive.namelist()
        assert RECIPE.revision.encode() in archive.read("firefox/application.ini")


def test_a_real_browser_is_started_with_a_changed_profile(unpacked: Callable[[Recipe], Path], tmp_path: Path) -> None:
    installed, profile = tmp_path / "it's installed", tmp_path / "a profile"
    installed.mkdir()
    profile.mkdir()
    (profile / "user.js").write_text('user_pref("mine", 1);\n')
    program = installed / "firefox"
    program.write_text('#!/bin/sh\necho "$0" "$@"\nexit 3\n')
    program.chmod(0o755)
    wrapped = replace(BAD, firefox_dir=installed)
    assert run(unpacked(wrapped), "-profile", str(profile), "--new-tab", "two words") == (
        3,
        f"{program} -profile {profile} --new-tab two words\n",
    )
    prefs = (profile / "user.js").read_text()
    assert prefs.startswith('user_pref("mine", 1);\n')
    assert f'user_pref("{BROKEN_PREF}", true);' in prefs


def test_a_folder_without_firefox_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Firefox"):
        build(replace(RECIPE, firefox_dir=tmp_path))


@pytest.mark.firefox
@pytest.mark.skipif(not ESR.exists(), reason="needs firefox-esr")
@pytest.mark.parametrize("recipe", [RECIPE, BAD], ids=["good", "bad"])
def test_firefox_takes_the_pref_over(recipe: Recipe, unpacked: Callable[[Recipe], Path], tmp_path: Path) -> None:
    profile, picture = tmp_path / "profile", tmp_path / "picture.png"
    profile.mkdir()
    words = ["--headless", "--no-remote", "--profile", str(profile), "--screenshot", str(picture), "about:blank"]
    subprocess.run([unpacked(replace(recipe, firefox_dir=ESR)), *words], capture_output=True, timeout=100, check=True)
    written = (profile / "prefs.js").read_text()
    assert f'user_pref("{BROKEN_PREF}", {"false" if recipe.good else "true"});' in written
    assert picture.stat().st_size > 0
