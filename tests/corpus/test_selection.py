"""The balanced choice of studies: as even as the corpus allows, by seed, and the same however the corpus is ordered."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpus.selection import balanced, label_table, priorities, select
from hubkit.tables import CHEXPERT_LABELS, STUDIES

SIZES = {"train": 280, "validate": 70, "test": 140}


def corpus(count: int = 6000, seed: int = 1) -> pa.Table:
    """Studies with labels as uneven as in life: the commonest a hundred times as frequent as the rarest."""
    random = np.random.default_rng(seed)
    rates = np.geomspace(0.4, 0.02, 14)
    draws = random.random((count, 14))
    values = np.where(draws < rates, 1, np.where(draws < rates * 1.2, -1, np.where(draws > 0.9, 0, 2)))
    labels = [
        {label: None if v == 2 else int(v) for label, v in zip(CHEXPERT_LABELS, row, strict=True)} for row in values
    ]
    splits = np.array(["train", "validate", "test"])[random.choice(3, count, p=(0.7, 0.1, 0.2))]
    return pa.table(
        {
            "study_id": pa.array(range(50_000_000, 50_000_000 + count), pa.int64()),
            "split": pa.array(splits),
            "labels": pa.array(labels, STUDIES.field("labels").type),
        }
    )


def test_labels_come_equally_often() -> None:
    chosen = select(corpus(), SIZES, seed=3)
    assert {split: chosen["split"].to_pylist().count(split) for split in SIZES} == SIZES
    for split, table in label_table(chosen).items():
        counts = [table[label]["positive"] for label in CHEXPERT_LABELS]
        everywhere = [label_table(corpus())[split][label]["positive"] for label in CHEXPERT_LABELS]
        served = [count for count, most in zip(counts, everywhere, strict=True) if count < most]
        assert max(served) - min(served) <= 2, (split, counts)
        assert max(counts) <= max(served)


def test_a_rare_label_is_taken_as_often_as_there_is() -> None:
    positive = np.zeros((100, 14), dtype=bool)
    positive[:60, 0] = True
    positive[60:97, 1] = True
    positive[97:, 2] = True
    chosen = balanced(positive, np.arange(100), 43)
    assert positive[chosen].sum(axis=0)[:3].tolist() == [20, 20, 3]


def test_rows_without_labels_come_last() -> None:
    positive = np.zeros((10, 14), dtype=bool)
    positive[7, 3] = True
    assert sorted(balanced(positive, np.arange(10), 3).tolist()) == [0, 1, 7]


def test_the_seed_decides_and_the_order_does_not() -> None:
    table = corpus()
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(table))))
    chosen = select(table, SIZES, seed=3)["study_id"].to_pylist()
    assert select(shuffled, SIZES, seed=3)["study_id"].to_pylist() == chosen
    assert chosen == sorted(chosen)
    other = set(select(table, SIZES, seed=4)["study_id"].to_pylist())
    assert 50 < len(other & set(chosen)) < 450


def test_priorities_are_the_same_on_every_machine() -> None:
    # The first outputs of SplitMix64 from the state 0, as its authors give them.
    assert [hex(value) for value in priorities(np.array([0], dtype="int64"), seed=0).tolist()] == ["0xe220a8397b1dcdaf"]


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 60))
def test_no_row_comes_twice(seed: int, count: int, size: int) -> None:
    positive = np.random.default_rng(seed).random((count, 14)) < 0.15
    chosen = balanced(positive, priorities(np.arange(count), seed), min(size, count))
    assert len(set(chosen.tolist())) == min(size, count)


@pytest.mark.parametrize("seed", [0, 42, 2**40])
def test_any_seed_will_do(seed: int) -> None:
    assert len(select(corpus(300), {"train": 10}, seed)) == 10
