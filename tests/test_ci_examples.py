"""The examples for CI in the docs: well formed, in time, and working. Their scripts are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mozbisect.core.deadline import _DURATION
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World
from tests.test_doors import SMALL, truth

ROOT = Path(__file__).parent.parent
HOW_TO = ROOT / "docs" / "how-to"


def example(page: str) -> str:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (HOW_TO / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


GITHUB, TASKCLUSTER = example("github-actions.md"), example("taskcluster.md")


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL)


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[PracticeServer]:
    with PracticeServer(world) as server:
        yield server


@pytest.fixture
def environment(world: World, server: PracticeServer, tmp_path: Path) -> dict[str, str]:
    """That of a job: the practice world's servers, and programs that it would install but need not here."""
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    for name in ("apt-get", "python"):
        (fakes / name).write_text("#!/bin/sh\nexit 0\n")
    (fakes / "git").write_text('#!/bin/sh\nfor last; do :; done\nmkdir "$last" && cp check.sh "$last"\n')
    for fake in fakes.iterdir():
        fake.chmod(0o755)
    check = tmp_path / "check.sh"
    check.write_text('#!/bin/sh\nexec "$1" --check\n')
    check.chmod(0o755)
    own = {name: value for name, value in os.environ.items() if not name.startswith("MOZBISECT_")}
    own.pop("DISPLAY", None)
    return {
        **own,
        "PATH": f"{fakes}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CI": "true",
        "GOOD": str(world.nightlies[0].when.date()),
        "BAD": str(world.nightlies[-1].when.date()),
        "MOZBISECT_ARCH": "x86_64",
        "MOZBISECT_ARCHIVE_BASE_URL": server.archive_url,
        "MOZBISECT_TASKCLUSTER_ROOT_URL": server.taskcluster_url,
        "MOZBISECT_HG_URL": server.hg_url,
        "MOZBISECT_LANDO_URL": server.lando_url,
    }


def bash(script: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """As a runner does it: no terminal, and nothing to read."""
    return subprocess.run(
        ["bash", "-euc", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
        timeout=100,
    )


def is_the_report(path: Path, world: World) -> bool:
    row = json.loads(path.read_text())
    jsonschema.validate(row, json.loads((ROOT / "docs/reference/report.schema.json").read_text()))
    result = row["result"]
    return result is not None and result["first_bad"]["revision"] == truth(world)[1]


def minutes(script: str) -> float:
    """Of the ``--deadline`` in a script."""
    match = re.search(r"--deadline (\S+)", script)
    assert match
    days, hours, whole, seconds = (int(part or 0) for part in _DURATION.fullmatch(match[1]).groups())  # type: ignore[union-attr]
    return days * 1440 + hours * 60 + whole + seconds / 60


# -------------------------------------------------------------------------------------------- GitHub Actions


def workflow() -> dict[Any, Any]:
    loaded = yaml.safe_load(GITHUB)
    assert isinstance(loaded, dict)
    return loaded


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["bisect"]["steps"]
    return found


def step(name: str) -> dict[str, Any]:
    return next(one for one in steps() if one.get("name") == name)


def is_a_workflow(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "bisect.yml"
    path.write_text(text)
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_workflow_is_one_for_githubs_own_schema(tmp_path: Path) -> None:
    done = is_a_workflow(GITHUB, tmp_path)
    assert done.returncode == 0, done.stdout
    assert is_a_workflow(GITHUB.replace("runs-on", "runs-at"), tmp_path).returncode == 1


def test_the_workflow_is_in_time_keeps_what_failed_and_trusts_no_input(tmp_path: Path) -> None:
    job = workflow()["jobs"]["bisect"]
    script = step("Bisect")["run"]
    assert minutes(script) + 10 <= job["timeout-minutes"]
    names = [one.get("name", one.get("uses", "")) for one in steps()]
    after = steps()[names.index("Bisect") + 1 :]
    assert all(one["if"] == "always()" for one in after)
    assert [one["uses"].partition("@")[0] for one in after if "uses" in one] == [
        "actions/upload-artifact",
        "actions/cache/save",
    ]
    restored, saved = step("Fetch the builds and sessions of earlier runs"), step("Keep the builds and the session")
    assert restored["with"]["key"] == saved["with"]["key"]
    assert restored["with"]["key"].startswith(restored["with"]["restore-keys"])
    assert restored["with"]["path"] == saved["with"]["path"]
    for place in ("MOZBISECT_STATE_DIR", "MOZBISECT_PERSIST"):
        assert job["env"][place].startswith(f"{saved['with']['path']}/")
    for one in steps():
        assert "${{" not in one.get("run", "")  # what is typed into a form is never part of a script
        assert re.fullmatch(r"[\w/-]+@v\d+", one.get("uses", "a/b@v1"))
    inputs = set(workflow()[True]["workflow_dispatch"]["inputs"])  # YAML 1.1 reads "on" as true
    assert set(re.findall(r"inputs\.(\w+)", GITHUB)) == inputs


def test_the_workflow_finds_the_push_and_resumes_when_the_time_was_up(
    environment: dict[str, str], world: World, tmp_path: Path
) -> None:
    summary = tmp_path / "step-summary.md"
    env = {str(key): str(value) for key, value in workflow()["jobs"]["bisect"]["env"].items()}
    own = {**environment, **env, "GITHUB_STEP_SUMMARY": str(summary), "RESUME": "false"}
    script, report = step("Bisect")["run"], step("Write the result for programs")["run"]

    # A test that hangs, once.
    (tmp_path / "check.sh").write_text(
        '#!/bin/sh\necho >>count\n[ $(wc -l <count) = 3 ] && sleep 61\nexec "$1" --check\n'
    )
    late = bash(script.replace("--deadline 100m", "--deadline 10s"), own, tmp_path)
    assert late.returncode == 6, late.stderr
    assert "Not found" in summary.read_text()
    assert bash(report, own, tmp_path).returncode == 0
    assert json.loads((tmp_path / "result.json").read_text())["state"] == "open"

    done = bash(script, {**own, "RESUME": "true"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert truth(world)[1] in summary.read_text()
    assert bash(report, own, tmp_path).returncode == 0
    assert is_the_report(tmp_path / "result.json", world)
    assert list((tmp_path / env["MOZBISECT_PERSIST"]).iterdir())
    assert "\r" not in done.stderr + late.stderr  # no bar


def test_the_workflow_fails_where_nothing_is_found(environment: dict[str, str], tmp_path: Path) -> None:
    summary = tmp_path / "step-summary.md"
    (tmp_path / "check.sh").write_text("#!/bin/sh\nexit 0\n")
    own = {**environment, "MOZBISECT_STATE_DIR": "state", "GITHUB_STEP_SUMMARY": str(summary), "RESUME": "false"}
    assert bash(step("Bisect")["run"], own, tmp_path).returncode == 4
    assert "Both ends are good" in summary.read_text()


# -------------------------------------------------------------------------------------------- Taskcluster


def task() -> dict[str, Any]:
    loaded = yaml.safe_load(TASKCLUSTER)
    assert loaded["version"] == 1
    (found,) = loaded["tasks"]
    assert isinstance(found, dict)
    return found


# What the worker and the queue insist on, in so far as the example can get it wrong.
TASK = {
    "type": "object",
    "required": ["taskQueueId", "created", "deadline", "expires", "metadata", "scopes", "payload"],
    "additionalProperties": False,
    "properties": {
        "taskQueueId": {"type": "string", "pattern": "^[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$"},
        "created": {"$ref": "#/$defs/moment"},
        "deadline": {"$ref": "#/$defs/moment"},
        "expires": {"$ref": "#/$defs/moment"},
        "metadata": {
            "type": "object",
            "required": ["name", "description", "owner", "source"],
            "additionalProperties": {"type": "string"},
        },
        "scopes": {"type": "array", "items": {"type": "string"}},
        "payload": {
            "type": "object",
            "required": ["image", "maxRunTime", "command", "env", "artifacts", "cache"],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string"},
                "maxRunTime": {"type": "integer", "minimum": 1, "maximum": 86400},
                "command": {"type": "array", "items": {"type": "string"}},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "cache": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^/"}},
                "artifacts": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["type", "path", "expires"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"enum": ["file", "directory"]},
                            "path": {"type": "string", "pattern": "^/"},
                            "expires": {"$ref": "#/$defs/moment"},
                        },
                    },
                },
            },
        },
    },
    "$defs": {
        "moment": {
            "type": "object",
            "required": ["$fromNow"],
            "additionalProperties": False,
            "properties": {"$fromNow": {"type": "string", "pattern": "^$|^\\d+ (hours?|days?)$"}},
        }
    },
}


def hours(moment: dict[str, str]) -> int:
    number, unit = moment["$fromNow"].split()
    return int(number) * (24 if unit.startswith("day") else 1)


def test_the_task_is_one_and_all_its_times_fit_into_each_other() -> None:
    jsonschema.validate(task(), TASK)
    payload = task()["payload"]
    script = payload["command"][-1]
    assert minutes(script) * 60 + 600 <= payload["maxRunTime"] < hours(task()["deadline"]) * 3600
    assert hours(task()["deadline"]) < hours(task()["expires"])
    assert all(hours(one["expires"]) <= hours(task()["expires"]) for one in payload["artifacts"].values())
    (cache,) = payload["cache"].items()
    assert f"docker-worker:cache:{cache[0]}" in task()["scopes"]
    for place in ("MOZBISECT_STATE_DIR", "MOZBISECT_PERSIST"):
        assert payload["env"][place].startswith(f"{cache[1]}/")
    made = {f"{payload['env']['OUT']}/{name}" for name in re.findall(r'\$OUT/([\w.]+)"', script)}
    assert {one["path"] for one in payload["artifacts"].values()} == made
    assert payload["command"][:2] == ["/bin/bash", "-euc"]


@pytest.mark.parametrize(("check", "status"), [('exec "$1" --check', 0), ("exit 1", 4)])
def test_the_task_leaves_both_artifacts_and_its_status_tells_found_from_not_found(
    environment: dict[str, str], world: World, tmp_path: Path, check: str, status: int
) -> None:
    payload = task()["payload"]
    (tmp_path / "check.sh").write_text(f"#!/bin/sh\n{check}\n")
    # Everything as in the task, but below a folder of our own.
    env = {name: re.sub(r"^/(?=cache|out)", f"{tmp_path}/", value) for name, value in payload["env"].items()}
    own = {**env, **environment, "REPOSITORY": "https://example.org/repository"}
    done = bash(payload["command"][-1], own, tmp_path)
    assert done.returncode == status, done.stderr
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert (truth(world)[1] in summary) == (status == 0)
    assert is_the_report(tmp_path / "out" / "result.json", world) == (status == 0)
