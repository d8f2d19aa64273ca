"""The answers for a terminal, and for programs: JSON and CSV. Prints nothing itself.

What pings say is shown as it is, but for characters that a terminal would obey: anybody can send a ping.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mozbisect.telemetry.insights.answers import Ages, Answer, Box, Counts, box, variants
from mozbisect.telemetry.usage import VARIANTS

USES, AGE = "uses", "age"
QUESTIONS = (USES, AGE)

SCHEMA = 1

COLUMNS = 8
"""So many variants have a column, or a colour, of their own."""

OTHERS = "others"

LEFT_OUT = {
    "unreadable": "no usage ping",
    "undated": "does not tell its day",
    "too_early": "of a day before",
    "repeated": "a document that is counted already",
    "development": "of a development version",
}
"""Of both answers; why."""

WITHOUT_AGE = {
    "untyped": "no build type",
    "dateless": "no day of a bad or a launched build",
    "ahead": "a build of a day after the ping",
}
"""Of the pings that are counted: why some have no age."""


# ------------------------------------------------------------------------------------------------- for people


def lines(answer: Answer, questions: Sequence[str] = QUESTIONS) -> Iterator[str]:
    """As tables, with what was left out below."""
    if answer.counts.synthetic:
        yield synthetic(answer.counts)
        yield ""
    if USES in questions:
        yield "Uses per day, by variant"
        yield ""
        yield from _aligned(*uses_table(answer), left=1)
        yield ""
    if AGE in questions:
        yield "Age in months of the builds that were asked for"
        yield ""
        yield from _aligned(*age_table(answer), left=2)
        yield ""
    yield from left_out(answer)


def beside(answer: Answer) -> Iterator[str]:
    """What a table of CSV has no place for."""
    if answer.counts.synthetic:
        yield synthetic(answer.counts)
    yield from left_out(answer)


def synthetic(counts: Counts) -> str:
    """The warning that stands above every answer that holds invented pings."""
    return f"SYNTHETIC: {counts.synthetic:,} of the {counts.counted:,} pings were invented."


def left_out(answer: Answer) -> Iterator[str]:
    """What became of each line that was read."""
    counts = asdict(answer.counts)
    since = f" {answer.since}" if answer.since else ""
    yield f"Lines that were read: {counts['lines']:,}; uses that were counted: {counts['counted']:,}."
    for name, why in LEFT_OUT.items():
        if counts[name]:
            yield f"  {counts[name]:,} left out: {why}{since if name == 'too_early' else ''}"
    for name, why in WITHOUT_AGE.items():
        if counts[name]:
            yield f"  {counts[name]:,} without an age: {why}"
    yield from answer.notes


def uses_table(answer: Answer) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: a row for each day that has uses, a column for each variant, and the total."""
    names, by_day = spread_over_days(answer)
    rows = [[str(day), *(f"{row[name]:,}" for name in names), f"{sum(row.values()):,}"] for day, row in by_day.items()]
    return ["day", *map(shown, names), "total"], rows


def spread_over_days(answer: Answer) -> tuple[list[str], dict[Any, dict[str, int]]]:
    """The variants, at most so many that they can be told apart, and for each day how often each was used."""
    names = list(variants(answer.uses, VARIANTS))
    if len(names) > COLUMNS:
        names = [*names[: COLUMNS - 1], OTHERS]
    by_day: dict[Any, dict[str, int]] = {}
    for use in answer.uses:
        row = by_day.setdefault(use.day, dict.fromkeys(names, 0))
        row[use.variant if use.variant in row else OTHERS] += use.uses
    return names, by_day


def age_table(answer: Answer) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: a row for each app and build type."""
    heads = ["app", "build type", "pings", *("lower fence", "25 %", "median", "75 %", "upper fence")]
    return [*heads, "outliers", "oldest"], [_age_row(ages, box(ages)) for ages in answer.ages]


def _age_row(ages: Ages, drawn: Box) -> list[str]:
    quartiles = (f"{value:g}" for value in (drawn.lower_quartile, drawn.median, drawn.upper_quartile))
    return [
        *(shown(ages.app), shown(ages.build_type), f"{ages.pings:,}"),
        *(str(drawn.lower_fence), *quartiles, str(drawn.upper_fence)),
        *(f"{drawn.outlying:,}", str(ages.spread[-1][0])),
    ]


def shown(text: str) -> str:
    """Of what a ping says: one short word that does nothing to a terminal."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)
    return plain if len(plain) <= 40 else f"{plain[:39]}…"


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> Iterator[str]:
    """Words on the left of their column, numbers on the right."""
    if not rows:
        yield "  none"
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


# ------------------------------------------------------------------------------------------------- for programs


def document(answer: Answer, questions: Sequence[str] = QUESTIONS) -> dict[str, Any]:
    """Everything, as JSON has it: also how many pings there are of every age."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "synthetic": answer.counts.synthetic > 0,
        "since": str(answer.since) if answer.since else None,
        "counts": {**asdict(answer.counts), "aged": answer.counts.aged},
        "notes": list(answer.notes),
    }
    if USES in questions:
        found["uses"] = [{"day": str(row.day), "variant": row.variant, "uses": row.uses} for row in answer.uses]
    if AGE in questions:
        found["age"] = [
            {**_statistics(ages), "outliers": _spread(box(ages).outliers), "distribution": _spread(ages.spread)}
            for ages in answer.ages
        ]
    return found


def _statistics(ages: Ages) -> dict[str, Any]:
    drawn = box(ages)
    return {
        "app": ages.app,
        "build_type": ages.build_type,
        "pings": ages.pings,
        "lowest": ages.spread[0][0],
        "lower_fence": drawn.lower_fence,
        "lower_quartile": drawn.lower_quartile,
        "median": drawn.median,
        "upper_quartile": drawn.upper_quartile,
        "upper_fence": drawn.upper_fence,
        "highest": ages.spread[-1][0],
    }


def _spread(rows: Iterable[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"months": months, "pings": pings} for months, pings in rows]


def table(answer: Answer, questions: Sequence[str] = QUESTIONS) -> str:
    """As CSV, one table. With both questions the first column tells which one a row answers. ``synthetic`` is said in
    each row: a table soon lies about without all else."""
    rows = [row for question in questions for row in _rows(answer, question)]
    heads = list(dict.fromkeys(name for question in questions for name in HEADS[question]))
    if len(questions) > 1:
        heads = ["question", *heads]
    out = io.StringIO()
    writer = csv.DictWriter(out, heads, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "synthetic": str(answer.counts.synthetic > 0).lower()} for row in rows)
    return out.getvalue()


HEADS = {
    USES: ("day", "variant", "uses", "synthetic"),
    AGE: (
        *("app", "build_type", "pings", "lowest", "lower_fence", "lower_quartile", "median", "upper_quartile"),
        *("upper_fence", "highest", "outliers", "synthetic"),
    ),
}


def _rows(answer: Answer, question: str) -> Iterator[dict[str, Any]]:
    if question == USES:
        for use in answer.uses:
            yield {"question": USES, "day": use.day, "variant": use.variant, "uses": use.uses}
        return
    for ages in answer.ages:
        yield {"question": AGE, **_statistics(ages), "outliers": box(ages).outlying}
