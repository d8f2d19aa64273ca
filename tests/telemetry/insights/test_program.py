"""``mozbisect telemetry insights`` as a person meets it: the program, its streams and its exit status."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.telemetry.insights.exported import ping, written


def program(*words: str, stdin: bytes = b"", more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mozbisect", "telemetry", "insights", *words]
    run = subprocess.run(line, input=stdin, capture_output=True, env={**os.environ, **(more or {})}, timeout=100)
    return subprocess.CompletedProcess(line, run.returncode, run.stdout.decode(), run.stderr.decode())


ROWS = [
    ping(document="a", bad_date="2026-09-01"),
    ping(document="b", bad_date="2026-05-01"),
    ping(document="b", bad_date="2026-05-01"),
    ping("2026-09-16T01:00:00Z", document="c", variant="gui", app="fenix", build_type="opt", launch_date="2025-09-01"),
    ping(document="d", version="1.0.0.dev0"),
    ping(document="e"),
    "garbage",
]
TEXT = """\
Uses per day, by variant

day         console  gui  total
2026-09-15        3    0      3
2026-09-16        0    1      1

Age in months of the builds that were asked for

app      build type  pings  lower fence  25 %  median  75 %  upper fence  outliers  oldest
firefox  shippable       2            1     2       3     4            5         0       5
fenix    opt             1           13    13      13    13           13         0      13

Lines that were read: 7; uses that were counted: 4.
  1 left out: no usage ping
  1 left out: a document that is counted already
  1 left out: of a development version
  1 without an age: no day of a bad or a launched build
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "pings.ndjson", ROWS)


def test_the_answers_for_a_terminal(file: Path) -> None:
    run = program(str(file))
    assert (run.stdout, run.stderr, run.returncode) == (TEXT, "", 0)


def test_standard_input_a_folder_and_packed_files_give_the_same(file: Path) -> None:
    data = file.read_bytes()
    assert program("-", stdin=data).stdout == TEXT
    assert program("-", stdin=gzip.compress(data)).stdout == TEXT
    (file.parent / "deep").mkdir()
    (file.parent / "deep" / "usage-000000000000.json.gz").write_bytes(gzip.compress(data))
    (file.parent / "README.txt").write_text("no pings\n")
    file.unlink()
    assert program(str(file.parent)).stdout == TEXT


def test_one_question_alone(file: Path) -> None:
    assert "Age in" not in program(str(file), "--question", "uses").stdout
    assert "Uses per" not in program(str(file), "--question", "age").stdout
    assert "age" not in json.loads(program(str(file), "--question", "uses", "--output", "json").stdout)


def test_the_answers_as_json(file: Path) -> None:
    told = json.loads(program(str(file), "--output", "json", "--since", "2026-09-16").stdout)
    assert told["since"] == "2026-09-16"
    assert told["synthetic"] is False
    assert told["uses"] == [{"day": "2026-09-16", "variant": "gui", "uses": 1}]
    assert told["counts"]["too_early"] == 5
    (age,) = told["age"]
    assert (age["app"], age["build_type"], age["pings"], age["median"]) == ("fenix", "opt", 1, 13)
    assert age["distribution"] == [{"months": 13, "pings": 1}]


def test_the_answers_as_csv(file: Path) -> None:
    run = program(str(file), "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert [(row["question"], row["day"], row["variant"], row["uses"]) for row in rows[:2]] == [
        ("uses", "2026-09-15", "console", "3"),
        ("uses", "2026-09-16", "gui", "1"),
    ]
    assert [(row["question"], row["app"], row["build_type"], row["median"]) for row in rows[2:]] == [
        ("age", "firefox", "shippable", "3.0"),
        ("age", "fenix", "opt", "13.0"),
    ]
    assert {row["synthetic"] for row in rows} == {"false"}
    assert "Lines that were read: 7;" in run.stderr
    only = program(str(file), "--output", "csv", "--question", "uses").stdout
    assert only.splitlines()[0] == "day,variant,uses,synthetic"


def test_the_answers_as_a_page(file: Path) -> None:
    run = program(str(file), "--output", "html")
    assert (run.stdout[:15], run.stderr, run.returncode) == ("<!DOCTYPE html>", "", 0)


def test_invented_pings_can_be_asked_and_are_told_as_such_everywhere(tmp_path: Path) -> None:
    made = program("--synthetic", "300", "--seed", "5").stdout
    assert len(made.splitlines()) == 300
    data = made.encode()
    assert program("-", stdin=data).stdout.startswith("SYNTHETIC: ")
    told = json.loads(program("-", "--output", "json", stdin=data).stdout)
    assert told["synthetic"] is True
    assert told["counts"]["synthetic"] == told["counts"]["counted"] > 250
    run = program("-", "--output", "csv", stdin=data)
    assert {row["synthetic"] for row in csv.DictReader(io.StringIO(run.stdout))} == {"true"}
    assert run.stderr.startswith("SYNTHETIC: ")
    assert "SYNTHETIC: " in program("-", "--output", "html", stdin=data).stdout


def test_nothing_is_no_error() -> None:
    run = program("-")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("  none\n") == 2
    assert "Lines that were read: 0; uses that were counted: 0." in run.stdout
    assert len(program("-", "--output", "csv").stdout.splitlines()) == 1


def test_what_pings_say_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    row = ping(variant="\x1b[31mred\x07" + "x" * 200, app="\u202etfel", bad_date="2026-09-01")
    run = program(str(written(tmp_path / "pings.ndjson", [row])))
    assert run.returncode == 0
    assert not set(run.stdout) & set("\x1b\x07\u202e")
    assert max(map(len, run.stdout.splitlines())) < 120


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "Which pings?"),
        (["no-such-file"], "no-such-file cannot be read: No such file"),
        (["-", "--since", "tomorrow"], "--since tomorrow: this is no day."),
        (["-", "--synthetic", "5"], "--synthetic prints pings"),
        (["--synthetic", "5", "--since", "2026-09-01"], "--synthetic prints pings"),
        (["--synthetic", "0"], "--synthetic"),
        (["-", "--output", "yaml"], "yaml"),
        (["-", "--output", "html", "--question", "age"], "--question has no place"),
    ],
)
def test_a_command_line_that_means_nothing_is_refused(words: list[str], what: str) -> None:
    run = program(*words)
    assert (run.returncode, run.stdout) == (2, "")
    assert what in run.stderr


def test_a_folder_without_pings_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    run = program(str(tmp_path))
    assert run.returncode == 2
    assert "holds no pings" in run.stderr
    assert ".ndjson" in run.stderr


@pytest.mark.parametrize(("package", "words"), [("duckdb", []), ("plotly", ["--output", "html"])])
def test_without_the_extra_the_line_that_installs_it_is_told(
    tmp_path: Path, file: Path, package: str, words: list[str]
) -> None:
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / f"{package}.py").write_text("raise ImportError\n")
    run = program(str(file), *words, more={"PYTHONPATH": str(tmp_path / "lacking")})
    assert (run.returncode, run.stdout) == (5, "")
    assert "pip install 'mozbisect[insights]'" in run.stderr
    # And what needs it not, does without.
    assert program("--synthetic", "2", more={"PYTHONPATH": str(tmp_path / "lacking")}).returncode == 0


@pytest.mark.parametrize(
    "words", [["--help"], ["telemetry", "insights", "--help"], ["telemetry", "insights", "--synthetic", "1"]]
)
def test_duckdb_and_plotly_are_loaded_for_nothing_else(words: list[str]) -> None:
    code = (
        "import sys, atexit; from mozbisect.cli import main; sys.argv[0] = 'mozbisect';"
        "atexit.register(lambda: print(sorted({'duckdb', 'plotly'} & set(sys.modules)), file=sys.stderr)); main()"
    )
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "[]\n")


def test_a_reader_that_leaves_early_hears_no_complaint() -> None:
    line = f"{sys.executable} -m mozbisect telemetry insights --synthetic 100000 | head -n 1"
    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=100)
    assert (len(run.stdout.splitlines()), run.stderr) == (1, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_ctrl_c_ends_it_at_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "mozbisect", "telemetry", "insights", "-"]
    own = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=own) as run:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("mozbisect-insights-*/block-*")) and time.monotonic() < until:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 130
        assert run.stderr is not None
        assert b"Traceback" not in run.stderr.read()
    assert list(tmp_path.iterdir()) == []
