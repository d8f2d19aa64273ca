"""``codesign`` as a program that keeps its seals in files: what macOS itself makes of them was not tested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.model import Build
from mozbisect.launch.desktop import DesktopLauncher
from mozbisect.launch.macos import Seal, seal, sign_if_needed
from mozbisect.launch.settings import LaunchSettings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")

# A seal is the list of the files that were there when it was made, as it is in life.
CODESIGN = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/log"
for app; do :; done
now=$(cd "$app" && find . -type f ! -name seal | sort)
case "$1" in
-v)
  [ -e "$here/confused" ] && { echo "usage: codesign" >&2; exit 2; }
  [ -e "$app/seal" ] || { echo "$app: code object is not signed at all" >&2; exit 1; }
  [ "$(cat "$app/seal")" = "$now" ] || { echo "$app: a sealed resource is missing or invalid" >&2; exit 1; } ;;
--force)
  [ -e "$here/refuses" ] && { echo "$app: internal error in Code Signing subsystem" >&2; exit 1; }
  echo "$now" >"$app/seal" ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "codesign").write_text(CODESIGN)
    (folder / "codesign").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    program = tmp_path / "a tree" / "Firefox Nightly.app" / "Contents" / "MacOS" / "firefox"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    return program.parents[2]


def program(bundle: Path) -> Path:
    return bundle / "Contents" / "MacOS" / "firefox"


def signed(bundle: Path, tools: Path) -> None:
    sign_if_needed(program(bundle), version=13)
    (tools / "log").unlink()


def log(tools: Path) -> list[str]:
    return (tools / "log").read_text().splitlines()


def test_an_unsigned_application_is_signed_with_a_signature_of_no_one(tools: Path, bundle: Path) -> None:
    assert seal(bundle) is Seal.NONE
    sign_if_needed(program(bundle), version=10)
    assert seal(bundle) is Seal.WHOLE
    assert log(tools)[2] == f"--force --deep --sign - {bundle}"


def test_a_whole_seal_is_left_alone(tools: Path, bundle: Path) -> None:
    signed(bundle, tools)
    sign_if_needed(program(bundle), version=14)
    assert log(tools) == [f"-v {bundle}"]


@pytest.mark.parametrize(("version", "after"), [(12, Seal.BROKEN), (13, Seal.WHOLE), (26, Seal.WHOLE)])
def test_a_broken_seal_is_mended_where_macos_minds_it(tools: Path, bundle: Path, version: int, after: Seal) -> None:
    signed(bundle, tools)
    (bundle / "new").write_text("")
    assert seal(bundle) is Seal.BROKEN
    sign_if_needed(program(bundle), version=version)
    assert seal(bundle) is after


def test_a_build_that_cannot_be_signed_is_broken_with_codesigns_words(tools: Path, bundle: Path) -> None:
    (tools / "refuses").write_text("")
    with pytest.raises(BrokenBuild, match="internal error in Code Signing subsystem"):
        sign_if_needed(program(bundle), version=13)


def test_a_codesign_that_cannot_tell_changes_nothing(tools: Path, bundle: Path) -> None:
    (tools / "confused").write_text("")
    assert seal(bundle) is Seal.UNKNOWN
    sign_if_needed(program(bundle), version=13)
    assert not (bundle / "seal").exists()


def test_without_codesign_nothing_is_signed(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seal(bundle) is Seal.UNKNOWN
    sign_if_needed(program(bundle), version=13)


def test_a_program_that_is_no_application_is_left_alone(tools: Path, tmp_path: Path) -> None:
    sign_if_needed(tmp_path / "firefox" / "firefox", version=13)
    assert not (tools / "log").exists()


@pytest.mark.parametrize("before", ["unsigned", "signed"])
def test_a_build_is_sealed_again_after_the_policy_was_written(
    tools: Path, bundle: Path, build: Build, before: str
) -> None:
    if before == "signed":
        signed(bundle, tools)
    settings = LaunchSettings(app="firefox", os="mac", binary_names=("firefox",))
    with DesktopLauncher(settings).install(bundle.parent, build) as app:
        assert app.binary == program(bundle)
        assert (bundle / "Contents/Resources/distribution/policies.json").exists()
        assert seal(bundle) is Seal.WHOLE


def test_on_other_systems_nothing_is_signed(tools: Path, bundle: Path, build: Build) -> None:
    settings = LaunchSettings(app="firefox", os="linux", binary_names=("firefox",))
    with DesktopLauncher(settings).install(bundle.parent, build):
        assert not (tools / "log").exists()
