"""Rows are given by study, in the order of the studies and then of the table, in batches that leave none out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit import by_study
from hubkit.by_study import ByStudy


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 11), unique=True), st.integers(1, 5))
def test_rows_are_those_that_a_plain_loop_finds(ids: list[int], wanted: list[int], chunk: int) -> None:
    whole = pa.table({"study_id": pa.array(ids, pa.int64()), "at": pa.array(range(len(ids)), pa.int64())})
    parts = [whole.slice(start, chunk) for start in range(0, len(ids), chunk)]
    rows = ByStudy(pa.concat_tables([whole.schema.empty_table(), *parts]))
    expected = [{"study_id": study, "at": at} for study in wanted for at, other in enumerate(ids) if other == study]
    assert rows.rows(np.array(wanted, np.int64)).to_pylist() == expected
    assert rows.studies.tolist() == sorted(set(ids))


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_batches_hold_so_many_studies(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(by_study, "STUDIES_AT_ONCE", at_once)
    rows = ByStudy(pa.table({"study_id": [5, 3, 5, 4, 3, 9], "at": [0, 1, 2, 3, 4, 5]}))
    batches = [batch["at"].to_pylist() for batch in rows.batches()]
    assert [at for batch in batches for at in batch] == [1, 4, 3, 0, 2, 5]
    assert len(batches) == -(-4 // at_once)
    assert [batch["at"].to_pylist() for batch in rows.batches(np.array([9, 3]))] == (
        [[5], [1, 4]] if at_once == 1 else [[5, 1, 4]]
    )
