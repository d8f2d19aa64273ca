"""Pings as an export has them, one value changed at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def ping(
    at: str | None = "2026-09-15T12:00:00.000Z",
    *,
    document: str | None = None,
    version: str | None = "1.0.0",
    tags: str | None = None,
    **metrics: str | None,
) -> Row:
    """In the columns of BigQuery. Metrics by their names; a day is written as Glean writes one."""
    given = {"variant": "console", "app": "firefox", "build_type": "shippable", **metrics}
    days = {name: value for name, value in given.items() if name.endswith("_date") and value is not None}
    return {
        "submission_timestamp": at,
        "document_id": document,
        "client_info": {"app_display_version": version, "client_id": "c0ffee00-0000-4000-8000-000000000000"},
        "metadata": {"header": {"x_source_tags": tags}},
        "metrics": {
            "datetime": {f"usage_{name}": f"{day}+00:00" if len(day) == 10 else day for name, day in days.items()},
            "string": {f"usage_{name}": value for name, value in given.items() if name not in days},
        },
        "ping_info": {"end_time": None, "seq": 1},
    }


def as_sent(row: Row) -> Row:
    """The same as Glean sends it: points in the names, no columns of the pipeline, no nulls."""
    metrics = {
        kind: {name.replace("usage_", "usage."): value for name, value in values.items() if value is not None}
        for kind, values in row["metrics"].items()
    }
    return {
        "client_info": row["client_info"],
        "metrics": metrics,
        "ping_info": {"end_time": row["submission_timestamp"].replace("Z", "+00:00"), "seq": 1},
    }


def flat(row: Row, sign: str) -> Row:
    """The same with every nested name made one word."""
    found: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}{sign}{below}": what for below, what in flat(value, sign).items()}
        else:
            found[name] = value
    return found


def written(path: Path, rows: Iterable[Row | str]) -> Path:
    """A file with a row a line; text goes in as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
