"""How many translations may be flagged or failed before a stage stops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from hubkit.errors import HubkitError
from hubkit.workspace import write_table

DOUBTFUL = ("flagged", "failed")
"""The statuses of rows that may be wrong, or that have no text."""


def check_share(
    table: pa.Table, checks: pa.Table, max_flagged: float, flagged: Path, statuses: Sequence[str] = DOUBTFUL
) -> None:
    """Stop where too many rows are of `statuses`, and leave those rows in the file `flagged`.

    Args:
        max_flagged: the share of the rows that may be.

    Raises:
        HubkitError: with a table of the reasons and how often each occurs.
    """
    doubtful = table.filter(pa.array([status in statuses for status in table["status"].to_pylist()], pa.bool_()))
    # 0.29 * 100 is 28.999999999999996 in floating point, and 29 rows may be.
    allowed = math.floor(max_flagged * table.num_rows + 1e-9)
    if doubtful.num_rows <= allowed:
        return
    write_table(flagged, doubtful)
    # Counts, since two shares can round to the same figure: "2.0 % are flagged, 2.0 % may be".
    what = f"{doubtful.num_rows} of {table.num_rows} translations are {' or '.join(statuses)}"
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
