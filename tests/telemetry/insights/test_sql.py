"""The SQL for BigQuery, run by DuckDB on the same pings: another hand's way to the same answers.

sqlglot translates it, the text as it stands in docs/glean; only the name of the table is changed.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from mozbisect.telemetry.insights.answers import Answer
from mozbisect.telemetry.insights.engine import count
from mozbisect.telemetry.insights.synthetic import pings
from mozbisect.telemetry.insights.words import document
from mozbisect.telemetry.usage import APPLICATION
from tests.telemetry.insights.exported import Row, ping, written

GLEAN = Path(__file__).parents[3] / "docs" / "glean"
TABLE = """
CREATE TABLE usage_v1 AS SELECT * REPLACE (CAST(submission_timestamp AS TIMESTAMP) AS submission_timestamp)
FROM read_ndjson(?, columns = {submission_timestamp: 'VARCHAR', document_id: 'VARCHAR',
  client_info: 'STRUCT(app_display_version VARCHAR)',
  metrics: 'STRUCT("string" STRUCT(usage_variant VARCHAR, usage_app VARCHAR, usage_build_type VARCHAR),
    "datetime" STRUCT(usage_bad_date VARCHAR, usage_launch_date VARCHAR))'})
"""


def asked(name: str, path: Path, since: date) -> list[Row]:
    """The rows that the query of a page gives for the pings of a file, in whose order it says."""
    (query,) = sqlglot.parse((GLEAN / f"{name}.sql").read_text(), read="bigquery")
    assert query is not None
    for table in query.find_all(exp.Table):
        if table.db:
            table.replace(exp.to_table("usage_v1"))
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(TABLE, [str(path)])
        found = database.execute(query.sql(dialect="duckdb"), {"since": since})
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def agrees(path: Path, since: date) -> Answer:
    answer = count([path], since=since)
    told: dict[str, Any] = document(answer)
    assert [{**row, "day": str(row["day"])} for row in asked("uses", path, since)] == told["uses"]
    mine = [{**row, "outliers": sum(one["pings"] for one in row["outliers"])} for row in told["age"]]
    for row in mine:
        del row["distribution"]
    assert asked("age", path, since) == mine
    return answer


def test_bigquery_is_asked_the_same_as_exported_pings(tmp_path: Path) -> None:
    made = pings(20_000, seed=11, until=date(2026, 11, 20))
    path = written(tmp_path / "pings.ndjson", (one.line for one in made))
    answer = agrees(path, date(2026, 5, 20))
    assert answer.counts.too_early > 1000
    assert answer.counts.repeated > 0
    assert len(answer.ages) > 10


def test_they_agree_at_every_edge_too(tmp_path: Path) -> None:
    rows = [
        *(ping(f"2026-09-{day}T23:30:00Z", bad_date="2026-08-31") for day in ("01", "15", "30")),
        *(ping(bad_date=day) for day in ("2026-09-15", "2026-09-16", "2026-09-17", "2026-02-30", "2004-06-01")),
        *(ping(launch_date=day) for day in ("2026-09-01", "2025-09-30")),
        ping(bad_date="2026-06-01", launch_date="2020-01-01"),
        ping(variant="", app="", bad_date="2026-09-01"),
        ping(variant=None, app=None, bad_date="2026-09-01"),
        *(ping(build_type=name, bad_date="2026-09-01") for name in ("", None, "debug")),
        *(ping(version=version, bad_date="2026-01-01") for version in (None, "", "2.0.dev1", "2.0")),
        ping("2026-08-31T23:59:59Z", bad_date="2026-08-01"),
    ]
    rows = [row | {"document_id": f"document {at}"} for at, row in enumerate(rows)]
    path = written(
        tmp_path / "pings.ndjson", [*rows, rows[3], rows[5] | {"submission_timestamp": "2026-09-20T00:00:00Z"}]
    )
    assert agrees(path, date(2026, 9, 1)).counts.ahead == 1


@pytest.mark.parametrize("name", ["uses", "age"])
def test_the_table_is_the_one_of_our_application(name: str) -> None:
    text = (GLEAN / f"{name}.sql").read_text()
    assert f".{APPLICATION.replace('-', '_')}_stable.usage_v1" in text
