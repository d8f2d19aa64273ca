"""One Android device behind ``adb``: which one, whether it can be used, and what is asked of it through mozdevice.

It knows no browser and no profile. mozdevice waits for a device that has gone, as adb itself does, for minutes; so each
request begins with a look at the list of devices, which answers at once.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mozbisect.core.errors import CannotRun

log = logging.getLogger(__name__)

ANDROID_SERIAL = "ANDROID_SERIAL"  # adb's own variable

LIST_SECONDS = 60  # the first call starts adb's server
SECONDS = 60
BLINKS = (0.5, 1.5)
"""Seconds between looks for a device that is not there: its side of adb may just be starting anew (``adb root``)."""

LONG_SECONDS = 600  # to bring a hundred megabytes through a slow cable, and to have them compiled

_MOZBUILD = {"linux": "linux", "darwin": "macosx", "win32": "windows"}


# ------------------------------------------------------------------------------------------------- the program


def find_adb(own: Mapping[str, str], *, home: Path | None = None, system: str = sys.platform) -> Path:
    """On the PATH, or where ``./mach bootstrap`` puts it. Raises ``CannotRun``."""
    name = "adb.exe" if system == "win32" else "adb"
    sdk = f"android-sdk-{_MOZBUILD.get(system, 'linux')}"
    bootstrapped = (home or Path.home()) / ".mozbuild" / sdk / "platform-tools" / name
    path = own.get("PATH", os.defpath)
    found = shutil.which(name, path=path) or shutil.which(str(bootstrapped))
    if found:
        return Path(found)
    useless = shutil.which(name, mode=os.F_OK, path=path)
    if useless or bootstrapped.is_file():
        raise _unusable(Path(useless or bootstrapped), "it is not executable")
    raise CannotRun(
        "There is no adb on this machine, the program that talks to Android devices.",
        advice="Install it (apt install adb, Android's platform-tools, or ./mach bootstrap in Firefox's source) and "
        f"see that it is on the PATH; {bootstrapped} is looked at, too.",
    )


def _unusable(adb: Path, why: str) -> CannotRun:
    return CannotRun(
        f"The program {adb} cannot be run: {why}.",
        advice=f"`{adb} version` should print its version: install it anew if it does not.",
    )


# ------------------------------------------------------------------------------------------------ the devices


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of ``adb devices``."""

    serial: str
    state: str


@dataclass(frozen=True, slots=True)
class _State:
    """A state in which a device cannot be used, and the way out."""

    name: str
    what: str
    advice: str


_ANDROID = "Start Android on it (adb reboot), and try again."

_STATES = (
    _State(
        "unauthorized",
        "does not trust this computer yet",
        "Unlock its screen and allow USB debugging when it asks (if it does not: unplug it and plug it in again).",
    ),
    _State("authorizing", "is still being asked whether it trusts this computer", "Unlock it, allow USB debugging."),
    _State("offline", "is offline", "Unplug it and plug it in again, restart the emulator, or try: adb reconnect"),
    _State("connecting", "is still connecting", "Try again in a moment."),
    _State(
        "no permissions",
        "may not be opened by you",
        "On Linux a udev rule gives you the permission (apt install android-sdk-platform-tools-common, and be in the "
        "group plugdev); then: adb kill-server",
    ),
    _State("bootloader", "is in its bootloader", _ANDROID),
    _State("recovery", "is in recovery mode", _ANDROID),
    _State("rescue", "is in rescue mode", _ANDROID),
    _State("sideload", "is in sideload mode", _ANDROID),
)

_USABLE = "device"

# "emulator-5554          device product:sdk_phone model:…"; the header's "devices" is another word.
_LINE = re.compile(rf"(?!\*)(?P<serial>\S.*?)\s+(?P<state>{_USABLE}|{'|'.join(row.name for row in _STATES)}|host)\b")


def listed(adb: Path) -> tuple[Listed, ...]:
    """Every device that adb knows, usable or not. Raises ``CannotRun``."""
    text = _ask(adb, "devices", "-l")
    matches = map(_LINE.match, text.splitlines())
    return tuple(Listed(match["serial"], match["state"]) for match in matches if match)


def _ask(adb: Path, *words: str) -> str:
    # Files and not pipes: the server that adb may leave behind would hold a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            status = subprocess.run(
                [adb, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=LIST_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status, late = None, f"`adb {' '.join(words)}` has not ended after {LIST_SECONDS} seconds"
        except OSError as error:
            raise _unusable(adb, error.strerror or str(error)) from error
        out.seek(0)
        err.seek(0)
        said, complaint = (file.read().decode("utf-8", "replace") for file in (out, err))
    if status == 0:
        return said
    why = late if status is None else (complaint.strip() or said.strip() or f"exit status {status}").splitlines()[-1]
    raise CannotRun(f"adb cannot tell which devices there are: {why}", advice="Try: adb kill-server; then: adb devices")


def choose(devices: Sequence[Listed], wanted: str | None) -> str:
    """The serial number of the one device to use. Raises ``CannotRun``: none, several, another, or not usable."""
    names = ", ".join(one.serial for one in devices)
    if wanted:
        one = next((one for one in devices if one.serial == wanted), None)
        if one is None:
            raise CannotRun(
                f"There is no Android device {wanted} ({ANDROID_SERIAL}).",
                advice=f"Connected: {names}." if names else "None is connected: `adb devices` must list it.",
            )
    elif not devices:
        raise CannotRun(
            "No Android device is connected.",
            advice="Connect one on which USB debugging is allowed, or start an emulator: `adb devices` must list it.",
        )
    elif len(devices) > 1:
        raise CannotRun(
            f"Several Android devices are connected: {names}.",
            advice=f"Say which one to use: {ANDROID_SERIAL}={_likeliest(devices).serial} mozbisect …",
        )
    else:
        one = devices[0]
    if one.state != _USABLE:
        raise _not_usable(one)
    return one.serial


def _likeliest(devices: Sequence[Listed]) -> Listed:
    return next((one for one in devices if one.state == _USABLE), devices[0])


def _not_usable(one: Listed) -> CannotRun:
    for row in _STATES:
        if row.name == one.state:
            return CannotRun(f"The Android device {one.serial} {row.what}.", advice=row.advice)
    return CannotRun(f"The Android device {one.serial} cannot be used: adb calls its state {one.state!r}.")


# ------------------------------------------------------------------------------------------------- the device


class Refused(Exception):
    """The device is there, and said no. The text is adb's own."""


class Device:
    """The device of a run. Every request raises ``CannotRun`` when it has gone, and ``Refused`` when it says no."""

    def __init__(self, adb: Path, serial: str) -> None:
        """Raises ``CannotRun`` when it does not behave like an Android device that has started."""
        self._adb = adb
        self.serial = serial
        from mozdevice import ADBDevice

        _keep_quiet()
        try:
            with self._talk():
                # mozdevice learns what the device can do, with some forty requests.
                self._device: Any = ADBDevice(
                    device=serial, adb=str(adb), timeout=SECONDS, device_ready_retry_attempts=2
                )
        except (Refused, ValueError) as error:
            raise CannotRun(
                f"The Android device {serial} does not answer as it should: {error}",
                advice="Has it started, and does `adb shell` work? A reboot of the device often helps.",
            ) from error

    def install(self, apk: Path) -> str | None:
        """The name of the package, if the device tells what is new on it."""
        with self._talk():
            package = self._device.install_app(str(apk), timeout=LONG_SECONDS)
        return str(package) if package else None

    def has(self, package: str) -> bool:
        with self._talk():
            return bool(self._device.is_app_installed(package, timeout=SECONDS))

    def uninstall(self, package: str) -> None:
        with self._talk():
            self._device.uninstall_app(package, timeout=SECONDS)

    def act_as(self, package: str) -> None:
        """Where nobody is root, files that a debuggable app may read are written in its own name."""
        with self._talk():
            self._device.run_as_package = package

    def test_root(self) -> str:
        """A folder that may be written to; made if need be."""
        with self._talk():
            return str(self._device.test_root)

    def push(self, folder: Path, remote: str) -> None:
        """Put a folder there, in place of what is there."""
        self.remove(remote)
        with self._talk():
            self._device.push(str(folder), remote, timeout=LONG_SECONDS)

    def remove(self, remote: str) -> None:
        with self._talk():
            if self._device.exists(remote, timeout=SECONDS):
                self._device.rm(remote, recursive=True, timeout=SECONDS)

    def files(self, remote: str) -> frozenset[str]:
        """The names in a folder; empty if there is none."""
        with self._talk():
            return frozenset(self._device.list_files(remote, timeout=SECONDS))

    def view(self, package: str, activity: str, url: str | None, args: str) -> None:
        """Open a page, or the browser alone, with Gecko's ``args``."""
        with self._talk():
            self._device.launch_application(
                package,
                activity,
                "android.intent.action.VIEW",
                url=url,
                extras={"args": args, "performancetest": True},
                fail_if_running=False,
                timeout=SECONDS,
            )

    def main(self, package: str, activity: str, args: Sequence[str]) -> None:
        """Open the main activity of one of GeckoView's own apps, with Gecko's ``args``."""
        with self._talk():
            self._device.launch_activity(
                package, activity, extra_args=list(args), e10s=True, fail_if_running=False, timeout=SECONDS
            )

    def runs(self, package: str) -> bool:
        with self._talk():
            return bool(self._device.process_exist(package, timeout=SECONDS))

    def stop(self, package: str) -> None:
        with self._talk():
            self._device.stop_application(package, timeout=SECONDS)

    def last_crash(self, count: int) -> list[str]:
        """The last lines of the device's log of crashes."""
        with self._talk():
            lines = self._device.command_output(["logcat", "-d", "-b", "crash", "-v", "tag"], timeout=SECONDS)
        return [line.rstrip() for line in lines.splitlines() if line.strip()][-count:]

    @contextmanager
    def _talk(self) -> Iterator[None]:
        """Within this, what mozdevice raises becomes ``Refused`` or, if the device has gone, ``CannotRun``."""
        from mozdevice import ADBError, ADBTimeoutError

        self._must_be_there()
        try:
            yield
        except ADBTimeoutError as error:
            self._must_be_there()
            raise CannotRun(
                f"The Android device {self.serial} does not answer any more ({_words(error)}).",
                advice="Look whether it is awake and still connected, then: mozbisect resume",
            ) from error
        except (ADBError, UnicodeDecodeError) as error:
            self._must_be_there()
            raise Refused(_words(error)) from error

    def _must_be_there(self) -> None:
        for pause in (*BLINKS, None):
            found = {one.serial: one for one in listed(self._adb)}
            if pause is None or (self.serial in found and found[self.serial].state == _USABLE):
                break
            time.sleep(pause)
        if self.serial not in found:
            raise CannotRun(
                f"The Android device {self.serial} is gone: adb does not list it any more.",
                advice="Connect it again, then go on with: mozbisect resume",
            )
        if found[self.serial].state != _USABLE:
            raise _not_usable(found[self.serial])


def _words(error: Exception) -> str:
    """What adb said, without mozdevice's frame: ``args: adb …, exitcode: 1, stdout: adb: failed to …``."""
    text = str(error)
    said = text.rpartition("stdout: ")[2].strip()
    return said or text


def _keep_quiet() -> None:
    """mozdevice writes to standard output unless mozlog has a logger already: it gets one that is ours."""
    import mozlog
    from mozlog.structuredlog import StructuredLogger, set_default_logger

    if mozlog.get_default_logger() is not None:
        return
    logger = StructuredLogger("mozdevice")
    logger.add_handler(lambda row: log.debug("%s", row.get("message", row)))
    set_default_logger(logger)
