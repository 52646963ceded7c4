"""Which groups may be published: none that is small, and none by which a small one can be computed.

Whoever has sums or means of some groups, and of all studies, can add and subtract them. So a group is
withheld as well where the rest is small, where it is the last sibling of a small one, where two
groups differ by a few studies, or where a sum and difference of three leaves few studies. Small sets
are looked for among all linear combinations. Sums in which a study counts twice, or is subtracted,
are looked for only among combinations of two and three groups and the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

BITS = 12
"""Rows of a block of candidates, as a power of two: 4,096 rows of 1,000 studies are 32 MiB."""

HAIR = 1e-9
"""Sums of ones and zeros that differ by less are equal: they were divided by small whole numbers."""

COLUMNS = 32
"""Columns that are looked at first: they rule out nearly every candidate."""


SIGNS = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]])
"""How three groups can be added and subtracted; the other four are these with all signs turned."""


def publishable(groups: Mapping[str, np.ndarray], subjects: np.ndarray, minimum: int) -> list[str]:
    """The groups that may be published together, in their order.

    Args:
        groups: whether each study belongs, (studies,) bool, by name.
        subjects: the patient of each study.
        minimum: studies, and patients, below which a set of studies stays unknown.
    """
    kept = {
        name: mask
        for name, mask in groups.items()
        if mask.any() and not mask.all() and not any(_is_small(side, subjects, minimum) for side in (mask, ~mask))
    }
    while kept:
        masks = np.array([*kept.values()])
        culprits = _pair(masks, subjects, minimum)
        culprits = _combination(masks, subjects, minimum) if culprits is None else culprits
        culprits = _trio(masks, subjects, minimum) if culprits is None else culprits
        if culprits is None:
            break
        # The smallest: what is lost is what fewest studies stand behind.
        name = min((list(kept)[at] for at in culprits), key=lambda each: int(kept[each].sum()))
        del kept[name]
    return list(kept)


def large_enough(groups: Mapping[str, np.ndarray], subjects: np.ndarray, minimum: int) -> list[str]:
    """The groups that have enough studies and patients, and whose rest has, in their order.

    For figures that cannot be subtracted from one another, such as F1: of these only the mean or the sum over all
    groups gives one away, and only where it alone is withheld. The smallest of the others is withheld with it then.

    Args:
        groups, subjects, minimum: as in `publishable`.
    """
    found = {name: mask for name, mask in groups.items() if mask.any()}
    small = [name for name, mask in found.items() if any(_is_small(side, subjects, minimum) for side in (mask, ~mask))]
    kept = [name for name in found if name not in small]
    if len(small) == 1 and kept:
        kept.remove(min(kept, key=lambda name: int(found[name].sum())))
    return kept


def _is_small(mask: np.ndarray, subjects: np.ndarray, minimum: int) -> bool:
    """Whether a set of studies is one that has to stay unknown; an empty one has nothing to hide."""
    return bool(mask.any()) and (int(mask.sum()) < minimum or len(np.unique(subjects[mask])) < minimum)


def _pair(masks: np.ndarray, subjects: np.ndarray, minimum: int) -> list[int] | None:
    """Two groups of which one nearly is the other, or the rest of the other: their difference is of few studies."""
    for one in range(len(masks)):
        for other in range(one):
            apart = masks[one] != masks[other]
            if _is_small(apart, subjects, minimum) or _is_small(~apart, subjects, minimum):
                return [one, other]
    return None


def _trio(masks: np.ndarray, subjects: np.ndarray, minimum: int) -> list[int] | None:
    """Three groups that added and subtracted, less a multiple of the whole, leave few studies."""
    cells, inverse, sizes = np.unique(masks.astype(int), axis=1, return_inverse=True, return_counts=True)
    # So many studies have `minimum` patients in any case.
    enough = minimum * int(np.unique(subjects, return_counts=True)[1].max())
    for trio in itertools.combinations(range(len(masks)), 3):
        for values in SIGNS @ cells[list(trio)] + 1:  # 0 to 4
            left = masks.shape[1] - np.bincount(values, weights=sizes)
            for multiple in np.flatnonzero(left < enough):
                if _is_small((values != multiple)[inverse.ravel()], subjects, minimum):
                    return list(trio)
    return None


def _combination(masks: np.ndarray, subjects: np.ndarray, minimum: int) -> list[int] | None:
    """The groups of a combination, such as all less two of them, that is the sum over few studies.

    All sets whose sum is a linear combination of those that are published are gone through: they are the vectors of
    zeros and ones in the space that the groups and the whole span.
    """
    vectors = np.vstack([np.ones(masks.shape[1]), masks])
    cells, inverse = np.unique(vectors, axis=1, return_inverse=True)
    for found in _sets(_reduced(cells)):
        if _is_small(found[inverse.ravel()], subjects, minimum):
            shares = np.linalg.lstsq(cells.T, found.astype(float), rcond=None)[0][1:]
            return [int(at) for at in np.flatnonzero(np.abs(shares) > HAIR)]
    return None


def _reduced(vectors: np.ndarray) -> np.ndarray:
    """The reduced row echelon form, without rows of zeros."""
    rows, rank = vectors.astype(float), 0
    for column in range(rows.shape[1]):
        if rank == len(rows):
            break
        pivot = rank + int(np.argmax(np.abs(rows[rank:, column])))
        if abs(rows[pivot, column]) < HAIR:
            continue
        rows[[rank, pivot]] = rows[[pivot, rank]]
        rows[rank] /= rows[rank, column]
        others = np.arange(len(rows)) != rank
        rows[others] -= np.outer(rows[others, column], rows[rank])
        rank += 1
    return rows[:rank]


def _sets(basis: np.ndarray) -> Iterator[np.ndarray]:
    """The vectors of zeros and ones in the space of a reduced basis: each is the sum of some of its rows."""
    rank = len(basis)
    for start in range(0, 1 << rank, 1 << BITS):
        numbers = np.arange(start, min(start + (1 << BITS), 1 << rank))
        chosen = (numbers[:, None] >> np.arange(rank) & 1).astype(float)
        chosen = chosen[_is_binary(chosen @ basis[:, :COLUMNS])]
        sums = chosen @ basis
        yield from sums[_is_binary(sums)] > 0.5


def _is_binary(rows: np.ndarray) -> np.ndarray:
    binary: np.ndarray = ((np.abs(rows) < HAIR) | (np.abs(rows - 1) < HAIR)).all(axis=1)
    return binary
