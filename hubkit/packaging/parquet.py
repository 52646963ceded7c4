"""Parquet files as the Hub and every version of `datasets` like them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 20_000
"""Rows that are in memory as one table, whatever the size of the split. Columns are encoded by group, so that fewer
rows make larger files."""


class Split(NamedTuple):
    """One split of one config, as it lies in the dataset's folder.

    Attributes:
        config: name of the config.
        name: name of the split on the Hub: train, validation or test.
        rows: number of rows.
        num_bytes: bytes of the rows in memory.
        files: the Parquet files in order, relative to the dataset's folder.
        file_bytes: their sizes on disk, added up.
        schema: the columns.
    """

    config: str
    name: str
    rows: int
    num_bytes: int
    files: tuple[Path, ...]
    file_bytes: int
    schema: pa.Schema


class Rows(NamedTuple):
    """The rows of a split, made while they are written: a whole one would take gigabytes.

    Attributes:
        total: how many there are.
        schema: their columns.
        tables: the rows in order, as tables of any size; they can be gone through once.
    """

    total: int
    schema: pa.Schema
    tables: Iterator[pa.Table]


def of_table(table: pa.Table) -> Rows:
    """The rows of a table that is there."""
    return Rows(table.num_rows, table.schema, iter([table]))


def write_split(root: Path, config: str, name: str, rows: Rows, rows_per_file: int) -> Split:
    """Write `rows` as `data/<config>/<name>-00000-of-0000N.parquet` below `root`, in its own order of rows.

    Pages are cut where the content says so, and carry an index: a later version uploads only what changed, and a
    reader fetches only the pages that it needs. The files hold no schema of the `datasets` library: what version 5
    writes there breaks version 3.
    """
    import pyarrow.parquet as pq

    count = max(1, -(-rows.total // rows_per_file))
    schema = rows.schema.remove_metadata()
    groups = _Groups(rows)
    files, num_bytes = [], 0
    for number in range(count):
        first, stop = number * rows_per_file, min((number + 1) * rows_per_file, rows.total)
        path = Path("data", config, f"{name}-{number:05d}-of-{count:05d}.parquet")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(
            root / path,
            schema,
            write_page_index=True,
            use_content_defined_chunking=True,
            **_packing(schema),
        ) as writer:
            for start in range(first, max(stop, first + 1), ROWS_PER_GROUP):
                group = groups.take(min(start + ROWS_PER_GROUP, stop) - start).replace_schema_metadata(None)
                num_bytes += group.nbytes
                writer.write_table(group, row_group_size=ROWS_PER_GROUP)
        files.append(path)
    file_bytes = sum((root / path).stat().st_size for path in files)
    return Split(config, name, rows.total, num_bytes, tuple(files), file_bytes, schema)


class _Groups:
    """Cuts the tables of a split into groups of rows."""

    def __init__(self, rows: Rows):
        self._tables, self._held = rows.tables, [rows.schema.empty_table()]

    def take(self, count: int) -> pa.Table:
        """The next `count` rows, as a table of one chunk."""
        import pyarrow as pa

        while sum(table.num_rows for table in self._held) < count:
            self._held.append(next(self._tables))
        filled = [table for table in self._held if table.num_rows] or self._held[:1]
        # One table is cut as it is: a copy would count other bytes in memory.
        table = filled[0] if len(filled) == 1 else pa.concat_tables(filled).combine_chunks()
        self._held = [table.slice(count)]
        return table.slice(0, count)


def _packing(schema: pa.Schema) -> dict[str, Any]:
    """How columns are encoded and compressed: sealed cells of a column begin alike, and have nothing else in common.

    Neither a dictionary nor zstd finds anything in them; both would be paid for at every reading.
    """
    import pyarrow.types as types

    sealed = [field.name for field in schema if types.is_large_binary(field.type)]
    if not sealed:
        return {"compression": "zstd"}
    others = [name for name in schema.names if name not in sealed]
    return {
        "compression": {**dict.fromkeys(others, "zstd"), **dict.fromkeys(sealed, "none")},
        "column_encoding": dict.fromkeys(sealed, "DELTA_BYTE_ARRAY"),
        "use_dictionary": others,
    }


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns of `schema` as the `features` of `dataset_info` in a card's YAML."""
    return [{"name": field.name, **_feature(field.type)} for field in schema]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    import pyarrow.types as types

    if types.is_list(kind):
        inner = _feature(kind.value_type)
        return {"list": inner["dtype"] if set(inner) == {"dtype"} else inner["struct"]}
    if types.is_struct(kind):
        return {"struct": features(kind)}
    return {"dtype": "float32" if types.is_float32(kind) else str(kind)}
