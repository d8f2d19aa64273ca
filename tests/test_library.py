"""The library: a search as a function, judged by a function."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import mozbisect
from mozbisect import api
from mozbisect.options import Options
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from mozbisect.running import kept_sessions
from tests.test_doors import SMALL, truth

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "library.md"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOZBISECT_STATE_DIR", str(tmp_path / "state"))
    for name in ("DISPLAY", "MOZ_HEADLESS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


def services(server: PracticeServer) -> dict[str, Any]:
    return {
        "arch": "x86_64",
        "archive_base_url": server.archive_url,
        "taskcluster_root_url": server.taskcluster_url,
        "hg_url": server.hg_url,
        "lando_url": server.lando_url,
    }


def ends(world: World) -> tuple[date, date]:
    return world.nightlies[0].when.date(), world.nightlies[-1].when.date()


def check(build: mozbisect.Build) -> bool:
    return subprocess.run([build.binary, "--check"], stdout=subprocess.DEVNULL, check=False).returncode == 0


# ------------------------------------------------------------------------------------------------- the search


def test_a_function_judges_and_the_very_push_is_found(
    world: World, server: PracticeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[object] = []
    seen: list[mozbisect.Build] = []

    def judge(build: mozbisect.Build) -> bool:
        seen.append(build)
        return check(build)

    found = mozbisect.bisect(*ends(world), judge=judge, listen=heard.append, **services(server))
    assert (found.last_good.revision, found.first_bad.revision) == truth(world)
    assert found.exact
    assert found.looking_for == "regression"
    assert found.pushlog_url is not None
    assert found.pushlog_url.endswith(f"fromchange={truth(world)[0]}&tochange={truth(world)[1]}")
    asked = [step for step in found.steps if step.asked]
    assert [build.revision for build in seen] == [step.revision for step in asked]
    assert [build.question for build in seen] == list(range(1, len(seen) + 1))
    assert {step.verdict for step in asked} == {"good", "bad"}
    assert found.document["session"] == found.session
    judged = [event for event in heard if isinstance(event, mozbisect.Judged) and event.asked]
    assert [event.key for event in judged] == [step.key for step in asked]
    assert any(isinstance(event, mozbisect.Trying) for event in heard)
    assert isinstance(heard[-1], mozbisect.Ended)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_a_build_can_be_started_watched_and_is_stopped_afterwards(world: World, server: PracticeServer) -> None:
    builds: list[mozbisect.Build] = []

    def judge(build: mozbisect.Build) -> mozbisect.api.Word:
        assert not build.running()
        build.start(["--headless"])
        assert build.running()
        builds.append(build)
        return "good" if check(build) else "bad"

    found = mozbisect.bisect(*ends(world), judge=judge, headless=True, **services(server))
    assert (found.last_good.revision, found.first_bad.revision) == truth(world)
    assert not any(build.running() for build in builds)


def test_a_command_and_a_judge_that_is_built_in_do_as_well(world: World, server: PracticeServer) -> None:
    found = mozbisect.bisect(*ends(world), judge="{binary} --check", **services(server))
    assert (found.last_good.revision, found.first_bad.revision) == truth(world)
    with pytest.raises(mozbisect.EndsContradict):
        mozbisect.bisect(*ends(world), watch="starts", within=0.1, headless=True, **services(server))


def test_looking_for_a_fix_the_words_keep_their_meaning(world: World, server: PracticeServer) -> None:
    first, last = ends(world)
    found = mozbisect.bisect(
        bad=first, good=last, judge=lambda build: not check(build), find_fix=True, **services(server)
    )
    assert (found.last_bad.revision, found.first_good.revision) == truth(world)
    with pytest.raises(AttributeError, match="ask for last_bad"):
        _ = found.last_good


def test_several_runs_of_a_function_make_one_verdict(world: World, server: PracticeServer) -> None:
    calls: list[str | None] = []

    def judge(build: mozbisect.Build) -> bool:
        assert not build.running()  # what the last run has started is gone
        if build.question == 2:
            build.start()
        calls.append(build.revision)
        return check(build)

    found = mozbisect.bisect(*ends(world), judge=judge, runs=3, headless=True, **services(server))
    assert found.first_bad.revision == truth(world)[1]
    assert len(calls) > len(found.steps)


def test_skips_and_builds_that_cannot_start_are_gone_around(world: World, server: PracticeServer) -> None:
    def judge(build: mozbisect.Build) -> bool | str:
        if build.question == 4:
            return "skip"
        if build.question == 6:
            raise mozbisect.BrokenBuild("it shows nothing")
        return check(build)

    found = mozbisect.bisect(*ends(world), judge=judge, **services(server))  # type: ignore[arg-type]
    told = {(step.verdict, step.reason, step.asked) for step in found.steps}
    assert {("skip", "", True), ("skip", "it shows nothing", False)} <= told


# ------------------------------------------------------------------------------------------------- bad luck


def test_what_the_judge_raises_comes_through_and_resume_goes_on(world: World, server: PracticeServer) -> None:
    asked: list[str | None] = []

    def judge(build: mozbisect.Build) -> bool:
        if build.question == 5 and "again" not in asked:
            asked.append("again")
            raise ZeroDivisionError
        asked.append(build.revision)
        return check(build)

    with pytest.raises(ZeroDivisionError) as caught:
        mozbisect.bisect(*ends(world), judge=judge, **services(server))
    ((name, _),) = kept_sessions().all()
    assert caught.value.__notes__ == [f"Nothing is lost: go on with mozbisect resume {name}"]
    found = mozbisect.resume(name, judge=judge)
    assert found.first_bad.revision == truth(world)[1]
    assert len(asked) == len(set(asked))  # nothing twice
    with pytest.raises(mozbisect.UsageError, match="give a judge"):
        mozbisect.resume(name)


@pytest.mark.parametrize("said", [None, "yes", 1, "GOOD", []])
def test_a_judge_that_gives_nothing_of_use_stops_the_search_with_a_sentence(
    world: World, server: PracticeServer, said: Any
) -> None:
    with pytest.raises(mozbisect.UsageError, match="The judge gave") as caught:
        mozbisect.bisect(*ends(world), judge=lambda build: said, **services(server))
    assert caught.value.session is not None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({}, "needs one judge"),
        ({"judge": check, "watch": "crash"}, "needs one judge"),
        ({"judge": check, "within": 3}, "within has no meaning"),
        ({"judge": check, "colour": "red"}, "no option colour"),
        ({"judge": check, "command": "true"}, "no option 'command'"),
        ({"judge": check, "pref": "a:1"}, r"pref is a list of texts.*\n.*pref=\['a:1'\]"),
        ({"judge": check, "mode": "fast"}, "mode"),
        ({"judge": check, "runs": 0}, "runs"),
        ({"judge": check, "good": "xyz!"}, "no place in history"),
        ({"judge": check, "good": datetime(2026, 9, 1)}, "time zone"),
        ({"judge": check, "deadline": timedelta(0)}, "over already"),
        ({"watch": "manual-ish"}, "no judge"),
    ],
)
def test_arguments_that_make_no_sense_are_a_usage_error(words: dict[str, Any], says: str) -> None:
    with pytest.raises(mozbisect.UsageError, match=says):
        mozbisect.bisect(**{"bad": "2026-09-30", **words})


def test_neither_the_environment_nor_a_configuration_changes_what_was_said(
    world: World, server: PracticeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('repo = "no-such"\nbits = 16\n')
    monkeypatch.setenv("MOZBISECT_CONFIG", str(config))
    monkeypatch.setenv("MOZBISECT_APP", "netscape")
    monkeypatch.setenv("MOZBISECT_HEADLESS", "1")
    found = mozbisect.bisect(*ends(world), judge=check, **services(server))
    assert found.first_bad.revision == truth(world)[1]


def test_a_deadline_ends_a_judge_that_hangs_and_the_rest_is_kept(world: World, server: PracticeServer) -> None:
    never = threading.Event()

    def judge(build: mozbisect.Build) -> bool:
        if build.question == 3:
            assert not never.wait(60)
        return check(build)

    with pytest.raises(mozbisect.OutOfTime) as caught:
        mozbisect.bisect(*ends(world), judge=judge, deadline=timedelta(seconds=6), **services(server))
    assert caught.value.session is not None
    assert f"mozbisect resume {caught.value.session}" in caught.value.advice
    found = mozbisect.resume(caught.value.session, judge=check)
    assert found.first_bad.revision == truth(world)[1]


def test_it_works_outside_of_the_main_thread(world: World, server: PracticeServer) -> None:
    found: list[mozbisect.Bisection] = []

    def search() -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        found.append(mozbisect.bisect(*ends(world), judge=check, deadline=later, **services(server)))

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert found[0].first_bad.revision == truth(world)[1]


# ------------------------------------------------------------------------------------------------- what is public


def names_on_the_page() -> set[str]:
    return set(re.findall(r"^\| `(?:mozbisect\.)?(\w+)", PAGE.read_text(), re.MULTILINE))


def test_the_public_names_are_the_documented_ones() -> None:
    assert set(mozbisect.__all__) - {"__version__"} == names_on_the_page()
    assert len(mozbisect.__all__) == len(set(mozbisect.__all__))


def test_every_public_name_is_there_and_no_other() -> None:
    for name in mozbisect.__all__:
        assert getattr(mozbisect, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mozbisect.nonsense
    assert set(mozbisect.__all__) <= set(dir(mozbisect))


def test_the_type_checker_sees_the_names_that_are_imported_late() -> None:
    tree = ast.parse(Path(mozbisect.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(mozbisect.__all__) - {"__version__"}
    homes = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for name, home in homes.items():
        assert getattr(sys.modules[str(home)], name) is getattr(mozbisect, name)


def test_the_fields_that_the_page_tells_of_are_those_of_the_values() -> None:
    text = PAGE.read_text()
    for kind in (api.Bisection, api.End, api.Step, api.Build):
        section = text.partition(f"\n### {kind.__name__}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
        told = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", section))
        fields = {field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")}
        methods = {
            name
            for name, value in vars(kind).items()
            if (not name.startswith("_") and callable(value)) or isinstance(value, property)
        }
        assert fields | methods <= told | {"of"}, (kind, (fields | methods) - told)


def test_the_options_of_the_function_are_those_of_the_command_line() -> None:
    taken = set(api.SearchOptions.__annotations__) | set(inspect.signature(api.bisect).parameters)
    ours = {field.name for field in dataclasses.fields(Options)} - {"folder", "os", "command"}
    assert ours <= taken
    assert taken - ours == {"options", "listen", "deadline", "watch"}


def test_to_import_it_costs_next_to_nothing() -> None:
    code = "import sys, mozbisect; mozbisect.__version__; print(*sorted(name for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(mozbisect.__file__).parent.parent,
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("mozbisect")} == {"mozbisect"}
    assert "click" not in loaded


def test_the_example_of_the_page_runs(world: World, server: PracticeServer, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    first, last = ends(world)
    example = (
        blocks[0]
        .replace("2026-09-01", str(first))
        .replace("2026-10-01", str(last))
        .replace("seconds=10", "seconds=0.1")
    )
    assert example != blocks[0]
    # The page speaks of the real servers; here every call gets those of the practice world.
    here = f"functools.partial(mozbisect.bisect, **{services(server)!r})"
    setting = f"import functools, mozbisect\nmozbisect.bisect = {here}\n"
    script = tmp_path / "example.py"
    script.write_text(setting + example)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert truth(world)[1] in done.stdout
