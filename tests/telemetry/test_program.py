"""Telemetry as a person meets it: the program, its streams and its exit status, and what a server gets to see."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from mozbisect.telemetry.use import NOTICE
from tests.telemetry.catching import Catcher, validate
from tests.test_doors import SMALL, Program, asked, services


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


class Talkative(Program):
    """Says yes to nothing and no to nothing. With ``--glean-log-pings`` a call lasts until the helper has ended."""

    def __init__(self, folder: Path, catcher: Catcher) -> None:
        super().__init__(folder)
        for name in ("DO_NOT_TRACK", "CI"):
            self.own.pop(name, None)
        self.own["MOZBISECT_TELEMETRY_SERVER"] = catcher.url
        self.folder = self.state / "telemetry"

    def whole(self, *words: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return self(*words, more={"MOZBISECT_GLEAN_LOG_PINGS": "1", **(more or {})})


@pytest.fixture
def program(tmp_path: Path, catcher: Catcher) -> Talkative:
    return Talkative(tmp_path, catcher)


def first_and_last(world: World) -> tuple[str, str]:
    return str(world.nightlies[0].when.date()), str(world.nightlies[-1].when.date())


# --------------------------------------------------------------------------------------------- what is sent


def test_a_bisection_sends_what_its_command_line_said(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    done = program(*asked(world, server))
    assert done.returncode == 0, done.stderr
    caught = catcher.next()
    validate(caught)
    good, bad = first_and_last(world)
    assert caught.values.items() >= {"variant": "console", "app": "firefox", "build_type": "shippable"}.items()
    assert (caught.values["good_date"], caught.values["bad_date"]) == (good, bad)
    assert "launch_date" not in caught.values
    assert caught.values["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert len(catcher.all) == 1


def test_the_first_run_ever_says_it_before_anything_is_sent_and_the_second_does_not(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    first = program.whole(*asked(world, server))
    assert first.stderr.splitlines()[: len(NOTICE)] == list(NOTICE)
    assert "mozbisect telemetry disable" in first.stderr
    assert "mozbisect" not in first.stdout
    second = program.whole(*asked(world, server))
    assert NOTICE[0] not in second.stderr
    assert catcher.kinds == ["usage", "usage"]


def test_a_launch_sends_the_day_of_the_build(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    day = first_and_last(world)[0]
    program("--launch", day, "--arg=--headless", "--command", "{binary} --check", "--arch", "x86_64", *services(server))
    caught = catcher.next()
    validate(caught)
    assert caught.values["launch_date"] == day
    assert not {"good_date", "bad_date"} & set(caught.values)


def test_a_build_id_keeps_its_day_and_a_revision_is_not_sent(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    good, bad = world.nightlies[0], world.nightlies[-1]
    words = ["--good", good.when.strftime("%Y%m%d%H%M%S"), "--bad", bad.push.head.node, "--command", "{binary} --check"]
    done = program(*words, "--arch", "x86_64", *services(server))
    caught = catcher.next()
    assert caught.values["good_date"] == str(good.when.date()), done.stderr
    assert "bad_date" not in caught.values


def test_nothing_that_belongs_to_a_person_is_in_a_ping(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher, tmp_path: Path
) -> None:
    secret = "qxzzyx"
    profile = tmp_path / f"{secret}-profile"
    profile.mkdir()
    home = tmp_path / f"{secret}-home"
    home.mkdir()
    words = [*asked(world, server), "--profile", str(profile), "--pref", f"{secret}.pref:{secret}", "--arg", secret]
    words += ["--persist", str(tmp_path / f"{secret}-builds"), "--command", f"{{binary}} --check --{secret}"]
    more = {"USER": secret, "LOGNAME": secret, "HOSTNAME": secret, "HOME": str(home), "NAME": secret}
    program(*words, more=more)
    caught = catcher.next()
    sent = json.dumps(caught.body) + caught.path + json.dumps(dict(caught.headers))
    assert secret not in sent
    assert str(tmp_path) not in sent
    assert server.hg_url not in json.dumps(caught.body)
    assert not re.search(r"[0-9a-f]{40}", sent)


def test_through_mach_it_says_so(program: Talkative, world: World, server: PracticeServer, catcher: Catcher) -> None:
    code = "import sys\nfrom mozbisect.mach_interface import parser, run\nsys.exit(run(vars(parser().parse_args())))"
    line = [sys.executable, "-c", code, *asked(world, server)]
    done = subprocess.run(line, capture_output=True, text=True, env=program.own, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert catcher.next().values["variant"] == "mach"


def test_a_python_program_that_searches_is_no_use(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    good, bad = first_and_last(world)
    more = {"archive_base_url": server.archive_url, "taskcluster_root_url": server.taskcluster_url}
    more |= {"hg_url": server.hg_url, "lando_url": server.lando_url, "arch": "x86_64", "judge": "{binary} --check"}
    code = f"import mozbisect\nprint(mozbisect.bisect(good={good!r}, bad={bad!r}, **{more!r}))"
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, env=program.own, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert not program.folder.exists()


NOT_A_USE: list[list[str]] = [
    ["--help"],
    ["--version"],
    ["--list-build-types"],
    ["sessions"],
    ["config", "show"],
    ["telemetry", "status"],
    ["telemetry", "show"],
    ["practice", "--days", "8"],
    ["--good", "yesterday"],
    ["--good", "149", "--no-such-option"],
    ["--good", "2026-09-20", "--app", "nonsense"],
    ["--launch", "2026-09-20", "--good", "2026-09-20"],
    ["--good", "2026-09-20", "--command", "/no/such/program"],
]


@pytest.mark.parametrize("words", NOT_A_USE, ids=" ".join)
def test_what_is_no_use_sends_nothing_and_keeps_nothing(
    program: Talkative, server: PracticeServer, catcher: Catcher, words: list[str]
) -> None:
    if words[0] in ("--good", "--launch"):
        words = [*words, *services(server)]
    done = program.whole(*words)
    assert NOTICE[0] not in done.stderr or "/no/such/program" in words
    assert catcher.all == []
    assert not (program.folder / "glean").exists()


def test_to_list_builds_is_no_use(program: Talkative, world: World, server: PracticeServer, catcher: Catcher) -> None:
    good, bad = first_and_last(world)
    assert program.whole("builds", "--good", good, "--bad", bad, *services(server)).returncode == 0
    assert catcher.all == []
    assert not program.folder.exists()


def test_a_revision_that_does_not_exist_is_a_usage_error_and_no_use(
    program: Talkative, server: PracticeServer, catcher: Catcher
) -> None:
    done = program.whole("--good", "abcdef123456", "--bad", "2026-09-30", "--command", "true", *services(server))
    assert done.returncode == 2, done.stderr
    assert catcher.all == []


def test_to_go_on_with_a_session_is_no_new_use(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    killed = program.whole(*asked(world, server, "sh -c 'kill -9 $PPID'"))
    assert killed.returncode == -9
    assert program.whole("resume").returncode == -9
    assert catcher.kinds == ["usage"]


def test_a_search_without_a_network_counts_once_it_has_failed(program: Talkative, catcher: Catcher) -> None:
    urls = ["--archive-base-url", "http://127.0.0.1:9/pub", "--hg-url", "http://127.0.0.1:9", "--http-timeout", "1"]
    done = program.whole("--good", "2026-09-20", "--bad", "2026-09-25", "--command", "true", "--arch", "x86_64", *urls)
    assert done.returncode == 1, done.stderr
    assert catcher.kinds == ["usage"]


def test_offline_is_silent_and_the_ping_goes_with_the_next_run(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    plain = program(
        *asked(world, server), more={"MOZBISECT_TELEMETRY": "0", "MOZBISECT_STATE_DIR": f"{program.temp}/x"}
    )
    program.whole(*asked(world, server), "--telemetry-server", "http://127.0.0.1:9")
    offline = program(*asked(world, server), "--telemetry-server", "http://127.0.0.1:9")
    assert (offline.returncode, offline.stderr.count("\n")) == (0, plain.stderr.count("\n"))
    program.whole(*asked(world, server))
    assert len({caught.document for caught in (catcher.next(), catcher.next(), catcher.next())}) == 3


def test_a_tag_and_the_log_of_glean(program: Talkative, world: World, server: PracticeServer, catcher: Catcher) -> None:
    done = program(*asked(world, server), "--glean-debug-tag", "my-tag", "--glean-log-pings")
    assert catcher.next().headers["X-Debug-ID"] == "my-tag"
    assert '"usage.app": "firefox"' in done.stderr
    assert "usage.app" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--glean-debug-tag", "two words"], "--glean-debug-tag"),
        (["--glean-debug-tag", "a" * 21], "--glean-debug-tag"),
        (["--telemetry-server", "localhost:1"], "--telemetry-server must begin with http"),
    ],
)
def test_debugging_options_that_glean_would_pass_over_are_refused(
    program: Talkative, words: list[str], said: str
) -> None:
    done = program("--good", "2026-09-20", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_options_of_telemetry_are_not_kept_with_the_session(
    program: Talkative, world: World, server: PracticeServer
) -> None:
    program.whole(*asked(world, server), "--glean-debug-tag", "my-tag")
    assert "my-tag" not in "\n".join(program.journal())
    options = json.loads(program.journal()[0])["options"]
    assert not {name for name in options if "telemetry" in name or "glean" in name}
    assert "my-tag" not in program("log").stdout


# ------------------------------------------------------------------------------------------------- saying no


def configuration(program: Talkative) -> dict[str, str]:
    path = program.temp / "config.toml"
    path.write_text("telemetry = false\n")
    return {"MOZBISECT_CONFIG": str(path)}


NOES: dict[str, Callable[[Talkative], tuple[list[str], dict[str, str]]]] = {
    "--no-telemetry": lambda _: (["--no-telemetry"], {}),
    "MOZBISECT_NO_TELEMETRY": lambda _: ([], {"MOZBISECT_NO_TELEMETRY": "1"}),
    "MOZBISECT_TELEMETRY": lambda _: ([], {"MOZBISECT_TELEMETRY": "No"}),
    "DO_NOT_TRACK": lambda _: ([], {"DO_NOT_TRACK": "1"}),
    "configuration": lambda program: ([], configuration(program)),
}


@pytest.mark.parametrize("no", NOES)
def test_a_no_before_the_first_run_leaves_nothing_and_says_nothing(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher, no: str
) -> None:
    words, more = NOES[no](program)
    done = program.whole(*asked(world, server), *words, more=more)
    assert done.returncode == 0, done.stderr
    assert NOTICE[0] not in done.stderr
    assert catcher.all == []
    assert {path.name for path in program.folder.glob("*")} <= {"choice"}


@pytest.mark.parametrize("no", NOES)
def test_a_no_works_at_once_asks_for_deletion_and_holds(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher, no: str
) -> None:
    words, more = NOES[no](program)
    program.whole(*asked(world, server))
    program.whole(*asked(world, server), "--telemetry-server", "http://127.0.0.1:9")  # this one waits
    for _ in range(2):
        assert program.whole(*asked(world, server), *words, more=more).returncode == 0
    assert catcher.kinds == ["usage", "deletion-request"]
    usage, deletion = catcher.all
    validate(deletion)
    assert deletion.body["client_info"]["client_id"] == usage.body["client_info"]["client_id"]
    assert {path.name for path in program.folder.iterdir()} <= {"choice", "told", "lock", "waiting"}
    # For good: whoever said no for one run has said no. A file says it as long as it stands there.
    program.whole(*asked(world, server), more=more if no == "configuration" else None)
    assert catcher.kinds == ["usage", "deletion-request"]
    assert program("telemetry", "status", more=more).stdout.startswith("Telemetry is off: ")


SEARCHES_NOTHING: list[list[str]] = [
    ["--good", "nonsense"],
    ["--launch", "nonsense"],
    ["--good", "2026-09-20", "--app", "nonsense"],
    ["--launch", "2026-09-20", "--good", "2026-09-20"],
    ["--launch", "2026-09-20", "--deadline", "soon"],
    ["--good", "2026-09-20", "--deadline", "nonsense"],
    ["--nearest"],
    ["--list-build-types"],
    ["resume", "nonsense"],
]


@pytest.mark.parametrize("no", [name for name in NOES if name != "configuration"])
@pytest.mark.parametrize("words", SEARCHES_NOTHING, ids=" ".join)
def test_a_no_is_heard_and_holds_whatever_becomes_of_the_command_line(
    program: Talkative, catcher: Catcher, no: str, words: list[str]
) -> None:
    flags, more = NOES[no](program)
    if flags and words[0] == "resume":
        pytest.skip("it has no such option")
    program(*words, *flags, more=more)
    status = json.loads(program("telemetry", "status", "--output", "json").stdout)
    assert not status["enabled"]
    assert status["why"].startswith("It was turned off by an earlier run: ")


@pytest.mark.parametrize(
    "words", [["--good", "nonsense"], ["--list-build-types"], ["resume", "nonsense"]], ids=" ".join
)
def test_a_no_of_a_command_line_that_searches_nothing_asks_for_deletion(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher, words: list[str]
) -> None:
    program.whole(*asked(world, server))
    program.whole(*words, more={"DO_NOT_TRACK": "1"})
    assert [catcher.next().kind for _ in range(2)] == ["usage", "deletion-request"]


def test_disable_works_at_once(program: Talkative, world: World, server: PracticeServer, catcher: Catcher) -> None:
    program.whole(*asked(world, server))
    done = program.whole("telemetry", "disable")
    assert done.stdout.startswith("Telemetry is off")
    assert catcher.kinds == ["usage", "deletion-request"]
    program.whole(*asked(world, server))
    assert catcher.kinds == ["usage", "deletion-request"]


def test_disable_before_anything_was_sent_starts_nothing(program: Talkative, catcher: Catcher) -> None:
    assert program.whole("telemetry", "disable").returncode == 0
    assert [path.name for path in program.folder.iterdir()] == ["choice"]


def test_enable_takes_a_no_back_and_one_is_somebody_else(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    program.whole(*asked(world, server))
    program.whole(*asked(world, server), "--no-telemetry")
    assert program("telemetry", "enable").stdout.startswith("Telemetry is on: mozbisect telemetry enable was called.")
    program.whole(*asked(world, server))
    assert catcher.kinds == ["usage", "deletion-request", "usage"]
    one, _, other = (caught.body["client_info"]["client_id"] for caught in catcher.all)
    assert one != other


def test_a_no_at_the_usual_place_holds_for_every_other_folder_of_state(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    usual = dict(program.own)
    del program.own["MOZBISECT_STATE_DIR"]
    assert program("telemetry", "disable").returncode == 0
    program.own = usual
    assert program.whole(*asked(world, server)).returncode == 0
    assert catcher.all == []


@pytest.mark.parametrize(("yes", "sent"), [({}, []), ({"MOZBISECT_TELEMETRY": "1"}, ["usage"])])
def test_in_ci_nothing_is_sent_or_said_unless_somebody_says_yes(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher, yes: dict[str, str], sent: list[str]
) -> None:
    done = program.whole(*asked(world, server), more={"CI": "true", **yes})
    assert (NOTICE[0] in done.stderr) == bool(sent)
    assert catcher.kinds == sent
    assert [caught.values["variant"] for caught in catcher.all] == ["ci"] * len(sent)


def test_mozregressions_yes_is_no_yes_in_ci_and_its_no_is_a_no(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    path = Path(program.own["HOME"]) / ".mozilla/mozregression/mozregression.cfg"
    path.parent.mkdir(parents=True)
    path.write_text("enable-telemetry = yes\n")
    program.whole(*asked(world, server), more={"CI": "true"})
    path.write_text("enable-telemetry = No\n")
    program.whole(*asked(world, server))
    assert catcher.all == []


# -------------------------------------------------------------------------- what goes wrong, and nobody notices


def silent(program: Talkative, catcher: Catcher) -> dict[str, str]:
    catcher.silent.set()
    return {}


def offline(program: Talkative, catcher: Catcher) -> dict[str, str]:
    return {"MOZBISECT_TELEMETRY_SERVER": "http://127.0.0.1:9"}


def no_name(program: Talkative, catcher: Catcher) -> dict[str, str]:
    return {"MOZBISECT_TELEMETRY_SERVER": "http://telemetry.invalid"}


def failing(program: Talkative, catcher: Catcher) -> dict[str, str]:
    catcher.answer = lambda caught: 503
    return {}


def many_pending(program: Talkative, catcher: Catcher) -> dict[str, str]:
    folder = program.folder / "waiting"
    folder.mkdir(parents=True)
    for number in range(40):
        (folder / f"{number}.json").write_text('{"app": "firefox"}')
    return {}


def a_file_for_a_folder(program: Talkative, catcher: Catcher) -> dict[str, str]:
    program.state.mkdir(parents=True, exist_ok=True)
    program.folder.write_text("no folder")
    return {}


def a_file_for_what_waits(program: Talkative, catcher: Catcher) -> dict[str, str]:
    program.folder.mkdir(parents=True)
    (program.folder / "waiting").write_text("no folder")
    return {}


def a_link_for_what_waits(program: Talkative, catcher: Catcher) -> dict[str, str]:
    program.folder.mkdir(parents=True)
    (program.folder / "waiting").symlink_to("nowhere")
    return {}


def nobody_can_write(program: Talkative, catcher: Catcher) -> dict[str, str]:
    program.state.mkdir(parents=True, exist_ok=True)
    program.folder.symlink_to("/proc/self/fdinfo")
    return {}


def broken_glean_folder(program: Talkative, catcher: Catcher) -> dict[str, str]:
    (program.folder / "glean" / "db").mkdir(parents=True)
    (program.folder / "glean" / "db" / "data.safe.bin").write_bytes(os.urandom(999))
    (program.folder / "glean" / "pending_pings").write_text("no folder")
    return {}


def no_wheel(program: Talkative, catcher: Catcher) -> dict[str, str]:
    """As on a machine for which there is none."""
    path = program.temp / "path"
    path.mkdir()
    (path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Blind:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'glean': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blind())\n"
    )
    return {"PYTHONPATH": str(path)}


def broken_wheel(program: Talkative, catcher: Catcher) -> dict[str, str]:
    """As where mach's own, older glean-parser is found first."""
    path = program.temp / "path"
    path.mkdir()
    (path / "glean.py").write_text("raise TypeError('uploader_capabilities')")
    return {"PYTHONPATH": str(path)}


TROUBLES = [
    silent,
    offline,
    no_name,
    failing,
    many_pending,
    a_file_for_a_folder,
    a_file_for_what_waits,
    nobody_can_write,
    broken_glean_folder,
    no_wheel,
    broken_wheel,
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_bisection_does_not_notice(
    program: Talkative,
    world: World,
    server: PracticeServer,
    catcher: Catcher,
    trouble: Callable[[Talkative, Catcher], dict[str, str]],
) -> None:
    more = trouble(program, catcher)
    before = time.monotonic()
    done = program(*asked(world, server), more=more)
    assert time.monotonic() - before < 30  # the SDK alone would wait for 60
    assert done.returncode == 0, done.stderr
    assert re.search(r"^First bad revision: [0-9a-f]{40}", done.stdout, re.M)
    assert not re.search("glean|telemetry_|Traceback|panic|Read-only|denied", done.stderr)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (no_wheel, "glean-sdk is not installed here."),
        (broken_wheel, "glean-sdk does not work here: TypeError: uploader_capabilities"),
        (a_file_for_a_folder, "telemetry is no folder."),
        (a_file_for_what_waits, "waiting is no folder."),
        (a_link_for_what_waits, "waiting is no folder."),
    ],
)
def test_status_says_why_nothing_can_be_sent(
    program: Talkative, catcher: Catcher, trouble: Callable[[Talkative, Catcher], dict[str, str]], said: str
) -> None:
    done = program("telemetry", "status", more=trouble(program, catcher))
    assert done.returncode == 0
    first = done.stdout.splitlines()[0]
    assert first.startswith("Telemetry is off: ")
    assert said in first


def test_the_program_itself_never_imports_the_sdk(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    """So that mach's own, in the same process, is not disturbed."""
    code = (
        "import sys\nfrom mozbisect.__main__ import main\n"
        "try: main()\n"
        "finally: print('IMPORTED', sorted({'glean', 'glean_parser'}.intersection(sys.modules)))\n"
    )
    line = [sys.executable, "-c", code, *asked(world, server)]
    done = subprocess.run(line, capture_output=True, text=True, env=program.own, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "IMPORTED []"
    catcher.next()


def test_help_imports_nothing_of_telemetry(program: Talkative) -> None:
    code = (
        "import sys\nfrom mozbisect.__main__ import main\n"
        "try: main()\n"
        "finally: print('IMPORTED', [name for name in sys.modules if 'glean' in name or 'bisect.telemetry' in name])\n"
    )
    line = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(line, capture_output=True, text=True, env=program.own, timeout=100, check=False)
    assert done.stdout.splitlines()[-1] == "IMPORTED []"


# ------------------------------------------------------------------------------------------------ to look at it


def test_show_prints_the_very_ping_and_sends_none(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    words = asked(world, server)
    program.whole(*words)
    shown = program("telemetry", "show", *words)
    assert re.search(rf"^POST {catcher.url}/submit/org-mozilla-mozbisect/usage/1/", shown.stderr, re.M)
    program.whole(*words)
    _, sent = catcher.all
    body = json.loads(shown.stdout)
    assert body["ping_info"]["seq"] == 1
    assert {**body, "ping_info": None} == {**sent.body, "ping_info": None}


def test_show_of_other_uses(program: Talkative, catcher: Catcher) -> None:
    line = ["--launch", "20260203112233", "--app", "fenix", "--as", "mach", "--as", "linux_distro=fedora"]
    shown = program("telemetry", "show", *line)
    metrics = json.loads(shown.stdout)["metrics"]
    assert metrics["datetime"] == {"usage.launch_date": "2026-02-03+00:00"}
    assert metrics["string"].items() >= {"usage.variant": "mach", "usage.linux_distro": "fedora"}.items()
    assert catcher.all == []
    assert not program.folder.exists()


def test_show_where_it_is_off_says_so(program: Talkative) -> None:
    shown = program("telemetry", "show", more={"DO_NOT_TRACK": "1"})
    assert "It is not sent: DO_NOT_TRACK is set to '1'." in shown.stderr
    assert json.loads(shown.stdout)["metrics"]["string"]["usage.app"] == "firefox"


def test_show_without_the_sdk_shows_our_part(program: Talkative, catcher: Catcher) -> None:
    shown = program("telemetry", "show", more=no_wheel(program, catcher))
    assert json.loads(shown.stdout)["metrics"]["app"] == "firefox"
    assert "glean-sdk" in shown.stderr


@pytest.mark.parametrize("words", [["builds"], ["sessions"], ["--list-releases"], ["--write-config"]])
def test_show_of_what_sends_nothing_is_a_usage_error(program: Talkative, words: list[str]) -> None:
    done = program("telemetry", "show", *words)
    assert done.returncode == 2
    assert "sends nothing" in done.stderr


def test_status_in_json(program: Talkative, world: World, server: PracticeServer, catcher: Catcher) -> None:
    before = json.loads(program("telemetry", "status", "--output", "json").stdout)
    assert (before["enabled"], before["told"], before["client_id"]) == (True, False, None)
    assert not program.folder.exists()
    program.whole(*asked(world, server))
    after = json.loads(program("telemetry", "status", "--output", "json").stdout)
    assert after["client_id"] == catcher.next().body["client_info"]["client_id"]
    assert after == {**before, "told": True, "client_id": after["client_id"]}


def test_status_claims_of_no_server_that_it_knows_the_id(
    program: Talkative, world: World, server: PracticeServer, catcher: Catcher
) -> None:
    program.whole(*asked(world, server), "--telemetry-server", "http://127.0.0.1:9")
    told = program("telemetry", "status", more={"MOZBISECT_TELEMETRY_SERVER": "https://telemetry.example"}).stdout
    identity = (program.folder / "glean" / "client_id.txt").read_text().strip()
    assert f"The random id of this installation is {identity}." in told.splitlines()
    assert "telemetry.example" not in told.split(identity)[0]
    assert "Pings go to https://telemetry.example." in told.splitlines()


def test_a_broken_configuration_does_not_hinder_a_no(program: Talkative) -> None:
    path = program.temp / "config.toml"
    path.write_text("this is no TOML")
    done = program("telemetry", "disable", more={"MOZBISECT_CONFIG": str(path)})
    assert done.returncode == 0, done.stderr


def test_disable_where_nothing_can_be_written_is_an_error_with_another_way(
    program: Talkative, catcher: Catcher
) -> None:
    a_file_for_a_folder(program, catcher)
    done = program("telemetry", "disable")
    assert done.returncode == 1
    assert "MOZBISECT_TELEMETRY=0" in done.stderr


# What a run has imported before it comes to telemetry, and then all that telemetry does in it.
COST = """
import sys, time
from datetime import date
from mozbisect import request, wiring
from mozbisect.commands import looking, search
from mozbisect.engine import Engine
from mozbisect.options import Options

looking.kept_sessions()
before = time.process_time()
from mozbisect.telemetry.helper import Destination
from mozbisect.telemetry.use import Wish, counted

wish = Wish(destination=Destination(sys.argv[1]))
with counted(wish, lambda wish: wish.usage(Options(bad="2026-09-20"), date(2026, 9, 30)), lambda line: None) as use:
    use.begun()
print(1000 * (time.process_time() - before))
"""


def test_it_costs_the_run_less_than_twenty_milliseconds(program: Talkative, catcher: Catcher) -> None:
    # Processor time, of the best of some runs: the machine that runs the tests has other things to do.
    own = {**program.own, "PYTHONPYCACHEPREFIX": str(program.temp / "compiled")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, "-c", COST, catcher.url]
    costs = [float(subprocess.run(line, capture_output=True, env=own, check=True).stdout) for _ in range(6)]
    for _ in costs:
        catcher.next()
    assert min(costs) < 20
