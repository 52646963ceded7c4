"""How each plot is drawn.

The colours are Okabe and Ito's, which stay apart for colour-blind eyes; shapes differ as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.artifacts.extremes import ConditionExtremes
from hubkit.artifacts.scores import Interval, Summary
from hubkit.artifacts.subgroups import Subgroups
from hubkit.metrics.agreement import present
from hubkit.metrics.registry import METRICS, shown_in
from hubkit.scoring.baselines import REFERENCE
from hubkit.scoring.inputs import Evaluation
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, SETUP_NAMES, SYSTEM_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = Mapping[str, np.ndarray]
"""A score per study by system."""

COLOURS = {"zero_shot": "#0072B2", "few_shot": "#E69F00", "lora": "#009E73", "commonest": "#888888"}
MARKERS = {"zero_shot": "o", "few_shot": "s", "lora": "^", "commonest": "x"}
BESIDE = {"zero_shot": 0.22, "few_shot": 0.0, "lora": -0.22}
"""How far from the middle of its row each condition stands, so that none hides another."""
WIDTH = 9.0
"""Inches; at 150 dpi half as wide again as a card shows it, so that 11 points stay readable."""

EXTREMES = 10
"""Studies at each end, in the plot and in extremes.json: few enough to read them all."""


def samples(scores: Scores, setup: str, measure: str) -> Figure:
    """One measure of every study in every condition, with the means: the original study's plot."""
    figure, axes = _figure(4.2)
    size = float(np.clip(2400 / len(scores[CONDITIONS[0]]), 9, 32))
    ends = []
    for condition in CONDITIONS:
        values, look = scores[condition], _look(condition)
        axes.scatter(np.arange(len(values)), values, s=size, alpha=0.5, linewidths=0, rasterized=True, **look)
        axes.axhline(values.mean(), color=COLOURS[condition], linewidth=1.8)
        ends.append((float(values.mean()), condition))
    low, high = axes.get_ylim()
    gap, last = (high - low) * 0.065, -np.inf
    for mean, condition in sorted(ends):
        last = max(mean, last + gap)  # means that nearly coincide would be printed on one another
        place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        axes.plot(1.02, last, markersize=7, **_look(condition), **place)
        axes.text(1.04, last, f"{SYSTEM_NAMES[condition]} {mean:.3f}", va="center", **place)
    title = "F1" if measure == "f1" else measure
    axes.set(title=f"BERTScore {title}, {SETUP_NAMES[setup]}, with means", xlabel="test study", ylabel=title)
    axes.margins(x=0.01)
    return figure


def distributions(f1: Mapping[str, Scores], summary: Summary) -> Figure:
    """F1 in both setups: shape, quartiles and mean with interval of each condition, and of the commonest report."""
    figure, panels = _figure(4.4, columns=len(f1))
    for axes, (setup, scores) in zip(panels, f1.items(), strict=True):
        systems = [system for system in COLOURS if system in scores]
        for at, system in enumerate(systems):
            _violin(axes, at, scores[system], COLOURS[system])
            found = summary.conditions[system].bertscore[setup].f1
            axes.errorbar(
                at,
                found.mean,
                yerr=[[max(0, found.mean - found.low)], [max(0, found.high - found.mean)]],
                fmt=MARKERS[system],
                color="black",
                markersize=5,
                capsize=4,
                zorder=4,
            )
            axes.annotate(f"{found.mean:.3f}", (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
        axes.set_xticks(range(len(systems)), [SYSTEM_NAMES[system].replace(" ", "\n") for system in systems])
        axes.set_title(SETUP_NAMES[setup], pad=20)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("BERTScore F1")
    figure.suptitle(f"F1 over studies; bar: quartiles, point: mean with {summary.confidence:.0%} interval", fontsize=11)
    return figure


def differences(f1: Mapping[str, Scores], summary: Summary) -> Figure:
    """F1 of every study minus that of its zero-shot report."""
    others = [condition for condition in CONDITIONS if condition != "zero_shot"]
    tested = {(row.system, row.against, row.measure): row.interval for row in summary.differences}
    figure, panels = _figure(5.6, rows=len(others), columns=len(f1), sharex="col")
    for column, (setup, scores) in enumerate(f1.items()):
        edges = _edges(np.concatenate([scores[condition] - scores["zero_shot"] for condition in others]))
        for row, condition in enumerate(others):
            axes, moved = panels[row][column], scores[condition] - scores["zero_shot"]
            axes.hist(moved, bins=edges, color=COLOURS[condition], alpha=0.8)
            axes.axvline(0, color="black", linewidth=1)
            found = tested[condition, "zero_shot", f"{setup} f1"]
            axes.axvline(found.value, color="black", linewidth=1.5, linestyle="--")
            axes.set_title(f"{SETUP_NAMES[setup]}: {SYSTEM_NAMES[condition]} − zero-shot", pad=20)
            mean, low, high = (f"{value:+.3f}".replace("-", "−") for value in (found.value, found.low, found.high))
            shares = f"{(moved > 0).mean():.0%} better, {(moved < 0).mean():.0%} worse"
            place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "fontsize": 10, "in_layout": False}
            axes.text(0.5, 1.03, f"mean {mean} [{low}, {high}]; {shares}", **place)
            axes.locator_params(axis="y", nbins=5, integer=True)
            axes.set_ylabel("studies" if column == 0 else "")
        panels[-1][column].set_xlabel("difference in BERTScore F1")
        panels[-1][column].locator_params(axis="x", nbins=6)
    return figure


def labels(f1: Scores, evaluation: Evaluation, summary: Summary) -> Figure:
    """By CheXpert label: BERTScore F1 of the studies that have it, and F1 of naming it, with what can be reached."""
    has = present(evaluation.labels)
    shown = [at for at in np.argsort(has.sum(axis=0), kind="stable") if has[:, at].any()]
    figure, (left, right) = _figure(1.6 + 0.42 * len(shown), columns=2, sharey=True)
    rules = summary.conditions[REFERENCE].findings
    ceiling = [rules[CHEXPERT_LABELS[at]].f1 for at in shown]
    right.scatter(
        ceiling, range(len(shown)), s=420, color="#555555", marker="|", label="the reference, read by the rules"
    )
    for condition in CONDITIONS:
        rows = np.arange(len(shown)) + BESIDE[condition]
        look = {**_look(condition), "label": SYSTEM_NAMES[condition]}
        left.scatter([f1[condition][has[:, at]].mean() for at in shown], rows, s=36, **look)
        named = summary.conditions[condition].findings
        right.scatter([named[CHEXPERT_LABELS[at]].f1 for at in shown], rows, s=36, **look)
    left.set_yticks(range(len(shown)), [f"{CHEXPERT_LABELS[at]} ({has[:, at].sum()})" for at in shown])
    left.set(title="BERTScore F1, BERTimbau", xlabel="mean over studies with the label")
    right.set(title="Finding named", xlabel="F1 against the label", xlim=(-0.03, 1.03))
    handles, names = right.get_legend_handles_labels()
    figure.legend([*handles[1:], handles[0]], [*names[1:], names[0]], loc="outside upper center", ncols=4)
    return figure


def errors(summary: Summary) -> Figure:
    """Clinical errors in a report by kind and by finding, of each condition and of the commonest report."""
    systems = [system for system in COLOURS if system in summary.conditions]
    kinds = shown_in("errors", summary.names)
    findings = list(summary.conditions[systems[0]].errors)
    figure, (left, right) = _figure(1.8 + 0.42 * max(len(kinds), len(findings)), columns=2)
    for system in systems:
        found = summary.conditions[system]
        look = {**_look(system), "label": SYSTEM_NAMES[system]}
        _intervals(left, [found.figure(metric.name) for metric in kinds], BESIDE.get(system, -0.4), look)
        _intervals(right, [found.errors[name].per_report for name in findings], BESIDE.get(system, -0.4), look)
    for axes, names, title in ((left, [metric.label for metric in kinds], "kind"), (right, findings, "finding")):
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(title=f"Clinical errors by {title}", xlabel=f"in a report, with {summary.confidence:.0%} interval")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=len(systems))
    return figure


def subgroups(found: Subgroups) -> Figure:
    """Each figure of each group that is published, in all conditions, division by division."""
    groups = [(division, group) for division in found.divisions for group in division.groups]
    measures = list(dict.fromkeys(one.measure for _, group in groups for one in group.figures))
    figure, panels = _figure(1.8 + 0.42 * len(groups), columns=len(measures), sharey=True, squeeze=False)
    for axes, measure in zip(panels[0], measures, strict=True):
        for condition in CONDITIONS:
            shown = [
                one.figure
                for _, group in groups
                for one in group.figures
                if (one.condition, one.measure) == (condition, measure)
            ]
            _intervals(axes, shown, BESIDE[condition], {**_look(condition), "label": SYSTEM_NAMES[condition]})
        axes.set(title=METRICS[measure].label.replace(", ", "\n"), xlabel=f"with {found.confidence:.0%} interval")
        axes.locator_params(axis="x", nbins=4)
    names = [f"{division.title}: {group.name} ({group.studies})" for division, group in groups]
    panels[0][0].set_yticks(range(len(names)), names)
    panels[0][0].invert_yaxis()
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(CONDITIONS))
    return figure


def _intervals(axes: Axes, shown: Sequence[Interval], shift: float, look: dict[str, str]) -> None:
    values = np.array([one.value for one in shown])
    ends = np.array([[max(0.0, one.value - one.low), max(0.0, one.high - one.value)] for one in shown]).T
    marker: dict[str, Any] = {**look, "linestyle": "none", "markersize": 5}
    axes.errorbar(values, np.arange(len(shown)) - shift, xerr=ends, **marker)


def extremes(f1: Scores) -> Figure:
    """The studies that LoRA does worst and best, in all conditions; which ones they are stays in the workspace."""
    order = np.argsort(f1["lora"], kind="stable")
    count = min(EXTREMES, len(order) // 2)
    figure, panels = _figure(4.8, columns=2, sharex=True, sharey=True)
    for axes, some, title in zip(
        panels, (order[:count], order[len(order) - count :][::-1]), ("worst", "best"), strict=True
    ):
        rows = np.arange(len(some))
        values = np.stack([f1[condition][some] for condition in CONDITIONS])
        axes.hlines(rows, values.min(axis=0), values.max(axis=0), color="#bbbbbb", linewidth=2, zorder=1)
        for condition in CONDITIONS:
            places = rows - BESIDE[condition]  # the axis points down
            axes.scatter(f1[condition][some], places, s=40, zorder=2, label=SYSTEM_NAMES[condition], **_look(condition))
        axes.set_yticks(rows, [str(row + 1) for row in rows])
        axes.set(title=f"{count} {title} studies of LoRA", xlabel="BERTScore F1, BERTimbau")
    panels[0].invert_yaxis()
    panels[0].set_ylabel("rank")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _figure(height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **shared)


def _look(condition: str) -> dict[str, str]:
    return {"color": COLOURS[condition], "marker": MARKERS[condition]}


def _violin(axes: Axes, at: int, values: np.ndarray, colour: str) -> None:
    if np.ptp(values) > 1e-6:  # a density of equal values does not exist
        bodies: Any = axes.violinplot(values, [at], widths=0.85, showextrema=False)["bodies"]
        for body in bodies:
            body.set(facecolor=colour, alpha=0.55, edgecolor=colour)
    axes.vlines(at, *np.quantile(values, [0.25, 0.75]), color=colour, linewidth=7, zorder=3)


def _edges(differences: np.ndarray) -> np.ndarray:
    """Edges of 15 to 60 bins, one of them 0: no bin may hold what got better and what got worse."""
    low, high = min(differences.min(), -0.01), max(differences.max(), 0.01)
    width = (high - low) / np.clip(len(differences) // 8, 15, 60)
    edges: np.ndarray = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    return edges


def extreme_studies(f1: Scores, studies: np.ndarray) -> dict[str, ConditionExtremes]:
    """Ids of the worst and best studies of each condition, the most extreme first; they stay in the workspace."""
    found = {}
    for condition in CONDITIONS:
        ordered = studies[np.argsort(f1[condition], kind="stable")].tolist()
        found[condition] = ConditionExtremes(worst=ordered[:EXTREMES], best=ordered[::-1][:EXTREMES])
    return found
