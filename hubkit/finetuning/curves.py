"""The curves of a training run, drawn for the card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hubkit.artifacts.training_log import LogEntry
from hubkit.workspace import atomic


class Panel(NamedTuple):
    """One plot: a measure over optimiser steps; `key` names it in the log, with `eval_` before it in evaluation."""

    key: str
    title: str


PANELS = (
    Panel("loss", "Loss"),
    Panel("entropy", "Entropy (nats)"),
    Panel("mean_token_accuracy", "Mean token accuracy"),
)
FORMATS = ("png", "svg")


def draw_curves(history: Sequence[LogEntry], best_step: int | None, folder: Path) -> None:
    """Draw train and evaluation curves to curves.png and curves.svg in `folder`, the same bytes for the same log.

    Args:
        history: the trainer's log.
        best_step: marked by a vertical line, where something was evaluated.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        axes.plot(*_series(history, panel.key), linewidth=1, alpha=0.7, label="train")
        steps, values = _series(history, f"eval_{panel.key}")
        if steps:
            axes.plot(steps, values, marker="o", markersize=3, label="validate")
        if best_step is not None:
            axes.axvline(best_step, color="gray", linestyle=":", label=f"kept: step {best_step}")
        axes.set(title=panel.title, xlabel="optimiser step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    with matplotlib.rc_context({"svg.hashsalt": "hubkit", "svg.fonttype": "none"}):
        for kind in FORMATS:
            with atomic(folder / f"curves.{kind}") as path:
                figure.savefig(path, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)


def _series(history: Sequence[LogEntry], key: str) -> tuple[list[int], list[float]]:
    points = [(entry.step, value) for entry in history if (value := getattr(entry, key, None)) is not None]
    return [step for step, _ in points], [value for _, value in points]
