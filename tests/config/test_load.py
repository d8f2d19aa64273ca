"""Which file counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mozbisect.config.load import load
from mozbisect.config.places import own_file
from mozbisect.core.errors import UsageError
from tests.config.keys import KEYS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("MOZBISECT_CONFIG", raising=False)
    return tmp_path


def left_behind(home: Path, text: str) -> None:
    path = home / ".mozilla/mozregression/mozregression.cfg"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def own(home: Path, text: str) -> Path:
    path = own_file({})
    assert home in path.parents
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_without_any_file_nothing_is_set(home: Path) -> None:
    assert load(KEYS, {}).values == {}


def test_what_the_peer_left_is_used_and_said_as_long_as_there_is_no_file_of_ours(home: Path) -> None:
    left_behind(home, "persist = /kept\nbits = 32\n")
    settings = load(KEYS, {})
    assert settings.values["persist"].value == "/kept"
    assert len(settings.warnings) == 1
    own(home, 'app = "firefox"\n')
    settings = load(KEYS, {})
    assert set(settings.values) == {"app"}
    assert settings.warnings == ()


def test_a_no_to_telemetry_holds_until_our_own_file_says_something_about_it(home: Path) -> None:
    left_behind(home, "enable-telemetry = No\nbroken\n")
    path = own(home, "bits = 32\n")
    settings = load(KEYS, {})
    assert settings.values["telemetry"].value is False
    assert settings.values["telemetry"].where.endswith("mozregression.cfg:1")
    assert settings.warnings == ()
    path.write_text("telemetry = true\n")
    assert load(KEYS, {}).values["telemetry"].value is True


def test_a_file_that_is_named_has_to_be_there(home: Path, tmp_path: Path) -> None:
    named = tmp_path / "mine.toml"
    with pytest.raises(UsageError, match=r"mine\.toml"):
        load(KEYS, {"MOZBISECT_CONFIG": str(named)})
    named.write_text("bits = 64\n")
    assert load(KEYS, {"MOZBISECT_CONFIG": str(named)}).values["bits"].where == f"{named}:1"
    assert load(KEYS, {"MOZBISECT_CONFIG": "/dev/null"}).values == {}
