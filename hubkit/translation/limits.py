"""Limits on tables of translations: rows in a group of a file, and the share that may be flagged or failed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hubkit.errors import HubkitError
from hubkit.workspace import write_table

ROWS_PER_GROUP = 1 << 16
"""Rows of translations.parquet that are made and written at a time; their texts take some 50 MB."""

DOUBTFUL = ("flagged", "failed")
"""The statuses of rows that may be wrong, or that have no text."""


def check_share(
    status: pa.ChunkedArray,
    rows: Callable[[pa.Array], pa.Table],
    checks: pa.Table,
    max_flagged: float,
    flagged: Path,
    statuses: Sequence[str] = DOUBTFUL,
) -> None:
    """Stop where too many rows are of `statuses`, and leave those rows in the file `flagged`.

    Args:
        status: of each row.
        rows: gives the rows of these numbers.
        max_flagged: the share of the rows that may be.

    Raises:
        HubkitError: with a table of the reasons and how often each occurs.
    """
    numbers = pc.indices_nonzero(pc.is_in(status, value_set=pa.array(statuses, pa.string())))
    # 0.29 * 100 is 28.999999999999996 in floating point, and 29 rows may be.
    allowed = math.floor(max_flagged * len(status) + 1e-9)
    if len(numbers) <= allowed:
        return
    doubtful = rows(numbers)
    write_table(flagged, doubtful)
    # Counts, since two shares can round to the same figure: "2.0 % are flagged, 2.0 % may be".
    what = f"{doubtful.num_rows} of {len(status)} translations are {' or '.join(statuses)}"
    raise HubkitError(
        f"{what}; at most {allowed} may be\n{_reasons(doubtful, checks)}\n",
        where=flagged,
        hint="read them there; another model or prompt, or [translation] max_flagged: what is translated is kept",
    )


def _reasons(doubtful: pa.Table, checks: pa.Table) -> str:
    """How many rows failed, and how many have an error of each check; warnings flag nothing."""
    rows = doubtful.select(["study_id", "section", "status"]).to_pylist()
    stopped = {(row["study_id"], row["section"]) for row in rows}
    counts = Counter(row["status"] for row in rows if row["status"] == "failed")
    counts.update(
        check
        for study_id, section, check in {
            (flag["study_id"], flag["section"], flag["check"])
            for flag in checks.to_pylist()
            if flag["severity"] == "error"
        }
        if (study_id, section) in stopped
    )
    return "\n".join(f"  {count:>7}  {reason}" for reason, count in counts.most_common())
