"""What can be read in a review: rows of the workspace to draw from, and the texts of those that were drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.review import Item, ReviewKind, text_digest
from hubkit.errors import HubkitError
from hubkit.review.design import Row, stratum_of
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import pyarrow as pa

Texts = Mapping[str, str]
"""The texts of an item by name: "source" and "target", or "reference" and each condition."""


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
    studies = {item.study_id for item in items}
    if kind == "translation":
        columns = ["study_id", "section", "source", "translation"]
        table = _of(read_table(workspace.translations, columns), studies)
        found = {
            (row["study_id"], row["section"]): {"source": row["source"], "target": row["translation"]}
            for row in table.to_pylist()
        }
    else:
        found = {(study, None): {} for study in studies}
        for name in compare:
            for row in _of(_generated(workspace, name), studies).to_pylist():
                found[row["study_id"], None] |= {"reference": row["reference"], name: row["generated"]}
    texts: dict[str, Texts] = {item.id: found.get((item.study_id, item.section), {}) for item in items}
    lost = [name for name, each in texts.items() if not each or not all(each.values())]
    if lost:
        raise HubkitError(
            f"{len(lost)} items of the review have no text in the workspace any more",
            where=workspace.root,
            hint="bring back the tables that the review was made from",
        )
    return texts


def digests_of(texts: Mapping[str, Texts]) -> dict[str, str]:
    """SHA-256 of the texts of each item: source and target, or reference and conditions in alphabetical order."""
    first = ("source", "reference")
    return {
        item: text_digest([each[name] for name in sorted(each, key=lambda name: (name not in first, name))])
        for item, each in texts.items()
    }


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


def _of(table: pa.Table, studies: Collection[int]) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["study_id"], _array(sorted(studies))))


def _array(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values)
