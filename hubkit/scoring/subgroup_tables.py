"""The scores of subgroups as tables for people, and as a CSV for programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hubkit.artifacts.scores import Interval
from hubkit.artifacts.subgroups import SubgroupFigure, Subgroups
from hubkit.metrics.registry import METRICS
from hubkit.scoring.tables import Grid, Names, figure_text, p_text
from hubkit.tables import SYSTEM_NAMES
from hubkit.workspace import write_text

CSV_HEADER = (
    *("division", "group", "studies", "patients", "condition", "measure", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "p_bootstrap", "p_holm"),
)


def subgroup_grids(subgroups: Subgroups, names: Names = SYSTEM_NAMES) -> list[Grid]:
    """A table for each division; one without a group that may be published has no rows.

    Args:
        names: of the systems, with the mark of what their base had seen of the corpus.
    """
    grids = []
    for division in subgroups.divisions:
        shown = {one.measure: METRICS[one.measure] for group in division.groups for one in group.figures}
        header = ["group", "condition", "studies", "patients"]
        for metric in shown.values():
            header += [metric.label, "difference", "p"]
        rows = []
        for group in division.groups:
            for condition in dict.fromkeys(one.condition for one in group.figures):
                cells = [cell for one in group.figures if one.condition == condition for cell in _cells(one)]
                rows.append((group.name, names[condition], str(group.studies), str(group.patients), *cells))
        grids.append(Grid(division.title, tuple(header), rows, names=2, note=division.about))
    return grids


def _cells(one: SubgroupFigure) -> tuple[str, str, str]:
    digits = METRICS[one.measure].digits
    if one.difference is None or one.p_holm is None:
        return figure_text(one.figure, digits), "", ""
    return figure_text(one.figure, digits), figure_text(one.difference, digits), p_text(one.p_holm)


def write_csv(path: Path, subgroups: Subgroups) -> None:
    """Write a row for each figure; cells of a difference that was not tested are empty."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for division in subgroups.divisions:
        for group in division.groups:
            about = (division.name, group.name, group.studies, group.patients)
            for one in group.figures:
                tested = (*_ends(one.difference), one.p_bootstrap, one.p_holm)
                writer.writerow((*about, one.condition, one.measure, *_ends(one.figure), *tested))
    write_text(path, held.getvalue())


def _ends(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (found.value, found.low, found.high) if found else (None, None, None)
