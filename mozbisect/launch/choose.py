"""Which launcher an app has: its row says so. The one place that knows all of them, and loads no more than that one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from mozbisect.catalog.apps import Android, Desktop, Launch, Shell
from mozbisect.core.ports import Launcher
from mozbisect.launch.settings import LaunchSettings


def launcher_of(
    how: Launch,
    settings: LaunchSettings,
    temp_root: Path | None,
    *,
    adb_profile_dir: str | None = None,
    show: Callable[[str], None],
) -> Launcher:
    """The launcher of an app whose row says ``how``. What the row knows of the settings is put into them."""
    match how:
        case Desktop(binaries=binaries, profile=kind):
            from mozbisect.launch.desktop import DesktopLauncher

            return DesktopLauncher(replace(settings, binary_names=binaries, profile_kind=kind), temp_root, show=show)
        case Android():
            from mozbisect.launch.android import AndroidLauncher

            return AndroidLauncher(settings, how, temp_root, profile_dir=adb_profile_dir, say=show)
        case Shell(binaries=binaries):
            from mozbisect.launch.shell import ShellLauncher

            return ShellLauncher(replace(settings, binary_names=binaries), temp_root, show=show)
        case other:
            assert_never(other)
