"""What counts, and as what: each rule with a ping that it is about, and all of them against plain Python."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.telemetry.insights.answers import Ages, Answer, Counts, Uses
from mozbisect.telemetry.insights.blocks import BOM
from mozbisect.telemetry.insights.engine import count
from mozbisect.telemetry.insights.synthetic import pings
from tests.telemetry.insights.exported import Row, as_sent, flat, ping, written

DAY = date(2026, 9, 15)
RECORDED = Path(__file__).parents[2] / "data" / "glean" / "mozregression_pings.json"


def counted(tmp_path: Path, *rows: Row | str, since: date | None = None) -> Answer:
    return count([written(tmp_path / "pings.ndjson", rows)], since=since)


def days(answer: Answer) -> list[str]:
    return [str(row.day) for row in answer.uses]


def months(answer: Answer) -> list[int]:
    return [value for row in answer.ages for value, pings in row.spread for _ in range(pings)]


# ------------------------------------------------------------------------------------------------- both questions


def test_uses_are_counted_by_day_and_variant_and_ages_by_app_and_build_type(tmp_path: Path) -> None:
    answer = counted(
        tmp_path,
        ping(bad_date="2026-09-01"),
        ping(bad_date="2026-07-31"),
        ping(variant="mach", app="fenix", build_type="opt", launch_date="2025-09-15"),
        ping("2026-09-16T00:00:00Z", bad_date="2026-09-02"),
    )
    assert answer.uses == (
        Uses(DAY, "console", 2),
        Uses(DAY, "mach", 1),
        Uses(date(2026, 9, 16), "console", 1),
    )
    assert answer.ages == (Ages("firefox", "shippable", ((1, 2), (3, 1))), Ages("fenix", "opt", ((13, 1),)))
    assert answer.counts == Counts(lines=4, counted=4)


@pytest.mark.parametrize(
    ("at", "asked", "age"),
    [
        ("2020-06-01", "2019-05-31", 14),  # months on the calendar, not whole ones
        ("2020-06-30", "2019-05-01", 14),
        ("2026-09-15", "2026-09-15", 1),
        ("2026-09-01", "2026-08-31", 2),
        ("2026-09-15", "2004-06-01", 268),
        ("2026-09-15", "2026-09-16", 1),  # a person east of Greenwich
        ("2026-08-31", "2026-09-01", 1),
    ],
)
def test_an_age_is_the_months_on_the_calendar_plus_one(tmp_path: Path, at: str, asked: str, age: int) -> None:
    assert months(counted(tmp_path, ping(f"{at}T12:00:00Z", bad_date=asked))) == [age]


def test_the_bad_date_wins_over_the_launch_date_and_the_good_date_is_none(tmp_path: Path) -> None:
    both = counted(tmp_path, ping(bad_date="2026-08-15", launch_date="2020-01-01", good_date="2010-01-01"))
    assert months(both) == [2]
    assert counted(tmp_path, ping(good_date="2010-01-01")).counts.dateless == 1


def test_a_bad_date_that_is_none_is_as_if_it_was_not_there(tmp_path: Path) -> None:
    answer = counted(tmp_path, ping(bad_date="2026-02-30", launch_date="2026-08-01"), ping(bad_date="yesterday"))
    assert months(answer) == [2]
    assert answer.counts == Counts(lines=2, counted=2, dateless=1)


def test_a_build_of_the_day_after_tomorrow_has_no_age_but_the_use_counts(tmp_path: Path) -> None:
    answer = counted(tmp_path, ping(bad_date="2026-09-17"), ping(bad_date="2126-09-15"))
    assert answer.uses == (Uses(DAY, "console", 2),)
    assert answer.ages == ()
    assert answer.counts == Counts(lines=2, counted=2, ahead=2)


@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_build_type_there_is_no_age_but_the_use_counts(tmp_path: Path, missing: str | None) -> None:
    answer = counted(tmp_path, ping(build_type=missing, bad_date="2026-09-01"))
    assert answer.counts == Counts(lines=1, counted=1, untyped=1)
    assert answer.ages == ()


@pytest.mark.parametrize("missing", [None, ""])
def test_a_variant_or_an_app_that_is_missing_is_called_unknown(tmp_path: Path, missing: str | None) -> None:
    answer = counted(tmp_path, ping(variant=missing, app=missing, bad_date="2026-09-01"))
    assert answer.uses == (Uses(DAY, "unknown", 1),)
    assert answer.ages == (Ages("unknown", "shippable", ((1, 1),)),)


def test_a_variant_or_an_app_that_we_do_not_know_keeps_its_name(tmp_path: Path) -> None:
    answer = counted(tmp_path, ping(variant="vs-code", app="ladybird", bad_date="2026-09-01"))
    assert (answer.uses[0].variant, answer.ages[0].app) == ("vs-code", "ladybird")


@pytest.mark.parametrize("version", ["1.0.0.dev0", "0.2.dev3+g123", "1.0.dev"])
def test_development_versions_count_nowhere(tmp_path: Path, version: str) -> None:
    answer = counted(tmp_path, ping(version=version, bad_date="2026-09-01"))
    assert answer == Answer((), (), Counts(lines=1, development=1))


@pytest.mark.parametrize("version", [None, "", "1.0.0", "inaccessible", "1.0-developer"])
def test_every_other_version_counts_also_one_that_is_missing(tmp_path: Path, version: str | None) -> None:
    assert counted(tmp_path, ping(version=version)).counts.counted == 1


def test_a_document_counts_once_on_its_first_day(tmp_path: Path) -> None:
    name = "8CA927AE-339b-242f-893f-fb971dada2e4"
    later = ping("2026-09-17T00:00:00Z", document=name.lower(), bad_date="2026-09-01")
    answer = counted(tmp_path, later, ping(document=name, bad_date="2026-09-01"), later, ping(document="another"))
    assert days(answer) == ["2026-09-15"]
    assert answer.counts == Counts(lines=4, repeated=2, counted=2, dateless=1)
    assert months(answer) == [1]


def test_documents_without_a_name_are_all_different(tmp_path: Path) -> None:
    assert counted(tmp_path, ping(), ping(), ping(document="")).counts == Counts(lines=3, counted=3, dateless=3)


def test_an_odd_name_of_a_document_is_a_name(tmp_path: Path) -> None:
    rows = [ping(document=name) for name in ("doc-1", "doc-2", "doc-1", "ü" * 300)]
    assert counted(tmp_path, *rows).counts.repeated == 1


def test_since_leaves_out_earlier_days_before_repetitions_are_looked_for(tmp_path: Path) -> None:
    rows = [ping("2026-09-14T23:59:59Z", document="a"), ping(document="a"), ping(document="b")]
    assert counted(tmp_path, *rows, since=DAY).counts == Counts(lines=3, too_early=1, counted=2, dateless=2)


def test_synthetic_pings_count_and_are_told(tmp_path: Path) -> None:
    rows = [ping(tags="synthetic"), ping(tags="automation, synthetic"), ping(tags="automation"), ping()]
    answer = counted(tmp_path, *rows, ping(tags="synthetic", version="1.0.dev0"))
    assert (answer.counts.counted, answer.counts.synthetic) == (4, 2)


# ------------------------------------------------------------------------------------------------- the day


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-09-15T23:59:59.999Z", "2026-09-15"),
        ("2026-09-15 23:59:59.999999 UTC", "2026-09-15"),
        ("2026-09-15 23:59:59", "2026-09-15"),
        ("2026-09-15T23:59:59+00:00", "2026-09-15"),
        ("2026-09-15T20:00:00-05:00", "2026-09-16"),
        ("2026-09-15T01:00+05:30", "2026-09-14"),
        ("2026-09-15", "2026-09-15"),
        ("1789473600", "2026-09-15"),
        ("1789473600.25", "2026-09-15"),
        ("1.7894736E9", "2026-09-15"),
        ("1789473600000", "2026-09-15"),
        ("1789473600000000", "2026-09-15"),
        ("1789473600000000000", "2026-09-15"),
    ],
)
def test_the_day_is_that_of_the_submission_in_utc(tmp_path: Path, at: str, day: str) -> None:
    assert days(counted(tmp_path, ping(at))) == [day]


def test_a_number_is_a_moment_too(tmp_path: Path) -> None:
    assert days(counted(tmp_path, ping() | {"submission_timestamp": 1789473600000})) == ["2026-09-15"]


@pytest.mark.parametrize("at", [None, "", "soon", "2026-13-01T00:00:00Z", "infinity", "nan", "-5", "0"])
def test_without_a_submission_the_end_of_the_ping_is_its_day(tmp_path: Path, at: str | None) -> None:
    row = ping(at)
    row["ping_info"]["end_time"] = "2026-09-10T23:00-02:00"
    assert days(counted(tmp_path, row)) == ["2026-09-11"]
    row["ping_info"] = None
    assert counted(tmp_path, row).counts == Counts(lines=1, undated=1)


# ------------------------------------------------------------------------------------------------- the form


def forms(row: Row) -> dict[str, Row]:
    view: Row = json.loads(json.dumps(row))
    for name, day in row["metrics"]["datetime"].items():
        # BigQuery's views: the moment in UTC, for whoever lives east of it, and beside it what was sent.
        view["metrics"]["datetime"][name] = "1999-12-31 22:00:00 UTC"
        view["metrics"]["datetime"][f"raw_{name}"] = day
    return {"columns": row, "sent": as_sent(row), "dots": flat(row, "."), "lines": flat(row, "_"), "view": view}


@pytest.mark.parametrize("form", ["columns", "sent", "dots", "lines", "view"])
def test_a_ping_may_be_spelt_in_every_form_of_the_pipeline(tmp_path: Path, form: str) -> None:
    search = ping(variant="gui", app="fenix", build_type="opt", bad_date="2026-08-31", version="1.0.0")
    launch = ping(variant="mach", launch_date="2025-09-15")
    answer = counted(tmp_path, forms(search)[form], forms(launch)[form], forms(ping(version="1.dev0"))[form])
    assert answer.uses == (Uses(DAY, "gui", 1), Uses(DAY, "mach", 1))
    assert answer.ages == (Ages("fenix", "opt", ((2, 1),)), Ages("firefox", "shippable", ((13, 1),)))
    assert answer.counts == Counts(lines=3, development=1, counted=2)


def test_what_glean_really_sent_is_understood(tmp_path: Path) -> None:
    bodies = [exchange["body"] for exchange in json.loads(RECORDED.read_text())]
    answer = counted(tmp_path, *bodies)
    assert {(row.day, row.variant, row.uses) for row in answer.uses} == {
        (date(2026, 11, 23), name, 1) for name in ("console", "mach", "gui")
    }
    assert {(row.app, row.build_type): row.spread for row in answer.ages} == {
        ("firefox", "shippable"): ((34, 1),),
        ("fenix", "opt"): ((21, 1),),
        ("thunderbird", "opt"): ((175, 1),),
    }
    # Its own health ping among them is no use.
    assert answer.counts == Counts(lines=len(bodies), unreadable=len(bodies) - 3, counted=3)


NO_PINGS = [
    *(
        "garbage",
        '{"document_id": "a"',
        "[1, 2]",
        "123",
        "null",
        '"text"',
        "{}",
        '{"other": 1}',
        "\x00",
        '{"a":1}{"b":2}',
    ),
    *('{"metrics": 5}', '{"metrics": {"string": [1]}}', '{"metrics": {"string": {"usage_app": null}}}', "}{"),
]


@pytest.mark.parametrize("line", NO_PINGS)
def test_a_line_that_is_no_ping_is_counted_and_stops_nothing(tmp_path: Path, line: str) -> None:
    assert counted(tmp_path, ping(), line, ping()).counts == Counts(lines=3, unreadable=1, counted=2, dateless=2)


def test_bytes_that_are_no_text_are_a_line_that_is_no_ping(tmp_path: Path) -> None:
    path = tmp_path / "pings.ndjson"
    good = json.dumps(ping()).encode()
    path.write_bytes(b"\n".join([good, b'{"document_id":"\xff\xfe"}', b"\x80" * 50, good]))
    assert count([path]).counts == Counts(lines=4, unreadable=2, counted=2, dateless=2)


def test_empty_lines_and_those_of_windows_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "pings.ndjson"
    path.write_bytes(json.dumps(ping()).encode() + b"\r\n\r\n\n   \n")
    assert count([path]).counts == Counts(lines=1, counted=1, dateless=1)


@pytest.mark.parametrize("text", ["", "\n", "\n\n  \n"])
def test_nothing_is_an_answer_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pings.ndjson"
    path.write_text(text)
    assert count([path]) == Answer((), (), Counts())
    assert count([]) == Answer((), (), Counts())


# ------------------------------------------------------------------------------------------------- files and streams


def stream(data: bytes) -> tuple[str, BytesIO]:
    return "stream", BytesIO(data)


def test_files_are_read_for_what_they_are_whatever_their_names(tmp_path: Path) -> None:
    line = json.dumps(ping()).encode() + b"\n"
    contents = {
        "[a]*?.ndjson": line,
        "it's.json": line,
        "packed": gzip.compress(line),
        "plain.gz": line,
        "marked.json": BOM + line + line,
        "twice.gz": gzip.compress(line) + gzip.compress(line),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    answer = count([tmp_path / name for name in contents], [stream(line), stream(gzip.compress(line))])
    assert answer.counts == Counts(lines=10, counted=10, dateless=10)
    assert answer.notes == ()


def test_a_damaged_archive_is_read_as_far_as_it_goes_and_that_is_told(tmp_path: Path) -> None:
    rows = "".join(json.dumps(ping(document=f"doc-{at}")) + "\n" for at in range(3000)).encode()
    packed = gzip.compress(rows)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "whole.gz").write_bytes(packed)
    answer = count([tmp_path / "whole.gz", tmp_path / "cut.gz"])
    # Whole once, and what could be had of it a second time.
    assert answer.counts.counted == 3000
    assert 0 < answer.counts.repeated < 3000
    assert len(answer.notes) == 1
    assert "cut.gz is damaged" in answer.notes[0]


def test_a_line_of_forty_megabytes_is_no_ping_and_stops_nothing(tmp_path: Path) -> None:
    long = '{"document_id":"' + "x" * 40_000_000 + '"}'
    assert counted(tmp_path, ping(), long, ping()).counts == Counts(lines=3, unreadable=1, counted=2, dateless=2)


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "pings.ndjson", [ping()])
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    count([path], [stream(path.read_bytes())])
    assert list(room.iterdir()) == []


# ------------------------------------------------------------------------------------------------- all of it


def reckoned(rows: list[Row]) -> tuple[Counter[Any], Counter[Any]]:
    """Both answers in plain Python, for pings in columns that all have a day and a document."""
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: str(row["submission_timestamp"])):
        first.setdefault(row["document_id"], row)
    uses: Counter[Any] = Counter()
    ages: Counter[Any] = Counter()
    for row in first.values():
        if ".dev" in (row["client_info"]["app_display_version"] or ""):
            continue
        day, said = date.fromisoformat(row["submission_timestamp"][:10]), row["metrics"]["string"]
        uses[day, said["usage_variant"] or "unknown"] += 1
        asked = row["metrics"]["datetime"].get("usage_bad_date") or row["metrics"]["datetime"].get("usage_launch_date")
        if asked and said["usage_build_type"]:
            then = date.fromisoformat(asked[:10])
            if then <= day + timedelta(days=1):
                then = min(then, day)
                age = (day.year - then.year) * 12 + day.month - then.month + 1
                ages[said["usage_app"] or "unknown", said["usage_build_type"], age] += 1
    return uses, ages


DAYS = st.dates(date(2026, 8, 25), date(2026, 9, 5))
WHEN = st.none() | st.dates(date(2024, 1, 1), date(2026, 9, 10)).map(str)
PINGS = st.builds(
    lambda day, document, version, **metrics: ping(
        f"{day}T10:00:00Z", document=f"{document}-{day}", version=version, **metrics
    ),
    DAYS,
    st.integers(0, 8),
    st.sampled_from([None, "1.0", "1.1.dev0"]),
    variant=st.sampled_from([None, "", "gui", "mach"]),
    app=st.sampled_from(["", "firefox", "fenix"]),
    build_type=st.sampled_from([None, "", "opt"]),
    bad_date=WHEN,
    launch_date=WHEN,
)


@settings(max_examples=40)
@given(st.lists(PINGS, max_size=40, unique_by=lambda row: row["document_id"]), st.integers(0, 3))
def test_the_answers_are_those_of_plain_python(rows: list[Row], again: int) -> None:
    rows = [row for row in rows if any(row["metrics"]["string"].values()) or row["metrics"]["datetime"]]
    with TemporaryDirectory() as folder:
        answer = count([written(Path(folder) / "pings.ndjson", rows + rows[:again])])
    uses, ages = reckoned(rows)
    assert {(row.day, row.variant): row.uses for row in answer.uses} == uses
    assert {(row.app, row.build_type, age): pings for row in answer.ages for age, pings in row.spread} == ages
    assert answer.counts.repeated == len(rows[:again])
    assert answer.counts.counted == sum(uses.values())
    assert answer.counts.aged == sum(ages.values())


def test_invented_pings_are_answered_as_they_were_invented(tmp_path: Path) -> None:
    made = list(pings(20_000, seed=7, until=date(2026, 11, 20)))
    rows = [json.loads(one.line) for one in made]
    uses, ages = reckoned(rows)
    answer = counted(tmp_path, *(one.line for one in made))
    assert {(row.day, row.variant): row.uses for row in answer.uses} == uses
    assert {(row.app, row.build_type, age): number for row in answer.ages for age, number in row.spread} == ages
    assert answer.counts.synthetic == answer.counts.counted > 18_000
