"""What a 60-day bisection asks beside its builds, and what that costs at 50 ms a request.

    python benchmarks/metadata.py --worlds 9 [--peer peer/bin/python] [--warm]

Every request but those for builds is kept waiting. The seconds are those in which at least one was: questions that are
asked side by side count once, and what else the machine does not at all. ``--warm`` searches once before, so that the
memory of the servers' answers is there (it is told to remember this machine, too). A package is asked of Taskcluster's
queue and then of where it sends us: both belong to the package, and neither is counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from whole_run import PEER, Measured, measure

from mozbisect.practice.faults import Fault
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World, WorldParameters

LATENCY = 0.05  # seconds


def is_for_a_build(path: str) -> bool:
    return path.endswith(".tar.xz")


class FarServer(PracticeServer):
    """Far away for all but builds."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.waits: list[float] = []  # when each began

    def strikes(self, target: str, *, is_build: bool) -> Fault | None:
        if not is_for_a_build(target):
            self.waits.append(time.monotonic())
            self.pause(LATENCY)
        return super().strikes(target, is_build=is_build)

    @property
    def waited(self) -> float:
        """Seconds in which somebody was waiting."""
        starts = sorted(self.waits)
        return LATENCY + sum(min(after - before, LATENCY) for before, after in pairwise(starts))


def one(world: World, line: list[str], more: dict[str, str]) -> tuple[int, float, Measured]:
    """Questions, the seconds that they cost, and the run."""
    with FarServer(world) as server:
        whole = [*line, "--archive-base-url", server.archive_url]
        if "mozbisect" in line:
            whole += ["--taskcluster-root-url", server.taskcluster_url, "--hg-url", server.hg_url]
        if more.get("MOZBISECT_REMEMBER") == "always":
            measure(whole, server, world, more)
            server.waits.clear()
        far = measure(whole, server, world, more)
        return len(server.waits), server.waited, far


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--peer", type=Path, help="a Python that has mozregression 7.6.0")
    words.add_argument("--worlds", type=int, default=9)
    words.add_argument("--warm", action="store_true")
    given = words.parse_args()
    programs = {"mozbisect": [sys.executable, "-m", "mozbisect"]}
    if given.peer:
        programs["mozregression"] = [str(given.peer), "-c", PEER]
    seen: dict[str, list[tuple[int, float]]] = {name: [] for name in programs}
    for seed in range(given.worlds):
        world = make_world(WorldParameters(seed=seed))
        first, last = (str(night.when.date()) for night in (world.nightlies[0], world.nightlies[-1]))
        for name, program in programs.items():
            arch = ["--arch", "x86_64"] if name == "mozbisect" else ["--bits", "64"]
            line = [*program, "--good", first, "--bad", last, *arch, "--command", "{binary} --check"]
            with tempfile.TemporaryDirectory() as cache:
                warm = {"MOZBISECT_REMEMBER": "always"} if given.warm else {}
                asked, seconds, far = one(world, line, {"MOZBISECT_CACHE_DIR": cache, **warm})
            seen[name].append((asked, seconds))
            print(f"world {seed}  {name:<13}  {asked:3} questions  {seconds:5.2f} s  {far.builds} builds  {far.grade}")
            sys.stdout.flush()
    for name, rows in seen.items():
        asked, seconds = ([row[at] for row in rows] for at in (0, 1))
        print(
            f"{name:<13}  questions: median {statistics.median(asked):g}, at most {max(asked):g};  "
            f"seconds: median {statistics.median(seconds):.2f}, at most {max(seconds):.2f}"
        )


if __name__ == "__main__":
    main()
