"""A figure of a system as a function of sums over studies, so that it can be resampled by patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Measure(NamedTuple):
    """A figure of a system over studies.

    Attributes:
        sums: studies x k: what is added up over the studies.
        value: from added sums (..., k) to the figure (...).
    """

    sums: np.ndarray
    value: Callable[[np.ndarray], np.ndarray]

    def over_all(self) -> float:
        return float(self.value(self.sums.sum(axis=0)))


def mean(values: np.ndarray) -> Measure:
    """The mean over studies of `values` (studies,)."""
    sums = np.stack([values.astype(np.float64), np.ones(len(values))], axis=1)
    return Measure(sums, lambda added: added[..., 0] / added[..., 1])
