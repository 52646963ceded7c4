"""Reports of MIMIC-CXR in one CSV: the sectioned file of MIMIC's own code, or a row for each whole report."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import HubkitError
from hubkit.sources.base import Listing
from hubkit.sources.text import decode

if TYPE_CHECKING:
    import pyarrow as pa

SECTIONED_CSV = "mimic_cxr_sectioned.csv"

STUDY_COLUMNS = ("study_id", "study")
SUBJECT_COLUMNS = ("subject_id", "subject")
REPORT_COLUMNS = ("report", "text", "report_text")
SECTION_COLUMNS = ("indication", "comparison", "findings", "impression", "last_paragraph")

HINT = f"a row for each report, with the columns study_id and report, or as {SECTIONED_CSV} has them"

_ID = re.compile(r"[a-z]?(\d{1,18})")


class ReportCsv(NamedTuple):
    """A CSV with a row for each study, plain or gzipped. A report is named by the number of its data row.

    The study is in `study_id` or `study` (50414267 or s50414267), the subject, where it is known, in `subject_id` or
    `subject`. The text is in `report`, `text` or `report_text`; without these, in columns named as the sections are.
    """

    path: Path

    @property
    def sectioned(self) -> bool:
        """Whether the file holds sections, and not whole reports."""
        return _first(self._columns(), REPORT_COLUMNS) is None

    def listing(self) -> Listing:
        columns = self._columns()
        study_column, subject_column = _first(columns, STUDY_COLUMNS), _first(columns, SUBJECT_COLUMNS)
        studies = columns[study_column or ""].to_pylist()
        subjects = columns[subject_column].to_pylist() if subject_column else studies
        found: dict[tuple[int, int], str] = {}
        seen: set[int] = set()
        strange = []
        for row, ids in enumerate(zip(subjects, studies, strict=True), start=1):
            subject, study = (_ID.fullmatch((value or b"").decode("ascii", "replace").strip()) for value in ids)
            if subject is None or study is None:
                strange.append(f"row {row}")
                continue
            number = int(study[1])
            if number in seen:
                raise HubkitError(f"holds the report of study {number} twice", where=self.path, hint="keep one row")
            seen.add(number)
            found[int(subject[1]), number] = str(row)
        return Listing(found, strange, subjects=subject_column is not None)

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        columns = self._columns()
        column = _first(columns, REPORT_COLUMNS)
        if column is None:
            yield from (text.encode() for text in self.texts(names))
        else:
            yield from (value or b"" for value in columns[column].take(_rows(names)).to_pylist())

    def texts(self, names: Iterable[str]) -> Iterator[str]:
        if self.sectioned:
            for sections in self.sections(names):
                yield "\n\n".join(f"{name.upper()}: {text}" for name, text in sections.items())
        else:
            yield from (decode(report)[0] for report in self.read(names))

    def sections(self, names: Iterable[str]) -> Iterator[dict[str, str]]:
        """Yield the sections that have text of these rows, in this order, by name."""
        rows = _rows(names)
        columns = self._columns()
        there = {name: columns[name].take(rows).to_pylist() for name in SECTION_COLUMNS if name in columns}
        for values in zip(*there.values(), strict=True):
            texts = {name: decode(value or b"")[0] for name, value in zip(there, values, strict=True)}
            yield {name: text for name, text in texts.items() if text.strip()}

    def texts_of(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The cells of those of these columns that there are, by the name in small letters; empty cells are ""."""
        found = _cells(self.path, self._changed(), tuple(names))
        return {name: [decode(cell or b"")[0] for cell in column.to_pylist()] for name, column in found.items()}

    def _columns(self) -> dict[str, pa.ChunkedArray]:
        return _columns(self.path, self._changed())

    def _changed(self) -> tuple[int, int]:
        try:
            state = self.path.stat()
        except OSError as error:
            raise HubkitError(
                f"cannot be read: {error.strerror}", where=self.path, hint="check the path and who may read the file"
            ) from None
        return state.st_size, state.st_mtime_ns


def is_csv(path: Path) -> bool:
    """Whether a file is taken for a CSV, by its name."""
    return path.name.lower().removesuffix(".gz").endswith(".csv")


def find_report_csv(path: Path) -> ReportCsv:
    """The CSV of reports that is at `path`.

    Raises:
        HubkitError: there is none, or the file is not called a CSV.
    """
    if not path.exists():
        raise HubkitError("the CSV of reports is missing", where=path, hint="set [corpus] root to the file")
    if not path.is_file() or not is_csv(path):
        raise HubkitError("is not a .csv or .csv.gz", where=path, hint="set [corpus] root to the file itself")
    return ReportCsv(path)


@functools.lru_cache(maxsize=1)
def _columns(path: Path, changed: tuple[int, int]) -> dict[str, pa.ChunkedArray]:
    """The columns of ids and texts, by their name in small letters; read once a process."""
    found = _cells(path, changed, (*STUDY_COLUMNS, *SUBJECT_COLUMNS, *REPORT_COLUMNS, *SECTION_COLUMNS))
    if _first(found, STUDY_COLUMNS) is None:
        raise HubkitError("has no column study_id", where=path, hint=HINT)
    if _first(found, REPORT_COLUMNS) is None and not found.keys() & {"findings", "impression"}:
        raise HubkitError("has no column of reports or of sections", where=path, hint=HINT)
    return found


@functools.lru_cache(maxsize=2)
def _cells(path: Path, changed: tuple[int, int], wanted: tuple[str, ...]) -> dict[str, pa.ChunkedArray]:
    """Those of the columns `wanted` that there are, as bytes.

    An older mirror has no UTF-8 in it, and bytes are decoded report by report, as those of a file are.
    """
    import pyarrow as pa
    from pyarrow import csv

    parsed = csv.ParseOptions(newlines_in_values=True)
    try:
        header = csv.open_csv(str(path), parse_options=parsed).schema.names
        named = {name.strip().lower(): name for name in header}
        kept = {name: named[name] for name in wanted if name in named}
        twice = [name for name in kept if sum(name == other.strip().lower() for other in header) > 1]
        if twice:
            raise HubkitError(f"has the column {twice[0]} twice", where=path, hint="keep one of them")
        table = csv.read_csv(
            str(path),
            parse_options=parsed,
            convert_options=csv.ConvertOptions(
                include_columns=list(kept.values()), column_types=dict.fromkeys(kept.values(), pa.binary())
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        raise HubkitError("is not CSV that can be read, or is empty", where=path, hint=HINT) from None
    except OSError as error:
        what = "the file is truncated or damaged" if error.errno is None else f"cannot be read: {error.strerror}"
        raise HubkitError(what, where=path, hint="write or copy the file again, and check who may read it") from None
    return {name: table[column] for name, column in kept.items()}


def _rows(names: Iterable[str]) -> pa.Array:
    """The places of the rows of these names."""
    import pyarrow as pa

    return pa.array([int(name) - 1 for name in names], pa.int64())


def _first(columns: Iterable[str], names: Iterable[str]) -> str | None:
    there = set(columns)
    return next((name for name in names if name in there), None)
