"""How long the two programs take to say their version and to show their help, and how much memory a whole run takes.

    python -m venv ours && ours/bin/pip install .
    python -m venv peer && peer/bin/pip install mozregression==7.6.0
    python benchmarks/start_up.py --ours ours/bin/mozbisect --peer peer/bin/mozregression

Both have to be installed, not run from a checkout. They take turns; times are compared as the ratio pair by pair. The
memory is the peak of the program itself in a practice run of sixty days, not of the builds that it starts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from whole_run import PEER

from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import WorldParameters


def seconds(line: list[str]) -> float:
    start = time.monotonic()
    subprocess.run(line, capture_output=True, check=True)
    return time.monotonic() - start


def peak(line: list[str], own: dict[str, str]) -> float:
    """MiB at most in use by the process, as the system counts; read until it ends (Linux)."""
    most = 0
    run = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=own)
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.01):
            try:
                rows = dict(row.split(":", 1) for row in Path(f"/proc/{run.pid}/status").read_text().splitlines())
            except OSError:
                return
            most = max(most, int(rows.get("VmHWM", "0").split()[0]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = run.wait(600)
    over.set()
    watcher.join()
    if status:
        raise SystemExit(f"{line[0]} left with {status}")
    return most / 1024


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--ours", type=Path, required=True, help="an installed mozbisect")
    words.add_argument("--peer", type=Path, required=True, help="an installed mozregression 7.6.0")
    words.add_argument("--pairs", type=int, default=15)
    given = words.parse_args()
    for option in ("--version", "--help"):
        for program in (given.ours, given.peer):
            seconds([str(program), option])  # everything is in the disk's cache from now on
        pairs = [(seconds([str(given.ours), option]), seconds([str(given.peer), option])) for _ in range(given.pairs)]
        ratios = sorted(one / other for one, other in pairs)
        ours, theirs = (statistics.median(pair[at] for pair in pairs) for at in (0, 1))
        print(
            f"{option}: {ours * 1000:.0f} ms against {theirs * 1000:.0f} ms; "
            f"ratio pair by pair: median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}"
        )
    world = make_world(WorldParameters(seed=0))
    first, last = (str(night.when.date()) for night in (world.nightlies[0], world.nightlies[-1]))
    common = ["--good", first, "--bad", last, "--command", "{binary} --check"]
    with PracticeServer(world) as server, tempfile.TemporaryDirectory() as home:
        own = {
            **os.environ,
            "HOME": home,
            "MOZBISECT_STATE_DIR": home,
            "PRACTICE_HG": server.hg_url,
            "PRACTICE_TASKCLUSTER": server.taskcluster_url,
        }
        their_line = [str(given.peer.parent / "python"), "-c", PEER, "--archive-base-url", server.archive_url]
        ours_peak = peak([str(given.ours), *common, "--arch", "x86_64", *server.options()], own)
        their_peak = peak([*their_line, *common, "--bits", "64"], own)
    print(f"peak memory of a whole run: {ours_peak:.0f} MiB against {their_peak:.0f} MiB")


if __name__ == "__main__":
    main()
