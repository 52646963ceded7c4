"""The plots: for each measure the mean of every prompt, and where the variance comes from. No text and no ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hubkit.artifacts.sensitivity import MeasureSensitivity, SensitivityResults
from hubkit.metrics.registry import METRICS
from hubkit.scoring.figures import COLOURS, MARKERS
from hubkit.scoring.plots import METADATA, STYLE
from hubkit.sensitivity.variance import SOURCES
from hubkit.tables import SYSTEM_NAMES
from hubkit.workspace import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE_COLOURS = {
    "prompt": "#D55E00",
    "draw": "#F0E442",
    "prompt:draw": "#E69F00",
    "patient": "#56B4E9",
    "residual": "#BBBBBB",
}
"""Okabe and Ito's, which stay apart for colour-blind eyes; the residual is grey, since nobody chose it."""

APART = 0.25
"""How far from one another the conditions stand in the row of a prompt."""


def draw_plots(folder: Path, found: SensitivityResults) -> None:
    """Write a plot of each measure as `folder`/NAME.png and NAME.svg, such as bertimbau-f1.png.

    Those of a former run are removed: it may have had a measure that this one has not.
    """
    import matplotlib
    from matplotlib.figure import Figure

    for kind in METADATA:
        for former in folder.glob(f"*.{kind}"):
            former.unlink()
    with matplotlib.rc_context(STYLE):
        for name in next(iter(found.conditions.values())).measures:
            by_condition = {condition: one.measures[name] for condition, one in found.conditions.items()}
            figure = Figure(figsize=(9, 2.2 + 0.5 * len(found.prompts)), layout="constrained")
            left, right = figure.subplots(1, 2)
            _draw_prompts(left, found, by_condition)
            left.set(title=METRICS[name].label, xlabel=f"mean with {found.confidence:.0%} interval; + each draw")
            _draw_shares(right, by_condition)
            right.set(title="Variance of one report's score", xlabel="share")
            figure.legend(
                *left.get_legend_handles_labels(), loc="outside upper center", ncols=len(by_condition), fontsize=10
            )
            for kind, metadata in METADATA.items():
                with atomic(folder / f"{name.replace(' ', '-')}.{kind}") as temporary:
                    figure.savefig(temporary, format=kind, metadata=metadata)


def _draw_prompts(axes: Axes, found: SensitivityResults, by_condition: dict[str, MeasureSensitivity]) -> None:
    names = [prompt.name for prompt in found.prompts]
    for place, (condition, one) in enumerate(by_condition.items()):
        rows = np.arange(len(names)) + APART * (place - (len(by_condition) - 1) / 2)
        shown = [one.prompts[name] for name in names]
        ends = [
            [max(0, value.value - value.low) for value in shown],
            [max(0, value.high - value.value) for value in shown],
        ]
        axes.errorbar(
            [value.value for value in shown],
            rows,
            xerr=ends,
            linestyle="none",
            marker=MARKERS[condition],
            markersize=6,
            color=COLOURS[condition],
            label=SYSTEM_NAMES[condition],
        )
        for row, name in zip(rows, names, strict=True):
            if len(one.draws[name]) > 1:
                axes.plot(one.draws[name], [row] * len(one.draws[name]), "+", color="black", markersize=6, zorder=3)
    axes.set_yticks(range(len(names)), [f"{name} (set)" if name == found.set_prompt else name for name in names])
    axes.invert_yaxis()


def _draw_shares(axes: Axes, by_condition: dict[str, MeasureSensitivity]) -> None:
    rows = np.arange(len(by_condition))
    start = np.zeros(len(by_condition))
    for source in SOURCES:
        shares = np.array(
            [one.components[source].share if source in one.components else 0.0 for one in by_condition.values()]
        )
        axes.barh(rows, shares, left=start, height=0.6, color=SOURCE_COLOURS[source], edgecolor="white", label=source)
        for row, (share, begin) in enumerate(zip(shares, start, strict=True)):
            if share >= 0.08:  # a narrower piece has no room for its figure
                axes.text(begin + share / 2, row, f"{share:.0%}", ha="center", va="center", fontsize=10)
        start += shares
    axes.set_yticks(rows, [SYSTEM_NAMES[condition] for condition in by_condition])
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3, fontsize=10, handlelength=1)
