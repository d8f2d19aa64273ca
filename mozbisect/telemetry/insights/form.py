"""The forms in which an exported usage ping may be spelt, and the SQL that reads all of them in one pass.

BigQuery's columns have ``metrics.string.usage_app``, a ping as Glean sends it has ``metrics.string."usage.app"``, and
an export may have been flattened to ``metrics.string.usage_app`` or ``metrics_string_usage_app`` as one word. Nothing
here looks at a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def _metric(kind: str, name: str) -> tuple[Path, ...]:
    return ("metrics", kind, f"usage_{name}"), ("metrics", kind, f"usage.{name}")


def _day(name: str) -> tuple[Path, ...]:
    # The views of BigQuery turn a day into a moment in UTC, and keep what was sent beside it.
    return (("metrics", "datetime", f"raw_usage_{name}"), *_metric("datetime", name))


SPELLINGS: Mapping[str, tuple[Path, ...]] = {
    "document": (("document_id",),),
    "submitted": (("submission_timestamp",), ("metadata", "submission_timestamp")),
    "ended": (("ping_info", "end_time"), ("ping_info", "parsed_end_time")),
    "version": (("client_info", "app_display_version"),),
    "tags": (("metadata", "header", "x_source_tags"), ("metadata", "header", "parsed_x_source_tags")),
    "variant": _metric("string", "variant"),
    "app": _metric("string", "app"),
    "build_type": _metric("string", "build_type"),
    "bad_date": _day("bad_date"),
    "launch_date": _day("launch_date"),
}
"""Value → where it may stand in a ping; the first place that holds something wins."""


def columns() -> dict[str, str]:
    """What DuckDB is to look for in each line: the names at its top, and their types. All else is passed over."""
    tree: dict[str, Any] = {}
    for path in _places():
        here = tree
        for name in path[:-1]:
            here = here.setdefault(name, {})
        here[path[-1]] = "VARCHAR"
    return {name: _type(below) for name, below in tree.items()}


def value(name: str) -> str:
    """The SQL for a value: text, or NULL where it is absent or empty."""
    return f"coalesce({', '.join(map(_column, _spellings(name)))})"


def _places() -> Iterator[Path]:
    for name in SPELLINGS:
        yield from _spellings(name)


def _spellings(name: str) -> tuple[Path, ...]:
    nested = SPELLINGS[name]
    flat = dict.fromkeys((sign.join(path),) for path in nested for sign in "._" if len(path) > 1)
    return (*nested, *flat)


def _type(below: Any) -> str:
    if isinstance(below, str):
        return below
    return f"STRUCT({', '.join(f'{_quoted(name)} {_type(more)}' for name, more in below.items())})"


def _column(path: Path) -> str:
    return f"nullif({'.'.join(map(_quoted, path))}, '')"


def _quoted(name: str) -> str:
    return f'"{name}"'
