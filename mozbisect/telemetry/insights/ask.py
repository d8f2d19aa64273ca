"""From places (files, folders, standard input) to the answer, as the command wants it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from io import FileIO
from pathlib import Path
from typing import cast

from mozbisect.core.errors import UsageError
from mozbisect.telemetry.insights.answers import Answer
from mozbisect.telemetry.insights.blocks import Readable
from mozbisect.telemetry.insights.engine import count

STDIN = "-"

ENDINGS = tuple(f".{name}{more}" for name in ("ndjson", "jsonl", "json") for more in ("", ".gz"))
"""What is read of a folder. Google's export calls its files ``name-000000000000.json.gz``."""


def ask(places: Sequence[str], *, since: date | None = None) -> Answer:
    """Count the pings of all places. Raises ``UsageError`` for one that cannot be read."""
    if not places:
        raise UsageError(
            "Which pings?",
            advice="Name files or folders of exported pings, or - for standard input; or see --synthetic.",
        )
    found = [path for place in places if place != STDIN for path in _files(Path(place))]
    with ExitStack() as stack:
        streams: list[tuple[str, Readable]] = [
            (str(path), stack.enter_context(_opened(path))) for path in found if not path.is_file()
        ]
        if STDIN in places:
            streams.append(("standard input", _stdin()))
        files = [path for path in found if path.is_file()]
        for path in files:
            _opened(path).close()
        return count(files, streams, since=since)


def _stdin() -> Readable:
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    return cast(Readable, getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))


def _opened(path: Path) -> FileIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    found = sorted(path for path in place.rglob("*") if path.name.lower().endswith(ENDINGS) and path.is_file())
    if not found:
        raise UsageError(
            f"The folder {place} holds no pings.", advice=f"Files are read whose name ends in {_or(ENDINGS)}."
        )
    yield from found


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
