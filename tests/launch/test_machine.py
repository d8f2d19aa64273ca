from __future__ import annotations

import os
from pathlib import Path

import pytest

from mozbisect.core.errors import CannotRun
from mozbisect.launch import machine
from mozbisect.launch.desktop import DesktopLauncher
from mozbisect.launch.settings import LaunchSettings, environment_for_commands
from mozbisect.launch.shell import ShellLauncher

pytestmark = pytest.mark.skipif(os.name == "nt", reason="what Linux may lack")


# ------------------------------------------------------------------------------- a folder for programs


def test_a_folder_where_nothing_may_be_executed_is_refused_with_the_way_out(noexec: Path) -> None:
    with pytest.raises(CannotRun, match=str(noexec)) as caught:
        machine.must_run_programs(noexec)
    assert "TMPDIR=" in caught.value.advice
    assert list(noexec.iterdir()) == []


@pytest.mark.parametrize("kind", [DesktopLauncher, ShellLauncher])
def test_every_launcher_that_runs_programs_here_finds_it_before_anything_is_downloaded(
    noexec: Path, kind: type[DesktopLauncher | ShellLauncher]
) -> None:
    settings = LaunchSettings(app="any", os="linux", binary_names=("any",), needs_display=False)
    with pytest.raises(CannotRun, match="no program there may be executed"):
        kind(settings, noexec).check()


def test_a_usual_folder_is_accepted_and_left_clean(tmp_path: Path) -> None:
    machine.must_run_programs(tmp_path)
    machine.must_run_programs(None)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_left_to_who_needs_it(tmp_path: Path) -> None:
    machine.must_run_programs(tmp_path / "none")


# ------------------------------------------------------------------------------------------------ root


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("name", machine.SESSION_FOLDERS)
def test_root_in_the_session_of_another_is_refused_before_firefox_does(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 1, 1)
    with pytest.raises(CannotRun) as caught:
        machine.must_be_at_home("firefox", {"HOME": str(tmp_path), name: str(theirs)}, uid=0)
    assert f"{name} is {theirs}" in caught.value.what
    assert "HOME=/root" in caught.value.advice
    machine.must_be_at_home("firefox", {name: str(theirs)}, uid=1000)
    settings = LaunchSettings(app="firefox", os="linux", headless=True)
    with pytest.raises(CannotRun, match=name):
        DesktopLauncher(settings, tmp_path, own_environment={name: str(theirs)}).check()


def test_a_session_that_is_ones_own_or_none_is_accepted(tmp_path: Path) -> None:
    machine.must_be_at_home("firefox", {"HOME": str(tmp_path)}, uid=os.getuid())
    machine.must_be_at_home("firefox", {}, uid=0)
    machine.must_be_at_home("firefox", {"HOME": str(tmp_path / "none"), "XAUTHORITY": ""}, uid=0)


def test_a_user_without_a_name_is_called_by_number() -> None:
    assert machine._called(3999999) == "user 3999999"
    assert machine._called(0) == "root"


# --------------------------------------------------------------------------------------------- sandbox


@pytest.mark.parametrize(("content", "noted"), [("1\n", True), ("0\n", False), ("", False), (None, False)])
def test_a_kernel_that_keeps_builds_from_their_sandbox_is_noted(
    tmp_path: Path, content: str | None, *, noted: bool
) -> None:
    if content is not None:
        file = tmp_path / machine.USERNS
        file.parent.mkdir(parents=True)
        file.write_text(content)
    note = machine.sandbox_note(tmp_path)
    assert (note is not None) == noted
    if note:
        assert "kernel.apparmor_restrict_unprivileged_userns=0" in note


# --------------------------------------------------------------------------------- why it died at once


@pytest.mark.parametrize(
    ("output", "name", "package"),
    [
        (
            "./firefox: error while loading shared libraries: libgtk-3.so.0: cannot open shared object file: "
            "No such file or directory",
            "libgtk-3.so.0",
            "libgtk-3-0",
        ),
        (
            "XPCOMGlueLoad error for file /t/firefox/libxul.so:\nlibdbus-glib-1.so.2: cannot open shared object file: "
            "No such file or directory\nCouldn't load XPCOM.\n",
            "libdbus-glib-1.so.2",
            "libdbus-glib-1-2",
        ),
        ("libXt.so.6: cannot open shared object file", "libXt.so.6", "libxt6"),
        ("libX11-xcb.so.1: cannot open shared object file", "libX11-xcb.so.1", "libx11-xcb1"),
        ("libstdc++.so.6: cannot open shared object file", "libstdc++.so.6", "libstdc++6"),
        ("libasound.so.2: wrong ELF class: ELFCLASS64", "libasound.so.2", "libasound2"),
        ("libnspr4.so: cannot open shared object file", "libnspr4.so", "libnspr4"),
    ],
)
def test_the_library_that_is_missing_is_named_with_its_package(output: str, name: str, package: str) -> None:
    said = machine.missing_library(output)
    assert said is not None
    assert name in said
    assert f"on Debian and Ubuntu {package}," in said


def test_a_library_that_is_too_old_is_named() -> None:
    said = machine.missing_library(
        "js: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by js)"
    )
    assert said == "It needs a newer libc.so.6 (GLIBC_2.38) than this machine has."


@pytest.mark.parametrize("output", ["", "exit", "we talk of libgtk-3.so.0 here", "cannot open shared object file"])
def test_no_library_is_blamed_without_reason(output: str) -> None:
    assert machine.missing_library(output) is None


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("x\nError: cannot open display: :99\n", "The display cannot be opened: Error: cannot open display: :99"),
        ("Error: no DISPLAY environment variable specified", "The display cannot be opened"),
        (
            "Running Nightly as root in a regular user's session is not supported.  ($HOME is /home/a which is owned "
            "by a.)",
            "($HOME is /home/a which is owned by a.)",
        ),
    ],
)
def test_what_every_build_would_die_of_stops_the_run(output: str, says: str) -> None:
    trouble = machine.trouble_of_the_machine(output)
    assert isinstance(trouble, CannotRun)
    assert says in trouble.what
    assert trouble.advice


def test_a_builds_own_trouble_does_not() -> None:
    assert machine.trouble_of_the_machine("Segmentation fault\nExiting due to channel error.") is None


# ------------------------------------------------------------------------------------------- commands


def test_a_command_gets_what_was_asked_of_builds() -> None:
    assert environment_for_commands(headless=True, own={"A": "1"}) == {"A": "1", "MOZ_HEADLESS": "1"}
    assert environment_for_commands(headless=False, own={"A": "1"}) == {"A": "1"}
