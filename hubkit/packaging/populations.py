"""Whom and what a release shows, as far as it is known: images by view, and the adapter's scores by view."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from hubkit.study_batches import study_batches
from hubkit.tables import SPLITS
from hubkit.workspace import Workspace, read_table

UNNAMED = "not named"
"""The view of an image of which the corpus does not name one."""


class ViewCounts(NamedTuple):
    """A view, and how many images of each split have it."""

    view: str
    images: list[int]


class ViewScore(NamedTuple):
    """The test studies whose first image has a view, and their mean BERTScore F1 (BERTimbau) with the adapter."""

    view: str
    studies: int
    f1: float


def view_counts(workspace: Workspace) -> list[ViewCounts]:
    """Images by view and split, the commonest view first."""
    counts: Counter[tuple[str, str]] = Counter()
    for batch in study_batches(workspace.studies, ["study_id", "split", "images"]):
        counts.update((row["split"], _view(image)) for row in batch.to_pylist() for image in row["images"] or ())
    views = Counter({view: 0 for _, view in counts})
    for (_, view), count in counts.items():
        views[view] += count
    ordered = sorted(views, key=lambda view: (-views[view], view))
    return [ViewCounts(view, [counts[split, view] for split in SPLITS]) for view in ordered]


def view_scores(workspace: Workspace) -> list[ViewScore]:
    """The adapter's scores by the view of a study's first image, most studies first."""
    columns = ["study_id", "condition", "setup", "f1"]
    table = read_table(workspace.scores / "scores.parquet", columns)
    batches = study_batches(workspace.studies, ["study_id", "images"], table["study_id"].unique().to_numpy())
    first = {
        row["study_id"]: _view(row["images"][0]) for batch in batches for row in batch.to_pylist() if row["images"]
    }
    scores: dict[str, list[float]] = defaultdict(list)
    for row in table.to_pylist():
        if (row["condition"], row["setup"]) == ("lora", "bertimbau") and row["study_id"] in first:
            scores[first[row["study_id"]]].append(row["f1"])
    ordered = sorted(scores, key=lambda view: (-len(scores[view]), view))
    return [ViewScore(view, len(scores[view]), sum(scores[view]) / len(scores[view])) for view in ordered]


def _view(image: dict[str, str | None]) -> str:
    return image["view"] or UNNAMED
