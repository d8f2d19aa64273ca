"""What mozbisect answers while one request in four goes wrong: every kind of fault, every service, many seeds.

    python benchmarks/faults.py                            12 kinds x 7 targets x 20 seeds: half an hour on two cores
    python benchmarks/faults.py --seeds 3 --kinds html corrupt --targets builds

Each run is a whole search over a small invented history on loopback, of a dozen requests to some services: one in ten
would often be none, and how many faults really struck is counted. Pauses between two tries are shortened to a
hundredth. Leaves with 1 if any answer was wrong, or if a fault that passes when tried again cost more than one exact
answer in twenty.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mozbisect.practice.faults import Fault
from tests.faulty import FINAL, TARGETS, Outcome, run

Cell = tuple[str, str, int, int]


def one(cell: Cell) -> tuple[Cell, Outcome]:
    kind, target, seed, every = cell
    try:
        return cell, run(Fault(kind), target, seed, every=every)
    except Exception as error:  # noqa: BLE001  (that it is none of ours is what we want to know)
        return cell, Outcome("BUG", why=repr(error))


def quietly() -> None:
    """What the builds under test print is nobody's concern."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=20)
    words.add_argument("--first-seed", type=int, default=0)
    words.add_argument("--every", type=int, default=4, help="one request in so many has the fault")
    words.add_argument("--kinds", nargs="*", default=[str(kind) for kind in Fault])
    words.add_argument("--targets", nargs="*", default=[name for name in TARGETS if name != "everything"])
    words.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = words.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    cells = [(kind, target, seed, given.every) for kind in given.kinds for target in given.targets for seed in seeds]
    grades: dict[tuple[str, str], Counter[str]] = {}
    struck: Counter[tuple[str, str]] = Counter()
    # A process does a few runs and is replaced: threads that a stall holds do not add up.
    with multiprocessing.Pool(given.jobs, initializer=quietly, maxtasksperchild=10) as pool:
        for (kind, target, seed, _), found in pool.imap_unordered(one, cells):
            grades.setdefault((kind, target), Counter())[found.grade] += 1
            struck[kind, target] += found.hits
            if found.grade not in ("exact", "wider"):
                print(f"{kind}, {target}, seed {seed}: {found.grade} {found.why}", file=sys.stderr, flush=True)
    _table(grades, given.kinds, given.targets)
    print(f"\nfaults in all: {struck.total()}; least in a cell: {min(struck.values(), default=0)}")
    sys.exit(_status(grades))


def _table(grades: dict[tuple[str, str], Counter[str]], kinds: list[str], targets: list[str]) -> None:
    """How many answers were exact; what the others were, where there were any."""
    print(f"| fault | {' | '.join(targets)} |\n|{'---|' * (len(targets) + 1)}")
    for kind in kinds:
        print(f"| {kind} | {' | '.join(_words(grades.get((kind, target), Counter())) for target in targets)} |")


def _words(counts: Counter[str]) -> str:
    others = ", ".join(f"{number} {grade}" for grade, number in sorted(counts.items()) if grade != "exact")
    return f"{counts['exact']}" + (f" ({others})" if others else "")


def _status(grades: dict[tuple[str, str], Counter[str]]) -> int:
    everything: Counter[str] = Counter()
    helped: Counter[str] = Counter()
    for (kind, _), counts in grades.items():
        everything += counts
        if Fault(kind) not in FINAL:
            helped += counts
    share = helped["exact"] / max(1, helped.total())
    print(f"wrong: {everything['WRONG']}, bugs: {everything['BUG']}; exact where another try helps: {share:.1%}")
    return int(everything["WRONG"] + everything["BUG"] > 0 or share < 0.95)


if __name__ == "__main__":
    main()
