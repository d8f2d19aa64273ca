"""An automatic bisection over builds as large as real ones, mozbisect and mozregression in turn, on one slow server.

    python benchmarks/real_builds.py --pack /usr/lib/firefox-esr bulk.tar.xz        once: takes minutes
    python benchmarks/real_builds.py --bulk bulk.tar.xz --peer peer/bin/python      the run; and a second, warm one
    python benchmarks/real_builds.py --bulk bulk.tar.xz --one                       one build, by several connections

Sixty days of nightlies; each package holds a real Firefox, 20 MB/s a connection, 50 ms before each answer, and a test
that takes no time: what is left is bringing builds here. Both programs keep what they fetch (``--persist``), in folders
of their own; the warm run asks the same again. Builds are counted by the server, and by what the tests wrote down; one
that was broken off counts as fetched. With a ``.tar.bz2`` as bulk the same is measured for the years before 2024-12.
"""

from __future__ import annotations

import argparse
import bz2
import lzma
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from whole_run import PEER, grade

from mozbisect.core.model import Build, Candidate, Kind
from mozbisect.fetch.cache.store import Cache
from mozbisect.fetch.fetcher import BuildFetcher
from mozbisect.net.http import Http
from mozbisect.practice.builds import pack_bulk
from mozbisect.practice.faults import Faults
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import World, WorldParameters


@dataclass(frozen=True)
class Measured:
    wall: float  # seconds
    fetched: int  # builds, counted by the server; one that was broken off counts
    judged: int
    grade: str


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pack", nargs=2, type=Path, metavar=("FOLDER", "BULK"))
    words.add_argument("--bulk", type=Path)
    words.add_argument("--peer", type=Path, help="a Python that has mozregression 7.6.0")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--bandwidth", type=float, default=20e6, help="bytes a second, for each connection")
    words.add_argument("--latency", type=float, default=0.05)
    words.add_argument("--mozbisect", default="", help="more options for mozbisect, in one word")
    words.add_argument("--one", action="store_true", help="only fetch one build, with 1, 2 and 4 connections")
    given = words.parse_args()
    if given.pack:
        pack(*given.pack)
        return
    world = make_world(WorldParameters(seed=given.seed))
    faults = Faults(latency=given.latency, bandwidth=given.bandwidth)
    first, last = (str(one.when.date()) for one in (world.nightlies[0], world.nightlies[-1]))
    if given.one:
        with PracticeServer(world, faults=faults, bulk=given.bulk) as server:
            one_build(server, world)
        return
    with PracticeServer(world, faults=faults, bulk=given.bulk) as server, tempfile.TemporaryDirectory() as home:
        log = Path(home) / "judged"
        command = f"sh -c '{{binary}} --check && x=0 || x=$?; echo >> {log}; exit $x'"
        common = ["--good", first, "--bad", last, "--arch", "x86_64", "--command", command]
        common += ["--archive-base-url", server.archive_url]
        own = ["--taskcluster-root-url", server.taskcluster_url, "--hg-url", server.hg_url, *given.mozbisect.split()]
        lines = {"mozbisect": [sys.executable, "-m", "mozbisect", *common, *own]}
        if given.peer:
            lines["mozregression"] = [str(given.peer), "-c", PEER, *common, "--bits", "64"]
        found = {}
        for name, line in lines.items():
            for state in ("cold", "warm"):
                kept = Path(home) / name
                found[name, state] = one = measure([*line, "--persist", str(kept)], server, world, log)
                wasted = max(0, one.fetched - one.judged) / one.fetched if one.fetched else 0.0
                print(
                    f"{name:13} {state}  {one.wall:6.1f} s  {one.fetched:3} builds fetched, {one.judged:3} judged, "
                    f"{wasted:4.0%} never judged, {one.grade}",
                    flush=True,
                )
        if given.peer:
            for state in ("cold", "warm"):
                print(f"{state}: ratio {found['mozbisect', state].wall / found['mozregression', state].wall:.2f}")


def measure(line: list[str], server: PracticeServer, world: World, log: Path) -> Measured:
    """One run in an empty home."""
    server.forget()
    log.write_text("")
    with tempfile.TemporaryDirectory() as home:
        own = {
            **os.environ,
            "HOME": home,
            "TMPDIR": home,
            "MOZBISECT_STATE_DIR": home,
            "MOZBISECT_TELEMETRY": "0",
            "PRACTICE_HG": server.hg_url,
            "PRACTICE_TASKCLUSTER": server.taskcluster_url,
        }
        start = time.monotonic()
        done = subprocess.run(line, env=own, capture_output=True, text=True, timeout=1800, check=False)
        wall = time.monotonic() - start
    fetched = sum(one.path.endswith(".tar.xz") and one.status == 200 for one in server.log)
    return Measured(wall, fetched, len(log.read_text()), grade(done, world))


def one_build(server: PracticeServer, world: World) -> None:
    """Seconds until it is here, and until it is unpacked; each the best of three."""
    nightly = world.nightlies[2]
    name = f"firefox-{nightly.version}.en-US.linux-x86_64.tar.xz"
    url = f"{server.archive_url}/firefox/nightly/{nightly.when:%Y/%m}/{nightly.folder}/{name}"
    build = Build(
        Candidate(Kind.NIGHTLY, "one", "", nightly.when), "firefox", "shippable", url, name, "mozilla-central"
    )
    for connections in (1, 2, 4):
        here, unpacked = min(fetched(build, connections) for _ in range(3))
        print(f"{connections} connections: here after {here:4.1f} s, unpacked after {unpacked:4.1f} s", flush=True)


def fetched(build: Build, connections: int) -> tuple[float, float]:
    last = begun = time.monotonic()

    def progress(*_: object) -> None:
        nonlocal last
        last = time.monotonic()

    http = Http()
    with tempfile.TemporaryDirectory() as home, Cache(Path(home)) as cache:
        fetcher = BuildFetcher(http, cache, find=lambda _: build, progress=progress, connections=connections)
        with fetcher.bring(build):
            unpacked = time.monotonic()
        fetcher.close()
    http.close()
    return last - begun, unpacked - begun


def pack(folder: Path, bulk: Path) -> None:
    """As Mozilla packs: xz -9e, in one block; or bzip2 -9."""
    if bulk.suffix == ".bz2":
        plain = bulk.with_suffix(".plain.xz")
        pack_bulk(folder, plain, preset=0)
        bulk.write_bytes(bz2.compress(lzma.decompress(plain.read_bytes())))
        plain.unlink()
    else:
        pack_bulk(folder, bulk, preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    main()
