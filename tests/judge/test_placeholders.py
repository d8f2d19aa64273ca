from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import UsageError
from mozbisect.judge import placeholders
from tests.judge.conftest import NIGHTLY, PUSH, FakeApp


def test_a_push_is_told_with_all_that_is_known_of_it() -> None:
    app = FakeApp(facts={"application_repository": "https://hg.mozilla.org/integration/autoland"})
    assert placeholders.values(app, PUSH) == {
        "binary": "/builds/with space/firefox",
        "app_name": "firefox",
        "build_type": "shippable",
        "build_url": PUSH.url,
        "build_file": PUSH.file_name,
        "build_date": "2026-09-14T09:21:33+00:00",
        "build_id": "20260914092133",
        "changeset": "a" * 40,
        "git_changeset": "b" * 40,
        "repository": "autoland",
        "repo_name": "autoland",
        "repo_url": "https://hg.mozilla.org/integration/autoland",
        "task_id": "TaskId",
    }


def test_what_is_not_known_of_a_nightly_is_empty() -> None:
    known = placeholders.values(FakeApp(), NIGHTLY)
    assert known["build_date"] == "2026-09-14"
    assert {name for name, value in known.items() if not value} == {
        "build_id", "changeset", "git_changeset", "repo_url", "task_id",
    }  # fmt: skip


def test_the_program_is_asked_for_what_the_archive_does_not_say() -> None:
    app = FakeApp(facts={"application_changeset": "c" * 40, "application_buildid": "20260914000000"})
    known = placeholders.values(app, NIGHTLY)
    assert (known["changeset"], known["build_id"]) == ("c" * 40, "20260914000000")
    assert placeholders.values(app, PUSH)["changeset"] == "a" * 40


def test_the_environment_has_both_prefixes_and_mozregressions_meaning_of_build_type() -> None:
    for build, kind in ((NIGHTLY, "nightly"), (PUSH, "integration")):
        known = placeholders.values(FakeApp(), build)
        env = placeholders.environment(known, build)
        assert len(env) == 2 * len(known)
        assert env["MOZBISECT_BINARY"] == env["MOZREGRESSION_BINARY"] == "/builds/with space/firefox"
        assert (env["MOZBISECT_BUILD_TYPE"], env["MOZREGRESSION_BUILD_TYPE"]) == ("shippable", kind)
        assert all(isinstance(value, str) for value in env.values())


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("{binary}", "/x y/{app_name}"),
        ("--at={binary}:{app_name}", "--at=/x y/{app_name}:firefox"),
        ("{{binary}}", "{binary}"),
        ("{{{app_name}}}", "{firefox}"),
        ("a{{}}b", "a{}b"),
        ("", ""),
    ],
)
def test_placeholders_are_filled_once_and_doubled_braces_are_braces(word: str, filled: str) -> None:
    assert placeholders.fill(word, {"binary": "/x y/{app_name}", "app_name": "firefox"}) == filled


@given(st.text())
def test_every_text_can_be_said_with_doubled_braces(text: str) -> None:
    assert placeholders.fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


@pytest.mark.parametrize("word", ["{binry}", "{}", "{0}", "{binary!r}", "{binary:>9}", "{ binary }", '{"a": 1}'])
def test_an_unknown_placeholder_is_refused_and_the_known_are_listed(word: str) -> None:
    with pytest.raises(UsageError, match="unknown placeholder") as caught:
        placeholders.check(word)
    assert all(f"{{{name}}}" in caught.value.advice for name in placeholders.NAMES)


@pytest.mark.parametrize("word", ["{", "}", "{binary", "binary}", "{{{binary}}", "{{binary}}}"])
def test_a_single_brace_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="single"):
        placeholders.check(word)
