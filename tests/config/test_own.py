"""Our own file: what it says is taken as it stands, and what it cannot say is an error with its line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.config import own
from mozbisect.core.errors import UsageError
from tests.config.keys import KEYS


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> dict[str, object]:
    return {name: row.value for name, row in own.read(written(folder, text), KEYS).values.items()}


def test_every_kind_of_value_is_taken(tmp_path: Path) -> None:
    text = """
    persist = "/builds"
    persist-size-limit = 20
    bits = 32
    arch = "x86_64"
    runs = 3
    background-dl = false
    pref = ["a:1", "b:two words"]
    arg = "https://example.org"
    telemetry = false
    """
    assert read(tmp_path, text) == {
        "persist": "/builds",
        "persist-size-limit": 20.0,
        "bits": "32",
        "arch": "x86_64",
        "runs": 3,
        "background-dl": False,
        "pref": ("a:1", "b:two words"),
        "arg": ("https://example.org",),
        "telemetry": False,
    }


def test_underscores_and_the_names_of_the_peer_do_as_well(tmp_path: Path) -> None:
    assert read(tmp_path, "no-telemetry = true") == {"telemetry": False}
    text = 'http_timeout = 5\ncmdargs = ["-x"]\nno-background-dl = true\nenable-telemetry = "No"\n'
    expected = {"http-timeout": 5.0, "arg": ("-x",), "background-dl": False, "telemetry": False}
    assert read(tmp_path, text) == expected


def test_where_a_value_stands_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, '# persist = 1\n\n"persist" = "/b"\nmode="classic"\n')
    settings = own.read(path, KEYS)
    assert settings.values["persist"].where == f"{path}:3"
    assert settings.values["mode"].where == f"{path}:4"


def test_a_relative_path_means_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "p").mkdir(parents=True)
    (tmp_path / "p.json").write_text("{}")
    absolute = tmp_path / "home" / "abs.ini"
    absolute.write_text("[x]\na = 1\n")
    found = read(
        tmp_path, f'persist = "kept"\npreferences = ["p.json", "{absolute}:x"]\nprofile = "~/p"\nadb-profile-dir="x"'
    )
    assert found["persist"] == str(tmp_path / "kept")
    assert found["preferences"] == (str(tmp_path / "p.json"), f"{absolute}:x")
    assert found["profile"] == str(tmp_path / "home" / "p")
    assert found["adb-profile-dir"] == "x"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("persit = 'x'", "there is no setting 'persit' (did you mean persist"),
        ("zzz = 1", "there is no setting 'zzz'"),
        ("[fetch]\npersist='x'", "there is no setting 'fetch'"),
        ("http-timeout = '30'", "http-timeout must be a number, and is the text '30'"),
        ("http-timeout = 0", "http-timeout must be at least 0.1, and is 0"),
        ("http-timeout = nan", "must be a number"),
        ("persist-size-limit = inf", "must be a number"),
        ("persist-size-limit = true", "must be a number, and is true"),
        ("runs = 1.5", "runs must be a whole number, and is 1.5"),
        ("bits = 16", "bits must be one of 32, 64, and is 16"),
        ("mode = 'fast'", "mode must be one of classic, no-first-check, and is the text 'fast'"),
        ("background-dl = 'maybe'", "background-dl must be true or false"),
        ("background-dl = 1", "background-dl must be true or false, and is 1"),
        ("persist = 3", "persist must be a text in quotes, and is 3"),
        ("persist = ['x']", "persist must be a text in quotes, and is a list"),
        ("pref = [1]", "pref must be a list of texts"),
        ("app = 'netscape'", "app cannot be 'netscape'"),
        ("repo = 'autolnad'", "autoland"),
        ("hg-url = 'hg.mozilla.org'", "must begin with http:// or https://"),
        ("telemetry = 'perhaps'", "telemetry must be true or false"),
        ("good = '2026-01-01'", "good belongs to one search"),
        ("write-config = true", "there is no setting 'write-config'"),
        ("background-dl = true\nno-background-dl = true", "was set before"),
        ("persist_size_limit = 1\npersist-size-limit = 2", "was set before"),
        ("build-type = 'dbug'", "build-type cannot be 'dbug': Did you mean debug? The build types are"),
        ("lang = 'Deutsch bitte'", "lang: 'Deutsch bitte' is no language. For example de"),
        ("judge = 'nobody'", "judge: There is no judge 'nobody'. The judges are manual"),
        ("judge = 'output'", "judge: --judge output lacks its REGEX. Write"),
        ("judge = 'output:('", "is no regular expression"),
        ("pref = ['a:1', 'dom.foo']", "pref: The preference 'dom.foo' is not of the form name:value. For example"),
        ("preferences = ['prefs.json']", "preferences: There is no preferences file"),
        ("profile = 'none/here'", "none/here does not exist. about:profiles shows"),
        ("profile = 'config.toml'", "config.toml is no folder"),
        ("persist = 'config.toml'", "persist: {path} is no folder. Name a folder, or"),
        ("addon = ['x.xpi']", "x.xpi'. Name an .xpi file"),
        ("addon = ['config.toml']", "config.toml is no add-on. Name an .xpi file"),
        ("hg-url = 'https://'", "hg-url names no server: 'https://'"),
        ("required = 3 \nruns = 2", "required: 3 of 2 runs can never be told. At most as many as runs"),
    ],
)
def test_a_slip_is_an_error_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path, f"# one\n\n{line}\n")
    with pytest.raises(UsageError) as caught:
        own.read(path, KEYS)
    assert says.replace("{path}", str(path)) in caught.value.what
    assert caught.value.what.startswith((f"{path}:3: ", f"{path}:4: "))


def test_what_makes_sense_beside_another_value_is_taken(tmp_path: Path) -> None:
    text = (
        'profile = "mine"\nprofile-persistence = "reuse"\nrequired = 2\nruns = 3\nbuild-type = "Debug"\nlang = "de"\n'
    )
    assert set(read(tmp_path, text)) == {"profile", "profile-persistence", "required", "runs", "build-type", "lang"}
    assert read(tmp_path, 'required = 2\nprofile = ""\npersist = ""') == {"required": 2, "profile": "", "persist": ""}


def test_all_slips_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        own.read(written(tmp_path, "bits = 1\nmode = 2\n"), KEYS)
    assert [line.partition(": ")[0].rpartition(":")[2] for line in caught.value.what.splitlines()] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "line"), [("persist = x\n", 1), ("a = 1\na = 2\n", 2), ('mode = "classic"\npersist = "x\n', 2), ("= 3", 1)]
)
def test_what_is_no_toml_is_said_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match="this is no TOML") as caught:
        own.read(path, KEYS)
    assert caught.value.what.startswith(f"{path}:{line}: ")


def test_a_token_of_the_wrong_kind_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        own.read(written(tmp_path, "taskcluster-accesstoken = 987654321\n"), KEYS)
    assert "987654321" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_file_and_other_bytes_are_said(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbfbits = 64\n")
    assert own.read(path, KEYS).values["bits"].value == "64"
    path.write_bytes(b"profile = '\xe9'\n")
    with pytest.raises(UsageError, match="no UTF-8"):
        own.read(path, KEYS)
    with pytest.raises(UsageError, match="cannot be read"):
        own.read(tmp_path, KEYS)


@given(text=st.text(st.sampled_from("abits=\"'[]#\n1 .-_:{},\t\\"), max_size=40))
def test_no_file_makes_it_fall_over(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "config.toml"
    path.write_text(text)
    with suppress(UsageError):
        own.read(path, KEYS)
