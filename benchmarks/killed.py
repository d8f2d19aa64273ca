"""Kills a search with SIGKILL at random moments, resumes it, and looks at what was lost and what was left behind.

    python benchmarks/killed.py                  200 searches, each killed once: about ten minutes on two cores
    python benchmarks/killed.py --times 20

After each ``resume``: is the answer the same as without a kill, is every verdict that was told still there, was a build
that had come whole fetched again, and what is left of temporary files and processes? Leaves with 1 if anything is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mozbisect.practice.faults import Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters

MARK = "MOZBISECT_KILLED_BENCHMARK"
LIMIT = 120  # seconds for one run
KEPT = re.compile(r"(.*\.(tar\.xz|seal)|.*\.tree)$")  # what a folder of --persist is for


@dataclass(frozen=True)
class Place:
    """A home of its own for one search."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        own = {
            "HOME": self.folder,
            "TMPDIR": temp,
            "MOZBISECT_STATE_DIR": self.folder / "state",
            "XDG_CACHE_HOME": self.folder / "cache",
            MARK: self.folder,
        }
        return {**os.environ, **{name: str(value) for name, value in own.items()}}

    def left(self) -> list[str]:
        """Temporary files and half-made ones."""
        found = [path.name for path in (self.folder / "temp").iterdir()]
        kept = self.folder / "persist"
        return found + [path.name for path in kept.iterdir() if not KEPT.fullmatch(path.name)]

    def living(self) -> list[str]:
        """Processes of this search that are still there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.folder}\0".encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip())
            except OSError:
                continue
        return [line for line in found if line]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--times", type=int, default=200)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    wrong = 0
    with served(given.seed) as (world, server):
        whole, seconds = one_without_a_kill(world, server)
        print(f"without a kill: {seconds:.1f} s, {whole}", flush=True)
        dice = random.Random(given.seed)
        for number in range(given.times):
            moment = dice.uniform(0.1, seconds)
            complaints = list(killed_at(moment, world, server, whole))
            wrong += bool(complaints)
            if complaints or number % 20 == 19:
                print(f"{number + 1:4}  killed after {moment:.2f} s: {'; '.join(complaints) or 'fine'}", flush=True)
    print(f"{given.times} kills, {wrong} with a complaint")
    sys.exit(wrong > 0)


@contextmanager
def served(seed: int) -> Iterator[tuple[World, PracticeServer]]:
    days = 16
    start = LAST_DAY - timedelta(days=days - 1)
    world = make_world(WorldParameters(seed=seed, start=start, days=days, pushes_per_day=10))
    with PracticeServer(world, faults=Faults(latency=0.005, bandwidth=20e6), size_mb=2) as server:
        yield world, server


def line(world: World, server: PracticeServer, place: Place) -> list[str]:
    first, last = (str(one.when.date()) for one in (world.nightlies[0], world.nightlies[-1]))
    persist = str(place.folder / "persist")
    asked = ["--good", first, "--bad", last, "--arch", "x86_64", "--command", "{binary} --check", "--persist", persist]
    return [sys.executable, "-m", "mozbisect", *asked, *server.options()]


def one_without_a_kill(world: World, server: PracticeServer) -> tuple[str, float]:
    with tempfile.TemporaryDirectory() as home:
        place = Place(Path(home))
        begun = time.monotonic()
        command = line(world, server, place)
        done = subprocess.run(command, env=place.environment, capture_output=True, text=True, timeout=LIMIT, check=True)
        return answer(done.stdout), time.monotonic() - begun


def answer(text: str) -> str:
    return " ".join(re.findall(r"^(?:Last good|First bad) revision: (\w+)", text, re.M)) or "no answer"


def killed_at(moment: float, world: World, server: PracticeServer, whole: str) -> Iterator[str]:
    """What there is to complain about."""
    with tempfile.TemporaryDirectory() as home:
        place = Place(Path(home))
        told = start_and_kill(line(world, server, place), place, moment)
        here = {path.name for path in (place.folder / "persist").glob("*.tar.xz")}
        if (before := journal(place)) is None:
            return  # it had not begun
        server.forget()
        resume = [sys.executable, "-m", "mozbisect", "resume"]
        done = subprocess.run(resume, env=place.environment, capture_output=True, text=True, timeout=LIMIT, check=False)
        if done.returncode or answer(done.stdout) != whole:
            last = done.stderr.strip().rpartition("\n")[2]
            yield f"status {done.returncode}, {answer(done.stdout)} instead of {whole}: {last}"
        after = journal(place) or []
        if after[: len(before)] != before or told > count_of_verdicts(before):
            yield f"{told} verdicts were told, {count_of_verdicts(before)} kept, {count_of_verdicts(after)} in the end"
        yield from fetched_again(server, here)
        if left := place.left():
            yield f"left: {left}"
        if living := place.living():
            yield f"still running: {living}"


def start_and_kill(command: list[str], place: Place, moment: float) -> int:
    """How many verdicts the run had told."""
    log = place.folder / "told"
    with log.open("wb") as file:
        run = subprocess.Popen(command, env=place.environment, stdout=subprocess.DEVNULL, stderr=file)
        try:
            run.wait(moment)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
    return len(re.findall(r"^    (?:good|bad)\b", log.read_text(), re.M))


def journal(place: Place) -> list[str] | None:
    """Its whole lines; the last one may have been cut off."""
    texts = [path.read_text() for path in (place.folder / "state").glob("sessions/*/journal.jsonl")]
    return texts[0].split("\n")[:-1] or None if texts else None


def count_of_verdicts(lines: list[str]) -> int:
    return sum('"is":"Judged"' in one for one in lines)


def fetched_again(server: PracticeServer, here: set[str]) -> Iterator[str]:
    """Builds that lay whole in the folder when the run was killed, and were asked for once more."""
    for seen in server.log:
        mark = hashlib.sha256(f"127.0.0.1{seen.path}".encode()).hexdigest()[:8]  # as in their names
        if seen.path.endswith(".tar.xz") and any(f"--{mark}--" in name for name in here):
            yield f"fetched again: {seen.path}"


if __name__ == "__main__":
    main()
