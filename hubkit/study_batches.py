"""Rows of a table a few studies at a time, out of its file: a whole table of a large corpus would take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.workspace import read_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ROWS_AT_ONCE = 4_000
"""Their texts take some 20 MB as Python objects; more at once are not read faster."""


def study_ids(path: Path) -> np.ndarray:
    """The study of each row of a Parquet file.

    Raises:
        HubkitError: the file is missing or damaged.
    """
    ids: np.ndarray = read_table(path, ["study_id"])["study_id"].to_numpy()
    return ids


def study_batches(path: Path, columns: Sequence[str], studies: np.ndarray | None = None) -> Iterator[pa.Table]:
    """Rows of a Parquet file by study, ascending; rows of one study keep their order and come together.

    Args:
        columns: which are read; study_id is one of them.
        studies: whose rows are wanted; None for all.

    Raises:
        HubkitError: the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = None if studies is None else pa.array(studies, pa.int64())
    for table in _whole_studies(path, list(columns)):
        kept = table if wanted is None else table.filter(pc.is_in(table["study_id"], value_set=wanted))
        if kept.num_rows:
            yield kept


class UpToStudy:
    """Gives the rows of batches in steps that another table sets.

    Args:
        batches: as `study_batches` yields them.
        empty: a table without rows.
    """

    def __init__(self, batches: Iterator[pa.Table], empty: pa.Table):
        self._batches, self._held = batches, [empty]

    def take(self, study: int) -> pa.Table:
        """The rows of all studies up to `study` that were not taken before."""
        import pyarrow as pa

        while self._held[-1].num_rows == 0 or self._held[-1]["study_id"][-1].as_py() <= study:
            following = next(self._batches, None)
            if following is None:
                break
            self._held.append(following)
        table = pa.concat_tables(self._held)
        count = int(table["study_id"].to_numpy().searchsorted(study, "right"))
        self._held = [table.slice(count)]
        return table.slice(0, count)


def _whole_studies(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """All rows in order; a study that goes on in the next batch waits for it."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in _in_order(path, columns):
        ids = table["study_id"].to_numpy()
        # Where the last study begins; all of the batch may be of one.
        start = int(ids.searchsorted(ids[-1], "left"))
        if held and held[-1]["study_id"][-1].as_py() != ids[0]:
            yield pa.concat_tables(held)
            held = []
        if start:
            yield pa.concat_tables([*held, table.slice(0, start)])
            held = []
        held.append(table.slice(start))
    if held:
        yield pa.concat_tables(held)


def _in_order(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = study_ids(path)
    if (ids[1:] < ids[:-1]).any():
        # Every stage writes its rows by study. Rows that somebody put elsewhere are sorted as one table.
        table = read_table(path, columns).take(np.argsort(ids, kind="stable"))
        yield from (table.slice(start, ROWS_AT_ONCE) for start in range(0, table.num_rows, ROWS_AT_ONCE))
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])
