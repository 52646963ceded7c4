"""Choose studies: a subset of each split, as evenly spread over the 14 CheXpert labels as the corpus allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.tables import CHEXPERT_LABELS, SPLITS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

VALUES = {"positive": 1, "negative": 0, "uncertain": -1}


def select(studies: pa.Table, sizes: Mapping[str, int], seed: int) -> pa.Table:
    """Return `sizes[split]` of the studies of each split, sorted by study_id.

    A study that is chosen depends on `seed` and on the studies there are, not on their order.

    Args:
        studies: with study_id, split and labels.

    Raises:
        UsageError: a split has fewer studies than asked for.
    """
    import numpy as np
    import pyarrow as pa

    splits = studies["split"].to_numpy(zero_copy_only=False)
    ids = studies["study_id"].to_numpy()
    positive = label_matrix(studies) == 1
    chosen = []
    for split, size in sizes.items():
        rows = np.flatnonzero(splits == split)
        if len(rows) < size:
            raise UsageError(
                f"the split {split} has {len(rows)} studies to choose from, fewer than {size}",
                where="[corpus] subset",
                hint='ask for fewer, or set subset = "all"',
            )
        chosen.append(rows[balanced(positive[rows], priorities(ids[rows], seed), size)])
    return studies.take(pa.array(np.concatenate(chosen))).sort_by("study_id")


def balanced(positive: Array, priority: Array, size: int) -> Array:
    """Choose `size` rows of `positive` (rows x labels, bool) so that the labels come about equally often.

    Row after row, the label that is rarest so far is served, among the rows that have it, by one whose other labels
    are the least ahead; of equals the one of lowest `priority`. A label that no row is left for is served no more,
    and when that is true of all, rows without any label follow.
    """
    import numpy as np

    patterns, pattern_of = np.unique(positive, axis=0, return_inverse=True)
    order = np.lexsort((priority, pattern_of))
    stop = np.cumsum(np.bincount(pattern_of, minlength=len(patterns)))
    head = np.concatenate([[0], stop[:-1]])
    left = head < stop
    counts = np.zeros(positive.shape[1], dtype="int64")
    weights = patterns.astype("int64")
    chosen = []
    for _ in range(size):
        available = patterns[left].any(axis=0)
        fitting = left
        if available.any():
            rarest = np.where(available, counts, np.iinfo("int64").max)
            lowest = rarest.min()
            fitting = left & patterns[:, rarest == lowest].any(axis=1)
            cost = np.where(fitting, weights @ np.maximum(counts - lowest, 0), np.iinfo("int64").max)
            fitting = cost == cost.min()
        candidates = np.flatnonzero(fitting)
        pattern = candidates[np.argmin(priority[order[head[candidates]]])]
        chosen.append(order[head[pattern]])
        counts += weights[pattern]
        head[pattern] += 1
        left[pattern] = head[pattern] < stop[pattern]
    return np.array(chosen, dtype="int64")


def priorities(ids: Array, seed: int) -> Array:
    """Numbers that order `ids` at random, the same everywhere: SplitMix64 of id and seed (Steele, Lea, Flood 2014)."""
    import numpy as np

    state = ids.astype("uint64") + np.uint64(0x9E3779B97F4A7C15 * (2 * seed + 1) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return state ^ (state >> np.uint64(31))


def label_matrix(studies: pa.Table) -> Array:
    """Labels as an int8 array, studies x 14; 2 stands for unmentioned."""
    import numpy as np
    import pyarrow.compute as pc

    columns = [pc.fill_null(pc.struct_field(studies["labels"], label), 2).to_numpy() for label in CHEXPERT_LABELS]
    return np.stack(columns, axis=1) if len(studies) else np.empty((0, len(CHEXPERT_LABELS)), dtype="int8")


def label_table(studies: pa.Table) -> dict[str, dict[str, dict[str, int]]]:
    """How often each label is positive, negative and uncertain, by split: {split: {label: {value: studies}}}."""
    splits = studies["split"].to_numpy(zero_copy_only=False)
    labels = label_matrix(studies)
    table = {}
    for split in SPLITS:
        inside = labels[splits == split]
        table[split] = {
            label: {name: int((inside[:, column] == value).sum()) for name, value in VALUES.items()}
            for column, label in enumerate(CHEXPERT_LABELS)
        }
    return table
