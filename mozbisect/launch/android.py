"""A browser on an Android device: install its ``.apk``, run it with a profile that was pushed there, leave no profile.

What it was sent for stays: the browser of the last build is left installed, as mozregression does it, and whoever
started it by hand can go on looking. It downloads nothing and judges nothing; who talks to the device is ``adb``.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mozbisect.catalog.apps import Android
from mozbisect.core.errors import BrokenBuild, CannotRun, UsageError
from mozbisect.core.model import Build
from mozbisect.launch import crash
from mozbisect.launch.adb import ANDROID_SERIAL, Device, Refused, choose, find_adb, listed
from mozbisect.launch.profile_folder import ProfileFolders, furnished
from mozbisect.launch.program import read_facts
from mozbisect.launch.quiet import Pref
from mozbisect.launch.run import with_last_words
from mozbisect.launch.settings import LaunchSettings

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds after a start in which a browser whose process ends counts as broken."""

PAUSE = 0.5
"""Seconds between two looks at a browser that runs."""

REMOTE_NAME = "mozbisect-profile"
"""Always the same: what a killed run left on the device goes with the next start."""

_SHOWN = 5  # lines of the device's log in an error

# mozdevice gives paths to the device's shell as they are.
_PLAIN_PATH = re.compile(r"/[\w@%+=:,./-]*")

_FAILURE = re.compile(r"Failure \[([^\]]+)\]|\b(INSTALL_[A-Z_]+[^\n]*)")

_HINTS = {
    "INSTALL_FAILED_NO_MATCHING_ABIS": "it is made for another processor than the device has; --arch chooses one",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "the device is full",
    "INSTALL_FAILED_OLDER_SDK": "it needs a newer Android than the device has",
    "INSTALL_FAILED_VERSION_DOWNGRADE": "a newer one is installed and could not be removed: uninstall it by hand",
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": "another one is installed and could not be removed: uninstall it by hand",
    "INSTALL_FAILED_USER_RESTRICTED": "the device wants to be asked: allow installing through USB in its settings",
}


_OF_THE_DEVICE = (
    "INSTALL_FAILED_NO_MATCHING_ABIS",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE",
    "INSTALL_FAILED_USER_RESTRICTED",
)
"""What the device says of every build alike: no property of the one that is installed."""


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


@dataclass(frozen=True, slots=True)
class Called:
    """What a person's ``--arg`` come to: a page, words for Gecko, and what they should know about them."""

    url: str | None = None
    args: tuple[str, ...] = ()
    note: str = ""


def called_with(args: Sequence[str], *, takes_url: bool) -> Called:
    """One word without a dash is a page, where the app takes one; everything else is for Gecko."""
    if len(args) == 1 and not args[0].startswith("-"):
        if takes_url:
            return Called(url=args[0])
        return Called(note=f"this app opens no page that it is given: {args[0]} is not used.")
    if not takes_url:
        return Called(args=tuple(args))
    kept = tuple(word for word in args if not re.search(r"\s", word))
    lost = [word for word in args if word not in kept]
    if lost:
        return Called(args=kept, note=f"words with blanks in them cannot be passed on: {', '.join(map(repr, lost))}.")
    if any(not word.startswith("-") for word in kept):
        return Called(args=kept, note="a page is opened only if it is the one --arg; all of these are given to Gecko.")
    return Called(args=kept)


@dataclass(frozen=True, slots=True)
class _Manner:
    """How every build of a run is started."""

    row: Android
    settings: LaunchSettings
    profiles: ProfileFolders
    profile_dir: str | None
    say: Callable[[str], None]
    patience: float
    pause: float

    def called(self, more: Sequence[str] = ()) -> Called:
        return called_with((*self.settings.args, *more), takes_url=self.row.takes_url)


class AndroidLauncher:
    """Installs and runs builds of one browser on one device. ``say`` gets notes for the person.

    ``profile_dir``: a folder on the device for the profile; mozdevice finds one if ``None``. ``connect``: makes the
    device of a run, from the path of adb and its serial number.
    """

    def __init__(
        self,
        settings: LaunchSettings,
        row: Android,
        temp_root: Path | None = None,
        *,
        profile_dir: str | None = None,
        say: Callable[[str], None] = _to_stderr,
        own_environment: Mapping[str, str] = os.environ,
        patience: float = PATIENCE,
        pause: float = PAUSE,
        connect: Callable[[Path, str], Device] = Device,
    ) -> None:
        profiles = ProfileFolders(settings.profile, settings.persistence, temp_root)
        self._manner = _Manner(row, settings, profiles, profile_dir, say, patience, pause)
        self._environment = own_environment
        self._connect = connect
        self._device: Device | None = None

    def check(self) -> None:
        """Raises ``CannotRun`` without adb or the one device, ``UsageError`` for what a device cannot take."""
        manner = self._manner
        manner.profiles.check()
        if manner.profile_dir is not None and not _PLAIN_PATH.fullmatch(manner.profile_dir):
            raise UsageError(
                f"--adb-profile-dir: {manner.profile_dir!r} is no folder of a device.",
                advice="It begins with / and has no spaces: /data/local/tmp",
            )
        if manner.settings.addons:
            raise UsageError(
                f"Add-ons cannot be put into a profile of {manner.settings.app} from here.",
                advice="Leave --addon out.",
            )
        device = self._connected()
        if manner.called().note:
            manner.say(f"Note: {manner.called().note}")
        if device.has(manner.row.package):
            manner.say(
                f"Note: {manner.row.package} is on {device.serial} already: it will be removed, with all its data."
            )

    @contextmanager
    def install(self, tree: Path, build: Build) -> Iterator[AndroidApp]:
        """Install the ``.apk`` that ``tree`` is (or holds) in place of what was there; at the end it is stopped.

        Raises ``BrokenBuild`` with adb's own words, ``CannotRun`` when the device has gone or would take no build.
        """
        apk = _apk(tree)
        facts = read_facts(apk)
        package = facts.get("package_name") or self._manner.row.package
        device = self._connected()
        try:
            device.uninstall(package)
        except Refused as error:  # it may be the system's own; what follows from it, installing will tell
            log.debug("%s could not be uninstalled: %s", package, error)
        try:
            found = device.install(apk)
        except Refused as error:
            why = _why(str(error))
            if why.startswith(_OF_THE_DEVICE):
                raise CannotRun(
                    f"{device.serial} cannot take {build.file_name}: {why}.",
                    advice="No other build would fare better: mend that, then go on with mozbisect resume.",
                ) from error
            raise BrokenBuild(f"it cannot be installed: {why}") from error
        package = found if found and found.startswith("org.mozilla.") else package
        log.debug("%s is %s on %s", build.file_name, package, device.serial)
        try:
            device.act_as(package)
        except Refused as error:
            log.debug("files cannot be written in the name of %s: %s", package, error)
        app = AndroidApp(apk, facts, package, device, self._manner)
        try:
            yield app
        finally:
            app.stop()

    def _connected(self) -> Device:
        if self._device is None:
            adb = find_adb(self._environment)
            serial = choose(listed(adb), self._environment.get(ANDROID_SERIAL))
            self._device = self._connect(adb, serial)
        return self._device


def _apk(tree: Path) -> Path:
    if tree.is_file():
        return tree
    found = sorted(tree.rglob("*.apk"))
    if not found:
        raise BrokenBuild("the build holds no .apk")
    return found[0]


def _why(said: str) -> str:
    """adb's reason, with what it means where that is not plain."""
    match = _FAILURE.search(said)
    reason = (match[1] or match[2]).strip() if match else _essence(said)
    for name, hint in _HINTS.items():
        if reason.startswith(name):
            return f"{reason} ({hint})"
    return reason


def _essence(said: str) -> str:
    """Of many lines the one that names the error, or the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["adb gives no reason"]
    return next((line for line in lines if line.startswith("Error: ")), lines[-1])


class AndroidApp:
    """One installed browser; see ``core.ports.App``. ``binary`` is its ``.apk`` on this machine."""

    def __init__(self, apk: Path, facts: dict[str, str], package: str, device: Device, manner: _Manner) -> None:
        self._apk = apk
        self._facts = facts
        self._package = package
        self._device = device
        self._manner = manner
        self._remote = ""  # the profile on the device, while there is one
        self._reports: frozenset[str] = frozenset()  # crash reports that came with the profile
        self._held = ExitStack()

    @property
    def binary(self) -> Path:
        return self._apk

    @property
    def facts(self) -> dict[str, str]:
        return self._facts

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, Pref] = {}) -> None:
        """Start it with its profile. Raises ``BrokenBuild``, ``CannotRun`` (profile, device), ``CacheTrouble``."""
        self.stop()
        with ExitStack() as held:
            held.callback(self._tidy)
            self._bring_profile(prefs)
            try:
                self._launch(args)
            except Refused as error:
                raise BrokenBuild(f"it cannot be started: {_essence(str(error))}") from error
            self._held = held.pop_all()
        self._must_live()  # if not, it can still be asked how it died

    def running(self) -> bool:
        try:
            return self._device.runs(self._package)
        except Refused as error:
            raise CannotRun(f"The Android device does not say what runs on it: {error}") from error

    def wait(self, timeout: float | None = None) -> int | None:
        """0 when its process is gone: Android tells nobody how it ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.running():
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(self._manner.pause)
        return 0

    def output(self) -> str:
        """A browser on Android writes to the device's log, together with everybody else."""
        return ""

    def crashed(self) -> str | None:
        return crash.by_reports(self._crash_reports() - self._reports) if self._remote else None

    def stop(self) -> None:
        held, self._held = self._held, ExitStack()
        held.close()

    def _bring_profile(self, prefs: Mapping[str, Pref]) -> None:
        manner = self._manner
        with (
            manner.profiles.folder() as folder,
            furnished(folder, (*manner.settings.prefs, *prefs.items()), ()),
        ):
            try:
                self._remote = f"{(manner.profile_dir or self._device.test_root()).rstrip('/')}/{REMOTE_NAME}"
                self._device.push(folder, self._remote)
            except (Refused, OSError) as error:
                where = self._remote or "the Android device"
                raise CannotRun(
                    f"The profile cannot be put into {where}: {error}",
                    advice="Is the device full? --adb-profile-dir names another folder on it.",
                ) from error
            self._reports = crash.reports(folder)

    def _launch(self, args: Sequence[str]) -> None:
        row, called, profile = self._manner.row, self._manner.called(args), ("-profile", self._remote)
        self._device.stop(self._package)  # installing, or a person, may have started it
        if not row.takes_url:
            self._device.main(self._package, row.activity.removeprefix("."), (*profile, *called.args))
            return
        activity = row.activity
        if activity.startswith(".") and self._package != row.package:  # org.mozilla.fenix.debug keeps fenix' classes
            activity = row.package + activity
        self._device.view(self._package, activity, called.url, " ".join((*profile, *called.args)))

    def _must_live(self) -> None:
        if self.wait(self._manner.patience) is None:
            return
        try:
            said = self._device.last_crash(_SHOWN)
        except Refused:
            said = []
        raise BrokenBuild(with_last_words("its process ended at once", said))

    def _crash_reports(self) -> frozenset[str]:
        found: set[str] = set()
        for place in crash.REPORT_FOLDERS:
            try:
                found |= {name for name in self._device.files(f"{self._remote}/{place}") if name.endswith(".dmp")}
            except Refused as error:
                log.debug("%s on the device cannot be looked at: %s", place, error)
        return frozenset(found)

    def _tidy(self) -> None:
        """Never raises for a device that has gone: what was answered about this build counts all the same."""
        remote, self._remote = self._remote, ""
        try:
            self._device.stop(self._package)
            if remote:
                self._device.remove(remote)
        except (Refused, CannotRun) as error:
            self._manner.say(f"{self._package} may still run on the device, with its profile: {error}")
