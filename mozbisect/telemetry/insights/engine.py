"""Counts pings with DuckDB, the only module that knows it. Bounded memory, whatever comes in; never any network.

A line is read once and kept as one narrow row; what does not fit into memory goes to a folder of its own, which is
gone afterwards. DuckDB reads files itself, on all processors. What it cannot read (a pipe, a damaged archive, a line
without an end) is handed to it in blocks.

The rules, which docs/reference/insights.md tells at length and docs/glean/*.sql repeat for the real tables:
a day is one of UTC, of the submission, else of the ping's end; a document counts once, on its first day; versions with
``.dev`` do not count; age in months = months on the calendar between the day and what was asked for, plus one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mozbisect.core.errors import CacheTrouble, CannotRun
from mozbisect.telemetry.insights.answers import COUNTS, UNKNOWN, Ages, Answer, Counts, Uses
from mozbisect.telemetry.insights.blocks import BOM, GZIP, Blocks, Readable
from mozbisect.telemetry.insights.form import columns, value
from mozbisect.telemetry.insights.synthetic import MARK

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
"""For DuckDB; it keeps the rest on disk."""

_MOMENT = """CASE WHEN {text} LIKE '____-__-__%' THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS DATE)
    WHEN TRY_CAST({text} AS DOUBLE) BETWEEN 1e8 AND 2e19 THEN CAST(to_timestamp(TRY_CAST({text} AS DOUBLE)
        / CASE WHEN length(split_part({text}, '.', 1)) <= 10 THEN 1 WHEN length(split_part({text}, '.', 1)) <= 13
          THEN 1e3 WHEN length(split_part({text}, '.', 1)) <= 16 THEN 1e6 ELSE 1e9 END) AS DATE) END"""
"""A moment as text, or as a number of seconds, or of thousandths, millionths or billionths of them → its day."""

_DAY = "TRY_CAST(substr({text}, 1, 10) AS DATE)"
"""A day as the person meant it: its time is midnight there, and no matter."""

_READ = f"""
INSERT INTO pings
WITH lines AS (
    SELECT {", ".join(f"{value(name)} AS {name}" for name in ("document", "submitted", "ended", "version", "tags"))},
        {", ".join(f"{value(name)} AS {name}" for name in ("variant", "app", "build_type", "bad_date", "launch_date"))}
    FROM read_ndjson($files, columns = {{{", ".join(f"'{name}': '{kind}'" for name, kind in columns().items())}}},
        ignore_errors = true, compression = $compression, maximum_object_size = {2 * Blocks.LONGEST})
)
SELECT
    coalesce(TRY_CAST(document AS UUID), CAST(md5(document) AS UUID)) AS document,
    coalesce({_MOMENT.format(text="submitted")}, {_MOMENT.format(text="ended")}) AS day,
    coalesce(variant, '{UNKNOWN}') AS variant,
    coalesce(app, '{UNKNOWN}') AS app,
    build_type,
    coalesce({_DAY.format(text="bad_date")}, {_DAY.format(text="launch_date")}) AS asked,
    coalesce(variant, app, build_type, bad_date, launch_date) IS NOT NULL AS is_usage,
    coalesce(contains(version, '.dev'), false) AS is_development,
    coalesce(contains(tags, '{MARK}'), false) AS is_synthetic
FROM lines
"""  # noqa: S608  (of constants)

_TABLE = """
CREATE TABLE pings (
    document UUID, day DATE, variant VARCHAR, app VARCHAR, build_type VARCHAR, asked DATE,
    is_usage BOOLEAN, is_development BOOLEAN, is_synthetic BOOLEAN
)
"""

_ONCE = """
CREATE TABLE twice AS
SELECT document FROM fit WHERE document IS NOT NULL GROUP BY document HAVING count(*) > 1;

CREATE VIEW once AS
SELECT * FROM fit ANTI JOIN twice USING (document)
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (document) * FROM fit SEMI JOIN twice USING (document)
    ORDER BY document, day, asked, variant, app, build_type, is_development, is_synthetic
);

CREATE TABLE tally AS
SELECT
    day, variant, app, build_type, is_development, is_synthetic,
    asked > day + 1 AS is_ahead,
    date_diff('month', CASE WHEN asked > day THEN day ELSE asked END, day) + 1 AS months,
    count(*) AS pings
FROM once GROUP BY ALL;

CREATE VIEW counted AS SELECT * FROM tally WHERE NOT is_development;
"""
"""``twice`` is small as a rule: so only few rows are sorted. One day ahead is today, somewhere west of Samoa."""

_USES = "SELECT day, variant, sum(pings) FROM counted GROUP BY ALL ORDER BY ALL"

_AGES = """
SELECT app, build_type, months, sum(pings) FROM counted
WHERE build_type IS NOT NULL AND months IS NOT NULL AND NOT is_ahead
GROUP BY ALL ORDER BY ALL
"""

_COUNTS = """
SELECT
    (SELECT count(*) FROM pings) AS lines,
    (SELECT count(*) FROM pings WHERE NOT is_usage) AS unreadable,
    (SELECT count(*) FROM pings WHERE is_usage AND day IS NULL) AS undated,
    (SELECT count(*) FROM pings WHERE is_usage AND day < $since) AS too_early,
    (SELECT count(*) FROM fit) - coalesce(sum(pings), 0) AS repeated,
    coalesce(sum(pings) FILTER (is_development), 0) AS development,
    coalesce(sum(pings) FILTER (NOT is_development), 0) AS counted,
    coalesce(sum(pings) FILTER (NOT is_development AND is_synthetic), 0) AS synthetic,
    coalesce(sum(pings) FILTER (NOT is_development AND build_type IS NULL), 0) AS untyped,
    coalesce(sum(pings) FILTER (NOT is_development AND build_type IS NOT NULL AND months IS NULL), 0) AS dateless,
    coalesce(sum(pings) FILTER (NOT is_development AND build_type IS NOT NULL AND is_ahead), 0) AS ahead
FROM tally
"""


def count(files: Sequence[Path], streams: Iterable[tuple[str, Readable]] = (), *, since: date | None = None) -> Answer:
    """Answer both questions from whole files, and from streams with their names. ``since``: leave out earlier days.

    Raises ``CannotRun`` where DuckDB is missing, ``CacheTrouble`` where disk or memory do not suffice.
    """
    with _database() as (database, folder):
        blocks = Blocks(folder)
        _read_files(database, files, blocks)
        for name, stream in streams:
            _read_blocks(database, blocks.of(name, stream))
        return replace(_answer(database, since, overlong=blocks.overlong), notes=tuple(blocks.notes))


def _answer(database: duckdb.DuckDBPyConnection, since: date | None, *, overlong: int) -> Answer:
    first = since or date.min
    # A view takes no parameter; a date has nothing in it that could break out.
    database.execute(f"CREATE VIEW fit AS SELECT * FROM pings WHERE is_usage AND day >= DATE '{first}'")  # noqa: S608
    _interruptible(database, _ONCE, {})
    uses = tuple(Uses(day, variant, int(pings)) for day, variant, pings in database.execute(_USES).fetchall())
    spreads: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for app, build_type, months, pings in database.execute(_AGES).fetchall():
        spreads.setdefault((app, build_type), []).append((months, int(pings)))
    row = database.execute(_COUNTS, {"since": first}).fetchone()
    assert row is not None
    counts = Counts(**dict(zip(COUNTS, map(int, row), strict=True)))
    counts = replace(counts, lines=counts.lines + overlong, unreadable=counts.unreadable + overlong)
    ages = sorted((Ages(*key, tuple(spread)) for key, spread in spreads.items()), key=lambda row: -row.pings)
    return Answer(uses, tuple(ages), counts, since)


def _read_files(database: duckdb.DuckDBPyConnection, files: Sequence[Path], blocks: Blocks) -> None:
    """All at once, or, if one of them will not have it, block by block: a statement is done wholly or not at all."""
    import duckdb

    for compression, some in _by_compression(files).items():
        try:
            if not compression:
                raise duckdb.InvalidInputException
            _insert(database, some, compression)
        except (duckdb.InvalidInputException, duckdb.IOException):
            for path in some:
                with path.open("rb", buffering=0) as stream:
                    _read_blocks(database, blocks.of(str(path), stream))


def _by_compression(files: Sequence[Path]) -> dict[str, list[Path]]:
    """By what they are, not by how they are called; by nothing, what DuckDB does not read."""
    found: dict[str, list[Path]] = {}
    for path in files:
        with path.open("rb") as stream:
            start = stream.read(3)
        kind = "gzip" if start.startswith(GZIP) else "" if start == BOM else "uncompressed"
        found.setdefault(kind, []).append(path)
    return found


def _read_blocks(database: duckdb.DuckDBPyConnection, blocks: Iterable[Sequence[Path]]) -> None:
    for some in blocks:
        _insert(database, some, "uncompressed")


def _insert(database: duckdb.DuckDBPyConnection, files: Sequence[Path], compression: str) -> None:
    _interruptible(database, _READ, {"files": list(map(str, files)), "compression": compression})


def _interruptible(database: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]) -> None:
    """In a thread: DuckDB, while it works, would hear of Ctrl-C only when it is done."""
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(database.execute, statement, dict(values) or None)
        try:
            work.result()
        except KeyboardInterrupt:
            database.interrupt()
            raise


@contextmanager
def _database() -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    try:
        import duckdb
    except ImportError:
        raise CannotRun(
            "mozbisect telemetry insights needs DuckDB, which is not installed.",
            advice="It comes with an extra: pip install 'mozbisect[insights]'",
        ) from None
    with tempfile.TemporaryDirectory(prefix="mozbisect-insights-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "temp_directory": str(folder / "duckdb"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        }
        try:
            with duckdb.connect(config=settings) as database:
                database.execute("SET TimeZone = 'UTC'")
                database.execute(_TABLE)
                yield database, folder
        except duckdb.Error as error:
            raise CacheTrouble(
                f"DuckDB cannot count the pings: {error}",
                advice=f"What does not fit into memory goes to {folder.parent}: make room there, or set TMPDIR.",
            ) from None
