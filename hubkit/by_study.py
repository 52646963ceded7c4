"""Rows of a table by study, a few studies at a time: as Python rows all at once they would take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

STUDIES_AT_ONCE = 4_000
"""Their rows take some 20 MB as Python objects; more at once are not read faster."""


class ByStudy:
    """The rows of a table in the order of their studies; rows of one study keep theirs.

    Args:
        table: with a column study_id.

    Attributes:
        studies: the ids, each once, ascending.
    """

    def __init__(self, table: pa.Table):
        import numpy as np

        # `take` copies a whole column first where it has several chunks.
        self._table = table.combine_chunks()
        ids = table["study_id"].to_numpy()
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        self.studies: np.ndarray = np.unique(ids)

    def rows(self, studies: np.ndarray) -> pa.Table:
        """The rows of `studies`, in their order; a study without rows has none."""
        import numpy as np

        first, stop = (np.searchsorted(self._ids, studies, side) for side in ("left", "right"))
        counts = stop - first
        # 0, 1, 2, ... from the first row of each study on.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._table.take(self._order[np.repeat(first, counts) + within])

    def batches(self, studies: np.ndarray | None = None) -> Iterator[pa.Table]:
        """The rows of `studies` (of all, where it is None), of `STUDIES_AT_ONCE` at a time."""
        wanted = self.studies if studies is None else studies
        for start in range(0, len(wanted), STUDIES_AT_ONCE):
            yield self.rows(wanted[start : start + STUDIES_AT_ONCE])
