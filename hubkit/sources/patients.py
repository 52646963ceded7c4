"""Sex and age of patients, as MIMIC-IV's patients.csv.gz has them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from hubkit.errors import HubkitError
from hubkit.sources.tabular import checked, read_csv, without_duplicates

COLUMNS = {"subject_id": r"\d{1,18}", "gender": "[FM]?", "anchor_age": r"(?:\d{1,3})?"}

HINT = "[scoring] patients takes hosp/patients.csv.gz of MIMIC-IV"


class Patient(NamedTuple):
    """A patient; None where the file leaves a cell empty.

    Attributes:
        sex: F or M.
        age: in years, in MIMIC-IV's anchor year; all above 89 are 91 there.
    """

    sex: str | None
    age: int | None


def read_patients(path: Path, wanted: Collection[int] | None = None) -> dict[int, Patient]:
    """Read sex and age of patients, by subject_id.

    Args:
        wanted: who is returned; None for all. Others of the file are checked and left out.

    Raises:
        HubkitError: the file is missing or damaged, lacks a column, lists a subject twice, or has none of `wanted`.
    """
    import pyarrow.compute as pc

    table = read_csv(path, list(COLUMNS), hint=HINT)
    for name in ("gender", "anchor_age"):
        table = table.set_column(table.column_names.index(name), name, pc.fill_null(table[name], ""))
    table = without_duplicates(checked(table, COLUMNS, path), "subject_id", path)
    rows = ((int(row["subject_id"]), row) for row in table.to_pylist())
    found = {
        subject: Patient(row["gender"] or None, int(row["anchor_age"]) if row["anchor_age"] else None)
        for subject, row in rows
        if wanted is None or subject in wanted
    }
    if wanted and not found:
        raise HubkitError(f"has none of the {len(wanted)} patients that are scored", where=path, hint=HINT)
    return found
