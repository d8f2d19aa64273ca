"""mach's three names: as its dispatcher calls them, and as the command line understands the same words."""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect import mach_interface, updates
from mozbisect.argv import FORMER
from mozbisect.cli import grammar, mozbisect
from mozbisect.commands import search
from mozbisect.mach_interface import new_release_on_pypi, parser, run
from mozbisect.options import ThisRun
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from tests.mach_stand_in import Mach
from tests.test_argv import FLAGS, LONG, OURS
from tests.test_doors import SMALL, asked, last_and_first, truth

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "mach.md"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOZBISECT_STATE_DIR", str(tmp_path / "state"))


def understood(words: list[str]) -> dict[str, Any] | int:
    """What the command line makes of them, or the status with which it refuses."""
    try:
        return dict(mozbisect.make_context("mozbisect", list(words)).params)
    except click.ClickException as error:
        return error.exit_code
    except click.exceptions.Exit as leave:
        return leave.exit_code


def by_mach(words: list[str], *, as_dict: bool = True) -> dict[str, Any] | int:
    """What ``run`` makes of what the parser made of them."""
    try:
        found = parser().parse_args(list(words))
    except SystemExit as leave:
        return int(leave.code or 0)
    options = vars(found) if as_dict else found
    return dict(mach_interface._context(vars(argparse.Namespace(**options)) if as_dict else vars(found)).params)


def told(params: dict[str, Any] | int) -> dict[str, str]:
    """With types, and comparable where a value is no number."""
    assert isinstance(params, dict)
    return {name: repr(value) for name, value in params.items()}


# --------------------------------------------------------------------------------------------------- the words

VALUES = {
    "--arch": ["x86", "aarch64", "vax"],
    "--bits": ["32", "64", "16"],
    "--mode": ["classic", "no-first-check", "quick"],
    "--runs": ["1", "5", "0", "x"],
    "--http-timeout": ["10", "0.5", "-1", "nan", "soon"],
    "--persist-size-limit": ["0", "1.5", "-2"],
    "--output": ["text", "json", "markdown", "xml"],
    "--on-timeout": ["good", "bad", "skip", "none"],
}
RARE = ["--nonsense", "stray", "--", "--good-rev", "-good", "builds", "-Pnone"]
ANY = st.one_of(
    st.text(st.sampled_from("-=:ab1 /{}%"), max_size=6), st.sampled_from(["2026-09-01", "--foo", "-x", "a:1", ""])
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Right, wrong and odd ones: every spelling, values that look like options, abbreviations, several after --pref."""
    words: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["value", "value", "flag", "several", "short", "rare"]))
        if kind == "flag":
            words.append(draw(FLAGS.filter(lambda name: name not in ("-h", "--help", "-V", "--version"))))
        elif kind == "several":
            words += ["--pref", *draw(st.lists(st.sampled_from(["a:1", "b:x", "c:true"]), max_size=3))]
        elif kind == "rare":
            words.append(draw(st.sampled_from(RARE)))
        else:
            name = draw(st.sampled_from(sorted(OURS.takes)))
            value = draw(st.sampled_from(VALUES[OURS.takes[name]]) if OURS.takes[name] in VALUES else ANY)
            name = name[:-1] if kind == "short" and len(name) > 6 else name
            words += draw(st.sampled_from([[name, value], [f"{name}={value}"]]))
    return words


@given(command_lines())
@settings(max_examples=400)
def test_what_the_parser_gives_to_run_is_what_the_command_line_understands(words: list[str]) -> None:
    ours, machs = understood(words), by_mach(words)
    if isinstance(ours, dict) and isinstance(machs, int):
        # Whether there is such a command, click looks at later: with the words that are left over.
        context = mozbisect.make_context("mozbisect", list(words))
        assert machs == 2
        assert mach_interface._left(context)[0] not in mozbisect.commands
        return
    assert repr(machs) == repr(ours) if isinstance(ours, int) else told(machs) == told(ours)


def test_a_namespace_is_as_good_as_a_dict() -> None:
    words = ["--pref", "a:1", "b:2", "-a", "--foo", "--persist-size", "20", "--no-back"]
    assert by_mach(words, as_dict=False) == by_mach(words) == understood(words)


WIKI = [
    "--good 2014-12-25 --bad=2015-01-07",
    "-g 1 -b2",
    "--good 2014-12-25 --bad 2015-01-07 --pref browser.tabs.remote:true a:1 -e addon.xpi",
    "--bits=32 --good 32 --bad 36 --profile=/p --arg=https://example.org",
    "-n=fenix --arch arm64-v8a --launch 2020-01-01",
    "--find-fix --bad 2015-01-01 --good 2015-02-01 -P stdout",
    "--repo mozilla-inbound --good 6f2f3a1b2c3d --bad 9a8b7c6d5e4f --persist-size=10 --write-conf",
    "--app thunderbird --good=2013-01-01 -dP stdout",
]


@pytest.mark.parametrize("line", WIKI)
def test_the_command_lines_of_wiki_pages_are_understood(line: str) -> None:
    words = line.split()
    assert by_mach(words) == understood(words)
    assert isinstance(by_mach(words), dict)


@pytest.mark.parametrize("former", [row for row in FORMER if not row.name.endswith("*")], ids=lambda row: row.name)
def test_the_options_of_older_tools_are_refused_with_what_to_write(former: Any, capsys: Any) -> None:
    assert by_mach([former.name, "VALUE"]) == 2
    told = capsys.readouterr().err
    assert former.instead.replace("{}", "VALUE") in told
    assert "Traceback" not in told


def test_a_wrong_option_ends_in_system_exit_with_what_may_have_been_meant(capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_known_args(["--goood", "x"])
    assert caught.value.code == 2
    assert "--good" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        parser().parse_known_args(["nothing"])
    assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(["--version"])
    assert caught.value.code == 0
    assert re.match(r"mozbisect \d", capsys.readouterr().out)


def test_the_words_of_the_process_are_taken_where_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mach", "--good", "1"])
    assert parser().parse_args().good == "1"
    held = argparse.Namespace(verbose=True)
    assert parser().parse_args(["--bad", "2"], held) is held
    assert (held.bad, held.verbose) == ("2", True)


# ------------------------------------------------------------------------------------------------- to look into


def test_every_option_of_the_command_is_there_to_look_into() -> None:
    made = parser()
    by_option = {name: action for action in made._actions for name in action.option_strings}
    context = click.Context(mozbisect)
    for param in mozbisect.get_params(context):
        assert isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts):
            action = by_option[name]
            if "--help" in param.opts:
                continue
            assert action.dest == param.name
            assert action.help == (param.help or "").replace("%", "%%")
            choices = list(param.type.choices) if isinstance(param.type, click.Choice) else None
            assert action.choices == choices
            assert (action.nargs == 0) == param.is_flag or "--version" in param.opts
    assert by_option["--app"].default == "firefox"
    assert by_option["--background-dl"].default is True
    assert by_option["--pref"].default == []
    assert by_option["--pref"].nargs == "*"
    assert type(by_option["--arg"]).__name__ == "_AppendAction"
    assert set(by_option) >= set(LONG)
    assert grammar(mozbisect, context).flags >= {"--headless"}


def test_it_is_an_argparse_parser_with_all_that_mach_does_to_it() -> None:
    made = parser()
    assert isinstance(made, argparse.ArgumentParser)
    copied = copy.deepcopy(made._actions)
    assert [action.dest for action in copied] == [action.dest for action in made._actions]
    made.context = object()  # type: ignore[attr-defined]
    made.prog = "mach mozbisect"
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made._action_groups[0].title, made._action_groups[1].title = "Command Parameters", "Command Arguments"
    text = made.format_help()
    assert "Command Arguments" in text
    assert "--persist-size-limit GIB" in text
    assert made.format_usage().startswith("usage: mach mozbisect")


def test_each_call_makes_a_parser_of_its_own() -> None:
    one, other = parser(), parser()
    one._actions.clear()
    assert other._actions


# ------------------------------------------------------------------------------------------------------- run


def options_of(words: list[str]) -> dict[str, Any]:
    return vars(parser().parse_args(words))


def test_it_bisects_and_gives_0(world: World, server: PracticeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(options_of(asked(world, server))) == 0
    assert last_and_first(capsys.readouterr().out) == truth(world)
    # What mach leaves out, or has as other types, has its default or is turned into what is wanted.
    few = {key: value for key, value in options_of(asked(world, server)).items() if value not in (None, False, (), [])}
    assert run(argparse.Namespace(**{**few, "pref": ["a:1"], "http_timeout": "20", "output": "json"})) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["result"]["first_bad"]["revision"] == truth(world)[1]


def test_other_commands_work_and_options_before_them_do_not(
    world: World, server: PracticeServer, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(options_of([*asked(world, server, "false")])) == 4
    capsys.readouterr()
    here = Path.cwd()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)
    assert run(options_of(["resume"])) == 4  # goes to the folder of the session, and comes back
    assert Path.cwd() == elsewhere != here
    assert "Both ends are bad" in capsys.readouterr().err
    assert run(options_of(["sessions"])) == 0
    assert "open" in capsys.readouterr().out
    assert run(options_of(["--good", "1", "builds"])) == 2
    assert "put it after" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--good", "2026-02-30"], 2, "mozbisect: --good: There is no day 2026-02-30"),
        (["--nearest"], 2, "--nearest belongs to --launch."),
        (["--launch", "1", "--deadline", "3h"], 2, "--deadline has no place beside it"),
        (["resume", "nothing"], 2, "session"),
        (["resume", "--nonsense"], 2, "No such option"),
        (["--deadline", "90"], 2, "neither a duration nor a time"),
    ],
)
def test_errors_are_printed_and_come_back_as_the_status(
    words: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(options_of(words)) == status
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_options_that_no_command_line_would_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"bits": "16"}) == 2
    assert "'16' is not one of" in capsys.readouterr().err
    assert run({"good": "2026-02-30", "verbose": True}) == 2
    assert "ignored: verbose" in capsys.readouterr().err


def test_a_broken_configuration_is_said_by_the_parser_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("bits = 16\n")
    monkeypatch.setenv("MOZBISECT_CONFIG", str(config))
    with pytest.raises(SystemExit) as caught:
        parser().parse_args([])
    assert caught.value.code == 2
    assert f"{config}:1" in capsys.readouterr().err
    config.write_text('repo = "autoland"\n')
    assert options_of([])["repo"] == "autoland"


def test_launch_gives_the_status_of_the_build(world: World, server: PracticeServer) -> None:
    words = [*asked(world, server)[4:], "--launch", world.nightlies[-1].build_id]
    assert run(options_of(words)) == 1


def test_a_run_through_mach_says_so_and_looks_for_no_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs: list[ThisRun] = []
    monkeypatch.setattr(search, "bisect", lambda *words, this_run, **more: runs.append(this_run))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("CI", raising=False)
    assert run({"good": "2026-09-01"}) == 0
    assert [one.variant for one in runs] == ["mach"]
    assert not (tmp_path / "state" / "updates").exists()


# --------------------------------------------------------------------------------------------- through a mach


def command_file() -> str:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.fixture
def mach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mach:
    """With the command file of the page. pip knows of no newer release."""
    fake_pip(tmp_path, monkeypatch, "print('mozbisect (0.0.1)\\nAvailable versions: 0.0.1')")
    made = Mach()
    made.load(command_file())
    return made


def test_the_command_file_of_the_page_bisects(
    mach: Mach, world: World, server: PracticeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mach.dispatch(["mozbisect", *asked(world, server)]) == 0
    assert last_and_first(capsys.readouterr().out) == truth(world)
    assert mach.dispatch(["mozbisect", "--good", "2026-02-30"]) == 2
    with pytest.raises(SystemExit) as caught:
        mach.dispatch(["mozbisect", "--nope"])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "mach" not in sys.argv[0] or "mozbisect [OPTIONS]" in told
    assert mach.pip == []


def test_its_help_is_machs_with_our_options(mach: Mach, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["help", "mozbisect"], ["mozbisect", "--good", "1", "--help"]):
        assert mach.dispatch(words) == 0
        text = capsys.readouterr().out
        assert text.index("Command Arguments") < text.index("--persist-size-limit")


def test_the_command_file_installs_a_newer_release_and_a_missing_mozbisect(
    mach: Mach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(tmp_path, monkeypatch, "print('Available versions: 99.1, 99.0')")
    with pytest.raises(SystemExit) as caught:
        mach.dispatch(["mozbisect"])
    assert caught.value.code == 0
    assert mach.pip == [["install", "-U", "mozbisect==99.1"]]
    monkeypatch.setitem(sys.modules, "mozbisect.mach_interface", None)
    with pytest.raises(SystemExit):
        mach.dispatch(["mozbisect"])
    assert mach.pip[-1] == ["install", "-U", "mozbisect"]


DRIVER = textwrap.dedent(
    """
    import collections, collections.abc, inspect, os, sys
    # mach 1.0.0 is of 2019: it looks for these where they were then.
    for name in ("Iterable", "Mapping", "MutableMapping"):
        setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = inspect.getfullargspec
    from mach.decorators import Command, CommandProvider
    from mach.main import Mach
    from mozbisect import mach_interface

    mach = Mach(os.getcwd())
    mach.define_category("misc", "Misc", "misc", 1)

    @CommandProvider
    class Commands:
        def __init__(self, context):
            pass

        @Command("mozbisect", category="misc", description="Find the push.", parser=mach_interface.parser)
        def run(self, **options):
            return mach_interface.run(options)

    sys.exit(mach.run(sys.argv[1:]))
    """
)


@pytest.mark.skipif(importlib.util.find_spec("mach") is None, reason="mach is not installed (pip install mach==1.0.0)")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="mach 1.0.0 imports imp, which Python 3.12 has not")
def test_the_mach_of_pypi_runs_it(world: World, server: PracticeServer, tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)

    def mach(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(script), *words]
        own = {**os.environ, "HOME": str(tmp_path), "MACHRC": os.devnull}
        return subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path, env=own)

    done = mach("mozbisect", *asked(world, server))
    assert done.returncode == 0, done.stderr
    assert last_and_first(done.stdout) == truth(world)
    assert mach("mozbisect", "--good", "2026-02-30").returncode == 2
    wrong = mach("mozbisect", "--goood", "x")
    assert wrong.returncode == 2
    assert "--good" in wrong.stderr
    text = mach("help", "mozbisect").stdout
    assert "--persist-size-limit" in text
    assert "Command Arguments" in text


# --------------------------------------------------------------------------------------------- a newer release


def fake_pip(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Path:
    """A pip that does this, in front of the real one. What it was called with is in the file that comes back."""
    package = folder / "fake" / "pip"
    package.mkdir(parents=True, exist_ok=True)
    called = folder / "called"
    (package / "__init__.py").write_text("")
    note = f"open({str(called)!r}, 'w').write(repr(sys.argv))"
    (package / "__main__.py").write_text(f"import sys, time, os\n{note}\n{code}")
    monkeypatch.setenv("PYTHONPATH", str(folder / "fake"))
    return called


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print('mozbisect (99.1)\\nAvailable versions: 99.1, 99.0, 0.0.1\\n  INSTALLED: 0.0.1')", "99.1"),
        ("print('Available versions: 100.0rc1, 99.2.dev3, 99.1, 100.0a1')", "99.1"),
        ("print('Available versions: 9.10, 9.9, 9.10.post1')", "9.10.post1"),
        ("print('Available versions: 100.0b2')", None),
        ("print('Available versions: 0.0.1')", None),
        ("print('Available versions: ')", None),
        ("print('nonsense'); sys.exit(1)", None),
        ("sys.stdout.buffer.write(b'\\xff' * 1000)", None),
        ("raise ImportError", None),
        ("os.kill(os.getpid(), 9)", None),
    ],
)
def test_what_pip_says_is_a_bare_newer_release_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    called = fake_pip(tmp_path, monkeypatch, code)
    assert new_release_on_pypi() == told
    words = called.read_text()
    assert "'index', 'versions', 'mozbisect'" in words
    assert "http" not in words
    assert capfd.readouterr() == ("", "")


def test_a_pip_that_hangs_with_all_that_it_started_costs_less_than_5_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The child keeps pip's output open for longer than pip lives.
    fake_pip(tmp_path, monkeypatch, "import subprocess; subprocess.Popen(['sleep', '9']); time.sleep(60)")
    code = "import time; t = time.monotonic(); from mozbisect.mach_interface import new_release_on_pypi as ask;"
    code += "print(ask(), time.monotonic() - t)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    said, took = done.stdout.split()
    assert said == "None"
    assert float(took) < 6  # with the imports, on a busy machine


def test_no_python_to_ask_with_is_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("/no/such/python", "", None):
        monkeypatch.setattr(sys, "executable", name)
        assert new_release_on_pypi() is None


def test_the_real_pip_asks_the_index_of_this_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index" / "mozbisect"
    index.mkdir(parents=True)
    for version in ("0.0.1", "98.0", "99.0rc1"):
        (index / f"mozbisect-{version}-py3-none-any.whl").write_bytes(b"")
    (index / "index.html").write_text("".join(f'<a href="{one.name}">{one.name}</a>' for one in index.glob("*.whl")))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.parent.as_uri())
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    assert updates.newer_release(60) == "98.0"
    monkeypatch.setenv("PIP_PRE", "1")
    assert updates.newer_release(60) == "98.0"
