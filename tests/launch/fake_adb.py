"""A stand-in for ``adb`` and the phone behind it, as a program of its own: it keeps the phone in a folder.

It takes what the real one takes of what mozdevice sends (seen by running it), and says no in the real one's words. Of
the phone there are files, packages, processes and properties. ``rules.json`` makes it misbehave:

    devices       the lines of ``adb devices`` (default: one emulator)
    refuse        {the first word of an adb command: [exit status, what it says]}
    install       what an installation fails with: "INSTALL_FAILED_…: why"
    package       the package that is in any .apk (default: its first line)
    dies          true: what is started ends at once
    gone_after    so many commands more, then the device is gone
    crash_log     what the log of crashes holds

It is copied beside the phone's folder; a copy needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

PHONE = Path(__file__).resolve().parent.parent / "phone"
DEFAULT_DEVICES = ["emulator-5554          device product:sdk_gphone64 model:sdk_gphone64 device:emu64x transport_id:1"]
PROPERTIES = {
    "sys.boot_completed": "1",
    "ro.build.version.sdk": "34",
    "ro.product.model": "sdk_gphone64_x86_64",
    "ro.product.cpu.abi": "x86_64",
    "ro.build.characteristics": "emulator",
}


def load(name: str, default: object) -> object:
    file = PHONE / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else default


def save(name: str, value: object) -> None:
    (PHONE / f"{name}.json").write_text(json.dumps(value))


def on_phone(path: str) -> Path:
    return PHONE / "files" / path.strip("/")


def leave(status: int, said: str = "") -> None:
    if said:
        print(said)
    sys.stdout.flush()
    sys.exit(status)


def main(words: list[str]) -> None:
    PHONE.mkdir(exist_ok=True)
    with (PHONE / "log").open("a") as log:
        log.write(json.dumps(words) + "\n")
    rules = load("rules", {})
    assert isinstance(rules, dict)
    count_down(rules)
    devices = rules.get("devices", DEFAULT_DEVICES)
    serial = os.environ.get("ANDROID_SERIAL")
    while words and words[0] in ("-s", "wait-for-device"):
        if words.pop(0) == "-s":
            serial = words.pop(0)
    command = words[0] if words else "help"
    if command in rules.get("refuse", {}):
        leave(*rules["refuse"][command])
    if command == "version":
        leave(0, "Android Debug Bridge version 1.0.41\nVersion 34.0.4-debian\nInstalled as /usr/lib/android-sdk/adb")
    if command in ("start-server", "kill-server"):
        leave(0)
    if command == "devices":
        leave(0, "\n".join(["List of devices attached", *devices, ""]))
    state = next((line.split()[1] for line in devices if serial in (None, line.split()[0])), None)
    if state is None:
        leave(1, f"adb: device '{serial}' not found" if serial else "adb: no devices/emulators found")
    if serial is None and len(devices) > 1:
        leave(1, "adb: more than one device/emulator")
    if state != "device":
        leave(1, f"adb: device {state}")
    if command == "get-state":
        leave(0, "device")
    if command == "shell":
        shell(" ".join(words[1:]), rules)
    HOST_COMMANDS.get(command, unknown)(words[1:], rules)


def count_down(rules: dict[str, object]) -> None:
    left = rules.get("gone_after")
    if isinstance(left, int):
        rules["gone_after"] = left - 1
        if left <= 0:
            rules["devices"] = []
        save("rules", rules)


def unknown(words: list[str], rules: dict[str, object]) -> None:
    leave(1, f"adb: unknown command {words}")


def install(words: list[str], rules: dict[str, object]) -> None:
    apk = Path(words[-1])
    if not apk.is_file():
        leave(1, f"adb: failed to stat {apk}: No such file or directory")
    if "install" in rules:
        leave(1, f"Performing Streamed Install\nadb: failed to install {apk}: Failure [{rules['install']}]")
    package = str(rules.get("package", "org.mozilla.fenix"))
    packages = load("packages", {})
    assert isinstance(packages, dict)
    if package in packages and "-r" not in words:
        leave(1, f"adb: failed to install {apk}: Failure [INSTALL_FAILED_ALREADY_EXISTS: {package}]")
    packages[package] = str(apk)
    save("packages", packages)
    leave(0, "Performing Streamed Install\nSuccess")


def uninstall(words: list[str], rules: dict[str, object]) -> None:
    packages = load("packages", {})
    assert isinstance(packages, dict)
    if packages.pop(words[-1], None) is None:
        leave(1, "Failure [DELETE_FAILED_INTERNAL_ERROR]")
    save("packages", packages)
    leave(0, "Success")


def push(words: list[str], rules: dict[str, object]) -> None:
    local, remote = Path(words[0]), on_phone(words[1])
    if remote.is_dir():
        remote /= local.name
    remote.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if local.is_dir() else shutil.copy)(local, remote)
    leave(0, f"{local}: 1 file pushed, 0 skipped.")


def pull(words: list[str], rules: dict[str, object]) -> None:
    shutil.copytree(on_phone(words[0]), words[1], dirs_exist_ok=True)
    leave(0, "1 file pulled")


def root(words: list[str], rules: dict[str, object]) -> None:
    leave(0, "adbd cannot run as root in production builds")


def logcat(words: list[str], rules: dict[str, object]) -> None:
    leave(0, str(rules.get("crash_log", "--------- beginning of crash")))


HOST_COMMANDS = {
    "install": install,
    "uninstall": uninstall,
    "push": push,
    "pull": pull,
    "root": root,
    "logcat": logcat,
}


def shell(line: str, rules: dict[str, object]) -> None:
    """One line for the device's shell; ``; echo adb_returncode=$?`` may follow, as mozdevice wants of emulators."""
    line, marked, _ = line.partition("; echo adb_returncode=$?")
    status, said = run(shlex.split(line), rules)
    if marked:
        leave(0, f"{said}\nadb_returncode={status}" if said else f"adb_returncode={status}")
    leave(status, said)


def run(words: list[str], rules: dict[str, object]) -> tuple[int, str]:
    program, args = words[0].rpartition("/")[2], words[1:]
    plain = [word for word in args if not word.startswith("-")]
    if program == "getprop":
        return 0, PROPERTIES.get(args[0], "")
    if "--help" in args:
        return 0, f"usage: {program} [-R] ...\n"
    if program in ("sync", "logcat", "set", "log"):
        return 0, ""
    if program == "id":
        return 0, "uid=2000(shell) gid=2000(shell)"
    if program == "setenforce":
        return 0, ""
    if program == "su":
        return 1, f"/system/bin/sh: {program}: inaccessible or not found"
    if program == "run-as":
        return 1, f"run-as: package not debuggable: {args[0]}"
    if program in FILES:
        return FILES[program](args, plain)
    if program == "pm":
        return pm(args)
    if program == "dumpsys":
        packages = load("packages", {})
        assert isinstance(packages, dict)
        return 0, "\n".join(f"  Package [{name}] (1f):\n    pkg=Package{{1f {name}}}" for name in packages)
    if program == "pidof":
        processes = load("processes", {})
        assert isinstance(processes, dict)
        return (0, str(processes[args[0]])) if args[0] in processes else (1, "")
    if program == "am":
        return am(args, rules)
    return 127, f"/system/bin/sh: {program}: inaccessible or not found"


def ls(args: list[str], plain: list[str]) -> tuple[int, str]:
    if plain and plain[-1].startswith("/system"):
        return (1, "ls: No such file or directory") if "*" in plain[-1] else (0, "bin")
    path = on_phone(plain[-1])
    if not path.exists():
        return 1, f"ls: {plain[-1]}: No such file or directory"
    return 0, "\n".join(sorted(file.name for file in path.iterdir())) if path.is_dir() else plain[-1]


def test(args: list[str], plain: list[str]) -> tuple[int, str]:
    path = on_phone(plain[-1])
    held = {"-e": path.exists, "-f": path.is_file, "-d": path.is_dir}[args[0]]()
    return 0 if held else 1, ""


def mkdir(args: list[str], plain: list[str]) -> tuple[int, str]:
    on_phone(plain[-1]).mkdir(parents=True, exist_ok="-p" in args)
    return 0, ""


def rm(args: list[str], plain: list[str]) -> tuple[int, str]:
    path = on_phone(plain[-1])
    if plain[-1].endswith("*"):
        for file in path.parent.iterdir():
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        return 0, ""
    if not path.exists():
        return 1, f"rm: {plain[-1]}: No such file or directory"
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return 0, ""


def chmod(args: list[str], plain: list[str]) -> tuple[int, str]:
    return 0, ""


FILES = {"ls": ls, "test": test, "mkdir": mkdir, "rm": rm, "chmod": chmod}


def pm(args: list[str]) -> tuple[int, str]:
    packages = load("packages", {})
    assert isinstance(packages, dict)
    if args[0] == "list":
        return 0, "\n".join(f"package:{name}" for name in packages if args[-1] in name)
    return 0, ""


def am(args: list[str], rules: dict[str, object]) -> tuple[int, str]:
    processes = load("processes", {})
    assert isinstance(processes, dict)
    if args[0] == "force-stop":
        processes.pop(args[1], None)
        save("processes", processes)
        return 0, ""
    component = args[args.index("-n") + 1]
    package = component.partition("/")[0]
    packages = load("packages", {})
    assert isinstance(packages, dict)
    if package not in packages:
        return 1, f"Starting: Intent\nError type 3\nError: Activity class {{{component}}} does not exist."
    if not rules.get("dies"):
        processes[package] = 4242
        save("processes", processes)
    save("intent", args)
    profile = re.search(r"-profile (\S+)", " ".join(args).replace(" --es arg1", ""))
    if profile:
        (PHONE / "profile_seen").write_text("\n".join(sorted(p.name for p in on_phone(profile[1]).iterdir())))
    return 0, f"Starting: Intent {{ cmp={component} }}\nStatus: ok\nComplete"


if __name__ == "__main__":
    main(sys.argv[1:])
