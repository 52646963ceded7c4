"""Which units share a chunk, and the file that tells it to tasks in other processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hubkit.translation.units import Unit
from hubkit.workspace import atomic

UNITS = pa.schema([(name, pa.string()) for name in Unit._fields])


def plan(units: Iterable[Unit], size: int) -> list[list[Unit]]:
    """Return distinct units in chunks of at most `size`: the longest text first, so that what does not fit into memory
    shows at once, and texts of one length together, so that a batch holds little padding.

    Which units share a chunk depends neither on what is done nor on how many tasks there are.
    """
    ordered = sorted(units, key=lambda unit: (-len(unit.text), unit.key))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def write_plan(folder: Path, chunks: Sequence[Sequence[Unit]]) -> None:
    """Leave the chunks for `read_plan`; a task then reads its own, and not the corpus."""
    with atomic(_file(folder)) as temporary, pq.ParquetWriter(temporary, UNITS, compression="zstd") as writer:
        for chunk in chunks:
            columns = [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=UNITS), row_group_size=len(chunk))


def read_plan(folder: Path, task: int, tasks: int) -> list[list[Unit]]:
    """Return the chunks `task`, `task + tasks`, ... of the plan."""
    with pq.ParquetFile(_file(folder)) as file:
        groups = [file.read_row_group(group) for group in range(task, file.num_row_groups, tasks)]
    return [
        list(map(Unit._make, zip(*(column.to_pylist() for column in group.columns), strict=True))) for group in groups
    ]


def _file(folder: Path) -> Path:
    return folder / "plan.parquet"
