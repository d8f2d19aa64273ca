"""The program as a person and a script meet it: a process, its streams, its exit status."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from mozbisect.cli import mozbisect
from mozbisect.core.journal import Judged, from_line
from mozbisect.options import Options
from mozbisect.practice.faults import Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters

ROOT = Path(__file__).parent.parent
SMALL = WorldParameters(seed=7, start=LAST_DAY - timedelta(days=11), days=12, pushes_per_day=8)
CHECK = "{binary} --check"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


class Program:
    """mozbisect, with a state folder and a temporary folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.state, self.temp = folder / "state", folder / "temp"
        self.temp.mkdir()
        self.own = {
            **{key: value for key, value in os.environ.items() if not key.startswith("MOZBISECT_")},
            "MOZBISECT_STATE_DIR": str(self.state),
            "TMPDIR": str(self.temp),
            "HOME": str(folder),
        }
        self.own.pop("DISPLAY", None)

    def __call__(
        self, *words: str, typed: str = "", more: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "mozbisect", *words]
        own = {**self.own, **(more or {})}
        return subprocess.run(line, input=typed, capture_output=True, text=True, env=own, timeout=100, check=False)

    def start(self, *words: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "mozbisect", *words]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.own)

    def journal(self) -> list[str]:
        (folder,) = (self.state / "sessions").iterdir()
        return (folder / "journal.jsonl").read_text().splitlines()

    def verdicts(self) -> int:
        return sum(isinstance(from_line(line), Judged) for line in self.journal())


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def services(server: PracticeServer) -> list[str]:
    urls = {
        "--archive-base-url": server.archive_url,
        "--taskcluster-root-url": server.taskcluster_url,
        "--hg-url": server.hg_url,
        "--lando-url": server.lando_url,
    }
    return [word for pair in urls.items() for word in pair]


def test_a_home_that_cannot_be_written_keeps_nobody_from_searching(
    program: Program, world: World, server: PracticeServer
) -> None:
    del program.own["MOZBISECT_STATE_DIR"]
    (Path(program.own["HOME"]) / ".local").touch()  # also root cannot make a folder in a file
    done = program(*asked(world, server))
    assert done.returncode == 0, done.stderr
    assert f"this session is kept in {program.temp}/mozbisect_" in done.stderr
    assert program("report").stdout.startswith("Last good revision")


@pytest.mark.parametrize("spoil", ["open to all", "a link"])
def test_sessions_are_not_kept_where_others_could_put_some(
    program: Program, world: World, server: PracticeServer, spoil: str
) -> None:
    del program.own["MOZBISECT_STATE_DIR"]
    (Path(program.own["HOME"]) / ".local").touch()
    there, elsewhere = program.temp / f"mozbisect_{os.getuid()}", program.temp / "elsewhere"
    elsewhere.mkdir()
    there.symlink_to(elsewhere) if spoil == "a link" else there.mkdir()
    there.chmod(0o777)
    done = program(*asked(world, server))
    assert done.returncode == 1
    assert "The session cannot be kept" in done.stderr
    assert list(elsewhere.iterdir()) == []


def asked(world: World, server: PracticeServer, command: str | None = CHECK) -> list[str]:
    words = ["--good", str(world.nightlies[0].when.date()), "--bad", str(world.nightlies[-1].when.date())]
    judge = ["--command", command] if command else []
    return [*words, "--arch", "x86_64", *judge, *services(server)]


def last_and_first(text: str) -> tuple[str, str]:
    last = re.search(r"^Last good revision: ([0-9a-f]{40})\b", text, re.M)
    first = re.search(r"^First bad revision: ([0-9a-f]{40})\b", text, re.M)
    assert last, text
    assert first, text
    return last[1], first[1]


def truth(world: World) -> tuple[str, str]:
    return world.expected().last_old.head.node, world.expected().first_new.head.node


# ------------------------------------------------------------------------------------------------ the main job


def test_from_two_dates_to_the_push(program: Program, world: World, server: PracticeServer) -> None:
    done = program(*asked(world, server))
    assert done.returncode == 0, done.stderr
    last, first = last_and_first(done.stdout)
    assert (last, first) == truth(world)
    link = f"{server.hg_url}/integration/autoland/pushloghtml?fromchange={last}&tochange={first}"
    assert done.stdout.splitlines()[-1] == link
    assert "\x1b" not in done.stdout + done.stderr
    assert list(program.temp.iterdir()) == []


def test_the_same_as_json_and_as_markdown(program: Program, world: World, server: PracticeServer) -> None:
    done = program(*asked(world, server), "--output", "json")
    row = json.loads(done.stdout)
    jsonschema.validate(row, json.loads((ROOT / "docs/reference/report.schema.json").read_text()))
    assert (row["result"]["last_good"]["revision"], row["result"]["first_bad"]["revision"]) == truth(world)
    assert row["result"]["exact"]
    assert row["result"]["bugs"]
    assert json.loads(program("report", "--output", "json").stdout) == row
    text = program("report", "--output", "markdown").stdout
    assert "ozregression" in text
    assert truth(world)[1] in text


def test_a_person_types_verdicts_goes_back_skips_and_finds_it(
    program: Program, world: World, server: PracticeServer
) -> None:
    """What a person types follows from what the build says: here, a table made from an automatic run."""
    automatic = json.loads(program(*asked(world, server), "--output", "json").stdout)
    words = [step["verdict"] for step in automatic["steps"]]
    slip = {"good": "bad", "bad": "good"}[words[2]]
    typed = [words[0][0], "wrong word", "?", words[1].upper(), slip, "back", *words[2:]]
    done = program(*asked(world, server, None), "--arg=--headless", typed="\n".join(typed) + "\n")
    assert done.returncode == 0, done.stderr
    assert last_and_first(done.stdout) == truth(world)


def test_the_end_of_input_is_quit_and_resume_goes_on(program: Program, world: World, server: PracticeServer) -> None:
    automatic = json.loads(program(*asked(world, server), "--output", "json").stdout)
    words = [step["verdict"] for step in automatic["steps"]]
    one = program(*asked(world, server, None), "--arg=--headless", typed="\n".join(words[:4]) + "\n")
    assert one.returncode == 130
    assert "mozbisect resume" in one.stderr
    two = program("resume", typed="\n".join(words[4:]) + "\n")
    assert two.returncode == 0, two.stderr
    assert last_and_first(two.stdout) == truth(world)


def test_the_command_is_told_about_the_build(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    script = tmp_path / "a test.sh"
    log = tmp_path / "log"
    script.write_text(
        f'#!/bin/sh\nenv | grep -E "^MOZ(BISECT|REGRESSION)_" | sort >{log}\necho "$2" >>{log}\nexec "$1" --check\n'
    )
    script.chmod(0o755)
    done = program(*asked(world, server, f"'{script}' {{binary}} {{changeset}}"))
    assert done.returncode == 0, done.stderr
    text = log.read_text()
    revision = text.splitlines()[-1]
    for line in (
        f"MOZBISECT_CHANGESET={revision}",
        f"MOZREGRESSION_CHANGESET={revision}",
        "MOZBISECT_APP_NAME=firefox",
    ):
        assert line in text
    assert re.search(r"^MOZBISECT_BINARY=/.*/firefox$", text, re.M)


# -------------------------------------------------------------------------------------------- ends of all kinds


def test_kill_9_after_every_line_then_resume_gives_the_same_answer_and_asks_nothing_twice(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    whole = program(*asked(world, server))
    lines = program.journal()
    for count in range(1, len(lines) + 1, 2):
        folder = tmp_path / f"killed-{count}"
        folder.mkdir()
        again = Program(folder)
        place = again.state / "sessions" / "2026-11-23-200000-abcd"
        place.mkdir(parents=True)
        (place / "journal.jsonl").write_text("\n".join(lines[:count]) + "\n" + lines[count][:20] * (count < len(lines)))
        done = again("resume")
        assert done.returncode == 0, done.stderr
        assert done.stdout == whole.stdout
        keys = [event.key for line in again.journal() if isinstance(event := from_line(line), Judged)]
        assert len(keys) == len(set(keys)) == program.verdicts()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_at_once_tidily_and_says_how_to_go_on(
    program: Program, world: World, server: PracticeServer, tmp_path: Path, number: signal.Signals
) -> None:
    started = tmp_path / "started"
    hang = f"sh -c 'touch {started}; sleep 600'"
    run = program.start(*asked(world, server, hang))
    while not started.exists():
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    began = time.monotonic()
    run.send_signal(number)
    _, told = run.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert run.returncode == 130
    assert re.search(r"mozbisect resume \d{4}-", told)
    assert "Traceback" not in told
    assert list(program.temp.iterdir()) == []
    assert subprocess.run(["pgrep", "-f", str(started)], capture_output=True, check=False).returncode == 1


def test_both_ends_bad_is_status_4_and_can_be_taken_back(
    program: Program, world: World, server: PracticeServer
) -> None:
    done = program(*asked(world, server, "false"))
    assert done.returncode == 4
    assert "Both ends are bad" in done.stderr
    assert program("resume").returncode == 4
    assert program.verdicts() == 1
    program("resume", "--undo")
    assert len(program.journal()) > 3


def test_both_ends_good_is_status_4(program: Program, world: World, server: PracticeServer) -> None:
    done = program(*asked(world, server, "true"))
    assert done.returncode == 4
    assert "Both ends are good" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--good", "2026-02-30"], "no day 2026-02-30"),
        (["--good", "2026-09-30", "--bad", "2026-09-01"], "is newer than the bad one"),
        (["--good", "2026-09-01", "--repo", "autolnad"], "Did you mean"),
        (["--good", "2026-09-01", "--build-type", "fast"], "build type"),
        (["--good", "2026-09-01", "--command", "true {nonsense}"], "nonsense"),
        (["--good", "2026-09-01", "--pref", "no-colon"], "--pref"),
        (["--nonsense"], "No such option"),
        (["--app", "netscape"], "netscape"),
        (["resume", "nothing"], "session"),
        (["--good-rev", "8850aa0f", "--bad-rev", "2a193b7f"], "write --good 8850aa0f"),
        (["2026-09-01"], "--good 2026-09-01"),
        (["--pref", "a:1", "resume"], "--pref before the command 'resume' has no effect"),
        (["--good", "2026-09-01", "--command", "{binary} --check | grep red"], "no shell"),
        (["--good", "2026-09-01", "--hg-url", "ftp://example.org"], "must begin with http"),
        (["--good", "2026-09-01", "--persist", "/dev/null"], "is no folder"),
        (["--launch", "2026-09-01", "--bad", "2026-09-03"], "--bad has no place beside it"),
        (["--good", "2026-09-01", "resume"], "--good before the command 'resume' has no effect: that has no such"),
        (
            ["--app", "fenix", "builds", "--good", "1"],
            "--app before the command 'builds' has no effect: put it after, m",
        ),
        (["--good", "9999"], "9999 has 4 digits"),
        (["--good", ""], "--good: '' is no place in history"),
        (["--good", "2003-12-31"], "Give a later day"),
        (["--good", "2026-09-01", "--exclude", "2026-09-05.."], "--exclude 2026-09-05..: '' is no place"),
        (["--good", "2026-09-01", "--build-type", "dbug"], "Did you mean debug? It has shippable, opt"),
        (["--good", "2026-09-01", "--build-type", "xyz"], "It has shippable, opt"),
        (["--app", "firefix"], "Did you mean firefox"),
        (["--good", "2026-09-01", "--repo", "q/q"], "There are mozilla-central, autoland"),
        (["--app", "firefox-l10n", "--lang", "x y", "--good", "2026-09-01"], "'x y' is no language"),
        (["--good", "2026-09-01", "--archive-base-url", "http://"], "--archive-base-url names no server"),
        (["--good", "2026-09-01", "--hg-url", "http://127.0.0.1:99999"], "Port out of range"),
        (["--good", "2026-09-01", "--hg-url", "https://[::1"], "--hg-url is no address of a server"),
        (["--good", "2026-09-01", "--lando-url", ""], "For example: --lando-url https://lando.moz.tools"),
        (["--good", "2026-09-01", "--command", "true", "--addon", ""], "There is no add-on ''"),
        (["--good", "2026-09-01", "--command", "true", "--addon", __file__], "is no add-on"),
        (["--good", "2026-09-01", "--command", "true", "--profile", __file__], "about:profiles shows"),
        (["--good", "2026-09-01", "--command", "true", "--preferences", "/"], "cannot be read: Is a directory"),
        (["--good", "2026-09-01", "--command", "'x"], "Quotes come in pairs"),
        (["--http-timeout", "soon"], "'soon' is not a valid number"),
        (["--runs", "many"], "'many' is not a valid whole number"),
        (["cache", "info", "--persist", "/no/such/folder"], "/no/such/folder does not exist"),
        (["cache", "clear", "--persist", __file__], "is no folder"),
        (["practice", "--firefox", __file__], "There is no Firefox in"),
        (["--good", "2026-09-01", "--http-timeout", "nan"], "not a number that can be counted with"),
    ],
)
def test_what_cannot_be_understood_is_status_2_in_one_sentence(program: Program, words: list[str], says: str) -> None:
    done = program(*words)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_slip_in_the_environment_names_its_variable(program: Program) -> None:
    done = program("--good", "2026-09-01", more={"MOZBISECT_RUNS": "many"})
    assert done.returncode == 2
    assert "'many' is not a valid whole number. The environment variable MOZBISECT_RUNS says it." in done.stderr
    assert "environment" not in program("--runs", "many").stderr


def test_an_end_that_was_trusted_is_never_called_tested(program: Program, world: World, server: PracticeServer) -> None:
    first, second = (str(night.when.date()) for night in world.nightlies[:2])
    words = ["--good", first, "--bad", second, "--mode", "no-first-check", "--arch", "x86_64", "--command", "true"]
    done = program(*words, *services(server), "--output", "json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["result"]
    assert (row["last_good"]["tested"], row["first_bad"]["tested"], row["exact"]) == (True, False, False)
    text = program("report").stdout
    assert "not tested" in text
    assert "the merge did it" not in text


def test_an_empty_range_is_status_3(program: Program, server: PracticeServer) -> None:
    done = program(
        "--good", "2025-01-01", "--bad", "2025-01-20", "--command", CHECK, "--arch", "x86_64", *services(server)
    )
    assert done.returncode == 3
    assert "no firefox nightly" in done.stderr


def test_a_missing_display_is_status_5_before_anything_is_downloaded(
    program: Program, world: World, server: PracticeServer
) -> None:
    before = len(server.log)
    done = program(*asked(world, server, None))
    assert done.returncode == 5
    assert "--headless" in done.stderr
    assert len(server.log) == before


def test_a_command_that_cannot_be_started_stops_and_loses_nothing(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    done = program(*asked(world, server, "sh -c 'exit 127'"))
    assert done.returncode == 1
    assert "127" in done.stderr
    assert "mozbisect resume" in done.stderr


def test_without_a_network_it_says_so_and_stays_resumable(program: Program) -> None:
    nowhere = ["--archive-base-url", "http://127.0.0.1:9/pub", "--hg-url", "http://127.0.0.1:9"]
    done = program("--good", "2026-09-01", "--bad", "2026-09-30", "--command", CHECK, *nowhere)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "mozbisect resume" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "kind", ["503", "500", "429", "reset", "reset-body", "truncate", "short", "corrupt", "html", "empty"]
)
def test_a_fault_in_every_fifth_build_changes_nothing(program: Program, world: World, kind: str) -> None:
    with PracticeServer(world, faults=Faults(kind, every=5, of="build")) as server:
        done = program(*asked(world, server))
    assert done.returncode == 0, done.stderr
    assert last_and_first(done.stdout) == truth(world)


# ------------------------------------------------------------------------------------------------ other commands


def test_sessions_log_and_report_look_at_what_was_done(program: Program, world: World, server: PracticeServer) -> None:
    assert "no sessions" in program("sessions").stderr
    program(*asked(world, server))
    assert "done" in program("sessions").stdout
    log = program("log").stdout.splitlines()
    repeated = shlex.split(log[0].removeprefix("# mozbisect "))
    assert log[0].startswith("# mozbisect ")
    assert last_and_first(program(*repeated).stdout) == truth(world)
    assert last_and_first(program("report").stdout) == truth(world)


@pytest.mark.parametrize("how", [["--search-back"], []])
def test_a_bound_that_was_left_out_is_repeated_as_it_was_understood(
    program: Program, world: World, server: PracticeServer, how: list[str]
) -> None:
    last = world.nightlies[-1].push.head.node  # of a revision the year before is known only once it was asked for
    done = program("--bad", last, *how, "--arch", "x86_64", "--command", CHECK, *services(server))
    assert last_and_first(done.stdout) == truth(world)
    line = shlex.split(program("log").stdout.splitlines()[0].removeprefix("# mozbisect "))
    assert ("--good" in line) is not bool(how)
    assert last_and_first(program(*line).stdout) == truth(world)


def test_builds_that_are_left_out_are_listed_with_the_reason_and_not_looked_up(
    program: Program, world: World, server: PracticeServer
) -> None:
    days = [str(night.when.date()) for night in world.nightlies]
    words = ["--good", days[0], "--bad", days[4], "--exclude", f"{days[1]}..{days[2]}", "--arch", "x86_64"]
    server.forget()
    done = program("builds", *words, "--resolve", "--output", "json", *services(server))
    rows = json.loads(done.stdout)
    left_out = [row["key"] for row in rows if row["missing"] == f"excluded (--exclude {days[1]}..{days[2]})"]
    assert left_out == [row["key"] for row in rows if row["date"][:10] in days[1:3]]
    assert len(left_out) == 2
    assert not [seen for seen in server.log if any(f"/{key}/" in seen.path for key in left_out)]


def test_builds_lists_and_downloads_nothing(program: Program, world: World, server: PracticeServer) -> None:
    words = asked(world, server, None)
    before = len(server.log)
    rows = json.loads(program("builds", *words, "--resolve", "--output", "json").stdout)
    assert [row["date"][:10] for row in rows] == [str(night.when.date()) for night in world.nightlies]
    assert set(rows[0]) == {"key", "date", "repo", "revision", "build_id", "build_type", "url", "missing"}
    assert rows[0]["revision"] == world.nightlies[0].push.head.node
    assert not [seen for seen in server.log[before:] if seen.path.endswith(".tar.xz")]


@pytest.mark.parametrize("output", ["text", "json"])
def test_builds_tells_once_how_bounds_were_understood_and_not_among_the_rows(
    program: Program, world: World, server: PracticeServer, output: str
) -> None:
    stamp = world.nightlies[3].build_id
    words = ["--good", stamp, "--bad", str(world.nightlies[-1].when.date()), "--arch", "x86_64", "--bits", "64"]
    done = program("builds", *words, "--output", output, *services(server))
    assert [line for line in done.stderr.splitlines() if line] == list(dict.fromkeys(done.stderr.splitlines()))
    assert f"{stamp} is taken as the nightly" in done.stderr
    assert "--arch counts" in done.stderr
    assert "is taken as" not in done.stdout
    rows = json.loads(done.stdout) if output == "json" else done.stdout.splitlines()
    assert len(rows) == len(world.nightlies) - 3


def test_launch_runs_one_build(program: Program, world: World, server: PracticeServer) -> None:
    good, bad = (
        program("--launch", night.build_id, "--arch", "x86_64", "--command", CHECK, *services(server))
        for night in (world.nightlies[0], world.nightlies[-1])
    )
    assert (good.returncode, bad.returncode) == (0, 1), good.stderr


def test_launch_means_the_branch_that_was_named_and_the_push_whose_head_was_named(
    program: Program, world: World, server: PracticeServer
) -> None:
    push = next(one for one in reversed(world.branch_pushes) if world.testable(one))
    words = ["--arch", "x86_64", "--command", "echo {changeset}", *services(server)]
    by_revision = program("--launch", push.head.node[:12], *words)
    assert push.head.node in by_revision.stdout + by_revision.stderr
    by_day = program("--launch", str(push.when.date()), "--repo", "autoland", *words)
    assert push.head.node in by_day.stdout + by_day.stderr


def test_a_test_command_may_call_mozbisect_itself(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    script = tmp_path / "nested.sh"
    night = world.nightlies[0].build_id
    line = shlex.join([sys.executable, "-m", "mozbisect", "--launch", night, "--arch", "x86_64", "--command", "true"])
    script.write_text(f'#!/bin/sh\n{line} {shlex.join(services(server))} || exit 126\nexec "$1" --check\n')
    script.chmod(0o755)
    done = program(*asked(world, server, f"{script} {{binary}}"))
    assert done.returncode == 0, done.stderr
    assert last_and_first(done.stdout) == truth(world)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_that_nobody_listens_to_the_talk_does_not_stop_the_search(
    program: Program, world: World, server: PracticeServer, redirected: str, unbuffered: str
) -> None:
    own = {**program.own, "PYTHONUNBUFFERED": unbuffered}
    line = shlex.join([sys.executable, "-m", "mozbisect", *asked(world, server), "--output", "json"])
    run = subprocess.run(["sh", "-c", f"{line} {redirected}"], capture_output=True, text=True, env=own, check=False)
    assert run.returncode == 0
    assert json.loads(run.stdout)["result"]["first_bad"]["revision"] == truth(world)[1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_answer_that_cannot_be_written_is_said_and_kept(
    program: Program, world: World, server: PracticeServer
) -> None:
    line = shlex.join([sys.executable, "-m", "mozbisect", *asked(world, server)])
    run = subprocess.run(
        ["sh", "-c", f"{line} >/dev/full"], capture_output=True, text=True, env=program.own, check=False
    )
    assert run.returncode == 1
    assert "No space left" in run.stderr
    assert "Traceback" not in run.stderr
    assert last_and_first(program("report").stdout) == truth(world)


def test_ctrl_c_does_not_wait_for_a_server_that_is_silent(program: Program, world: World) -> None:
    with PracticeServer(world, faults=Faults(latency=30)) as server:
        run = program.start(*asked(world, server))
        assert run.stderr
        assert "Looking at the nightlies" in run.stderr.readline()
        time.sleep(0.2)  # the questions are on their way
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=20)
        assert time.monotonic() - began < 5
    assert run.returncode == 130
    assert "Traceback" not in told


def test_practice_finds_its_culprit_and_says_so(program: Program) -> None:
    done = program("practice", "--days", "10", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "That is what was found." in done.stdout
    assert program("practice", "--days", "10", "--find-fix").returncode == 0


def test_kept_builds_are_not_fetched_again(
    program: Program, world: World, server: PracticeServer, tmp_path: Path
) -> None:
    words = [*asked(world, server), "--persist", str(tmp_path / "kept builds")]
    first = program(*words)
    before = len(server.log)
    second = program(*words)
    assert first.stdout == second.stdout
    assert not [seen for seen in server.log[before:] if seen.path.endswith(".tar.xz") and seen.status == 200]


# ------------------------------------------------------------------------------------------------ start-up


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_nothing_heavy_is_imported_to_say_who_one_is(word: str) -> None:
    code = f"""
import sys
sys.argv = ["mozbisect", {word!r}]
try:
    from mozbisect.__main__ import main
    main()
except SystemExit:
    pass
print("loaded:", *sorted(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.partition("loaded:")[2].split()}
    assert not loaded & {
        "requests",
        "urllib3",
        "bs4",
        "glean",
        "tqdm",
        "mozinfo",
        "mozversion",
        "mozprofile",
        "mozrunner",
    }
    assert word != "--version" or "click" not in loaded
    assert "mozbisect" in done.stdout


def test_the_command_line_and_the_options_have_the_same_defaults() -> None:
    """They are written twice, since ``--help`` is not to import the second."""
    plain, typed = Options(), mozbisect.make_context("mozbisect", [], resilient_parsing=True).params
    for field in fields(Options):
        if field.name != "folder":
            assert typed[field.name] == getattr(plain, field.name), field.name
