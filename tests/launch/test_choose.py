from __future__ import annotations

import json
from pathlib import Path

import pytest

from mozbisect.catalog.apps import APPS, Android, Desktop, Launch, Shell
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Build
from mozbisect.launch.android import AndroidLauncher
from mozbisect.launch.choose import launcher_of
from mozbisect.launch.desktop import DesktopLauncher
from mozbisect.launch.quiet import PREFS
from mozbisect.launch.settings import LaunchSettings
from mozbisect.launch.shell import ShellLauncher

SETTINGS = LaunchSettings(app="any", os="linux", needs_display=False, interactive=False)


def ignore(_: str) -> None:
    """What is shown is not looked at here."""


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (Desktop(("firefox",)), DesktopLauncher),
        (Desktop(("thunderbird",), profile="thunderbird"), DesktopLauncher),
        (Android("org.mozilla.fenix", ".IntentReceiverActivity"), AndroidLauncher),
        (Shell(("js",)), ShellLauncher),
    ],
)
def test_the_row_of_an_app_says_which_launcher_it_has(tmp_path: Path, how: Launch, kind: type) -> None:
    assert type(launcher_of(how, SETTINGS, tmp_path, show=ignore)) is kind


@pytest.mark.parametrize("row", APPS, ids=lambda row: row.name)
def test_every_app_of_the_catalogue_has_one_and_quiet_preferences(row: object, tmp_path: Path) -> None:
    how = row.launch  # type: ignore[attr-defined]
    assert launcher_of(how, SETTINGS, tmp_path, show=ignore)
    if isinstance(how, Desktop):
        assert how.profile in PREFS


def test_thunderbird_is_started_with_its_own_profile_and_policy(tmp_path: Path, build: Build) -> None:
    program = tmp_path / "tree" / "thunderbird" / "thunderbird"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nfor profile; do :; done\ncat "$profile/user.js"\n')
    temp = tmp_path / "temp"
    temp.mkdir()
    how = Desktop(("thunderbird", "thunderbird-bin", "thunderbird.exe"), profile="thunderbird")
    with launcher_of(how, SETTINGS, temp, show=ignore).install(tmp_path / "tree", build) as app:
        app.start()
        assert app.wait() == 0
        assert 'user_pref("mail.provider.suppress_dialog_on_startup", true);' in app.output()
    policies = json.loads((program.parent / "distribution" / "policies.json").read_text())
    assert policies["policies"]["DisableAppUpdate"] is True


def test_the_folder_on_the_device_reaches_the_launcher(tmp_path: Path) -> None:
    how = Android("org.mozilla.fenix", ".IntentReceiverActivity")
    with pytest.raises(UsageError, match="no folder"):
        launcher_of(how, SETTINGS, tmp_path, adb_profile_dir="no folder", show=ignore).check()
