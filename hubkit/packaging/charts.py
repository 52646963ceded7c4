"""Plots for the page of a static Space, as SVG within the page.

The page is public, so a plot draws nothing but figures that stand in the public card's tables: means, intervals and F1
by finding. The plots in `scores/` also show single studies, or the shape of their scores, and stay behind the gate.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hubkit.artifacts.scores import Summary
from hubkit.artifacts.subgroups import Subgroups
from hubkit.tables import CONDITIONS

WIDTH, LEFT, RIGHT = 720, 220, 24
"""Units of the drawing: its width, the room for the names of rows, and the room beyond the axis."""

ROW, TOP, BOTTOM = 26, 34, 30
"""Units: the height of a row, and the room for legend and axis."""

STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
MOST_TICKS = 7
"""Steps of an axis that people read easily, and how many labels fit next to one another."""

BEST = 1.0
"""No score is higher, but in single precision one can come out a millionth above: no axis goes on to 1.2 for that."""

# Okabe and Ito's colours, which stay apart without colour vision; shapes tell the series apart in print.
_LOOKS = (("#0072B2", "circle"), ("#E69F00", "square"), ("#009E73", "diamond"), ("#777777", "bar"))


class Mark(NamedTuple):
    """A figure, with the interval around it where it has one."""

    value: float
    low: float
    high: float


class Row(NamedTuple):
    """A row of a plot: its name, and a mark for each series; None where a series has none."""

    name: str
    marks: Sequence[Mark | None]


def score_chart(scores: Summary, setup: str, names: Mapping[str, str]) -> str:
    """BERTScore F1 of each system in one setup, with its interval.

    Args:
        names: of the systems, as the tables have them.
    """
    rows = [
        Row(names.get(system, system), [_mark(f1.mean, f1.low, f1.high)])
        for system, figures in scores.conditions.items()
        if setup in figures.bertscore
        for f1 in [figures.bertscore[setup].f1]
    ]
    return _drawn(f"BERTScore F1 by system, {setup}", rows, [])


def finding_chart(scores: Summary, names: Mapping[str, str], subgroups: Subgroups | None = None) -> str:
    """F1 of each finding for the three conditions, and for the reference itself, most frequent finding first.

    Where subgroups were asked for, only of findings that as many studies have as a group must.
    """
    series = [*CONDITIONS, "reference"]
    rows = [
        Row(f"{label} ({found.studies})", [_mark(*[scores.conditions[name].findings[label].f1] * 3) for name in series])
        for label, found in sorted(scores.conditions["reference"].findings.items(), key=lambda at: -at[1].studies)
        if subgroups is None or label in subgroups.findings
    ]
    return _drawn("F1 by finding, with the number of studies", rows, [names.get(name, name) for name in series])


def _mark(value: float | None, low: float | None, high: float | None) -> Mark | None:
    if value is None or low is None or high is None or any(map(math.isnan, (value, low, high))):
        return None
    return Mark(value, low, high)


def _drawn(title: str, rows: Sequence[Row], series: Sequence[str]) -> str:
    """The plot, or nothing where there is no figure to draw."""
    marks = [mark for row in rows for mark in row.marks if mark]
    if not marks:
        return ""
    ticks = _ticks(min(mark.low for mark in marks), min(max(mark.high for mark in marks), BEST))
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" font-size="13" fill="currentColor">',
        f"<title>{html.escape(title)}</title>",
        *_axis(ticks, height),
        *_legend(series),
    ]
    for at, row in enumerate(rows):
        middle = TOP + ROW * (at + 0.5)
        parts.append(f'<text x="{LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{html.escape(row.name)}</text>')
        for number, mark in enumerate(row.marks):
            if mark:
                parts += _shown(mark, number, middle + _beside(number, len(row.marks)), ticks)
    return "\n".join([*parts, "</svg>"])


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below the lowest figure to above the highest."""
    step = next((step for step in STEPS if (high - low) / step <= MOST_TICKS - 2), 1.0)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * number, 3) for number in range(first, max(last, first + 1) + 1)]


def _place(value: float, ticks: Sequence[float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - ticks[0]) / (ticks[-1] - ticks[0])


def _axis(ticks: Sequence[float], height: int) -> Iterator[str]:
    for tick in ticks:
        x = f"{_place(tick, ticks):.1f}"
        yield f'<path d="M{x} {TOP}V{height - BOTTOM}" stroke="currentColor" stroke-opacity=".2"/>'
        yield f'<text x="{x}" y="{height - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>'


def _legend(series: Iterable[str]) -> Iterator[str]:
    x = float(LEFT)
    for number, name in enumerate(series):
        yield _shape(x, 13, number)
        yield f'<text x="{x + 10:.1f}" y="17">{html.escape(name)}</text>'
        x += 32 + 7 * len(name)


def _beside(number: int, count: int) -> float:
    """How far from the middle of its row a series stands, so that none hides another."""
    return 5.0 * (number - (count - 1) / 2)


def _shown(mark: Mark, number: int, y: float, ticks: Sequence[float]) -> Iterator[str]:
    low, x, high = (_place(value, ticks) for value in (mark.low, mark.value, mark.high))
    if high > low:
        yield f'<path d="M{low:.1f} {y:.1f}H{high:.1f}" stroke="{_LOOKS[number][0]}" stroke-width="2"/>'
    yield _shape(x, y, number)


def _shape(x: float, y: float, number: int) -> str:
    colour, shape = _LOOKS[number]
    drawn = {
        "circle": "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
        "square": "m-4-4h8v8h-8z",
        "diamond": "m0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z",
        "bar": "m-1.5-6h3v12h-3z",
    }[shape]
    return f'<path d="M{x:.1f} {y:.1f}{drawn}" fill="{colour}"/>'
