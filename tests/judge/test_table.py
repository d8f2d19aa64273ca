"""The table of judges: what a person can ask for, and what is refused before anything is downloaded."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest

from mozbisect import wiring
from mozbisect.catalog import apps
from mozbisect.core.errors import CommandBroken, MozbisectError, UsageError
from mozbisect.core.model import REGRESSION
from mozbisect.core.ports import Judge
from mozbisect.judge import table
from mozbisect.judge.command import CommandJudge
from mozbisect.judge.crash import CrashJudge
from mozbisect.judge.manual import ManualJudge
from mozbisect.judge.marionette import MarionetteJudge
from mozbisect.judge.output import OutputJudge
from mozbisect.judge.runs import RunsJudge
from mozbisect.judge.starts import StartsJudge
from mozbisect.judge.table import JUDGES, Row, Wish
from mozbisect.options import Options

SCRIPT = Path(__file__).parent / "no_such_script.py"


def made(wish: Wish) -> Judge:
    return table.judge(wish, REGRESSION, say=print, show=print)


def refusal(wish: Wish) -> MozbisectError:
    with pytest.raises(MozbisectError) as caught:
        made(wish)
    return caught.value


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "test:1.py"
    path.write_text("def test(marionette): pass\n")
    return path


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (Wish(), ManualJudge),
        (Wish("manual"), ManualJudge),
        (Wish(command="true"), CommandJudge),
        (Wish("command", command="true", command_timeout=5), CommandJudge),
        (Wish("crash"), CrashJudge),
        (Wish("crash", within=5), CrashJudge),
        (Wish("starts"), StartsJudge),
        (Wish("output:a:b"), OutputJudge),
        (Wish(command="true", runs=3), RunsJudge),
        (Wish("crash", runs=3, required=1), RunsJudge),
        (Wish("output:x", runs=1, required=1), RunsJudge),
    ],
)
def test_a_wish_becomes_the_judge_it_names(wish: Wish, kind: type) -> None:
    assert type(made(wish)) is kind


def test_a_script_may_have_a_colon_in_its_name(script: Path) -> None:
    assert type(made(Wish(f"marionette:{script}", command_timeout=5, within=90))) is MarionetteJudge


@pytest.mark.parametrize(
    ("wish", "what", "advice"),
    [
        (Wish("nobody"), "There is no judge 'nobody'", "marionette:SCRIPT.py"),
        (Wish(""), "There is no judge ''", "manual"),
        (Wish("Crash"), "There is no judge 'Crash'", "crash"),
        (Wish("output"), "lacks its REGEX", "--judge output:REGEX"),
        (Wish("marionette:"), "lacks its SCRIPT.py", "--judge marionette:SCRIPT.py"),
        (Wish("crash:30"), "takes nothing behind a colon", ""),
        (Wish("output:("), "no regular expression", "backslash"),
        (Wish("command"), "--judge command needs --command", "--command './test.sh"),
        (Wish("crash", command="true"), "--command has no meaning for --judge crash", "one of them"),
        (Wish("output:x", command="true"), "--command has no meaning for --judge output", "one of them"),
        (Wish("manual", runs=3), "--runs is for judges that are no person", "retry"),
        (Wish("manual", required=1), "--required is for judges that are no person", ""),
        (Wish("manual", within=5), "--within has no meaning for --judge manual", "crash"),
        (Wish(command="true", within=5), "--within has no meaning for --judge command", "crash"),
        (Wish("crash", command_timeout=5), "--command-timeout has no meaning for --judge crash", "command"),
        (Wish("crash", within=0), "--within must be more than 0", ""),
        (Wish("crash", within=-1), "--within must be more than 0", ""),
        (Wish("crash", within=float("nan")), "--within must be more than 0", ""),
        (Wish("crash", runs=0), "--runs must be at least 1", ""),
        (Wish("crash", required=2), "--required 2 of --runs 1", ""),
        (Wish("crash", runs=3, required=4), "--required 4 of --runs 3", ""),
        (Wish(f"marionette:{SCRIPT}"), "cannot be read: No such file", "test(marionette)"),
    ],
)
def test_what_makes_no_sense_is_refused_with_advice(wish: Wish, what: str, advice: str) -> None:
    error = refusal(wish)
    assert isinstance(error, UsageError)
    assert what in error.what
    assert advice in error.advice


def test_a_command_that_does_not_exist_is_found_out_at_once_in_several_runs_too() -> None:
    assert isinstance(refusal(Wish(command="no-such-program-anywhere", runs=3)), CommandBroken)


def test_a_judge_that_cannot_judge_an_app_is_refused_with_those_that_can(script: Path) -> None:
    error = refusal(Wish(f"marionette:{script}", app="jsshell"))
    assert error.what == "--judge marionette cannot judge jsshell."
    assert error.advice == "For that there are manual, command, crash, starts, output:REGEX."
    assert refusal(Wish("output:x", app="fenix")).advice == "For that there are manual, command, crash, starts."


def test_the_kinds_of_apps_are_those_of_the_catalogue() -> None:
    assert {kind for row in JUDGES for kind in row.apps} == {kind.__name__ for kind in get_args(apps.Launch)}
    assert {table.DESKTOP, table.ANDROID, table.SHELL} == {kind.__name__ for kind in get_args(apps.Launch)}


def test_a_person_is_asked_only_by_the_first() -> None:
    assert table.asks_person(Wish())
    assert not table.asks_person(Wish(command="true"))
    assert not table.asks_person(Wish("crash"))


def test_a_missing_package_names_the_extra_before_anything_is_downloaded(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = refusal(Wish(f"marionette:{script}"))
    assert isinstance(error, UsageError)
    assert "pip install 'mozbisect[marionette]'" in error.advice


# --------------------------------------------------------------------------------------------- the table


def test_the_first_is_the_default_and_names_are_unique() -> None:
    assert JUDGES[0].name == Options().judge == Wish().judge
    assert len({row.name for row in JUDGES}) == len(JUDGES)


def test_a_wish_is_a_part_of_the_options_with_the_same_defaults() -> None:
    known = {field.name: field.default for field in fields(Options)}
    assert {field.name: field.default for field in fields(Wish)}.items() <= known.items()


@pytest.mark.parametrize("row", JUDGES, ids=lambda row: row.name)
def test_a_row_is_consistent(row: Row) -> None:
    assert {*row.needs, *row.uses} <= {field.name for field in fields(Wish)}
    assert set(row.needs) <= set(row.uses)
    assert (row.within is not None) == ("within" in row.uses)
    assert row.help.endswith(".")
    assert ". " not in row.help
    assert table.parse(row.usage) == (row, row.value or "")


def test_completion_offers_what_begins_so() -> None:
    assert [word for word, _ in table.completions("")] == [
        "manual",
        "command",
        "crash",
        "starts",
        "output:",
        "marionette:",
    ]
    assert table.completions("c") == [(row.name, row.help) for row in JUDGES[1:3]]
    assert table.completions("marionette:x") == []


def test_the_table_costs_the_command_line_next_to_nothing() -> None:
    code = "import sys; from mozbisect.judge import table; table.completions(''); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("mozbisect.")}
    assert ours == {"mozbisect.core", "mozbisect.core.errors", "mozbisect.judge", "mozbisect.judge.table"}


def test_every_judge_of_the_folder_has_a_row() -> None:
    folder = Path(table.__file__).parent
    classes = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Judge")
    }
    assert {name.removesuffix("Judge").lower() for name in classes} == {row.name for row in JUDGES} | {"runs"}


def test_the_options_reach_the_judge() -> None:
    options = Options(judge="crash", within=7, runs=2)
    judge = wiring.judge(options, REGRESSION, print)
    assert isinstance(judge, RunsJudge)
    with pytest.raises(UsageError, match="--runs is for judges that are no person"):
        wiring.judge(replace(options, judge="manual", within=None), REGRESSION, print)
