"""The texts of a review as they stand in the workspace now, and which of them are others than its readers saw."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.review import Item, Review, ReviewKind, text_digest
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import pyarrow as pa

Texts = Mapping[str, str]
"""The texts of an item by name: "source" and "target", or "reference" and each condition."""


def conditions_of(review: Review) -> list[str]:
    """The conditions whose reports are compared, by name; none where translations are read."""
    return sorted({name for items in review.blinding.values() for sides in items.values() for name in sides.values()})


def current_texts(
    workspace: Workspace, kind: ReviewKind, compare: Sequence[str], items: Sequence[Item]
) -> dict[str, Texts]:
    """The texts of items by their ids; an item that has none any more is left out.

    Raises:
        HubkitError: a table is missing or damaged.
    """
    studies = {item.study_id for item in items}
    found: dict[tuple[int, str | None], dict[str, str]] = {}
    if kind == "translation":
        for row in _rows(workspace.translations, ["study_id", "section", "source", "translation"], studies):
            found[row["study_id"], row["section"]] = {"source": row["source"], "target": row["translation"]}
    else:
        for name in compare:
            for row in _rows(workspace.generations(name), ["study_id", "reference", "generated"], studies):
                texts = found.setdefault((row["study_id"], None), {})
                texts |= {"reference": row["reference"], name: row["generated"]}
    names = {"source", "target"} if kind == "translation" else {"reference", *compare}
    texts_by_item = {item.id: found.get((item.study_id, item.section), {}) for item in items}
    return {item: texts for item, texts in texts_by_item.items() if texts.keys() == names and all(texts.values())}


def digests_of(texts: Mapping[str, Texts]) -> dict[str, str]:
    """SHA-256 of the texts of each item: source and target, or reference and conditions in alphabetical order."""
    first = ("source", "reference")
    return {
        item: text_digest([each[name] for name in sorted(each, key=lambda name: (name not in first, name))])
        for item, each in texts.items()
    }


def changed_items(workspace: Workspace, review: Review) -> set[str]:
    """The ids of the items whose texts are others now, or gone, since their pages were made.

    Raises:
        HubkitError: a table is missing or damaged.
    """
    now = digests_of(current_texts(workspace, review.kind, conditions_of(review), review.items))
    return {item for item, digest in review.texts.items() if now.get(item) != digest}


def _rows(path: Path, columns: Sequence[str], studies: Collection[int]) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    table = read_table(path, list(columns))
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table["study_id"], _ids(studies))).to_pylist()
    return rows


def _ids(studies: Collection[int]) -> pa.Array:
    import pyarrow as pa

    return pa.array(sorted(studies), pa.int64())
