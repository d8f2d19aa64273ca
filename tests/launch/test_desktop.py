"""Builds that are shell scripts, run by the real mozprofile and mozrunner; two tests run a real Firefox."""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild, CacheTrouble, CannotRun, UsageError
from mozbisect.core.model import Build
from mozbisect.launch import machine
from mozbisect.launch.desktop import DesktopApp, DesktopLauncher, LaunchSettings
from mozbisect.launch.program import find_binary
from mozbisect.processes import ProcessTree
from tests.test_processes import lives

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

NAMES = ("firefox", "firefox-bin", "firefox.exe")
SETTINGS = LaunchSettings(app="firefox", os="linux", binary_names=NAMES, show_output=True)

# Prints one line: its profile (the last argument), how many files are in it, and the whole command line.
TELL = 'for profile; do :; done\necho "$profile|$(ls -A "$profile" | tr "\\n" " ")|$*"\n'
STAY = "exec sleep 60"

TreeWith = Callable[[str], Path]


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


class Seat:
    """A launcher, and the lines that its builds have written."""

    def __init__(self, temp: Path, settings: LaunchSettings, patience: float = 0.01) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self.launcher = DesktopLauncher(settings, temp, show=self.lines.put, patience=patience)

    def line(self) -> str:
        return self.lines.get(timeout=20)

    @contextmanager
    def run(self, tree: Path, build: Build) -> Iterator[DesktopApp]:
        with self.launcher.install(tree, build) as app:
            app.start()
            yield app


# ------------------------------------------------------------------------------------------------ check


@pytest.mark.parametrize(
    ("env", "change"),
    [
        ({"DISPLAY": ":0"}, {}),
        ({"WAYLAND_DISPLAY": "wayland-0"}, {}),
        ({"MOZ_HEADLESS": "1"}, {}),
        ({}, {"headless": True}),
        ({}, {"args": ("--headless",)}),
        ({}, {"args": ("-headless",)}),
        ({}, {"needs_display": False}),
        ({}, {"os": "mac"}),
        ({}, {"os": "win"}),
    ],
)
def test_a_machine_that_can_show_it_or_need_not_is_accepted(env: dict[str, str], change: dict[str, object]) -> None:
    DesktopLauncher(replace(SETTINGS, **change), own_environment=env).check()  # type: ignore[arg-type]


def test_without_a_display_it_says_so_before_anything_is_downloaded() -> None:
    with pytest.raises(CannotRun) as caught:
        DesktopLauncher(SETTINGS, own_environment={"DISPLAY": ""}).check()
    for way_out in ("(--headless)", "xvfb-run", "--command"):
        assert way_out in caught.value.advice


def test_a_profile_or_add_on_that_is_not_there_is_refused_early(tmp_path: Path) -> None:
    quiet = replace(SETTINGS, needs_display=False)
    none = tmp_path / "none"
    (tmp_path / "file").write_text("")
    for wrong in (
        replace(quiet, profile=none),
        replace(quiet, profile=none, persistence="clone-first"),
        replace(quiet, profile=tmp_path / "file", persistence="reuse"),
        replace(quiet, addons=(none,)),
    ):
        with pytest.raises(UsageError):
            DesktopLauncher(wrong).check()
    DesktopLauncher(replace(quiet, profile=none, persistence="reuse")).check()
    with pytest.raises(UsageError, match="clone, clone-first, reuse"):
        replace(quiet, persistence="copy")


# ---------------------------------------------------------------------------------------------- install


@pytest.mark.parametrize(
    "place",
    [
        "firefox/firefox",
        "firefox/firefox-bin",
        "firefox/firefox.exe",
        "firefox",
        "Nightly.app/Contents/MacOS/firefox",
        "image/Firefox Nightly.app/Contents/MacOS/firefox",
    ],
)
def test_the_program_is_found_wherever_a_build_has_it(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("")
    assert find_binary(tmp_path, NAMES) == tmp_path / place


def test_names_are_tried_in_order_and_a_folder_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "firefox").mkdir()
    (tmp_path / "firefox" / "firefox-bin").write_text("")
    assert find_binary(tmp_path, NAMES).name == "firefox-bin"
    (tmp_path / "firefox" / "firefox").write_text("")
    assert find_binary(tmp_path, NAMES).name == "firefox"


def test_a_build_without_a_program_is_broken(tmp_path: Path, build: Build) -> None:
    (tmp_path / "firefox").mkdir()
    with (
        pytest.raises(BrokenBuild, match="no program"),
        DesktopLauncher(SETTINGS).install(tmp_path, build),
    ):
        pass


def test_installing_makes_it_executable_and_stops_its_updates(tree_with: TreeWith, build: Build) -> None:
    tree = tree_with(STAY)
    (tree / "firefox" / "firefox").chmod(0o644)
    with DesktopLauncher(SETTINGS).install(tree, build) as app:
        assert app.binary == tree / "firefox" / "firefox"
        assert os.access(app.binary, os.X_OK)
        assert json.loads((tree / "firefox/distribution/policies.json").read_text())["policies"]["DisableAppUpdate"]
        assert not app.running()
        assert app.wait() is None
        app.stop()


def test_a_build_says_what_it_is_and_only_to_us(
    tree_with: TreeWith, build: Build, capfd: pytest.CaptureFixture[str]
) -> None:
    tree = tree_with(STAY)
    (tree / "firefox" / "application.ini").write_text(
        "[App]\nName=Firefox\nVersion=151.0a1\nSourceStamp=abc\nVendor=\n"
    )
    (tree / "firefox" / "platform.ini").write_text("[Build]\nMilestone=151.0a1\n")
    with DesktopLauncher(SETTINGS).install(tree, build) as app:
        assert app.facts["application_version"] == "151.0a1"
        assert app.facts["application_changeset"] == "abc"
        assert "application_vendor" not in app.facts
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("ini", [None, "", "no section", "[App]\nName"])
def test_a_build_that_cannot_say_what_it_is_has_no_facts(tree_with: TreeWith, build: Build, ini: str | None) -> None:
    tree = tree_with(STAY)
    if ini is not None:
        (tree / "firefox" / "application.ini").write_text(ini)
        (tree / "firefox" / "platform.ini").write_text(ini)
    with DesktopLauncher(SETTINGS).install(tree, build) as app:
        assert app.facts == {}


def test_installing_does_not_import_what_only_starting_needs(tree_with: TreeWith) -> None:
    code = f"""
import sys
from pathlib import Path
from tests.launch.conftest import BUILD
from tests.launch.test_desktop import SETTINGS
from mozbisect.launch.desktop import DesktopLauncher
with DesktopLauncher(SETTINGS).install(Path({str(tree_with(STAY))!r}), BUILD) as app:
    app.facts
print(*({{"mozrunner", "mozprofile", "mozinfo"}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout.strip(), result.stderr) == ("", "")


# ------------------------------------------------------------------------------------------------ start


def test_a_build_starts_with_a_profile_and_the_persons_arguments(tree_with: TreeWith, build: Build, temp: Path) -> None:
    seat = Seat(temp, replace(SETTINGS, args=("--new-tab", "about:support")))
    with seat.run(tree_with(TELL + STAY), build) as app:
        profile, files, line = seat.line().split("|")
        assert app.running()
        assert Path(profile).parent == temp
        assert "user.js" in files.split()
        assert line == f"--new-tab about:support -profile {profile}"
        app.stop()
        assert not app.running()
    assert list(temp.iterdir()) == []


def test_preferences_of_the_person_win(tree_with: TreeWith, build: Build, temp: Path) -> None:
    wishes = (("app.update.auto", True), ("a.b", "ü\"'\n"), ("n", 1), ("n", 2))
    seat = Seat(temp, replace(SETTINGS, prefs=wishes))
    with seat.run(tree_with(TELL + STAY), build):
        lines = (Path(seat.line().split("|")[0]) / "user.js").read_text().splitlines()
    prefs = dict(json.loads(f"[{line[len('user_pref(') : -2]}]") for line in lines if line.startswith("user_pref("))
    assert prefs["app.update.auto"] is True
    assert prefs["a.b"] == "ü\"'\n"
    assert prefs["n"] == 2
    assert prefs["browser.shell.checkDefaultBrowser"] is False
    assert sum("app.update.auto" in line for line in lines) == 1


def test_no_other_firefox_takes_the_start_over_and_crashes_stay_here(
    tree_with: TreeWith, build: Build, temp: Path
) -> None:
    seat = Seat(temp, SETTINGS)
    with seat.run(tree_with("echo $MOZ_NO_REMOTE$MOZ_NEW_INSTANCE$MOZ_CRASHREPORTER_NO_REPORT\n" + STAY), build):
        assert seat.line() == "111"


def test_every_start_has_a_fresh_profile(tree_with: TreeWith, build: Build, temp: Path) -> None:
    seat = Seat(temp, SETTINGS)
    with seat.run(tree_with(TELL + 'touch "$profile/used"\necho used\n' + STAY), build) as app:
        first = seat.line().split("|")
        assert seat.line() == "used"
        app.start()
        second = seat.line().split("|")
        assert not Path(first[0]).exists()
    assert first[0] != second[0]
    assert "used" not in second[1].split()


def test_starting_again_ends_the_first(tree_with: TreeWith, build: Build, temp: Path) -> None:
    seat = Seat(temp, SETTINGS)
    with seat.run(tree_with("echo $$\n" + STAY), build) as app:
        first = int(seat.line())
        app.start()
        second = int(seat.line())
        assert not lives(first)
        assert lives(second)
        assert len(list(temp.iterdir())) == 1


def persons_profile(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "cache2").mkdir(parents=True)
    (folder / "places.sqlite").write_text("history")
    (folder / "user.js").write_text('user_pref("mine", 1);\n')
    (folder / "lock").symlink_to("127.0.1.1:+1234")  # as Firefox leaves it: it leads nowhere
    (folder / "old").symlink_to("gone")
    return folder


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.is_file()}


def test_a_clone_has_what_the_persons_profile_has_but_leaves_it_alone(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path
) -> None:
    mine = persons_profile(tmp_path)
    before = content(mine)
    seat = Seat(temp, replace(SETTINGS, profile=mine))
    with seat.run(tree_with(TELL + 'echo x >"$profile/places.sqlite"\necho done\n' + STAY), build):
        profile, files, _ = seat.line().split("|")
        assert seat.line() == "done"
        assert Path(profile).parent == temp
        assert {"places.sqlite", "user.js"} <= set(files.split())
        assert not {"lock", "cache2"} & set(files.split())
        assert (Path(profile) / "user.js").read_text().startswith('user_pref("mine", 1);\n')
    assert content(mine) == before
    assert list(temp.iterdir()) == []


def test_clone_first_is_one_clone_for_all_builds_of_a_run(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path
) -> None:
    mine = persons_profile(tmp_path)
    before = content(mine)
    seat = Seat(temp, replace(SETTINGS, profile=mine, persistence="clone-first"))
    tree = tree_with(TELL + 'touch "$profile/used"\necho used\n' + STAY)
    seen = []
    for _ in range(2):
        with seat.run(tree, build):
            seen.append(seat.line().split("|"))
            assert seat.line() == "used"
    assert seen[0][0] == seen[1][0]
    assert "used" not in seen[0][1].split()
    assert "used" in seen[1][1].split()
    assert content(mine) == before
    del seat
    gc.collect()
    assert list(temp.iterdir()) == []


def test_clone_first_is_removed_when_the_program_ends(tree_with: TreeWith, temp: Path) -> None:
    code = f"""
from dataclasses import replace
from pathlib import Path
from tests.launch.conftest import BUILD
from tests.launch.test_desktop import SETTINGS, Seat
seat = Seat(Path({str(temp)!r}), replace(SETTINGS, persistence="clone-first"))
with seat.run(Path({str(tree_with(TELL + STAY))!r}), BUILD):
    print(seat.line())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith(str(temp))
    assert result.stderr == ""
    assert list(temp.iterdir()) == []


def test_reuse_is_the_persons_own_folder_and_is_never_removed(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "made" / "for it"
    seat = Seat(temp, replace(SETTINGS, profile=mine, persistence="reuse"))
    tree = tree_with(TELL + 'touch "$profile/used"\necho used\n' + STAY)
    for _ in range(2):
        with seat.run(tree, build):
            assert seat.line().split("|")[0] == str(mine)
            assert seat.line() == "used"
            assert (mine / "user.js").read_text().count("checkDefaultBrowser") == 1
    assert (mine / "used").exists()
    assert "user_pref" not in (mine / "user.js").read_text()
    assert list(temp.iterdir()) == []


def webextension(folder: Path) -> Path:
    file = folder / "addon.xpi"
    with zipfile.ZipFile(file, "w") as archive:
        manifest = {"name": "A", "version": "1", "applications": {"gecko": {"id": "a@example.org"}}}
        archive.writestr("manifest.json", json.dumps(manifest))
    return file


def test_add_ons_are_there_from_the_start(tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path) -> None:
    seat = Seat(temp, replace(SETTINGS, addons=(webextension(tmp_path),)))
    with seat.run(tree_with(TELL + STAY), build):
        profile = Path(seat.line().split("|")[0])
        assert (profile / "extensions" / "a@example.org.xpi").is_file()


@pytest.mark.parametrize("wrong", ["text", "zip", "json"])
def test_an_add_on_that_is_none_stops_the_run(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path, wrong: str
) -> None:
    file = tmp_path / "wrong.xpi"
    file.write_text("no add-on")
    if wrong != "text":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("manifest.json" if wrong == "json" else "readme", "{")
    seat = Seat(temp, replace(SETTINGS, addons=(file,)))
    with (
        pytest.raises(CannotRun, match=r"wrong\.xpi cannot be installed"),
        seat.run(tree_with(STAY), build),
    ):
        pass
    assert list(temp.iterdir()) == []


def test_a_profile_that_cannot_be_written_is_trouble_with_the_disk(
    tree_with: TreeWith, build: Build, temp: Path
) -> None:
    seat = Seat(temp / "none", SETTINGS)
    with pytest.raises(CacheTrouble, match="A profile cannot be written"), seat.run(tree_with(STAY), build):
        pass


def test_a_profile_that_cannot_be_copied_leaves_no_half_copy(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path
) -> None:
    mine = persons_profile(tmp_path)
    os.mkfifo(mine / "pipe")
    with (
        pytest.raises(CannotRun, match="cannot be copied"),
        Seat(temp, replace(SETTINGS, profile=mine)).run(tree_with(STAY), build),
    ):
        pass
    assert list(temp.iterdir()) == []


# --------------------------------------------------------------------------------------------- the end


def test_a_build_that_dies_at_once_is_broken_and_its_last_words_are_told(
    tree_with: TreeWith, build: Build, temp: Path
) -> None:
    seat = Seat(temp, replace(SETTINGS, show_output=False), patience=20)
    script = "for n in 1 2 3 4 5 6 7; do echo line $n; done; echo; echo XPCOMGlueLoad error >&2; exit 255"
    with pytest.raises(BrokenBuild) as caught, seat.run(tree_with(script), build):
        pass
    assert caught.value.what.splitlines() == [
        "it ended at once (exit status 255):",
        *(f"  line {n}" for n in (4, 5, 6, 7)),
        "  XPCOMGlueLoad error",
    ]
    assert seat.lines.empty()
    assert list(temp.iterdir()) == []


def test_a_build_that_is_killed_at_once_is_broken(tree_with: TreeWith, build: Build, temp: Path) -> None:
    with (
        pytest.raises(BrokenBuild, match="killed by signal 11"),
        Seat(temp, SETTINGS, patience=20).run(tree_with("kill -SEGV $$"), build),
    ):
        pass


def test_a_build_that_ends_well_at_once_is_not_broken(tree_with: TreeWith, build: Build, temp: Path) -> None:
    with Seat(temp, SETTINGS, patience=20).run(tree_with("exit 0"), build) as app:
        assert not app.running()
        assert app.wait() == 0


def test_a_program_that_the_system_cannot_run_is_broken(tree_with: TreeWith, build: Build, temp: Path) -> None:
    tree = tree_with(STAY)
    (tree / "firefox" / "firefox").write_bytes(b"\x7fELF of another machine")
    with (
        pytest.raises(BrokenBuild, match=r"cannot be started: .*Exec format error"),
        Seat(temp, SETTINGS).run(tree, build),
    ):
        pass
    assert list(temp.iterdir()) == []


def test_output_is_shown_on_demand_only(tree_with: TreeWith, build: Build, temp: Path) -> None:
    for wanted in (True, False):
        seat = Seat(temp, replace(SETTINGS, show_output=wanted))
        with seat.run(tree_with("printf 'to out\\n'; printf 'to err \\377\\n' >&2"), build) as app:
            assert app.wait() == 0
        assert list(seat.lines.queue) == (["to out", "to err \ufffd"] if wanted else [])


def test_wait_gives_the_exit_status_of_a_build_that_ends_by_itself(
    tree_with: TreeWith, build: Build, temp: Path
) -> None:
    go = temp.parent / "go"
    os.mkfifo(go)
    with Seat(temp, SETTINGS).run(tree_with(f"read line <{go}; exit 3"), build) as app:
        assert app.wait(0.01) is None
        go.write_text("go\n")
        assert app.wait() == 3
        assert not app.running()


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("libgtk-3.so.0: cannot open shared object file: No such file or directory", "libgtk-3-0"),
        ("/lib/libc.so.6: version `GLIBC_2.99' not found", "a newer libc.so.6"),
    ],
)
def test_a_build_that_lacks_a_library_says_which(
    tree_with: TreeWith, build: Build, temp: Path, says: str, told: str
) -> None:
    with (
        pytest.raises(BrokenBuild) as caught,
        Seat(temp, SETTINGS, patience=20).run(
            tree_with(
                f'echo "XPCOMGlueLoad error for file /x/libxul.so:"; echo "{says}"; exit 255'.replace("`", "\\`")
            ),
            build,
        ),
    ):
        pass
    assert told in caught.value.what.splitlines()[-1]
    assert f"  {says}" in caught.value.what.splitlines()


def test_a_display_that_cannot_be_opened_stops_the_run_and_blames_no_build(
    tree_with: TreeWith, build: Build, temp: Path
) -> None:
    with (
        pytest.raises(CannotRun, match="display :77"),
        Seat(temp, SETTINGS, patience=20).run(tree_with("echo 'Error: cannot open display :77' >&2; exit 1"), build),
    ):
        pass
    assert list(temp.iterdir()) == []


def test_headless_is_told_to_the_build(tree_with: TreeWith, build: Build, temp: Path) -> None:
    for headless in (True, False):
        seat = Seat(temp, replace(SETTINGS, headless=headless))
        with seat.run(tree_with('echo "${MOZ_HEADLESS-unset}"\n' + STAY), build):
            assert seat.line() == ("1" if headless else "unset")


def test_a_tree_whose_path_has_blanks_runs(tmp_path: Path, build: Build, temp: Path) -> None:
    program = tmp_path / "Program Files" / "firefox" / "firefox"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{TELL}{STAY}\n")
    root = temp / "with blanks"
    root.mkdir()
    seat = Seat(root, replace(SETTINGS, args=("two words",)))
    with seat.run(tmp_path / "Program Files", build):
        profile, _, line = seat.line().split("|")
        assert Path(profile).parent == root
        assert line == f"two words -profile {profile}"


def test_what_a_build_writes_can_be_asked_for(tree_with: TreeWith, build: Build, temp: Path) -> None:
    seat = Seat(temp, SETTINGS)
    with seat.run(tree_with("echo first; echo second >&2\n" + STAY), build) as app:
        seat.line()
        seat.line()
        assert app.output() == "first\nsecond\n"
        app.start()
        seat.line()
        seat.line()
        assert app.output() == "first\nsecond\n", "since its last start"


def test_a_build_that_is_killed_by_a_deadly_signal_has_crashed(tree_with: TreeWith, build: Build, temp: Path) -> None:
    go = temp.parent / "go"
    os.mkfifo(go)
    with Seat(temp, SETTINGS).run(tree_with(f"read line <{go}; kill -SEGV $$"), build) as app:
        assert app.crashed() is None
        go.write_text("go\n")
        assert app.wait() == -11
        assert app.crashed() == "killed by SIGSEGV"


def test_a_crash_report_in_the_profile_is_a_crash_while_the_build_still_runs(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path
) -> None:
    mine = persons_profile(tmp_path)
    (mine / "minidumps").mkdir()
    (mine / "minidumps" / "old.dmp").write_text("")
    seat = Seat(temp, replace(SETTINGS, profile=mine))
    with seat.run(tree_with(TELL + STAY), build) as app:
        profile = Path(seat.line().split("|")[0])
        assert (profile / "minidumps" / "old.dmp").exists()
        assert app.crashed() is None
        (profile / "minidumps" / "new.dmp").write_text("")
        assert app.running()
        assert app.crashed() == "a crash report was left: new.dmp"
        app.stop()
        assert app.crashed() is None


def test_a_kernel_that_keeps_builds_from_their_sandbox_is_noted_once_at_the_check(tmp_path: Path, temp: Path) -> None:
    (tmp_path / machine.USERNS).parent.mkdir(parents=True)
    (tmp_path / machine.USERNS).write_text("1\n")
    notes: list[str] = []
    settings = replace(SETTINGS, needs_display=False)
    DesktopLauncher(settings, temp, show=notes.append, proc=tmp_path).check()
    assert len(notes) == 1
    DesktopLauncher(replace(settings, os="mac"), temp, show=notes.append, proc=tmp_path).check()
    assert len(notes) == 1


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_however_a_run_ends_no_process_and_no_profile_is_left(
    tree_with: TreeWith,
    build: Build,
    temp: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException] | None,
) -> None:
    monkeypatch.setattr(ProcessTree.end, "__defaults__", (0.2,))  # else each takes three seconds
    seat = Seat(temp, SETTINGS)
    tree = tree_with("trap '' TERM\nsh -c 'sleep 60 & echo $$ $!; wait' &\necho $$ $!\nwait; wait; sleep 60")
    pids: list[int] = []

    def use() -> None:
        with seat.run(tree, build):
            pids.extend(map(int, f"{seat.line()} {seat.line()}".split()))
            assert all(map(lives, pids))
            if error is not None:
                raise error

    if error is None:
        use()
    else:
        with pytest.raises(error):
            use()
    assert len(pids) == 4
    assert not any(map(lives, pids))
    assert list(temp.iterdir()) == []


def test_an_interruption_while_the_build_starts_leaves_nothing(
    tree_with: TreeWith, build: Build, temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = []

    def interrupted(tree: ProcessTree, _timeout: float | None = None) -> int | None:
        monkeypatch.undo()
        pids.append(tree.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(ProcessTree, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), Seat(temp, SETTINGS).run(tree_with(STAY), build):
        pass
    assert len(pids) == 1
    assert not lives(pids[0])
    assert list(temp.iterdir()) == []


# ----------------------------------------------------------------------------------------- real Firefox

FIREFOX = Path(shutil.which("firefox-esr") or "firefox-esr").resolve().parent
needs_firefox = pytest.mark.skipif(not (FIREFOX / "firefox-esr").exists(), reason="firefox-esr is not installed")


def firefox_tree(tree_with: TreeWith) -> Path:
    tree = tree_with(f'exec {FIREFOX}/firefox-esr "$@"')
    for name in ("application.ini", "platform.ini"):
        shutil.copy(FIREFOX / name, tree / "firefox")
    return tree


@pytest.mark.firefox
@needs_firefox
def test_a_real_firefox_runs_with_our_preferences(
    tree_with: TreeWith, build: Build, temp: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    picture, page = tmp_path / "picture.png", tmp_path / "page.html"
    page.write_text("<p>hello")
    mine = tmp_path / "mine"
    seat = Seat(
        temp,
        replace(
            SETTINGS,
            profile=mine,
            persistence="reuse",
            prefs=(("mozbisect.test", "yes"),),
            args=("--headless", "--screenshot", str(picture), page.as_uri()),
        ),
    )
    with seat.run(firefox_tree(tree_with), build) as app:
        assert app.wait() == 0
        assert app.facts["application_name"] == "Firefox"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert 'user_pref("mozbisect.test", "yes");' in (mine / "prefs.js").read_text()


def processes() -> dict[int, tuple[int, str]]:
    """Process id → parent and command line; the dead that nobody has waited for do not count."""
    listed = subprocess.run(["ps", "-ewwo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=3) for line in listed.splitlines()[1:]]
    return {int(pid): (int(parent), args) for pid, parent, stat, args in rows if not stat.startswith("Z")}


def started_with(word: str) -> set[int]:
    """The process that has this word on its command line, and all that it has started."""
    found = processes()
    family = {pid for pid, (_, args) in found.items() if word in args}
    while more := {pid for pid, (parent, _) in found.items() if parent in family} - family:
        family |= more
    return family


@pytest.mark.firefox
@needs_firefox
def test_a_real_firefox_is_ended_with_all_its_processes(tree_with: TreeWith, build: Build, temp: Path) -> None:
    seat = Seat(temp, replace(SETTINGS, args=("--headless", "--marionette", "--remote-debugging-port=0")))
    with seat.run(firefox_tree(tree_with), build):
        while "WebDriver BiDi listening" not in seat.line():
            pass
        family = started_with(str(temp))  # by its profile: other tests, or a person, may run a Firefox of their own
        assert len(family) > 1
    assert family.isdisjoint(processes())
    assert list(temp.iterdir()) == []
