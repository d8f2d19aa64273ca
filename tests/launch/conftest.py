"""Unpacked builds whose ``firefox`` is a shell script."""

from __future__ import annotations

from collections.abc import Callable
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
