"""Rows come by study out of a file, however it is cut and ordered, and a study's rows come together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit import study_batches as module
from hubkit.errors import HubkitError
from hubkit.study_batches import UpToStudy, study_batches

IDS = st.lists(st.integers(0, 9), max_size=30)


def write(path: Path, ids: list[int], group: int) -> None:
    table = pa.table({"study_id": pa.array(ids, pa.int64()), "at": pa.array(range(len(ids)), pa.int64())})
    pq.write_table(table, path, row_group_size=group)


@given(IDS, st.booleans(), st.none() | st.lists(st.integers(0, 11), unique=True), st.integers(1, 5), st.integers(1, 5))
def test_batches_hold_what_a_plain_loop_finds(
    ids: list[int], ordered: bool, wanted: list[int] | None, group: int, at_once: int
) -> None:
    ids = sorted(ids) if ordered else ids
    rows = sorted((study, at) for at, study in enumerate(ids))
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(module, "ROWS_AT_ONCE", at_once):
        path = Path(folder) / "rows.parquet"
        write(path, ids, group)
        studies = None if wanted is None else np.array(wanted, np.int64)
        batches = [batch.to_pylist() for batch in study_batches(path, ["study_id", "at"], studies)]
    found = [[(row["study_id"], row["at"]) for row in batch] for batch in batches]
    assert [row for batch in found for row in batch] == [row for row in rows if wanted is None or row[0] in wanted]
    owners = [study for batch in found for study in {study for study, _ in batch}]
    assert len(owners) == len(set(owners)), "no study is in two batches"
    assert all(found)


@given(IDS, st.integers(1, 4), st.lists(st.integers(0, 11)))
def test_steps_of_another_table_leave_no_row_out(ids: list[int], size: int, steps: list[int]) -> None:
    ids.sort()
    table = pa.table({"study_id": pa.array(ids, pa.int64())})
    tables = (table.slice(start, size) for start in range(0, len(ids), size))
    rows = UpToStudy(tables, table.slice(0, 0))
    before = -1
    for step in sorted({*steps, 11}):
        assert rows.take(step)["study_id"].to_pylist() == [study for study in ids if before < study <= step]
        before = step


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(HubkitError, match="is missing"):
        next(study_batches(tmp_path / "none.parquet", ["study_id"]))
