"""What can be read in a review: rows of the workspace to draw from, and the texts of those that were drawn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.review import Item, ReviewKind
from hubkit.artifacts.review_texts import Texts, current_texts
from hubkit.errors import HubkitError
from hubkit.review.design import Row, stratum_of
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import pyarrow as pa


def rows_to_draw(workspace: Workspace, kind: ReviewKind, compare: Sequence[str], splits: Collection[str]) -> list[Row]:
    """The rows of which there is something to read.

    Args:
        compare: the conditions, where generated reports are read.
        splits: of the translations; generated reports are of test studies.

    Raises:
        HubkitError: a table is missing or damaged.
    """
    if kind == "translation":
        return _translated(workspace, splits)
    tables = [_generated(workspace, name) for name in compare]
    common = set.intersection(*(set(table["study_id"].to_pylist()) for table in tables))
    return [Row(study, None) for study in sorted(common)]


def texts_of(workspace: Workspace, kind: ReviewKind, compare: Sequence[str], items: Sequence[Item]) -> dict[str, Texts]:
    """The texts of items by their ids, as they stand in the workspace now.

    Raises:
        HubkitError: a table is missing or damaged, or the text of an item is not there any more.
    """
    texts = current_texts(workspace, kind, compare, items)
    lost = len({item.id for item in items} - texts.keys())
    if lost:
        raise HubkitError(
            f"{lost} items of the review have no text in the workspace any more",
            where=workspace.root,
            hint="bring back the tables that the review was made from",
        )
    return texts


def _translated(workspace: Workspace, splits: Collection[str]) -> list[Row]:
    import pyarrow.compute as pc

    columns = ["study_id", "section", "translation", "status", "flags"]
    table = read_table(workspace.translations, columns)
    studies = read_table(workspace.studies, ["study_id", "split"])
    wanted = studies.filter(pc.is_in(studies["split"], _array(sorted(splits))))["study_id"]
    written = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table["translation"])), 0)
    there = pc.and_(pc.is_in(table["study_id"], wanted.combine_chunks()), pc.fill_null(written, False))
    rows = table.filter(there).drop_columns(["translation"]).to_pylist()
    return [
        Row(row["study_id"], row["section"], tuple(row["flags"] or ()), stratum_of(row["status"], row["flags"] or ()))
        for row in rows
    ]


def _generated(workspace: Workspace, condition: str) -> pa.Table:
    """The reports of a condition; a study without reference or report is left out."""
    import pyarrow.compute as pc

    table = read_table(workspace.generations(condition), ["study_id", "reference", "generated"])
    for name in ("reference", "generated"):
        written = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table[name])), 0)
        table = table.filter(pc.fill_null(written, False))
    return table


def _array(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values)
