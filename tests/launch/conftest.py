"""Unpacked builds whose ``firefox`` is a shell script."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mozbisect.core.model import Build, Candidate, Kind

BUILD = Build(
    candidate=Candidate(
        Kind.NIGHTLY,
        "2026-09-14-09-21-33-mozilla-central",
        "mozilla-central",
        datetime(2026, 9, 14, 9, 21, 33, tzinfo=UTC),
    ),
    app="firefox",
    build_type="shippable",
    url="https://archive.example/firefox-151.0a1.en-US.linux-x86_64.tar.xz",
    file_name="firefox-151.0a1.en-US.linux-x86_64.tar.xz",
    repo="mozilla-central",
)


@pytest.fixture
def build() -> Build:
    return BUILD


@pytest.fixture
def tree_with(tmp_path: Path) -> Callable[[str], Path]:
    """An unpacked build whose program is the given shell script."""

    def make(script: str) -> Path:
        program = tmp_path / "tree" / "firefox" / "firefox"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return tmp_path / "tree"

    return make


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Path]:
    """A folder in which no program may be executed: a mount of that kind, one that is there or a new one."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, _, options, *_ = line.split()
        if "noexec" in options.split(",") and "rw" in options.split(",") and place == "/dev/shm":
            folder = Path(place) / f"mozbisect-test-{os.getpid()}"
            folder.mkdir()
            yield folder
            shutil.rmtree(folder)
            return
    made = tmp_path / "noexec"
    made.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "noexec,size=1m", "tmpfs", str(made)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no noexec folder can be had here")
    yield made
    subprocess.run(["umount", str(made)], check=True)
