"""The plots next to summary.json: PNG for the cards, SVG for print, the same bytes for the same scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.scores import Summary
from hubkit.artifacts.subgroups import Subgroups
from hubkit.progress import track
from hubkit.scoring import figures
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.tables import MEASURES, SETUPS
from hubkit.workspace import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "svg.hashsalt": "hubkit",
    "svg.fonttype": "none",
}
ERRORS = "errors"

METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def draw_plots(folder: Path, evaluation: Evaluation, setups: Mapping[str, SetupScores], summary: Summary) -> None:
    """Write every plot as `folder`/NAME.png and NAME.svg; none of them shows a text or an id."""
    import matplotlib

    if not summary.profiled:
        for kind in METADATA:
            (folder / f"{ERRORS}.{kind}").unlink(missing_ok=True)  # of a run that had the profile
    with matplotlib.rc_context(STYLE):
        count = len(SETUPS) * len(MEASURES) + 4 + summary.profiled
        for name, figure in track(_plots(evaluation, setups, summary), "score: plots", count):
            _write(folder, name, figure)


def draw_subgroups(folder: Path, subgroups: Subgroups) -> None:
    """Write the plot of the groups as `folder`/subgroups.png and .svg, where any group is published."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        if any(division.groups for division in subgroups.divisions):
            _write(folder, "subgroups", figures.subgroups(subgroups))


def _write(folder: Path, name: str, figure: Figure) -> None:
    # Both files have the layout of the PNG. matplotlib would find one for each file, twice: a third of all time.
    figure.set_dpi(STYLE["savefig.dpi"])
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)
    for kind, metadata in METADATA.items():
        with atomic(folder / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)


def _plots(evaluation: Evaluation, setups: Mapping[str, SetupScores], summary: Summary) -> Iterator[tuple[str, Figure]]:
    for setup, scores in setups.items():
        for at, measure in enumerate(MEASURES):
            columns = {system: values[:, at] for system, values in scores.scores.items()}
            yield f"samples-{setup}-{measure}", figures.samples(columns, setup, measure)
    f1 = {setup: {system: values[:, 2] for system, values in scores.scores.items()} for setup, scores in setups.items()}
    yield "distributions", figures.distributions(f1, summary)
    yield "differences", figures.differences(f1, summary)
    yield "labels", figures.labels(f1["bertimbau"], evaluation, summary)
    yield "extremes", figures.extremes(f1["bertimbau"])
    if summary.profiled:
        yield ERRORS, figures.errors(summary)
