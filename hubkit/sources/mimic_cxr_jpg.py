"""The tables of MIMIC-CXR-JPG: where they lie, and what the metadata say of each study."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Corpus
from hubkit.errors import HubkitError
from hubkit.sources.tabular import checked, find_csv, read_csv

if TYPE_CHECKING:
    import pyarrow as pa

SPLIT_CSV = "mimic-cxr-*-split.csv"
METADATA_CSV = "mimic-cxr-*-metadata.csv"

IDS = {"subject_id": r"1\d{7}", "study_id": r"5\d{7}"}
DICOM_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}"

PROCEDURE, DATE, TIME = "PerformedProcedureStepDescription", "StudyDate", "StudyTime"
WHEN = {DATE: r"(?:\d{8})?", TIME: r"(?:\d{1,6}(?:\.\d+)?)?"}
"""As DICOM writes them; the time as a number, which may have lost the zeros before its hour."""

TIMES_A_DAY = 1_000_000
"""More than the largest time, HHMMSS."""


class StudyRecord(NamedTuple):
    """What the metadata say of a study.

    Attributes:
        portable: whether an image was taken with a portable machine.
        earlier: how many studies of the patient came before it; None where it has no date.
    """

    portable: bool
    earlier: int | None


def find_jpg(corpus: Corpus) -> Path:
    """The folder of MIMIC-CXR-JPG: as set, else the one of the reports, else the one next to it.

    Next to it means ../mimic-cxr-jpg, or ../../mimic-cxr-jpg/VERSION as PhysioNet lays its projects out.

    Raises:
        HubkitError: there is none.
    """
    if corpus.images is not None:
        if not corpus.images.is_dir():
            raise HubkitError("the folder of MIMIC-CXR-JPG is missing", where=corpus.images, hint="set [corpus] images")
        return corpus.images
    root = corpus.root if corpus.root.is_dir() else corpus.root.parent
    versions = sorted(root.absolute().parent.parent.glob("mimic-cxr-jpg/*"), reverse=True)
    homes = [root, *sorted(root.absolute().parent.glob("mimic-cxr-jpg*"), reverse=True), *versions]
    for home in homes:
        if find_csv(home, SPLIT_CSV):
            return home
    raise HubkitError(
        f"there is no {SPLIT_CSV}[.gz] of MIMIC-CXR-JPG in this folder or next to it",
        where=root,
        hint="set [corpus] images to its folder, or run: hubkit fetch",
    )


def with_ids(table: pa.Table) -> pa.Table:
    """`table` with its ids as int64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in IDS:
        index = table.column_names.index(name)
        table = table.set_column(index, name, pc.cast(table[name], pa.int64()))
    return table


def study_records(path: Path) -> dict[int, StudyRecord]:
    """What the metadata `path` say of each study of the whole corpus, by study_id.

    Dates of a patient are all shifted by the same time, so that their order is the true one.

    Raises:
        HubkitError: the file is damaged, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_csv(path, (*IDS, PROCEDURE, DATE, TIME))
    for name in (PROCEDURE, DATE, TIME):
        filled = pc.fill_null(table[name], "")
        table = table.set_column(table.column_names.index(name), name, filled)
    table = with_ids(checked(table, {**IDS, **WHEN}, path))
    # Day and time as one number, so that a study over midnight begins on its first day.
    day = pc.cast(pc.if_else(pc.equal(table[DATE], ""), None, table[DATE]), pa.float64())
    time = pc.cast(pc.if_else(pc.equal(table[TIME], ""), "0", table[TIME]), pa.float64())
    columns = {
        "subject_id": table["subject_id"],
        "study_id": table["study_id"],
        "portable": pc.match_substring(table[PROCEDURE], "portable", ignore_case=True),
        "moment": pc.add(pc.multiply(day, TIMES_A_DAY), time),
    }
    images = pa.table(columns)
    by_study = images.group_by(["subject_id", "study_id"]).aggregate([("portable", "any"), ("moment", "min")])
    times: dict[int, list[float]] = {}
    rows = by_study.to_pylist()
    for row in rows:
        if row["moment_min"] is not None:
            times.setdefault(row["subject_id"], []).append(row["moment_min"])
    for listed in times.values():
        listed.sort()
    return {row["study_id"]: StudyRecord(bool(row["portable_any"]), _earlier(row, times)) for row in rows}


def _earlier(row: dict[str, Any], times: dict[int, list[float]]) -> int | None:
    """Studies of the patient before this one; those of the same moment are not before one another."""
    if row["moment_min"] is None:
        return None
    return bisect_left(times[row["subject_id"]], row["moment_min"])
