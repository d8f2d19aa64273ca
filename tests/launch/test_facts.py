"""What builds say of themselves, read as mozversion reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import mozversion
import pytest

from mozbisect.launch import facts

APPLICATION = """\
; This file is made by the build.
[App]
Vendor=Mozilla
Name=Firefox
RemotingName=firefox-nightly
CodeName=Nightly
Version=151.0a1
BuildID=20260912093145
SourceRepository=https://hg.mozilla.org/mozilla-central
SourceStamp=db17406441cd3662ecb6ba2ada46dd34aa442f43
ID={ec8030f7-c20a-464f-9b0e-13a3a9e97384}
Empty=
Odd = 50 %s ; no comment

[XRE]
EnableProfileMigrator=1
"""
PLATFORM = "[Build]\nBuildID=20260912093145\nMilestone=151.0a1\nSourceStamp=db17406441cd\n"


def program(folder: Path, application: str, platform: str, inis: str = ".") -> Path:
    folder.mkdir(parents=True)
    (folder / "firefox").touch()
    (folder / inis).mkdir(exist_ok=True)
    (folder / inis / "application.ini").write_text(application, encoding="utf-8")
    (folder / inis / "platform.ini").write_text(platform, encoding="utf-8")
    return folder / "firefox"


@pytest.mark.parametrize(
    "application",
    [
        APPLICATION,
        APPLICATION.replace("CodeName=Nightly\n", ""),
        APPLICATION.replace("Name=Firefox\n", ""),
        APPLICATION.replace("=", ": "),
        APPLICATION.replace("\n", "\r\n"),
        "[DEFAULT]\nVersion=3.6\n[App]\nName=Firefox\n",
    ],
)
def test_a_program_says_the_same_as_to_mozversion(tmp_path: Path, application: str) -> None:
    binary = program(tmp_path / "firefox", application, PLATFORM)
    theirs = {name: value for name, value in mozversion.get_version(binary=str(binary)).items() if value}
    assert facts.of_program(binary) == theirs
    assert theirs["platform_changeset"] == "db17406441cd"


def test_it_is_found_behind_a_link_and_beside_the_folder_of_programs(tmp_path: Path) -> None:
    binary = program(tmp_path / "Firefox.app" / "MacOS", APPLICATION, PLATFORM, "../Resources")
    assert facts.of_program(binary)["application_name"] == "Firefox"
    if sys.platform != "win32":
        (tmp_path / "link").symlink_to(binary)
        assert facts.of_program(tmp_path / "link")["application_name"] == "Firefox"


@pytest.mark.parametrize("broken", ["", "no section", "[App]\nName", "[App]\nName=a\nName=b\n", "[Other]\nName=a\n"])
def test_nonsense_says_nothing(tmp_path: Path, broken: str) -> None:
    assert facts.of_program(program(tmp_path / "one", broken, PLATFORM)) == {}
    assert facts.of_program(program(tmp_path / "other", APPLICATION, broken)) == {}


def test_bytes_that_are_no_text_say_nothing(tmp_path: Path) -> None:
    binary = program(tmp_path / "firefox", APPLICATION, PLATFORM)
    (binary.parent / "platform.ini").write_bytes(b"[Build]\nMilestone=\xff\n")
    assert facts.of_program(binary) == {}


def test_half_of_the_files_say_nothing(tmp_path: Path) -> None:
    binary = program(tmp_path / "firefox", APPLICATION, PLATFORM)
    (binary.parent / "platform.ini").unlink()
    assert facts.of_program(binary) == {}
