from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import UsageError
from mozbisect.launch.profile import parse_pref, read_preferences
from mozbisect.launch.profile_folder import furnished
from mozbisect.launch.quiet import PREFS, PROFILES, Pref, environment

NAMES = st.from_regex(r"[a-z][a-zA-Z0-9._-]{0,20}", fullmatch=True)
VALUES = st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b:true", ("a.b", True)),
        ("a.b:false", ("a.b", False)),
        ("a.b:3", ("a.b", 3)),
        ("a.b:-1", ("a.b", -1)),
        ("a.b:True", ("a.b", "True")),
        ("a.b:3.5", ("a.b", "3.5")),
        ("a.b:1_000", ("a.b", "1_000")),
        ("a.b:'7'", ("a.b", "7")),
        ('a.b:"true"', ("a.b", "true")),
        ("a.b:'", ("a.b", "'")),
        ("a.b:''", ("a.b", "")),
        ("a.b:", ("a.b", "")),
        ("a.b:http://localhost:8000/", ("a.b", "http://localhost:8000/")),
        (" a.b : x y ", ("a.b", "x y")),
    ],
)
def test_a_preference_gets_the_type_it_looks_like(text: str, expected: tuple[str, Pref]) -> None:
    name, value = parse_pref(text)
    assert (name, value, type(value)) == (*expected, type(expected[1]))


@given(NAMES, st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_quoted_is_a_string_as_it_stands(name: str, value: str) -> None:
    assert parse_pref(f"{name}:'{value}'") == (name, value)


@given(NAMES, st.integers(-(2**31), 2**31 - 1))
def test_every_integer_that_firefox_can_keep_is_one(name: str, value: int) -> None:
    assert parse_pref(f"{name}:{value}") == (name, value)


@pytest.mark.parametrize("text", ["", "a.b", ":true", "  :1"])
def test_a_preference_without_name_or_value_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pref(text)
    assert "--pref" in caught.value.advice


def test_a_number_too_large_for_firefox_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="32 bits") as caught:
        parse_pref("a.b:20260914092133")
    assert parse_pref(caught.value.advice.split(": ", 1)[1]) == ("a.b", "20260914092133")


@given(st.dictionaries(NAMES, VALUES))
def test_a_json_file_gives_what_it_holds(tmp_path_factory: pytest.TempPathFactory, prefs: dict[str, Pref]) -> None:
    file = tmp_path_factory.getbasetemp() / "prefs.json"
    file.write_text(json.dumps(prefs), encoding="utf-8")
    assert read_preferences(str(file)) == tuple(prefs.items())


def test_a_section_of_an_ini_file_gives_its_pairs(tmp_path: Path) -> None:
    file = tmp_path / "prefs.ini"
    file.write_text("[one]\na.bC = true\nn = 3\nurl = http://x/%s?a=b\n[two]\nn = 4\n")
    assert read_preferences(f"{file}:one") == (("a.bC", True), ("n", 3), ("url", "http://x/%s?a=b"))
    assert read_preferences(f"{file}:two") == (("n", 4),)


def test_the_only_section_need_not_be_named(tmp_path: Path) -> None:
    file = tmp_path / "prefs.ini"
    file.write_text("[one]\nn = 3\n")
    assert read_preferences(str(file)) == (("n", 3),)


def test_a_colon_may_belong_to_the_name_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "9:30.json"
    file.write_text('{"n": 3}')
    assert read_preferences(str(file)) == (("n", 3),)
    with pytest.raises(UsageError, match=r"There is no preferences file C:\\none\.json"):
        read_preferences(r"C:\none.json")


@pytest.mark.parametrize(
    ("name", "content", "section", "says"),
    [
        ("p.json", '{"a": 1,\n  b}', "", "line 2"),
        ("p.json", "[1]", "", "no JSON object"),
        ("p.json", '{"a.b": 1.5}', "", "a.b is 1.5"),
        ("p.json", '{"a.b": null}', "", "a.b is null"),
        ("p.json", '{"a.b": 4294967296}', "", "32 bits"),
        ("p.json", "\xff", "", "cannot be read"),
        ("p.ini", "[a]\n[b]\n", "", "has several sections"),
        ("p.ini", "[a]\n[b]\n", ":c", "has no section 'c'"),
        ("p.ini", "", "", "has no section"),
        ("p.ini", "n = 1\n", ":a", "not a valid INI file"),
    ],
)
def test_a_file_that_cannot_be_understood_says_why(
    tmp_path: Path, name: str, content: str, section: str, says: str
) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=says):
        read_preferences(f"{tmp_path / name}{section}")


def test_the_sections_there_are_can_be_copied_from_the_advice(tmp_path: Path) -> None:
    file = tmp_path / "p.ini"
    file.write_text("[a]\nx=1\n[b]\n")
    with pytest.raises(UsageError) as caught:
        read_preferences(str(file))
    assert f"{file}:a" in caught.value.advice


def test_a_missing_file_or_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no preferences file"):
        read_preferences(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_preferences(str(tmp_path))


@pytest.mark.parametrize("kind", sorted(PREFS))
def test_every_quiet_preference_can_be_kept_by_firefox(kind: str) -> None:
    for name, value in PREFS[kind].items():
        assert isinstance(value, bool | str) or -(2**31) <= value < 2**31, name


def test_every_kind_of_profile_is_kept_from_updating_and_from_reporting() -> None:
    assert set(PREFS) == set(PROFILES)
    for prefs in PREFS.values():
        for name in ("app.update.auto", "extensions.update.enabled", "toolkit.telemetry.enabled"):
            assert prefs[name] is False


def test_a_profile_for_thunderbird_is_one_of_mozprofiles_with_thunderbirds_preferences(tmp_path: Path) -> None:
    with furnished(tmp_path, (("mail.rights.version", 2),), (), "thunderbird") as profile:
        assert type(profile).__name__ == "ThunderbirdProfile"
        text = (tmp_path / "user.js").read_text()
    assert 'user_pref("mail.provider.enabled", false);' in text
    assert 'user_pref("mail.provider.suppress_dialog_on_startup", true);' in text
    assert 'user_pref("mail.rights.version", 2);' in text
    assert "aboutwelcome" not in text


def test_what_an_outer_firefox_told_its_children_does_not_reach_the_build() -> None:
    own = {"PATH": "/bin", "XRE_PROFILE_PATH": "/mine", "MOZ_NO_REMOTE": "0"}
    env = environment(own)
    assert env["PATH"] == "/bin"
    assert "XRE_PROFILE_PATH" not in env
    assert env["MOZ_NO_REMOTE"] == "1"
