"""A whole automatic bisection, mozbisect and mozregression in turn, on the same practice worlds.

    python -m venv peer && peer/bin/pip install mozregression==7.6.0
    python benchmarks/whole_run.py --peer peer/bin/python

Sixty days of nightlies, forty pushes to autoland a day, three merges a day, tiny builds, no latency: what is left
is the programs themselves. Each pair runs on one server, one after the other; wall times are compared as the ratio
pair by pair, requests and builds are counted by the server. mozregression's hosts are fixed in its code, so three
of its constants are replaced in its process before it starts.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World, WorldParameters

PEER = """
import os, sys
from mozregression import branches, fetch_configs, main
hg, taskcluster = os.environ["PRACTICE_HG"], os.environ["PRACTICE_TASKCLUSTER"]
branches.Branches.DEFAULT_REPO_URL = hg + "/"
for name, url in branches.BRANCHES._branches.items():
    branches.BRANCHES._branches[name] = url.replace("https://hg.mozilla.org/", hg + "/")
fetch_configs.IntegrationConfigMixin.tk_options = lambda self: {"rootUrl": taskcluster}
main.check_mozregression_version = lambda: None
main.send_telemetry_ping_oop = lambda *words, **more: None
main.main(argv=sys.argv[1:], check_new_version=False)
"""


@dataclass(frozen=True)
class Measured:
    wall: float  # seconds
    requests: int
    builds: int
    grade: str


def measure(
    line: list[str], server: PracticeServer, world: World, more: Mapping[str, str] = MappingProxyType({})
) -> Measured:
    """One run in an empty home, with ``more`` in its environment; the server's log tells what it cost."""
    before = len(server.log)
    with tempfile.TemporaryDirectory() as home:
        own = {
            **os.environ,
            "HOME": home,
            "TMPDIR": home,
            "MOZBISECT_STATE_DIR": home,
            "MOZBISECT_TELEMETRY": "0",  # the peer's is taken out of it, too
            "PRACTICE_HG": server.hg_url,
            "PRACTICE_TASKCLUSTER": server.taskcluster_url,
            **more,
        }
        start = time.monotonic()
        done = subprocess.run(line, env=own, capture_output=True, text=True, timeout=600, check=False)
        wall = time.monotonic() - start
    seen = server.log[before:]
    builds = sum(one.path.endswith(".tar.xz") and one.status in (200, 206) for one in seen)
    return Measured(wall, len(seen), builds, grade(done, world))


def grade(done: subprocess.CompletedProcess[str], world: World) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    last = re.findall(r"Last good revision: (\w+)", text)
    first = re.findall(r"First bad revision: (\w+)", text)
    if done.returncode or not last or not first:
        return "gave up"
    if world.contains_culprit(last[-1]) or not world.contains_culprit(first[-1]):
        return "WRONG"
    return "exact" if first[-1] == world.expected().first_new.head.node else "wider"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument(
        "--peer", type=Path, help="a Python that has mozregression 7.6.0; without it only mozbisect runs"
    )
    words.add_argument("--worlds", type=int, default=7)
    given = words.parse_args()
    ours, theirs = [], []
    for seed in range(given.worlds):
        world = make_world(WorldParameters(seed=seed))
        first, last = (str(one.when.date()) for one in (world.nightlies[0], world.nightlies[-1]))
        common = ["--good", first, "--bad", last, "--arch", "x86_64", "--command", "{binary} --check"]
        with PracticeServer(world) as server:
            archive = ["--archive-base-url", server.archive_url]
            own = ["--taskcluster-root-url", server.taskcluster_url, "--hg-url", server.hg_url]
            ours.append(measure([sys.executable, "-m", "mozbisect", *common, *archive, *own], server, world))
            _show(f"world {seed}  mozbisect    ", ours[-1])
            if given.peer:
                theirs.append(measure([str(given.peer), "-c", PEER, *common, *archive, "--bits", "64"], server, world))
                _show(f"world {seed}  mozregression", theirs[-1])
    _sum_up("mozbisect    ", ours)
    if theirs:
        _sum_up("mozregression", theirs)
        ratios = sorted(one.wall / other.wall for one, other in zip(ours, theirs, strict=True))
        middle = statistics.median(ratios)
        print(f"wall, ratio pair by pair: median {middle:.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}")


def _show(name: str, one: Measured) -> None:
    print(f"{name}  {one.wall:6.2f} s  {one.requests:4} requests  {one.builds:3} builds  {one.grade}", flush=True)


def _sum_up(name: str, all_of_them: list[Measured]) -> None:
    walls, requests, builds = (
        statistics.median(getattr(one, field) for one in all_of_them) for field in ("wall", "requests", "builds")
    )
    most = max(one.requests for one in all_of_them)
    exact = sum(one.grade == "exact" for one in all_of_them)
    print(
        f"{name}  median {walls:.2f} s, {requests:g} requests (at most {most}), {builds:g} builds; "
        f"exact in {exact} of {len(all_of_them)}"
    )


if __name__ == "__main__":
    main()
