"""Every kind of fault in what servers tell (never in the builds), on each service, at a rate: how do searches end?

    python benchmarks/faults_of_lookups.py --seeds 20

Sixty searches a minute or so: twenty seeds of all kinds and targets take a while. An answer is exact if it is the
pair of pushes that a search without faults finds; wider if the culprit lies in it, and it could be closer; WRONG if it
does not; "gave up" if the search stopped with an error. Which answers are spoilt is drawn for each of them by itself.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mozbisect import wiring
from mozbisect.core.errors import MozbisectError
from mozbisect.net.http import Http
from mozbisect.practice.faults import Fault, Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from tests.test_worlds import bisect, options, revisions

TARGETS = {
    "listings": ("/",),  # what ends so
    "build info": (".checksums", ".txt", ".json/"),
    "pushlog": ("/json-pushes",),
    "index": ("/index/",),
    "artifacts": ("/chain-of-trust.json", "/artifacts", "/status"),
}


class Dice:
    """Stands in for the practice server's own misfortune, which counts: here each answer has its own luck."""

    def __init__(self, faults: Faults, target: str, rate: float) -> None:
        self._dice = random.Random(faults.seed)
        self._kind = Fault(faults.kind) if faults.kind else None
        self._target = target
        self._rate = rate
        self._lock = threading.Lock()
        self.struck = 0

    def strikes(self, path: str, *, is_build: bool) -> Fault | None:
        plain = path.partition("?")[0]
        if is_build or plain.endswith(".tar.xz") or not self._is_meant(plain):
            return None
        with self._lock:
            if self._dice.random() >= self._rate:
                return None
            self.struck += 1
        return self._kind

    def _is_meant(self, path: str) -> bool:
        if self._target == "all":
            return True
        if self._target == "listings":
            return path.startswith("/pub/") and path.endswith("/")
        return any(part in path for part in TARGETS[self._target])


def grade(world: World, kind: Fault, target: str, seed: int, rate: float) -> tuple[str, int]:
    faults = Faults(kind=kind, seed=seed, retry_after=0)
    with PracticeServer(world, faults=faults, json_listings=seed % 2 == 0) as server:
        dice = Dice(faults, target, rate)
        server._misfortune = dice  # type: ignore[assignment]
        patience = 0.4 if kind is Fault.STALL else 10.0
        try:
            last, first = revisions(world, bisect(options(world, server, http_timeout=patience), []))
        except (MozbisectError, AssertionError) as error:
            return f"gave up ({type(error).__name__})", dice.struck
    expected = world.expected()
    if (last, first) == (expected.last_old.head.node, expected.first_new.head.node):
        return "exact", dice.struck
    right = world.contains_culprit(first) and not (last and world.contains_culprit(last))
    return "wider" if right else "WRONG", dice.struck


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--rate", type=float, default=0.1)
    words.add_argument("--kind", action="append", choices=[str(kind) for kind in Fault])
    words.add_argument("--target", action="append", choices=[*TARGETS, "all"])
    given = words.parse_args()
    wiring.Http = partial(Http, sleep=lambda _: None)  # type: ignore[misc,assignment]
    total: Counter[str] = Counter()
    for kind in [Fault(one) for one in given.kind] if given.kind else list(Fault):
        for target in given.target or [*TARGETS, "all"]:
            grades: Counter[str] = Counter()
            struck = 0
            for seed in range(given.seeds):
                start = LAST_DAY - timedelta(days=11)
                world = make_world(WorldParameters(seed=seed, start=start, days=12, pushes_per_day=12))
                how, hits = grade(world, kind, target, seed, given.rate)
                grades[how] += 1
                struck += hits
            total += grades
            told = ", ".join(f"{count} {how}" for how, count in grades.most_common())
            print(f"{kind:<10} {target:<10} {struck:4} spoilt: {told}", flush=True)
    print(", ".join(f"{count} {how}" for how, count in total.most_common()))


if __name__ == "__main__":
    main()
