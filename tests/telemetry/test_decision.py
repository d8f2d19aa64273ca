"""Whether a use is sent: who said what, and who is heard."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.config.model import Setting
from mozbisect.telemetry.decision import Asked, Choice, Decision, Word, decide

NO, YES = Setting(value=False, where="config.toml:3"), Setting(value=True, where="config.toml:3")
DISABLED, ENABLED = Choice(yes=False, how="It was disabled."), Choice(yes=True, how="It was enabled.")

NOES = {
    "flag": Asked(flag=True),
    "its variable": Asked(environ={"MOZBISECT_NO_TELEMETRY": "1"}),
    "our variable": Asked(environ={"MOZBISECT_TELEMETRY": "0"}),
    "everybody's variable": Asked(environ={"DO_NOT_TRACK": "1"}),
    "configuration": Asked(configured=NO),
    "choice": Asked(chosen=DISABLED),
}
YESES = {
    "our variable": Asked(environ={"MOZBISECT_TELEMETRY": "1"}),
    "configuration": Asked(configured=YES),
    "choice": Asked(chosen=ENABLED),
}


YES_IN_WORDS = {"y", "t", "1", "yes", "true", "on", "always", "enable", "enabled"}


def both(one: Asked, other: Asked) -> Asked:
    return Asked(
        one.flag or other.flag,
        {**one.environ, **other.environ},
        one.configured or other.configured,
        one.chosen or other.chosen,
    )


def test_as_long_as_nobody_has_said_anything_it_is_on() -> None:
    assert decide(Asked()) == Decision(Word.YES, "Nobody has said no.")


@pytest.mark.parametrize("no", NOES)
def test_every_no_turns_it_off(no: str) -> None:
    assert decide(NOES[no]).refused
    assert not decide(NOES[no]).enabled


@pytest.mark.parametrize(("no", "yes"), [(n, y) for n, y in itertools.product(NOES, YESES) if n != y])
def test_any_no_wins_over_any_yes(no: str, yes: str) -> None:
    assert decide(both(NOES[no], YESES[yes])) == decide(NOES[no])


@pytest.mark.parametrize("no", NOES)
def test_a_no_of_one_run_is_for_good_and_that_of_a_file_lasts_by_itself(no: str) -> None:
    assert (decide(NOES[no]).word is Word.NEVER) == (no not in ("configuration", "choice"))


@pytest.mark.parametrize(
    "word", ["0", "no", "No", "NO", "n", "false", "False", "off", "never", "disabled", " 0 ", "'no'"]
)
def test_no_may_be_spelled_in_any_way(word: str) -> None:
    assert decide(Asked(environ={"MOZBISECT_TELEMETRY": word})).word is Word.NEVER


@pytest.mark.parametrize("word", ["maybe", "", "2", "nein", "please don't"])
def test_what_is_no_clear_yes_is_a_no(word: str) -> None:
    assert decide(Asked(environ={"MOZBISECT_TELEMETRY": word})).word is Word.NEVER


@given(st.text(max_size=12))
def test_nobody_is_sent_for_by_an_odd_word(word: str) -> None:
    decided = decide(Asked(environ={"MOZBISECT_TELEMETRY": word}))
    assert decided.enabled == (word.strip(" \t\r\n\"'").lower() in YES_IN_WORDS)


@pytest.mark.parametrize(("word", "enabled"), [("1", False), ("true", False), ("x", False), ("0", True), ("", True)])
def test_do_not_track_is_off_only_where_it_says_so(word: str, enabled: bool) -> None:
    assert decide(Asked(environ={"DO_NOT_TRACK": word})).enabled is enabled


@pytest.mark.parametrize("ci", ["true", "1", "github", "woodpecker"])
def test_in_ci_it_is_off_but_nobody_has_said_no(ci: str) -> None:
    assert decide(Asked(environ={"CI": ci})).word is Word.NOT_HERE


@pytest.mark.parametrize("ci", ["", "false", "0"])
def test_a_ci_that_says_no_is_none(ci: str) -> None:
    assert decide(Asked(environ={"CI": ci})).enabled


@pytest.mark.parametrize("yes", YESES)
def test_in_ci_a_yes_turns_it_on(yes: str) -> None:
    assert decide(both(Asked(environ={"CI": "true"}), YESES[yes])).enabled


@pytest.mark.parametrize("yes", YESES)
def test_where_nothing_can_be_sent_a_yes_changes_nothing(yes: str) -> None:
    asked = YESES[yes]
    decided = decide(
        Asked(environ=asked.environ, configured=asked.configured, chosen=asked.chosen, hindrance="Broken.")
    )
    assert decided == Decision(Word.NOT_HERE, "Broken.")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (NOES["flag"], "--no-telemetry"),
        (NOES["its variable"], "MOZBISECT_NO_TELEMETRY"),
        (NOES["our variable"], "MOZBISECT_TELEMETRY"),
        (NOES["everybody's variable"], "DO_NOT_TRACK"),
        (NOES["configuration"], "config.toml:3"),
        (NOES["choice"], "It was disabled."),
    ],
)
def test_the_reason_names_who_said_so(asked: Asked, named: str) -> None:
    assert named in decide(asked).why
