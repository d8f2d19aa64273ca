"""mozregression's file: as much as can be understood counts, and the rest is a warning with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.config import peer
from mozbisect.config.model import yes_or_no
from tests.config.keys import KEYS


def read(folder: Path, text: str | bytes) -> tuple[dict[str, object], list[str]]:
    path = folder / "mozregression.cfg"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    settings = peer.read(path, KEYS)
    assert "is used" in settings.warnings[0]
    return {name: row.value for name, row in settings.values.items()}, list(settings.warnings[1:])


def test_the_example_of_its_documentation(tmp_path: Path) -> None:
    text = """# ------ mozregression configuration file ------

# persist-size-limit = 15.0


persist = /home/jp/.mozilla/mozregression/persist
persist-size-limit = 3.0
bits = 64
profile-persistence = clone-first
http-timeout = 30.0
enable-telemetry = yes
cmdargs = "https://mozilla.org",
"""
    found, warnings = read(tmp_path, text)
    assert warnings == []
    assert found == {
        "persist": "/home/jp/.mozilla/mozregression/persist",
        "persist-size-limit": 3.0,
        "bits": "64",
        "profile-persistence": "clone-first",
        "http-timeout": 30.0,
        "telemetry": True,
        "arg": ("https://mozilla.org",),
    }


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("Persist=/a b/c", "persist", "/a b/c"),
        ("  persist  =  '/a, b'  # mine", "persist", "/a, b"),
        ('"persist" = "/a # b"', "persist", "/a # b"),
        ("persist_size_limit = -20", "persist-size-limit", 20.0),
        ("--http-timeout = 5", "http-timeout", 5.0),
        ("mode = No-First-Check", "mode", "no-first-check"),
        ("bits = '32'", "bits", "32"),
        ("no-background-dl = Yes", "background-dl", False),
        ("no-background-dl = 1", "background-dl", False),
        ("no-background-dl = on", "background-dl", True),
        ("no-background-dl = ''", "background-dl", True),
        ("cmdargs = -P, default", "arg", ("-P", "default")),
        ("cmdargs = '-a, b', -c,", "arg", ("-a, b", "-c")),
        ("cmdargs = one", "arg", ("one",)),
        ("repo = m-i", "repo", "m-i"),
        ('persist = """/a"""', "persist", "/a"),
        ("profile = '''/a\n'''", "profile", "/a"),
        ("taskcluster-accesstoken = s3cret", "taskcluster-accesstoken", "s3cret"),
        ("process-output = none", "process-output", "none"),
    ],
)
def test_odd_spellings_mean_what_they_mean_there(tmp_path: Path, line: str, key: str, value: object) -> None:
    found, warnings = read(tmp_path, line + "\n")
    assert (found, warnings) == ({key: value}, [])


@pytest.mark.parametrize("no", ["no", "No", "NO", "FALSE", "False", "0", "off", '"false"', "'no'", "n", "never", ""])
def test_a_no_to_telemetry_in_any_spelling_means_no(tmp_path: Path, no: str) -> None:
    assert read(tmp_path, f"enable-telemetry = {no}\n")[0] == {"telemetry": False}


@pytest.mark.parametrize("yes", ["yes", "True", "1", "on"])
def test_a_yes_is_a_yes(tmp_path: Path, yes: str) -> None:
    assert read(tmp_path, f"enable-telemetry = {yes}\n")[0] == {"telemetry": True}


def test_what_is_neither_is_taken_for_no_and_said(tmp_path: Path) -> None:
    found, warnings = read(tmp_path, "enable-telemetry = perhaps\n")
    assert found == {"telemetry": False}
    assert "mozregression.cfg:1: " in warnings[0]
    assert "no" in warnings[0]


@pytest.mark.parametrize("value", ["", "None", "none", '""'])
def test_nothing_and_none_are_as_good_as_absent(tmp_path: Path, value: str) -> None:
    text = "".join(f"{key} = {value}\n" for key in ("persist", "bits", "repo", "profile", "http-timeout", "build-type"))
    assert read(tmp_path, text) == ({}, [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("persits = /x", "did you mean persist"),
        ("inbound-branch = fx-team", "knows no such key"),
        ("http-timeout = soon", "must be a number"),
        ("bits = 128", "must be one of 32, 64"),
        ("mode = fast", "must be one of classic"),
        ("app = b2g", "cannot be 'b2g'"),
        ("archive-base-url = ftp.mozilla.org", "must begin with http"),
        ("a line without anything", "cannot be read"),
        ('persist = "half', "cannot be read"),
        ("= x", "cannot be read"),
        ("persist-size-limit = nan", "must be a number"),
    ],
)
def test_what_cannot_be_understood_is_a_warning_with_its_line_and_the_rest_counts(
    tmp_path: Path, line: str, says: str
) -> None:
    found, warnings = read(tmp_path, f"persist = /kept\n\n{line}\nbits = 64\n")
    assert found == {"persist": "/kept", "bits": "64"}
    assert len(warnings) == 1
    assert "mozregression.cfg:3: " in warnings[0]
    assert says in warnings[0]


def test_a_token_never_stands_in_a_warning(tmp_path: Path) -> None:
    _, warnings = read(tmp_path, "taskcluster-accesstokn = s3cret\ntaskcluster-accesstoken = s3cret, other\n")
    assert not any("s3cret" in line for line in warnings)


def test_sections_are_not_read_there_and_not_here_and_that_is_said(tmp_path: Path) -> None:
    values, warnings = read(tmp_path, "bits = 32\n[more]\nbits = 64\n")
    assert values == {"bits": "32"}
    (warning,) = warnings
    assert ":2: what stands below [more] is passed over" in warning


@pytest.mark.parametrize(
    "line", ["enable-telemetry=OFF", "enable-telemetry: no", "'enable_telemetry' = \"False\"  # so"]
)
def test_a_no_to_telemetry_counts_wherever_it_stands(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"[DEFAULT]\npersist = /x\n{line}\n")[0] == {"telemetry": False}
    assert read(tmp_path, "[DEFAULT]\nenable-telemetry = yes\n")[0] == {}


@pytest.mark.parametrize(
    "raw", ["persist = /é\n".encode("latin-1"), "persist = /é\n".encode("utf-16"), "\ufeffpersist = /é".encode()]
)
def test_any_encoding_is_read(tmp_path: Path, raw: bytes) -> None:
    assert read(tmp_path, raw)[0] == {"persist": "/é"}


def test_a_file_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    settings = peer.read(tmp_path, KEYS)
    assert settings.values == {}
    assert "cannot be read" in settings.warnings[0]
    assert peer.read(tmp_path / "absent", KEYS).warnings == ()


@given(raw=st.binary(max_size=60) | st.text(st.sampled_from("persit=\"',#[]\n \\"), max_size=60).map(str.encode))
def test_nothing_makes_it_fall_over(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "cfg"
    path.write_bytes(raw)
    peer.read(path, KEYS)


@given(st.sampled_from(["no", "yes"]), st.text(st.sampled_from(" \t'\""), max_size=3))
def test_quotes_and_spaces_make_no_difference(word: str, around: str) -> None:
    assert yes_or_no(f"{around}{word.upper()}{around}") is (word == "yes")
