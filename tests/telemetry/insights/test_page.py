"""The page: whole in itself, and drawn from the answer and nothing else."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects
import pytest

from mozbisect.telemetry.insights.answers import Ages, Answer, Counts, Uses
from mozbisect.telemetry.insights.page import BOXES, age_figure, page, script, uses_figure
from mozbisect.telemetry.insights.words import COLUMNS

EVIL = '</script><a href="https://evil.example/">x</a>'
DAY = date(2026, 9, 1)
ANSWER = Answer(
    uses=(Uses(DAY, "console", 3), Uses(DAY, "gui", 2), Uses(date(2026, 9, 2), "gui", 5)),
    ages=(Ages("firefox", "shippable", ((1, 50), (2, 10), (3, 30), (24, 2), (83, 1))), Ages("fenix", "opt", ((4, 1),))),
    counts=Counts(lines=12, unreadable=2, counted=10),
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data


def tags(text: str) -> Tags:
    seen = Tags()
    seen.feed(text.replace(script(), ""))
    return seen


def test_the_page_holds_all_it_needs_and_forbids_itself_the_rest() -> None:
    text = page(ANSWER)
    assert script() in text
    assert not [attrs for _, attrs in tags(text).found if {"src", "href"} & attrs.keys()]
    (policy,) = (attrs["content"] for _, attrs in tags(text).found if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "http" not in text.replace(script(), "").replace("http-equiv", "")


def test_what_a_ping_says_cannot_become_part_of_the_page() -> None:
    uses = (Uses(DAY, EVIL, 1),)
    text = page(Answer(uses, (Ages(EVIL, EVIL, ((1, 1),)),), Counts(lines=1, counted=1)))
    seen = tags(text)
    assert [tag for tag, _ in seen.found if tag == "a"] == []
    assert sum(tag == "script" for tag, _ in seen.found) == 2
    # Plotly itself would make a link of it.
    assert "<a" not in str(uses_figure(Answer(uses, (), Counts())))


def test_the_bars_are_the_uses() -> None:
    figure = uses_figure(ANSWER)
    assert figure["layout"]["barmode"] == "stack"
    assert [(bar["name"], bar["x"], bar["y"]) for bar in figure["data"]] == [
        ("console", ["2026-09-01", "2026-09-02"], [3, 0]),
        ("gui", ["2026-09-01", "2026-09-02"], [2, 5]),
    ]


def test_the_boxes_are_the_ages_and_their_outliers_points() -> None:
    boxes, points = age_figure(ANSWER)["data"]
    assert [boxes[name] for name in ("lowerfence", "q1", "median", "q3", "upperfence")] == [
        *([1, 4], [1, 4], [1, 4], [3, 4], [3, 4]),
    ]
    assert list(zip(points["x"], points["y"], strict=True)) == [(24, 0), (83, 0)]
    assert age_figure(ANSWER)["layout"]["yaxis"]["ticktext"] == ["firefox shippable", "fenix opt"]


def test_plotly_knows_every_word_of_the_pictures() -> None:
    """It passes over others in silence, but for this check."""
    for figure in (uses_figure(ANSWER), age_figure(ANSWER), uses_figure(NOTHING), age_figure(NOTHING)):
        plotly.graph_objects.Figure(figure)
    with pytest.raises(ValueError, match="barmod"):
        plotly.graph_objects.Figure({"data": [], "layout": {"barmod": "stack"}})


NOTHING = Answer((), (), Counts(lines=3, unreadable=3))


def test_nothing_is_a_page_too() -> None:
    said = tags(page(NOTHING)).said
    assert "No ping was counted." in said
    assert "3 left out: no usage ping" in said


def test_invented_pings_are_said_to_be_at_the_top() -> None:
    assert "SYNTHETIC" not in tags(page(ANSWER)).said
    said = tags(page(Answer(ANSWER.uses, ANSWER.ages, Counts(lines=10, counted=10, synthetic=4)))).said
    assert "SYNTHETIC: 4 of the 10 pings were invented." in said[: said.index("How often")]


def test_more_variants_and_build_types_than_can_be_told_apart_are_put_together_or_left_to_the_table() -> None:
    uses = tuple(Uses(DAY, f"variant {at:02}", 100 - at) for at in range(20))
    ages = tuple(Ages("firefox", f"type {at:02}", ((1, 100 - at),)) for at in range(40))
    answer = Answer(uses, ages, Counts(lines=1, counted=1))
    names = [bar["name"] for bar in uses_figure(answer)["data"]]
    assert (len(names), names[-1]) == (COLUMNS, "others")
    assert sum(bar["y"][0] for bar in uses_figure(answer)["data"]) == sum(row.uses for row in uses)
    assert len(age_figure(answer)["data"][0]["median"]) == BOXES
    said = tags(page(answer)).said
    assert f"Only the {BOXES} most asked for are drawn." in " ".join(said.split())
    assert "type 39" in said


def test_the_page_is_small_enough_for_a_mail(tmp_path: Path) -> None:
    assert len(page(ANSWER).encode()) < 5_500_000
    assert re.search(r"plotly\.js v\d", script())
