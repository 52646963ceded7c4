"""How each plot is drawn.

The colours are Okabe and Ito's, which stay apart for colour-blind eyes; shapes differ as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.scoring.agreement import present
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.table import NAMES
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = Mapping[str, np.ndarray]
"""A score per study by system."""

COLOURS = {"zero_shot": "#0072B2", "few_shot": "#E69F00", "lora": "#009E73", "commonest": "#888888"}
MARKERS = {"zero_shot": "o", "few_shot": "s", "lora": "^", "commonest": "x"}
WIDTH = 9.0
"""Inches; at 150 dpi half as wide again as a card shows it, so that 11 points stay readable."""
EXTREMES = 10


def samples(scores: Scores, setup: str, measure: str) -> Figure:
    """One measure of every study in every condition, with the means: the original study's plot."""
    figure, axes = _figure(4.2)
    ends = []
    for condition in CONDITIONS:
        values = scores[condition]
        axes.scatter(np.arange(len(values)), values, s=9, alpha=0.45, linewidths=0, rasterized=True, **_look(condition))
        axes.axhline(values.mean(), color=COLOURS[condition], linewidth=1.8)
        ends.append((float(values.mean()), condition))
    low, high = axes.get_ylim()
    gap, last = (high - low) * 0.055, -np.inf
    for mean, condition in sorted(ends):
        last = max(mean, last + gap)  # means that nearly coincide would be printed on one another
        axes.annotate(
            f"{NAMES[condition]} {mean:.3f}",
            (1.01, last),
            xycoords=("axes fraction", "data"),
            color=COLOURS[condition],
            va="center",
            fontweight="bold",
        )
    title = "F1" if measure == "f1" else measure
    axes.set(title=f"BERTScore {title}, {NAMES[setup]}, with means", xlabel="test study", ylabel=title)
    axes.margins(x=0.01)
    return figure


def distributions(f1: Mapping[str, Scores], summary: Mapping[str, Any]) -> Figure:
    """F1 in both setups: shape, quartiles and mean with interval of each condition, and of the commonest report."""
    figure, panels = _figure(4.4, columns=len(f1))
    for axes, (setup, scores) in zip(panels, f1.items(), strict=True):
        systems = [system for system in COLOURS if system in scores]
        for at, system in enumerate(systems):
            _violin(axes, at, scores[system], COLOURS[system])
            found = summary["conditions"][system][setup]["f1"]
            axes.errorbar(
                at,
                found["mean"],
                yerr=[[max(0, found["mean"] - found["low"])], [max(0, found["high"] - found["mean"])]],
                fmt=MARKERS[system],
                color="black",
                markersize=5,
                capsize=4,
                zorder=4,
            )
            axes.annotate(
                f"{found['mean']:.3f}", (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom"
            )
        axes.set_xticks(range(len(systems)), [NAMES[system].replace(" ", "\n") for system in systems])
        axes.set_title(NAMES[setup], pad=20)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("BERTScore F1")
    figure.suptitle(
        f"F1 over studies; bar: quartiles, point: mean with {summary['confidence']:.0%} interval", fontsize=11
    )
    return figure


def differences(f1: Mapping[str, Scores], summary: Mapping[str, Any]) -> Figure:
    """F1 of every study minus that of its zero-shot report."""
    others = [condition for condition in CONDITIONS if condition != "zero_shot"]
    tested = {(row["system"], row["against"], row["measure"]): row for row in summary["differences"]}
    figure, panels = _figure(5.6, rows=len(others), columns=len(f1), sharex="col")
    for column, (setup, scores) in enumerate(f1.items()):
        edges = _edges([scores[condition] - scores["zero_shot"] for condition in others])
        for row, condition in enumerate(others):
            axes, moved = panels[row][column], scores[condition] - scores["zero_shot"]
            axes.hist(moved, bins=edges, color=COLOURS[condition], alpha=0.8)
            axes.axvline(0, color="black", linewidth=1)
            found = tested[condition, "zero_shot", f"{setup} f1"]
            axes.axvline(found["difference"], color="black", linewidth=1.5, linestyle="--")
            axes.set_title(
                f"{NAMES[setup]}: {NAMES[condition]} − zero-shot\n"
                f"mean {found['difference']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], "
                f"better in {(moved > 0).mean():.0%}",
                fontsize=10.5,
            )
            axes.set_ylabel("studies" if column == 0 else "")
        panels[-1][column].set_xlabel("difference in BERTScore F1")
    return figure


def labels(f1: Scores, evaluation: Evaluation, summary: Mapping[str, Any]) -> Figure:
    """By CheXpert label: BERTScore F1 of the studies that have it, and F1 of naming it."""
    has = present(evaluation.labels)
    shown = [at for at in np.argsort(has.sum(axis=0), kind="stable") if has[:, at].any()]
    figure, (left, right) = _figure(1.6 + 0.42 * len(shown), columns=2, sharey=True)
    offsets = {"zero_shot": 0.22, "few_shot": 0.0, "lora": -0.22}
    for condition in CONDITIONS:
        rows = np.arange(len(shown)) + offsets[condition]
        look = {**_look(condition), "label": NAMES[condition]}
        left.scatter([f1[condition][has[:, at]].mean() for at in shown], rows, s=36, **look)
        named = summary["conditions"][condition]["clinical"]["labels"]
        right.scatter([named[CHEXPERT_LABELS[at]]["f1"] for at in shown], rows, s=36, **look)
    left.set_yticks(range(len(shown)), [f"{CHEXPERT_LABELS[at]} ({has[:, at].sum()})" for at in shown])
    left.set(title="BERTScore F1, BERTimbau", xlabel="mean over studies with the label")
    right.set(title="Finding named", xlabel="F1 against the label", xlim=(-0.03, 1.03))
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def extremes(f1: Scores) -> Figure:
    """The studies that LoRA does worst and best, in all conditions; which ones they are stays in the workspace."""
    order = np.argsort(f1["lora"], kind="stable")
    count = min(EXTREMES, len(order) // 2)
    figure, panels = _figure(4.4, columns=2, sharey=True)
    for axes, some, title in zip(
        panels, (order[:count], order[len(order) - count :][::-1]), ("worst", "best"), strict=True
    ):
        rows = np.arange(len(some))
        values = np.stack([f1[condition][some] for condition in CONDITIONS])
        axes.hlines(rows, values.min(axis=0), values.max(axis=0), color="#bbbbbb", linewidth=2, zorder=1)
        for condition in CONDITIONS:
            axes.scatter(f1[condition][some], rows, s=44, zorder=2, label=NAMES[condition], **_look(condition))
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


def _edges(differences: list[np.ndarray]) -> np.ndarray:
    lowest, highest = (float(end([end(values) for values in differences])) for end in (np.min, np.max))
    return np.linspace(min(lowest, -0.01), max(highest, 0.01), 61)


def extreme_studies(f1: Scores, studies: np.ndarray) -> dict[str, dict[str, list[int]]]:
    """Ids of the worst and best studies of each condition, the most extreme first; they stay in the workspace."""
    found = {}
    for condition in CONDITIONS:
        ordered = studies[np.argsort(f1[condition], kind="stable")].tolist()
        found[condition] = {"worst": ordered[:EXTREMES], "best": ordered[::-1][:EXTREMES]}
    return found
