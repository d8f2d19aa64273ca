"""The answers as one page: two pictures, their tables, and what was left out. The only module that knows plotly.

The page holds all that it needs, plotly's own script included, and forbids itself every connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from math import log10
from typing import Any

from mozbisect.core.errors import CannotRun
from mozbisect.telemetry.insights.answers import Answer, Box, box
from mozbisect.telemetry.insights.words import age_table, left_out, shown, spread_over_days, synthetic, uses_table

BOXES = 24
"""So many apps and build types are drawn, the most asked for; the table has all."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#c8b900")
"""Okabe and Ito's, which are told apart by nearly all eyes."""

MONTHS = {1: "1", 2: "2", 3: "3", 6: "6", 12: "1 year", 24: "2 years", 60: "5 years", 120: "10 years", 240: "20 years"}
"""Where the axis of ages has a line; the axis is logarithmic, most builds are new, and the others the argument."""

_GRID = "#e3e6ea"
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "white",
    "plot_bgcolor": "white",
    "font": {"family": "system-ui, sans-serif", "size": 14, "color": "#20242a"},
    "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
}
_CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "resetScale2d"]]}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mozbisect: what the pings say</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #20242a; background: #fff; margin: 2rem auto; max-width: 64rem;
  padding: 0 1rem }}
h1 {{ font-size: 1.6rem; margin: 0 }}
h2 {{ font-size: 1.2rem; margin: 2.5rem 0 .25rem }}
p {{ margin: .25rem 0; color: #4a5260 }}
.synthetic {{ background: #fff3c4; border: 2px solid #d9a400; color: #5c4300; font-weight: 600; padding: .6rem 1rem;
  border-radius: 6px; margin: 1rem 0 }}
table {{ border-collapse: collapse; font-size: .9rem; margin: .5rem 0; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .8rem; text-align: right; border-bottom: 1px solid {grid} }}
th {{ color: #4a5260; font-weight: 600 }}
.one th:nth-child(1), .one td:nth-child(1), .two th:nth-child(-n+2), .two td:nth-child(-n+2) {{ text-align: left }}
summary {{ cursor: pointer; color: #4a5260 }}
ul {{ margin: .25rem 0; padding-left: 1.2rem; color: #4a5260 }}
</style>
<script>{script}</script>
</head>
<body>
<h1>mozbisect: what the pings say</h1>
<p>{days}</p>
{mark}
<h2>How often it is used</h2>
<p>Uses per day (UTC), by front end.</p>
<div id="uses"></div>
<details><summary>As a table</summary>{uses}</details>
<h2>How old the builds are that are asked for</h2>
<p>Months on the calendar between the ping and the build, plus one: a build of this month is 1. Box: quartiles and
median. Whiskers: the last values within one and a half boxes. Points: outliers, larger where there are more
pings.{cut}</p>
<div id="age"></div>
{ages}
<h2>What was counted</h2>
<ul>{counts}</ul>
<noscript><p>The pictures need JavaScript; it is inside this page.</p></noscript>
<script>
for (const [id, figure] of Object.entries({figures}))
  Plotly.newPlot(id, figure.data, figure.layout, {config});
</script>
</body>
</html>
"""


def page(answer: Answer) -> str:
    """The whole page. Raises ``CannotRun`` where plotly is missing."""
    figures = {"uses": uses_figure(answer), "age": age_figure(answer)}
    return _PAGE.format(
        grid=_GRID,
        script=script(),
        days=_days(answer),
        mark=f'<p class="synthetic">{synthetic(answer.counts)}</p>' if answer.counts.synthetic else "",
        uses=_table(*uses_table(answer), kind="one"),
        cut=f" Only the {BOXES} most asked for are drawn." if len(answer.ages) > BOXES else "",
        ages=_table(*age_table(answer), kind="two"),
        counts="".join(f"<li>{escape(line.removesuffix('.').strip())}</li>" for line in left_out(answer)),
        figures=_inline(figures),
        config=_inline(_CONFIG),
    )


def script() -> str:
    """Plotly's own, for the browser. Raises ``CannotRun``."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise CannotRun(
            "A page with pictures needs plotly, which is not installed.",
            advice="It comes with an extra: pip install 'mozbisect[insights]'. Without it: --output text, json or csv.",
        ) from None
    return str(get_plotlyjs())


def _days(answer: Answer) -> str:
    if not answer.uses:
        return "No ping was counted."
    first, last = answer.uses[0].day, answer.uses[-1].day
    return f"{answer.counts.counted:,} uses from {first} to {last}. Development versions are left out."


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    if not rows:
        return "<p>none</p>"
    return f'<table class="{kind}">{row(heads, "th")}{"".join(row(cells, "td") for cells in rows)}</table>'


def _inline(value: Any) -> str:
    """JSON that may stand inside a script: no text in it can end that."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ------------------------------------------------------------------------------------------------- the pictures


def uses_figure(answer: Answer) -> dict[str, Any]:
    """Stacked bars: a day each, and in it a colour for each variant."""
    names, by_day = spread_over_days(answer)
    days = [str(day) for day in by_day]
    bars = [
        {
            "type": "bar",
            "name": _label(name),
            "x": days,
            "y": [row[name] for row in by_day.values()],
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        }
        for name, colour in zip(names, COLOURS, strict=False)
    ]
    layout = {
        **_LAYOUT,
        "height": 420,
        "barmode": "stack",
        "bargap": 0.1,
        "hovermode": "x unified",
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "xaxis": {"type": "date", "automargin": True},
        "yaxis": {"gridcolor": _GRID, "automargin": True, "tickformat": ",d", "rangemode": "tozero"},
    }
    return {"data": bars, "layout": layout}


def age_figure(answer: Answer) -> dict[str, Any]:
    """Lying boxes, one for each app and build type, and the outliers as points."""
    rows = answer.ages[:BOXES]
    drawn = [box(ages) for ages in rows]
    labels = [_label(f"{ages.app} {ages.build_type}") for ages in rows]
    oldest = max((ages.spread[-1][0] for ages in rows), default=1)
    layout = {
        **_LAYOUT,
        "height": 90 + 44 * max(len(drawn), 1),
        "showlegend": False,
        "xaxis": {
            "type": "log",
            "range": [-0.05, log10(max(oldest, 12)) + 0.05],
            "tickvals": list(MONTHS),
            "ticktext": list(MONTHS.values()),
            "gridcolor": _GRID,
            "title": {"text": "age in months, and years"},
            "automargin": True,
        },
        "yaxis": {
            "tickvals": list(range(len(drawn))),
            "ticktext": labels,
            "autorange": "reversed",
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
    }
    return {"data": [_boxes(drawn, labels), _points(drawn, labels)], "layout": layout}


def _boxes(drawn: Sequence[Box], labels: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "box",
        "orientation": "h",
        "name": "",
        "y": list(range(len(drawn))),
        "q1": [one.lower_quartile for one in drawn],
        "median": [one.median for one in drawn],
        "q3": [one.upper_quartile for one in drawn],
        "lowerfence": [one.lower_fence for one in drawn],
        "upperfence": [one.upper_fence for one in drawn],
        "text": list(labels),
        "line": {"color": COLOURS[0], "width": 2},
        "fillcolor": "rgba(0, 114, 178, 0.2)",
        "width": 0.6,
    }


def _points(drawn: Sequence[Box], labels: Sequence[str]) -> dict[str, Any]:
    points = [(at, months, pings) for at, one in enumerate(drawn) for months, pings in one.outliers]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "outliers",
        "x": [months for _, months, _ in points],
        "y": [at for at, _, _ in points],
        "text": [f"{labels[at]}: {pings:,} of {months} months" for at, months, pings in points],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": COLOURS[5],
            "opacity": 0.55,
            "size": [min(4 + 2.5 * log10(pings), 16) for _, _, pings in points],
            "line": {"width": 0},
        },
    }


def _label(text: str) -> str:
    """Plotly reads a few HTML tags in its labels, links among them."""
    return escape(shown(text), quote=False)
