from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild, CacheTrouble
from mozbisect.launch.policies import disable_updates


def policies(folder: Path) -> object:
    return json.loads((folder / "distribution" / "policies.json").read_text())


def test_updates_are_switched_off_beside_the_program(tmp_path: Path) -> None:
    disable_updates(tmp_path / "firefox")
    assert policies(tmp_path) == {"policies": {"DisableAppUpdate": True}}


def test_on_macos_the_policy_lies_with_the_resources(tmp_path: Path) -> None:
    disable_updates(tmp_path / "Nightly.app" / "Contents" / "MacOS" / "firefox")
    assert policies(tmp_path / "Nightly.app" / "Contents" / "Resources") == {"policies": {"DisableAppUpdate": True}}


def test_policies_that_the_build_brings_stay(tmp_path: Path) -> None:
    (tmp_path / "distribution").mkdir()
    theirs = {"note": 1, "policies": {"DisableAppUpdate": False, "DisablePocket": True}}
    (tmp_path / "distribution" / "policies.json").write_text(json.dumps(theirs))
    disable_updates(tmp_path / "firefox")
    assert policies(tmp_path) == {"note": 1, "policies": {"DisableAppUpdate": True, "DisablePocket": True}}


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"policies": 3}', b"\xff\xfe".decode("latin-1")])
def test_damaged_policies_are_replaced(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "distribution").mkdir()
    (tmp_path / "distribution" / "policies.json").write_text(damaged, encoding="latin-1")
    disable_updates(tmp_path / "firefox")
    assert policies(tmp_path) == {"policies": {"DisableAppUpdate": True}}


def test_a_build_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    (tmp_path / "distribution").write_text("a file where the folder should be")
    with pytest.raises(BrokenBuild, match="updates cannot be switched off"):
        disable_updates(tmp_path / "firefox")


def test_a_full_disk_is_not_the_fault_of_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(CacheTrouble, match="No space left on device") as caught:
        disable_updates(tmp_path / "firefox")
    assert "Free some space" in caught.value.advice
