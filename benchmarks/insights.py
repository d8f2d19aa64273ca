"""How long ten million pings take, and how much memory: as files, packed, and through a pipe.

    python benchmarks/insights.py [--pings 10000000] [--keep FOLDER]

The pings are invented, which takes minutes; with ``--keep`` they stay in that folder for the next time. The seconds are
those of the whole command, from the shell to the last line; the memory is the most that its process ever had in use.
That every ping was counted, once, is checked. The packed run takes a tenth of the pings: one core unpacks a file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from datetime import date
from pathlib import Path

from mozbisect.telemetry.insights.synthetic import pings

PARTS = 10
UNTIL = date(2026, 11, 20)
COMMAND = [sys.executable, "-m", "mozbisect", "telemetry", "insights", "--output", "json"]


def invent(path: Path, number: int, seed: int) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("w") as file:
        for ping in pings(number, seed=seed, until=UNTIL):
            file.write(ping.line + "\n")
    unfinished.rename(path)


def pack(path: Path) -> Path:
    packed = path.with_suffix(".ndjson.gz")
    if not packed.exists():
        with path.open("rb") as plain, gzip.open(packed, "wb", compresslevel=6) as file:
            shutil.copyfileobj(plain, file, 2**20)
    return packed


def measured(what: str, places: list[str], lines: int, pipe: list[Path] | None = None) -> None:
    """Runs the command, checks what it counted, and prints how long it took and how much memory."""
    start = time.monotonic()
    feeder = subprocess.Popen(["cat", *map(str, pipe)], stdout=subprocess.PIPE) if pipe else None
    with tempfile.TemporaryFile() as out:
        run = subprocess.Popen([*COMMAND, *places], stdin=feeder.stdout if feeder else None, stdout=out)
        if feeder and feeder.stdout:
            feeder.stdout.close()
        most, over = 0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(0.05):
                try:
                    rows = dict(row.split(":", 1) for row in Path(f"/proc/{run.pid}/status").read_text().splitlines())
                except OSError:
                    return
                most = max(most, int(rows.get("VmHWM", "0").split()[0]))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = run.wait()
        seconds = time.monotonic() - start
        over.set()
        watcher.join()
        if feeder:
            feeder.wait()
        out.seek(0)
        told = json.loads(out.read())
    counts = told["counts"]
    assert status == 0
    assert counts["lines"] == lines
    assert counts["counted"] + counts["repeated"] + counts["development"] == lines
    assert sum(row["uses"] for row in told["uses"]) == counts["counted"]
    print(f"{what}: {lines:,} pings in {seconds:.1f} s, at most {most / 1024:,.0f} MiB in use", flush=True)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pings", type=int, default=10_000_000)
    words.add_argument("--keep", type=Path, help="where the invented pings are, or are to stay")
    given = words.parse_args()
    each = given.pings // PARTS
    with nullcontext(str(given.keep)) if given.keep else tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{each}-{seed}.ndjson" for seed in range(PARTS)]
        with ProcessPoolExecutor(2) as pool:
            missing = [(path, each, seed) for seed, path in enumerate(files) if not path.exists()]
            for done in [pool.submit(invent, *row) for row in missing]:
                done.result()
        print(f"{sum(path.stat().st_size for path in files) / 2**30:.1f} GiB", flush=True)
        for path in files:  # once, so that the disk plays the same part in all runs
            path.read_bytes()
        measured("files", [str(path) for path in files], each * PARTS)
        measured("a pipe", ["-"], each * PARTS, pipe=files)
        measured("packed", [str(pack(files[0]))], each)


if __name__ == "__main__":
    main()
