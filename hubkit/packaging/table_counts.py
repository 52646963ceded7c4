"""What the cards say of the tables: split sizes, labels, and how the sections were checked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.revision import read_revision
from hubkit.disclosure import large_enough
from hubkit.packaging.dataset import HUB_SPLITS
from hubkit.tables import CHEXPERT_LABELS, SPLITS
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import pyarrow as pa


class SplitSize(NamedTuple):
    """How much one split holds."""

    name: str
    studies: int
    subjects: int
    images: int


class Noticed(NamedTuple):
    """In how many sections a check noticed something: in flagged ones, and as a warning in those that passed."""

    check: str
    flagged: int
    warned: int


class Quality(NamedTuple):
    """How the translated sections fared in the checks.

    Attributes:
        sections: sections that had text.
        studies: studies that they come from.
        status: sections by status (ok, flagged, failed).
        checks: what the checks noticed, commonest first.
        reused: sections whose translation was taken from an equal text.
        corrected: sections that people decided about.
        left_out: flagged sections whose text was taken out.
    """

    sections: int
    studies: int
    status: dict[str, int]
    checks: list[Noticed]
    reused: int
    corrected: int
    left_out: int = 0


def split_sizes(workspace: Workspace) -> list[SplitSize]:
    """Studies, subjects and images of each split."""
    import pyarrow.compute as pc

    table = read_table(workspace.studies, ["subject_id", "split", "images"])
    sizes = []
    for split in SPLITS:
        inside = table.filter(pc.equal(table["split"], split))
        images = pc.sum(pc.list_value_length(inside["images"])).as_py() or 0
        subjects = pc.count_distinct(inside["subject_id"]).as_py()
        sizes.append(SplitSize(HUB_SPLITS[split], inside.num_rows, subjects, images))
    return sizes


def label_counts(workspace: Workspace, minimum: int | None = None) -> list[tuple[str, list[int | None]]]:
    """Studies with a positive finding, for each label: one figure a split.

    Args:
        minimum: studies, and patients, of a split that have to have the finding, and to lack it; where they do not,
            the figure is None. Without a minimum every figure is given.
    """
    import pyarrow.compute as pc

    table = read_table(workspace.studies, ["subject_id", "split", "labels"])
    splits = [_positive(table.filter(pc.equal(table["split"], split)), minimum) for split in SPLITS]
    return [(label, [counts[label] for counts in splits]) for label in CHEXPERT_LABELS]


def _positive(table: pa.Table, minimum: int | None) -> dict[str, int | None]:
    import pyarrow.compute as pc

    masks = {
        label: pc.fill_null(pc.equal(pc.struct_field(table["labels"], [label]), 1), False).to_numpy()
        for label in CHEXPERT_LABELS
    }
    shown = list(masks) if minimum is None else large_enough(masks, table["subject_id"].to_numpy(), minimum)
    return {label: int(mask.sum()) if label in shown else None for label, mask in masks.items()}


def quality(workspace: Workspace) -> Quality:
    """Count the translated sections by status and by flag."""
    import pyarrow.compute as pc

    table = read_table(workspace.translations, ["study_id", "status", "flags", "reused"])
    revision = read_revision(workspace)
    status = Counter({row["values"]: row["counts"] for row in pc.value_counts(table["status"]).to_pylist()})
    with_flags = table.filter(pc.greater(pc.list_value_length(table["flags"]), 0))
    rows = with_flags.select(["status", "flags"]).to_pylist()
    noticed = Counter((flag, row["status"] == "ok") for row in rows for flag in set(row["flags"]))
    checks = [Noticed(name, noticed[name, False], noticed[name, True]) for name in {name for name, _ in noticed}]
    return Quality(
        sections=table.num_rows,
        studies=pc.count_distinct(table["study_id"]).as_py(),
        status={name: status[name] for name in ("ok", "flagged", "failed")},
        checks=sorted(checks, key=lambda row: (-row.flagged, -row.warned, row.check)),
        reused=pc.sum(table["reused"]).as_py() or 0,
        corrected=revision.corrected,
        left_out=revision.left_out,
    )
