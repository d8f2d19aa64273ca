"""The front of the program: configuration, completion, what is known, as a person and a shell meet them."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from mozbisect.catalog.releases import LEFT_CENTRAL
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from tests.serving import serving
from tests.test_doors import CHECK, SMALL, Program, services


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def own_file(program: Program) -> Path:
    return Path(program("config", "path").stdout.strip())


def configured(program: Program, text: str) -> Path:
    path = own_file(program)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def left_behind(program: Program, text: str) -> Path:
    path = Path(program.own["HOME"]) / ".mozilla/mozregression/mozregression.cfg"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def in_force(program: Program, *words: str, more: dict[str, str] | None = None) -> dict[str, tuple[object, str]]:
    done = program("config", "show", *words, "--output", "json", more=more)
    assert done.returncode == 0, done.stderr
    return {row["name"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}


# --------------------------------------------------------------------------------------------- configuration


def test_a_variable_that_another_command_has_no_use_for_is_passed_over(
    program: Program, world: World, server: PracticeServer
) -> None:
    first, last = (str(world.nightlies[at].when.date()) for at in (0, 3))
    words = ["builds", "--good", first, "--bad", last, "--arch", "x86_64", *services(server)]
    assert program(*words, more={"MOZBISECT_OUTPUT": "markdown"}).stdout == program(*words).stdout
    assert program("practice", "--days", "5", more={"MOZBISECT_APP": "fenix"}).returncode == 0
    assert program(*words, more={"MOZBISECT_OUTPUT": "yaml"}).returncode == 2
    assert program("practice", more={"MOZBISECT_FIREFOX": "/no/such"}).returncode == 2


def test_the_command_line_wins_over_the_environment_that_over_the_file_and_that_over_the_default(
    program: Program,
) -> None:
    path = configured(program, 'mode = "no-first-check"\nhttp-timeout = 5\npref = ["a:1", "b:2"]\n')
    assert in_force(program)["runs"] == (1, "default")
    assert in_force(program)["http-timeout"] == (5.0, f"{path}:2")
    assert in_force(program)["pref"] == (["a:1", "b:2"], f"{path}:3")
    environment = {"MOZBISECT_HTTP_TIMEOUT": "6"}
    by_environment = (6.0, "environment variable MOZBISECT_HTTP_TIMEOUT")
    assert in_force(program, more=environment)["http-timeout"] == by_environment
    typed = in_force(program, "--http-time", "7", "--pref", "c:3", more=environment)
    assert typed["http-timeout"] == (7.0, "command line")
    assert typed["pref"] == (["c:3"], "command line")
    text = program("config", "show").stdout
    assert re.search(rf"^mode +no-first-check +\({re.escape(str(path))}:1\)$", text, re.M)


def test_a_search_uses_the_file(program: Program, world: World, server: PracticeServer, tmp_path: Path) -> None:
    places = dict(zip(*[iter(services(server))] * 2, strict=True))
    lines = [f'{name[2:]} = "{url}"' for name, url in places.items()]
    configured(program, "\n".join([*lines, 'arch = "x86_64"', 'persist = "kept"', 'output = "json"']))
    first, last = (str(world.nightlies[at].when.date()) for at in (0, -1))
    done = program("--good", first, "--bad", last, "--command", CHECK)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["result"]["first_bad"]["revision"] == world.expected().first_new.head.node
    assert list((own_file(program).parent / "kept").iterdir())
    # What the file says belongs to the session: it can be gone on with, and repeated, without the file.
    assert "--arch x86_64" in program("log").stdout
    # builds has no --output markdown: the value is not its own.
    configured(program, "\n".join([*lines, 'arch = "x86_64"', 'output = "markdown"']))
    assert program("builds", "--good", first, "--bad", last).returncode == 0


def test_a_slip_in_the_file_stops_a_search_but_not_what_helps_to_mend_it(program: Program) -> None:
    path = configured(program, "\nbits = 16\n")
    done = program("--good", "2026-09-01")
    assert done.returncode == 2
    assert f"{path}:2: bits must be one of 32, 64" in done.stderr
    assert "Traceback" not in done.stderr
    for words in (["--help"], ["--version"], ["-dh"], ["builds", "--help"], ["config", "path"], ["sessions"]):
        again = program(*words)
        assert again.returncode == 0, (words, again.stderr)
        assert "bits must" not in again.stderr
    assert program("config", "show").returncode == 2


def test_a_named_file_that_is_missing_is_said(program: Program) -> None:
    done = program("--good", "2026-09-01", more={"MOZBISECT_CONFIG": "/no/such.toml"})
    assert done.returncode == 2
    assert "/no/such.toml" in done.stderr


def test_what_mozregression_left_is_used_and_said_on_standard_error(program: Program) -> None:
    path = left_behind(program, "persist = /kept\nenable-telemetry = No\nodd line\n")
    done = program("config", "show")
    assert re.search(rf"^persist +/kept +\({re.escape(str(path))}:1\)$", done.stdout, re.M)
    assert re.search(r"^telemetry +no ", done.stdout, re.M)
    assert str(path) in done.stderr
    assert f"{path}:3" in done.stderr


def test_a_token_is_in_no_output(program: Program) -> None:
    secret = "s3cr3t-t0ken"
    configured(program, f'taskcluster-clientid = "me"\ntaskcluster-accesstoken = "{secret}"\n')
    shown = in_force(program)
    assert shown["taskcluster-accesstoken"][0] == "set, hidden"
    assert shown["taskcluster-clientid"][0] == "me"
    nowhere = ["--archive-base-url", "http://127.0.0.1:9/pub", "--hg-url", "http://127.0.0.1:9"]
    words = ["--good", "2026-09-01", "--bad", "2026-09-30", "--command", "true", "--arch", "x86_64", *nowhere, "-d"]
    done = program(*words, "--taskcluster-root-url", "http://127.0.0.1:9")
    told = done.stdout + done.stderr + "".join(program.journal()) + program("log").stdout
    assert "127.0.0.1:9" in told
    assert secret not in told
    by_environment = in_force(program, more={"TASKCLUSTER_ACCESS_TOKEN": "other"})["taskcluster-accesstoken"]
    assert by_environment == ("set, hidden", "environment variable TASKCLUSTER_ACCESS_TOKEN")


def typed_into(program: Program, answers: str, *words: str) -> tuple[int, str]:
    """What a person at a terminal sees, and the exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "mozbisect", *words], program.own)
    os.write(terminal, answers.encode())
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def test_write_config_asks_and_keeps_what_is_there(program: Program, tmp_path: Path) -> None:
    status, _ = typed_into(program, f"{tmp_path}/my builds\nmany\n2.5\n32\n", "--write-config")
    assert status == 0
    shown = in_force(program)
    assert shown["persist"][0] == f"{tmp_path}/my builds"
    assert shown["persist-size-limit"][0] == 2.5
    assert shown["bits"][0] == "32"
    path = own_file(program)
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("# my comment\npersist_size_limit = 7 # and this\n\n[x]\n".replace("\n[x]\n", ""))
    status, seen = typed_into(program, "NONE\n\n", "--write-conf")
    assert status == 0
    assert "persist-size-limit is set already" in seen
    text = path.read_text()
    assert text.startswith("# my comment\npersist_size_limit = 7 # and this\n")
    assert 'persist = ""' in text
    assert "bits" not in text
    assert in_force(program)["persist-size-limit"][0] == 7.0


def test_write_config_takes_over_what_mozregression_left(program: Program) -> None:
    left_behind(program, "persist = /kept\nbits = 64\nenable-telemetry = 0\ncmdargs = a, b\nno-background-dl = 1\n")
    before = {name: value for name, (value, _) in in_force(program).items()}
    status, _ = typed_into(program, "NONE\n", "--write-config")
    assert status == 0
    shown = in_force(program)
    assert {name: value for name, (value, _) in shown.items()} == before
    assert shown["persist"][1].startswith(str(own_file(program)))
    assert "is used" not in program("config", "show").stderr


@pytest.mark.parametrize("answers", ["/x\n\x04", "\x04"])
def test_write_config_without_all_answers_writes_nothing(program: Program, answers: str) -> None:
    status, seen = typed_into(program, answers, "--write-config")
    assert status == 2
    assert "nothing was written" in seen
    assert not own_file(program).exists()


def test_write_config_needs_a_terminal_and_does_not_touch_a_broken_file(program: Program) -> None:
    done = program("--write-config", typed="\n\n\n")
    assert done.returncode == 2
    assert "no terminal" in done.stderr
    path = configured(program, "persist = \n")
    status, seen = typed_into(program, "\n\n\n", "--write-config")
    assert status == 2
    assert f"{path}:1" in seen
    assert path.read_text() == "persist = \n"


def test_builds_are_kept_where_the_platform_wants_what_can_be_had_again(program: Program, tmp_path: Path) -> None:
    program.own["MOZBISECT_CACHE_DIR"] = str(tmp_path / "kept")
    status, seen = typed_into(program, "\n\n\n", "--write-config")
    assert status == 0
    assert f"Empty: {tmp_path}/kept/builds." in seen
    assert in_force(program)["persist"][0] == f"{tmp_path}/kept/builds"
    assert "/.config/" not in in_force(program)["persist"][0]


def test_write_config_says_what_is_wrong_with_what_it_keeps(program: Program) -> None:
    path = configured(program, 'foo-typo = 1\njudge = "nobody"\n')
    status, seen = typed_into(program, "\n\n\n", "--write-config")
    assert status == 0
    assert f"{path}:1: there is no setting 'foo-typo'" in seen
    assert f"{path}:2: judge: There is no judge 'nobody'" in seen
    assert "foo-typo = 1" in path.read_text()


def test_write_config_follows_a_link(program: Program, tmp_path: Path) -> None:
    path = own_file(program)
    path.parent.mkdir(parents=True)
    real = tmp_path / "dotfiles.toml"
    real.write_text("bits = 64\n")
    path.symlink_to(real)
    assert typed_into(program, "\n\n", "--write-config")[0] == 0
    assert path.is_symlink()
    assert "persist" in real.read_text()


# ------------------------------------------------------------------------------------------------ what is known


def test_the_build_types_of_each_app_are_listed(program: Program) -> None:
    lines = program("--list-build-types").stdout.splitlines()
    assert lines[:2] == ["firefox:", "  shippable"]


def test_the_releases_are_listed_with_their_days_when_the_service_answers(program: Program) -> None:
    with serving() as server:
        server.put("/1.0/firefox_history_major_releases.json", b'{"14.0.1": "2012-07-17", "149.0": "2026-04-21"}')
        done = program("--list-releases", "--product-details-url", f"{server.base}/1.0/")
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert rows["149"] == [str(LEFT_CENTRAL[149]), "2026-04-21"]
    assert rows["14"] == [str(LEFT_CENTRAL[14]), "2012-07-17"]
    assert rows["5"] == [str(LEFT_CENTRAL[5])]
    assert done.stderr == ""
    newest = max(LEFT_CENTRAL) + 2
    with serving() as server:
        history = b'{"%d.0": "2026-11-10", "60.0": "2018-05-09", "3.6": "2010-01-21"}' % newest
        server.put("/1.0/firefox_history_major_releases.json", history)
        lines = program("--list-releases", "--product-details-url", f"{server.base}/1.0").stdout.splitlines()
    assert [int(line.split()[0]) for line in lines[1:]] == list(range(newest, 4, -1)), "no version is left out"
    assert lines[1].split() == [str(newest), "(asked", "for", "when", "used)", "2026-11-10"]
    assert next(line for line in lines if line.startswith("60 ")).endswith(" (asked for when used) 2018-05-09")


@pytest.mark.parametrize("body", [None, b"<html>", b"[]", b'{"1": 2}', b'{"149.0": "soon"}'])
def test_without_that_service_the_table_stands_alone_and_a_line_says_so(program: Program, body: bytes | None) -> None:
    with serving() as server:
        if body is not None:
            server.put("/firefox_history_major_releases.json", body)
        done = program("--list-releases", "--product-details-url", server.base)
    assert done.returncode == 0
    assert f"149      {LEFT_CENTRAL[149]}\n" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "released" in done.stderr


# ------------------------------------------------------------------------------------------------ single builds


def test_the_nearest_build_is_taken_where_there_is_none(program: Program, world: World, server: PracticeServer) -> None:
    last = world.nightlies[-1].when.date()
    gone = str(last + timedelta(days=2))
    words = ["--launch", gone, "--arch", "x86_64", "--command", CHECK, *services(server)]
    assert program(*words).returncode == 3
    asan = program(*words[2:], "--launch", str(last), "--build-type", "asan")
    assert asan.returncode == 3
    assert f"There is no asan build of firefox for {last}: no asan build for linux-x86_64 in the folder." in asan.stderr
    done = program(*words, "--nearest")
    assert done.returncode == 1, done.stderr
    assert f"{gone} itself has no build" in done.stderr
    assert f"nightly of {last}" in done.stderr


def test_how_far_away_the_nearest_is_is_said_also_where_it_is_weeks(
    program: Program, world: World, server: PracticeServer
) -> None:
    last = world.nightlies[-1].when.date()
    words = ["--launch", str(last + timedelta(days=21)), "--nearest", "--arch", "x86_64", "--command", "true"]
    done = program(*words, *services(server))
    assert done.returncode == 0, done.stderr
    assert re.search(rf"nightly of {last} \d\d:\d\d, 21 days earlier\.", done.stderr)


def test_the_nearest_release_is_named_with_how_far_it_is(program: Program) -> None:
    own = WorldParameters(seed=7, start=LAST_DAY - timedelta(days=29), days=30, trains=True)
    world = make_world(own)
    last = next(one for one in reversed(world.releases) if one.channel == "release")
    with PracticeServer(world) as server:
        words = ["--app", "firefox-release", "--nearest", "--arch", "x86_64", "--command", "true", *services(server)]
        words += ["--product-details-url", server.product_details_url]
        by_day = program("--launch", str(last.day + timedelta(days=9)), *words)
        by_version = program("--launch", f"{last.version.partition('.')[0]}.0.99", *words)
    assert f"is taken, release {last.version}, 9 days earlier." in by_day.stderr
    assert f"is taken, release {last.version} of {last.day}." in by_version.stderr


def test_of_a_revision_whose_builds_are_gone_the_nearest_is_a_nightly(program: Program) -> None:
    world = make_world(WorldParameters(seed=7, start=date(2025, 3, 1), days=8, expired=True))
    push = world.branch_pushes[len(world.branch_pushes) // 2]
    words = ["--launch", push.head.node, "--arch", "x86_64", "--command", "true"]
    with PracticeServer(world) as server:
        gone, near = (program(*words, *more, *services(server)) for more in ([], ["--nearest"]))
        listed = program(
            "builds", "--good", world.branch_pushes[1].head.node, "--bad", push.head.node, *services(server)
        )
    assert gone.returncode == 3
    assert gone.stderr.count(f"autoland {push.head.node[:12]}") == 1, "it is looked for once"
    assert "is taken, nightly of 2025-03-" in near.stderr
    assert near.returncode == 0
    assert "Taskcluster keeps the builds of autoland for a year" in listed.stderr
    assert "mozilla-central" in listed.stdout


def test_the_nearest_push_is_taken_where_there_is_none(program: Program, world: World, server: PracticeServer) -> None:
    last = next(one for one in reversed(world.branch_pushes) if world.testable(one))
    gone = str(max(one.when for one in world.branch_pushes).date() + timedelta(days=1))
    words = ["--launch", gone, "--repo", "autoland", "--arch", "x86_64", "--command", "echo {changeset}"]
    assert program(*words, *services(server)).returncode == 3
    done = program(*words, *services(server), "--nearest")
    assert last.head.node in done.stdout + done.stderr
    assert f"{gone} itself has no build" in done.stderr


def test_nearest_without_launch_and_another_system_are_refused_in_a_sentence(program: Program) -> None:
    assert "--launch" in program("--nearest", "--good", "2026-09-01").stderr
    other = "mac" if sys.platform != "darwin" else "win"
    for words in (["--good", "2026-09-01"], ["--launch", "2026-09-01"]):
        done = program(*words, "--os", other)
        assert done.returncode == 2
        assert "can be listed, but not run here" in done.stderr


def test_builds_of_another_system_can_be_listed(program: Program, world: World, server: PracticeServer) -> None:
    first, last = (str(world.nightlies[at].when.date()) for at in (0, -1))
    done = program("builds", "--os", "win", "--arch", "x86_64", "--good", first, "--bad", last, *services(server))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(world.nightlies)


def test_of_arch_and_bits_arch_is_taken(program: Program, world: World, server: PracticeServer) -> None:
    night = world.nightlies[0].build_id
    words = ["--launch", night, "--arch", "x86_64", "--bits", "32", "--command", CHECK, *services(server)]
    done = program(*words)
    assert done.returncode == 0, done.stderr
    assert "Both --arch and --bits were given" in done.stderr


# --------------------------------------------------------------------------------------------------- completion

BASH = """
eval "$(mozbisect completion bash)"
complete_words() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  "$(complete -p mozbisect | sed 's/.*-F \\([^ ]*\\).*/\\1/')" mozbisect
  printf '%s ' "${COMPREPLY[@]}"
}
complete_words mozbisect "$@"
"""
ZSH = """
compdef() { :; }
eval "$(mozbisect completion zsh)"
_describe() { print -r -- ${completions_with_descriptions%%:*}; }
compadd() { print -r -- $completions; }
words=(mozbisect "$@"); CURRENT=$#words
compstate=()
_mozbisect_completion
"""
FISH = """
mozbisect completion fish | source
complete --do-complete "mozbisect $argv"
"""


@pytest.fixture
def shell(program: Program) -> Program:
    folder = Path(program.own["HOME"]) / "bin"
    folder.mkdir()
    script = folder / "mozbisect"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m mozbisect "$@"\n')
    script.chmod(0o755)
    program.own["PATH"] = f"{folder}:{program.own['PATH']}"
    return program


def completed(shell: Program, name: str, *words: str) -> list[str]:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    line = {
        "bash": ["bash", "-c", BASH, "-", *words],
        "zsh": ["zsh", "-fc", ZSH, "-", *words],
        "fish": ["fish", "-c", FISH, "--", " ".join(words)],
    }[name]
    done = subprocess.run(line, capture_output=True, text=True, env=shell.own, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return [word.partition("\t")[0] for word in re.split(r"\n| (?!\t)", done.stdout) if word]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["--app", "fire"], "firefox"),
        (["--repo", "auto"], "autoland"),
        (["--lang", "es-"], "es-MX"),
        (["--good", "14"], "149"),
        (["--launch", "15"], "151"),
        (["--arch", "arm6"], "arm64-v8a"),
        (["--build-type", "asan-"], "asan-debug"),
        (["--pref", "a:1", "b:2", "--persist-"], "--persist-size-limit"),
        (["comp"], "completion"),
        (["completion", "z"], "zsh"),
        (["builds", "--app", "f"], "firefox"),
        (["config", "sh"], "show"),
    ],
)
def test_the_shell_completes(shell: Program, name: str, words: list[str], among: str) -> None:
    assert among in completed(shell, name, *words)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_completes_the_names_of_sessions(
    shell: Program, name: str, world: World, server: PracticeServer
) -> None:
    words = ["--good", str(world.nightlies[0].when.date()), "--bad", str(world.nightlies[-1].when.date())]
    shell(*words, "--arch", "x86_64", "--command", CHECK, *services(server))
    (folder,) = (shell.state / "sessions").iterdir()
    assert completed(shell, name, "report", folder.name[:3]) == [folder.name]


def test_completion_does_not_mind_a_broken_configuration(shell: Program) -> None:
    configured(shell, "broken\n")
    assert "firefox" in completed(shell, "bash", "--app", "f")
