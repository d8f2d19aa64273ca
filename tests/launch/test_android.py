"""The real mozdevice against a stand-in for ``adb`` that keeps a phone in a folder; two tests run the real adb."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.catalog.apps import Android
from mozbisect.core.errors import BrokenBuild, CannotRun, UsageError
from mozbisect.core.model import Build
from mozbisect.launch import adb as adb_module
from mozbisect.launch.adb import Device, Listed, choose, find_adb, listed
from mozbisect.launch.android import AndroidApp, AndroidLauncher, Called, called_with
from mozbisect.launch.settings import LaunchSettings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in begins with #!")

FENIX = Android("org.mozilla.fenix", ".IntentReceiverActivity")
FENNEC = Android("org.mozilla.fennec", "org.mozilla.gecko.BrowserApp")
FOCUS = Android("org.mozilla.focus.nightly", "org.mozilla.focus.activity.IntentReceiverActivity")
GVE = Android("org.mozilla.geckoview_example", "GeckoViewActivity", takes_url=False)

SETTINGS = LaunchSettings(app="fenix", os="android")
EMULATOR = "emulator-5554          device product:sdk_gphone64 model:x device:emu64x transport_id:1"


class Phone:
    """What the stand-in keeps, and how it is made to misbehave."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "phone"
        self.temp = root / "temp"
        self.program = root / "bin" / "adb"
        self.said: list[str] = []
        self.devices: dict[str, Device] = {}

    def rules(self, **rules: Any) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.json").write_text(json.dumps(rules))

    def kept(self, name: str) -> Any:
        file = self.folder / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def log(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def files(self) -> list[str]:
        return sorted(str(file.relative_to(self.folder / "files")) for file in (self.folder / "files").rglob("*.js"))

    def known_device(self, adb: Path, serial: str) -> Device:
        """The one that a test before has made: it costs thirty requests, and they are always the same."""
        if serial not in self.devices:
            self.devices[serial] = Device(adb, serial)
        return self.devices[serial]

    def launcher(self, row: Android = FENIX, settings: LaunchSettings = SETTINGS, **more: Any) -> AndroidLauncher:
        env = {"PATH": os.environ["PATH"], **more.pop("env", {})}
        more.setdefault("connect", self.known_device)
        return AndroidLauncher(
            settings,
            row,
            self.temp,
            say=self.said.append,
            own_environment=env,
            patience=0.01,
            pause=0.01,
            **more,
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Phone:
    made = Phone(tmp_path_factory.mktemp("bench"))
    made.program.parent.mkdir()
    return made


@pytest.fixture
def phone(bench: Phone, monkeypatch: pytest.MonkeyPatch) -> Phone:
    """A phone on which nothing is installed, and an adb that can be run."""
    from mozdevice import ADBDevice

    shutil.rmtree(bench.folder, ignore_errors=True)
    shutil.rmtree(bench.temp, ignore_errors=True)
    bench.temp.mkdir()
    bench.said.clear()
    bench.program.unlink(missing_ok=True)
    source = (Path(__file__).parent / "fake_adb.py").read_text()
    bench.program.write_text(f"#!{sys.executable} -IS\n{source}")  # without site-packages: four times as quick
    bench.program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bench.program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    # mozdevice asks for each of fifty builtins of a shell whether it is a program too: one will do here.
    monkeypatch.setattr(ADBDevice, "BUILTINS", {"cd"})
    monkeypatch.setattr(adb_module, "BLINKS", ())
    return bench


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "target.apk", {"package-name.txt": "org.mozilla.fenix\n"})


def make_apk(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"AndroidManifest.xml": "", **members}.items():
            archive.writestr(name, content)
    return path


def short_sleeps(sleep: Callable[[float], None]) -> Callable[[float], None]:
    """mozdevice waits for seconds before it tries again; its look at a process that runs is every millisecond."""
    return lambda seconds: sleep(min(seconds, 0.002))


# -------------------------------------------------------------------------------- check, before any download


def refusal(launcher: AndroidLauncher) -> str:
    with pytest.raises(CannotRun) as caught:
        launcher.check()
    assert caught.value.advice
    assert caught.value.exit_code == 5
    return caught.value.what


def test_without_adb_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    launcher = AndroidLauncher(SETTINGS, FENIX, tmp_path, own_environment={"PATH": str(tmp_path)})
    assert "no adb on this machine" in refusal(launcher)


@pytest.mark.parametrize(
    ("system", "folder", "name"),
    [
        ("linux", "android-sdk-linux", "adb"),
        ("darwin", "android-sdk-macosx", "adb"),
        ("win32", "android-sdk-windows", "adb.exe"),
    ],
)
def test_the_adb_that_mach_bootstrap_has_installed_is_found_too(
    tmp_path: Path, system: str, folder: str, name: str
) -> None:
    program = tmp_path / ".mozbuild" / folder / "platform-tools" / name
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    with pytest.raises(CannotRun, match="not executable"):
        find_adb({"PATH": str(tmp_path)}, home=tmp_path, system=system)
    program.chmod(0o755)
    assert find_adb({"PATH": str(tmp_path)}, home=tmp_path, system=system) == program


def test_the_adb_on_the_path_comes_first(phone: Phone, tmp_path: Path) -> None:
    assert find_adb({"PATH": os.environ["PATH"]}, home=tmp_path) == phone.program


def test_an_adb_that_cannot_be_run_is_named(phone: Phone) -> None:
    phone.program.chmod(0o644)
    path = str(phone.program.parent)
    assert "is not executable" in refusal(phone.launcher(env={"PATH": path}))
    phone.program.write_bytes(b"\x7fELF of another machine")
    phone.program.chmod(0o755)
    what = refusal(phone.launcher(env={"PATH": path}))
    assert str(phone.program) in what
    assert "Exec format error" in what


def test_an_adb_that_fails_is_quoted(phone: Phone) -> None:
    phone.rules(refuse={"devices": [1, "error: cannot connect to daemon"]})
    assert refusal(phone.launcher()).endswith("error: cannot connect to daemon")


@pytest.mark.parametrize(
    ("devices", "serial", "says"),
    [
        ([], None, "No Android device is connected."),
        ([], "ABC", "There is no Android device ABC (ANDROID_SERIAL)."),
        ([EMULATOR], "ABC", "There is no Android device ABC (ANDROID_SERIAL)."),
        ([EMULATOR, "ABC device usb:1-1"], None, "Several Android devices are connected: emulator-5554, ABC."),
        (["ABC unauthorized usb:1-1 transport_id:3"], None, "The Android device ABC does not trust this computer yet."),
        (["ABC\toffline"], None, "The Android device ABC is offline."),
        ([EMULATOR, "ABC\toffline"], "ABC", "The Android device ABC is offline."),
        (["ABC recovery usb:1-1"], None, "The Android device ABC is in recovery mode."),
        (
            ["ABC no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:1-1"],
            None,
            "The Android device ABC may not be opened by you.",
        ),
    ],
)
def test_what_is_wrong_with_the_devices_is_said_in_a_sentence_of_its_own(
    phone: Phone, devices: list[str], serial: str | None, says: str
) -> None:
    phone.rules(devices=devices)
    assert refusal(phone.launcher(env={"ANDROID_SERIAL": serial} if serial else {})) == says


def test_the_two_ways_out_of_several_devices(phone: Phone) -> None:
    devices = [Listed("a", "device"), Listed("b", "device")]
    with pytest.raises(CannotRun) as caught:
        choose(devices, None)
    assert "ANDROID_SERIAL=a" in caught.value.advice
    assert choose(devices, "b") == "b"


def test_what_adb_says_while_it_starts_its_server_is_no_device(phone: Phone) -> None:
    phone.rules(devices=["* daemon not running; starting now at tcp:5037", "* daemon started successfully", EMULATOR])
    assert listed(phone.program) == (Listed("emulator-5554", "device"),)


def test_a_device_that_is_still_starting_is_refused(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", short_sleeps(time.sleep))
    phone.program.write_text(phone.program.read_text().replace('"sys.boot_completed": "1"', '"sys.boot_completed": ""'))
    what = refusal(phone.launcher(connect=Device))
    assert "does not answer as it should" in what
    assert "boot" in what


def test_a_folder_for_the_profile_that_a_device_cannot_have_is_a_usage_error(phone: Phone) -> None:
    for wrong in ("", "sdcard", "/sdcard/my profile", "/sdcard;reboot"):
        with pytest.raises(UsageError, match="adb-profile-dir"):
            phone.launcher(profile_dir=wrong).check()


def test_add_ons_are_refused_and_not_forgotten(phone: Phone) -> None:
    with pytest.raises(UsageError, match="Add-ons"):
        phone.launcher(settings=replace(SETTINGS, addons=("a.xpi",))).check()


def test_a_check_that_succeeds_installs_nothing_and_prints_nothing(
    phone: Phone, capfd: pytest.CaptureFixture[str]
) -> None:
    phone.launcher(connect=Device).check()
    assert phone.kept("packages") == {}
    assert phone.said == []
    assert capfd.readouterr() == ("", "")


def test_a_person_is_told_that_their_own_browser_will_go(phone: Phone) -> None:
    phone.rules()
    (phone.folder / "packages.json").write_text('{"org.mozilla.fenix": "theirs"}')
    phone.launcher().check()
    assert "will be removed, with all its data" in phone.said[0]
    assert phone.kept("packages") == {"org.mozilla.fenix": "theirs"}


# ---------------------------------------------------------------------------------------- install, run, stop


def intent(phone: Phone) -> list[str]:
    return list(phone.kept("intent"))


def test_a_build_is_installed_run_and_stopped_and_no_profile_is_left(
    phone: Phone, build: Build, apk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launcher = phone.launcher(settings=replace(SETTINGS, prefs=(("a.b", 1),)))
    launcher.check()
    with launcher.install(apk, build) as app:
        assert app.binary == apk
        assert phone.kept("packages") == {"org.mozilla.fenix": str(apk)}
        assert not app.running()
        app.start()
        assert app.running()
        assert app.wait(0) is None
        assert app.output() == ""
        assert app.crashed() is None
        (user_js,) = [file for file in phone.files() if file.endswith("user.js")]
        content = (phone.folder / "files" / user_js).read_text()
        assert 'user_pref("a.b", 1);' in content
        assert 'user_pref("browser.shell.checkDefaultBrowser", false);' in content
        app.stop()
        assert not app.running()
        assert app.wait() == 0
    assert phone.files() == []
    assert list(phone.temp.iterdir()) == []
    assert phone.kept("packages") == {"org.mozilla.fenix": str(apk)}, "it stays installed"
    assert capfd.readouterr() == ("", ""), "only reporters print"


def test_the_end_of_the_with_stops_it_too(phone: Phone, build: Build, apk: Path) -> None:
    with phone.launcher().install(apk, build) as app:
        app.start()
    assert phone.kept("processes") == {}
    assert phone.files() == []


def test_the_build_before_is_replaced(phone: Phone, build: Build, apk: Path, tmp_path: Path) -> None:
    other = shutil.copy(apk, tmp_path / "other.apk")
    launcher = phone.launcher(connect=Device)
    for file in (apk, other):
        with launcher.install(file, build):
            assert phone.kept("packages") == {"org.mozilla.fenix": str(file)}
    assert sum(words[-1] == "/system/bin/ls /system/bin/ls; echo adb_returncode=$?" for words in phone.log()) == 1, (
        "what the device can do is asked once a run"
    )


@pytest.mark.parametrize(
    ("row", "args", "component", "rest"),
    [
        (
            FENIX,
            ("https://example.org/?a=1&b='x'",),
            "org.mozilla.fenix/.IntentReceiverActivity",
            ["--ez", "performancetest", "True", "-d", "https://example.org/?a=1&b='x'"],
        ),
        (FENIX, (), "org.mozilla.fenix/.IntentReceiverActivity", ["--ez", "performancetest", "True"]),
        (FENNEC, (), "org.mozilla.fennec/org.mozilla.gecko.BrowserApp", ["--ez", "performancetest", "True"]),
        (
            FOCUS,
            ("about:blank",),
            "org.mozilla.focus.nightly/org.mozilla.focus.activity.IntentReceiverActivity",
            ["--ez", "performancetest", "True", "-d", "about:blank"],
        ),
    ],
)
def test_each_browser_is_started_as_it_wants_it(
    phone: Phone, build: Build, apk: Path, row: Android, args: tuple[str, ...], component: str, rest: list[str]
) -> None:
    phone.rules(package=row.package)
    make_apk(apk, {})  # one that does not tell its package's name
    launcher = phone.launcher(row, replace(SETTINGS, args=args), profile_dir="/sdcard/mine")
    with launcher.install(apk, build) as app:
        app.start()
        view = ["-a", "android.intent.action.VIEW", "--es", "args", "-profile /sdcard/mine/mozbisect-profile"]
        assert intent(phone) == ["start", "-W", "-n", component, *view, *rest]
        assert phone.files()[-1] == "sdcard/mine/mozbisect-profile/user.js"


def test_the_example_of_geckoview_gets_its_profile_word_by_word(phone: Phone, build: Build, apk: Path) -> None:
    phone.rules(package=GVE.package)
    make_apk(apk, {})
    launcher = phone.launcher(GVE, replace(SETTINGS, args=("-one two", "-x")), profile_dir="/sdcard/mine")
    with launcher.install(apk, build) as app:
        app.start()
        line = intent(phone)
        assert line[3] == "org.mozilla.geckoview_example/org.mozilla.geckoview_example.GeckoViewActivity"
        assert line[line.index("--es") :] == [
            *("--es", "arg0", "-profile", "--es", "arg1", "/sdcard/mine/mozbisect-profile"),
            *("--es", "arg2", "-one two", "--es", "arg3", "-x"),
        ]


def test_a_package_of_another_name_is_found_and_keeps_the_classes_of_the_app(
    phone: Phone, build: Build, apk: Path
) -> None:
    phone.rules(package="org.mozilla.fenix.debug")
    make_apk(apk, {})
    with phone.launcher().install(apk, build) as app:
        app.start()
        assert intent(phone)[3] == "org.mozilla.fenix.debug/org.mozilla.fenix.IntentReceiverActivity"
        assert app.running()


@given(st.lists(st.text(alphabet="-ab /:", min_size=1), max_size=4), st.booleans())
def test_no_word_of_a_person_is_lost_without_a_note(args: list[str], takes_url: bool) -> None:
    called = called_with(args, takes_url=takes_url)
    used = [*([called.url] if called.url else []), *called.args]
    assert all(word in used for word in args) or called.note
    assert not any(" " in word for word in called.args) or not takes_url


def test_what_cannot_be_passed_on_is_told_at_the_check(phone: Phone) -> None:
    assert called_with(("https://x",), takes_url=True) == Called(url="https://x")
    phone.launcher(GVE, replace(SETTINGS, args=("https://example.org",))).check()
    assert "https://example.org is not used" in phone.said[0]


def test_the_apk_says_what_it_is(phone: Phone, build: Build, apk: Path) -> None:
    make_apk(apk, {"application.ini": "[App]\nName=Fennec\nVersion=68.0a1\nSourceStamp=abc\nBuildID=20190101000000\n"})
    with phone.launcher().install(apk, build) as app:
        assert app.facts["application_version"] == "68.0a1"
        assert app.facts["application_changeset"] == "abc"


def contents(folder: Path) -> dict[str, str]:
    """mozprofile leaves empty files for preferences behind."""
    texts = {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
    return {name: text for name, text in texts.items() if text.strip() or name not in ("user.js", "prefs.js")}


def test_a_profile_of_the_person_is_sent_and_stays_as_it_is(
    phone: Phone, build: Build, apk: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine with blanks"
    (mine / "minidumps").mkdir(parents=True)
    (mine / "minidumps" / "old.dmp").write_text("")
    (mine / "handlers.json").write_text("{}")
    before = contents(mine)
    for persistence in ("clone", "clone-first", "reuse"):
        with phone.launcher(settings=replace(SETTINGS, profile=mine, persistence=persistence)).install(
            apk, build
        ) as app:
            app.start()
            assert "handlers.json" in (phone.folder / "profile_seen").read_text()
            assert app.crashed() is None, "an old crash report is none of this build"
        assert contents(mine) == before


def test_a_crash_report_on_the_device_is_a_crash(phone: Phone, build: Build, apk: Path) -> None:
    with phone.launcher(profile_dir="/sdcard").install(apk, build) as app:
        app.start()
        dumps = phone.folder / "files/sdcard/mozbisect-profile/minidumps"
        dumps.mkdir()
        (dumps / "1234.dmp").write_text("")
        assert app.crashed() == "a crash report was left: 1234.dmp"
        app.stop()
        assert app.crashed() is None


def test_starting_again_makes_a_new_profile(phone: Phone, build: Build, apk: Path) -> None:
    with phone.launcher(profile_dir="/sdcard").install(apk, build) as app:
        app.start()
        (phone.folder / "files/sdcard/mozbisect-profile/used").write_text("")
        app.start()
        assert app.running()
        assert not (phone.folder / "files/sdcard/mozbisect-profile/used").exists()


# ------------------------------------------------------------------------------------------------ bad luck


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ("INSTALL_FAILED_OLDER_SDK: Requires newer sdk", "a newer Android"),
        ("INSTALL_FAILED_VERSION_DOWNGRADE: Downgrade detected", "uninstall it by hand"),
        ("INSTALL_PARSE_FAILED_NOT_APK: Failed to parse /data/app/x.apk", "INSTALL_PARSE_FAILED_NOT_APK: Failed"),
    ],
)
def test_a_build_that_the_device_refuses_is_broken_in_adbs_own_words(
    phone: Phone, build: Build, apk: Path, failure: str, says: str
) -> None:
    phone.rules(install=failure)
    with pytest.raises(BrokenBuild) as caught, phone.launcher().install(apk, build):
        pass
    assert caught.value.what.startswith(f"it cannot be installed: {failure}")
    assert says in caught.value.what
    assert str(apk) not in caught.value.what


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ("INSTALL_FAILED_NO_MATCHING_ABIS: Failed to extract native libraries, res=-113", "--arch"),
        ("INSTALL_FAILED_INSUFFICIENT_STORAGE", "the device is full"),
    ],
)
def test_what_the_device_says_of_every_build_alike_ends_the_run(
    phone: Phone, build: Build, apk: Path, failure: str, says: str
) -> None:
    phone.rules(install=failure)
    with pytest.raises(CannotRun) as caught, phone.launcher().install(apk, build):
        pass
    assert says in caught.value.what
    assert "mozbisect resume" in caught.value.advice


def test_a_build_whose_activity_does_not_exist_is_broken(phone: Phone, build: Build, apk: Path) -> None:
    with phone.launcher().install(apk, build) as app:
        (phone.folder / "packages.json").write_text("{}")
        with pytest.raises(BrokenBuild, match=r"^it cannot be started: Error: Activity class .* does not exist\.$"):
            app.start()
    assert phone.files() == []


def test_a_build_that_dies_at_once_is_broken_and_the_log_is_quoted(phone: Phone, build: Build, apk: Path) -> None:
    log = "--------- beginning of crash\nE/AndroidRuntime: FATAL EXCEPTION: main\nE/AndroidRuntime: java.lang.Error: no"
    phone.rules(dies=True, crash_log=log)
    with (
        pytest.raises(BrokenBuild, match=r"(?s)ended at once:.*java\.lang\.Error: no"),
        phone.launcher().install(apk, build) as app,
    ):
        app.start()
    assert phone.files() == []


@pytest.fixture
def running(phone: Phone, build: Build, apk: Path) -> Iterator[AndroidApp]:
    with phone.launcher().install(apk, build) as app:
        app.start()
        yield app


def test_a_device_that_goes_away_is_named_by_whatever_is_asked_next(phone: Phone, running: AndroidApp) -> None:
    phone.rules(devices=[])
    for ask in (running.running, running.wait, running.crashed, running.start):
        with pytest.raises(CannotRun, match=r"emulator-5554 is gone") as caught:
            ask()
        assert "mozbisect resume" in caught.value.advice


def test_a_device_that_goes_offline_is_named(phone: Phone, running: AndroidApp) -> None:
    phone.rules(devices=["emulator-5554 offline"])
    with pytest.raises(CannotRun, match=r"emulator-5554 is offline"):
        running.running()


def test_the_answer_about_a_build_survives_the_loss_of_the_device(phone: Phone, build: Build, apk: Path) -> None:
    with phone.launcher().install(apk, build) as app:
        app.start()
        phone.rules(devices=[])
        app.stop()
    assert "may still run on the device" in phone.said[-1]


def test_what_a_run_that_was_killed_left_on_the_device_goes_with_the_next(
    phone: Phone, build: Build, apk: Path
) -> None:
    left = phone.folder / "files/sdcard/mozbisect-profile/old.js"
    left.parent.mkdir(parents=True)
    left.write_text("")
    with phone.launcher(profile_dir="/sdcard").install(apk, build) as app:
        app.start()
        assert not left.exists()
    assert phone.files() == []


@pytest.mark.parametrize("after", [1, 12, 35, 50, 70])
def test_whenever_the_device_is_lost_it_is_said_and_never_taken_for_the_builds_fault(
    phone: Phone, build: Build, apk: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", short_sleeps(time.sleep))
    phone.rules(gone_after=after)

    def run() -> None:
        launcher = phone.launcher(connect=Device)
        launcher.check()
        for _ in range(3):
            with launcher.install(apk, build) as app:
                app.start()

    with pytest.raises(CannotRun, match=r"is gone|No Android device"):
        run()


# ------------------------------------------------------------------------------------------------ real adb

ADB = shutil.which("adb")
needs_adb = pytest.mark.skipif(ADB is None, reason="adb is not installed")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server of adb on a port of its own: a person's is left alone."""
    assert ADB is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    yield Path(ADB)
    subprocess.run([ADB, "kill-server"], capture_output=True, check=False)


@pytest.mark.adb
@needs_adb
def test_the_real_adb_is_found_and_says_which_it_is() -> None:
    adb = find_adb(os.environ)
    said = subprocess.run([adb, "version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Android Debug Bridge version 1.0.")


@pytest.mark.adb
@needs_adb
def test_the_real_adb_lists_no_device_and_leaves_nothing_waiting(server: Path, tmp_path: Path) -> None:
    if listed(server):
        pytest.skip("a real device is connected")
    with pytest.raises(CannotRun, match="No Android device is connected"):
        AndroidLauncher(SETTINGS, FENIX, tmp_path).check()
