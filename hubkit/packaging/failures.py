"""The known failures of what a model wrote, each as a share of the texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hubkit.metrics.agreement import agreement
from hubkit.study_batches import study_batches, study_ids
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace, read_table


class Failures(NamedTuple):
    """How the answers of one condition fail, as shares.

    Attributes:
        condition: one of CONDITIONS.
        answers: how many there are.
        empty: have no text.
        cut: were cut at the limit of new tokens.
        labelled: answers to studies that have labels; the next two are shares of these.
        invented: name a finding that the labels do not have.
        missed: do not name one that they have.
    """

    condition: str
    answers: int
    empty: float
    cut: float
    labelled: int
    invented: float
    missed: float


def failures(workspace: Workspace) -> list[Failures]:
    """The failures of each condition over the test studies."""
    generated = np.unique(np.concatenate([study_ids(workspace.generations(name)) for name in CONDITIONS]))
    batches = study_batches(workspace.studies, ["study_id", "labels"], generated)
    labels = {row["study_id"]: row["labels"] for batch in batches for row in batch.to_pylist() if row["labels"]}
    return [_failures(workspace, condition, labels) for condition in CONDITIONS]


def _failures(workspace: Workspace, condition: str, labels: dict[int, dict[str, int | None]]) -> Failures:
    columns = ["study_id", "generated", "finish_reason"]
    rows = read_table(workspace.generations(condition), columns).to_pylist()
    known = [row for row in rows if row["study_id"] in labels]
    counts = agreement([row["generated"] for row in known], [labels[row["study_id"]] for row in known]).counts
    # studies x labels x (both name it, only the report, only the label)
    invented, missed = (counts[:, :, at].any(axis=1).sum() for at in (1, 2))
    return Failures(
        condition=condition,
        answers=len(rows),
        empty=_share(sum(not row["generated"].strip() for row in rows), len(rows)),
        cut=_share(sum(row["finish_reason"] == "length" for row in rows), len(rows)),
        labelled=len(known),
        invented=_share(int(invented), len(known)),
        missed=_share(int(missed), len(known)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
