"""Seal a table of the dataset: ids stay as they are, every other column becomes one of binary cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from hubkit.custody.cells import seal
from hubkit.custody.sealed import IDS, KINDS, Keyring, group_of, header
from hubkit.errors import HubkitError

SCALARS = ("string", "bool", "int8", "int32", "int64", "float", "double")
"""Kinds of cells that are called as Arrow calls their type; the others are `KINDS`."""


def seal_table(
    table: pa.Table, config: str, split: str, keys: Keyring, count: int | None = None, first: int = 0
) -> pa.Table:
    """Seal every column of `table` but the ids; the same table under the same keys gives the same bytes.

    Args:
        table: with the columns subject_id and study_id; a split of a config in its order, or some rows of it.
        config: name of the config.
        split: name of the split on the Hub.
        keys: of the release.
        count: how many rows the split has; None where these are all.
        first: the number of the first of these rows.

    Raises:
        HubkitError: a column has a type that cells do not have, or the corpus lacks a folder.
    """
    ids = list(zip(*(table[name].to_pylist() for name in IDS), strict=True))
    row_keys = [keys.key(group_of(subject)) for subject, _ in ids]
    tails = [f"{subject}/{study}/{row}".encode() for row, (subject, study) in enumerate(ids, first)]
    columns: list[Any] = []
    count = table.num_rows if count is None else count
    for field in table.schema:
        if field.name in IDS:
            columns.append(table[field.name])
            continue
        scope = f"{keys.release}/{keys.version}/{config}/{split}/{count}/{field.name}/{_kind(field)}/".encode()
        values = table[field.name].to_pylist()
        cells = [
            seal(value, header(scope + tail), key) for value, tail, key in zip(values, tails, row_keys, strict=True)
        ]
        # large_binary, since datasets cuts a table with columns of `binary` into record batches of 100 rows.
        columns.append(pa.array(cells, pa.large_binary()))
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _kind(field: pa.Field) -> str:
    """The kind of the cells of a column."""
    if str(field.type) in SCALARS:
        return str(field.type)
    for kind, form in KINDS.items():
        if field.type == form:
            return kind
    raise HubkitError(
        f"a column of type {field.type} cannot be sealed",
        where=field.name,
        hint="columns of text, numbers, lists of them and times can; cast it, or leave it out",
    )


def row_by_study(spans: pa.Table) -> pa.Table:
    """The config `spans` as it is sealed, with all spans of a study in one cell, from a row for each section.

    Three cells for each section, of a word and two numbers each, were two thirds of all cells of a release.

    Args:
        spans: with the columns of the ids, section, start and stop; rows of a study stand together.
    """
    studies, entry = spans["study_id"].to_numpy(), KINDS["spans"].value_type
    # A study begins where the id is not that of the row before.
    starts = np.flatnonzero(np.diff(studies, prepend=-1))
    columns = [spans[field.name].combine_chunks() for field in entry]
    entries = pa.StructArray.from_arrays(columns, fields=list(entry))
    cells = pa.ListArray.from_arrays(pa.array([*starts, len(studies)], pa.int32()), entries).cast(KINDS["spans"])
    return pa.table({**{name: spans[name].take(starts) for name in IDS}, "spans": cells})
