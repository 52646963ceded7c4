"""Seal a table of the dataset, and open it: ids stay as they are, every other column becomes one of binary cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.custody.cells import CellPlace, from_json, header, read_place, seal, unseal
from hubkit.custody.digests import group_of
from hubkit.custody.keys import GroupKey, Keyring
from hubkit.errors import HubkitError
from hubkit.tables import STUDIES

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ("subject_id", "study_id")
SCALARS = ("string", "bool", "int8", "int32", "int64", "float", "double")
"""Kinds of cells that are called as Arrow calls their type; beside them there are `strings` and `chexpert`."""


class Part(NamedTuple):
    """What a table is thought to be part of; None where that is not known.

    Attributes:
        release: the release's repo and version.
        config: the dataset's config.
        split: its split.
    """

    release: tuple[str, str] | None = None
    config: str | None = None
    split: str | None = None


class Rows(NamedTuple):
    """Rows of a sealed table, their places proven to be those of their ids.

    Attributes:
        first: the place of the first cell.
        tails: the end of each row's places: subject, study, number of the row.
        numbers: number of each row in its split.
        keys: key of each row.
    """

    first: CellPlace
    tails: list[bytes]
    numbers: list[int]
    keys: list[GroupKey]


def seal_table(table: pa.Table, config: str, split: str, keys: Keyring) -> pa.Table:
    """Seal every column of `table` but the ids; the same table under the same keys gives the same bytes.

    Args:
        table: with the columns subject_id and study_id; a split of a config, whole and in its order.
        config: name of the config.
        split: name of the split on the Hub.
        keys: of the release.

    Raises:
        HubkitError: a column has a type that cells do not have, or the corpus lacks a folder.
    """
    import pyarrow as pa

    ids = list(zip(*(table[name].to_pylist() for name in IDS), strict=True))
    row_keys = [keys.key(group_of(subject)) for subject, _ in ids]
    tails = [f"{subject}/{study}/{row}".encode() for row, (subject, study) in enumerate(ids)]
    columns: list[Any] = []
    for field in table.schema:
        if field.name in IDS:
            columns.append(table[field.name])
            continue
        scope = f"{keys.release}/{keys.version}/{config}/{split}/{table.num_rows}/{field.name}/{_kind(field)}/".encode()
        values = table[field.name].to_pylist()
        cells = [
            seal(value, header(scope + tail), key) for value, tail, key in zip(values, tails, row_keys, strict=True)
        ]
        # large_binary, since datasets cuts a table with columns of `binary` into record batches of 100 rows.
        columns.append(pa.array(cells, pa.large_binary()))
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def open_table(
    table: pa.Table, keys: Keyring, part: Part | None = None, complete: bool = True, ordered: bool = False
) -> pa.Table:
    """Open a table that `seal_table` sealed; one without rows is given back as it is.

    Args:
        table: all rows, or with `complete=False` any of them.
        keys: of the release.
        part: what the table is thought to be part of.
        complete: whether rows that are left out or doubled are an error.
        ordered: whether rows in another order are one.

    Raises:
        HubkitError: a cell was changed or stands elsewhere than it belongs, a column is not sealed, rows are missing,
            doubled or out of order, or the corpus is another one.
    """
    import pyarrow as pa

    if not table.num_rows:
        return table
    ids = {name: table[name].to_pylist() for name in IDS if name in table.column_names}
    sealed = [name for name in table.column_names if name not in IDS]
    rows = place_rows({**ids, **{name: table[name].to_pylist() for name in sealed[:1]}}, keys, part)
    if complete:
        check_complete(rows, ids["study_id"])
    if ordered and rows.numbers != sorted(rows.numbers):
        raise HubkitError(
            "the rows are not in their order", where=f"{rows.first.config}/{rows.first.split}", hint="download it again"
        )
    opened: dict[str, Any] = {name: table[name] for name in IDS}
    for name in sealed:
        kind, values = open_column(name, table[name].to_pylist(), rows)
        opened[name] = pa.array(values, _arrow(kind))
    return pa.table({name: opened[name] for name in table.column_names})


def place_rows(columns: Mapping[str, Sequence[Any]], keys: Keyring, part: Part | None = None) -> Rows:
    """Read where rows belong from the cells of one sealed column, and hold it to their ids.

    Args:
        columns: the ids and at least one sealed column.
        keys: of the release.
        part: what the rows are thought to be part of.

    Raises:
        HubkitError: a row's cell is of another study, table or release, or there is none.
    """
    for name in IDS:
        if name not in columns:
            raise HubkitError(f"the column {name} is missing: cells open beside the ids of their row alone")
    sealed = [name for name in columns if name not in IDS]
    if not sealed:
        raise HubkitError("there is no sealed column")
    name, cells = sealed[0], columns[sealed[0]]
    first = read_place(_sealed(cells[0], name))
    _expect(first, keys, part or Part())
    tails, numbers = [], []
    for cell, subject, study in zip(cells, columns["subject_id"], columns["study_id"], strict=True):
        place = read_place(_sealed(cell, name))
        belongs = first._replace(subject=subject, study=study, row=place.row)
        if place != belongs:
            raise _moved(place, belongs)
        tails.append(f"{subject}/{study}/{place.row}".encode())
        numbers.append(place.row)
    return Rows(first, tails, numbers, [keys.key(group_of(subject)) for subject in columns["subject_id"]])


def open_column(name: str, cells: Sequence[Any], rows: Rows) -> tuple[str, list[Any]]:
    """Open the cells of a column; return their kind and the values.

    Raises:
        HubkitError: a cell was changed, or is not that of its row and column.
    """
    kind = read_place(_sealed(cells[0], name)).kind
    expected = rows.first._replace(column=name, kind=kind)
    scope = "/".join(str(part) for part in expected[:7]).encode() + b"/"
    values = []
    for cell, tail, key in zip(cells, rows.tails, rows.keys, strict=True):
        start = header(scope + tail)
        if not _sealed(cell, name).startswith(start):
            raise _moved(read_place(cell), read_place(start))
        values.append(from_json(unseal(cell, start, key), kind))
    return kind, values


def check_complete(rows: Rows, studies: Sequence[int]) -> None:
    """Hold rows to their numbers, which the cells prove.

    Raises:
        HubkitError: rows are left out or doubled; it names the studies beside the gaps, or those doubled.
    """
    at = dict(zip(rows.numbers, studies, strict=True))
    where = f"{rows.first.config}/{rows.first.split}"
    if len(at) < len(studies):
        doubled = [number for number, count in Counter(rows.numbers).items() if count > 1]
        raise HubkitError(f"{len(doubled)} rows are there twice, one of them of study {at[doubled[0]]}", where=where)
    missing = sorted(set(range(rows.first.rows)) - at.keys())
    if missing:
        before = max((number for number in at if number < missing[0]), default=None)
        after = min((number for number in at if number > missing[0]), default=None)
        beside = [f"after study {at[before]}"] if before is not None else []
        beside += [f"before study {at[after]}"] if after is not None else []
        raise HubkitError(
            f"{len(missing)} of {rows.first.rows} rows are missing, the first of them {' and '.join(beside)}",
            where=where,
            hint="download it again; where only a part was loaded on purpose: open_sealed(dataset, complete=False)",
        )


def _expect(first: CellPlace, keys: Keyring, part: Part) -> None:
    """Hold the first cell to the release and the part that the table is thought to be."""
    release = part.release or (keys.release, keys.version)
    if (first.release, first.version) != release:
        raise HubkitError(f"the cells are of {first.release} {first.version}, and not of {' '.join(release)}")
    for wanted, found in ((part.config, first.config), (part.split, first.split)):
        if wanted is not None and wanted != found:
            raise HubkitError(f"what stands as {wanted} is sealed as {first.config}/{first.split}")


def _sealed(cell: Any, name: str) -> bytes:
    if not isinstance(cell, bytes):
        raise HubkitError(
            f"the column {name} is not sealed", hint="download it again, or leave columns of your own out"
        )
    return cell


def _moved(found: CellPlace, belongs: CellPlace) -> HubkitError:
    return HubkitError(
        f"the cell at {belongs.column} of study {belongs.study} of subject {belongs.subject} is not its own: it belongs"
        f" to {found.column} of study {found.study} of subject {found.subject} in {found.config}/{found.split} of"
        f" {found.release} {found.version}",
        where=f"{belongs.config}/{belongs.split}",
        hint="download it again",
    )


def _kind(field: pa.Field) -> str:
    """The kind of the cells of a column."""
    import pyarrow.types as types

    if str(field.type) in SCALARS:
        return str(field.type)
    if types.is_list(field.type) and types.is_string(field.type.value_type):
        return "strings"
    if field.type == STUDIES.field("labels").type:
        return "chexpert"
    raise HubkitError(f"a column of type {field.type} cannot be sealed", where=field.name)


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa

    if kind == "strings":
        return pa.list_(pa.string())
    return STUDIES.field("labels").type if kind == "chexpert" else pa.type_for_alias(kind)
