"""Pairs in a file of another's making, checked: the same rows come back with `status` and `flags`."""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.checks import check_or_flag
from hubkit.checks.rows import DELIMITERS, format_of, read_rows
from hubkit.errors import HubkitError, UsageError
from hubkit.progress import track
from hubkit.spreadsheet import write_sheet
from hubkit.workspace import atomic, write_table, write_text

if TYPE_CHECKING:
    import pyarrow as pa

ADDED = ("status", "flags")

STATUSES = ("ok", "flagged", "failed")
"""What hubkit itself writes as status, here and in translations.parquet."""


class Checked(NamedTuple):
    """The rows of a file with `status` (ok, flagged) and `flags` (names of checks), and how often each error was found.

    Attributes:
        columns: the file's and these two.
        rows: in the file's order.
        table: the same as a table, where the file is Parquet.
        delimiter: what parts the fields, where it is CSV.
        flagged: how many rows have an error.
        names: rows by the name of the check that found an error in them, the commonest first.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    table: pa.Table | None
    delimiter: str
    flagged: int
    names: dict[str, int]


def check_file(path: Path, source: str = "source", translation: str = "translation") -> Checked:
    """Check every pair of a file; a missing text counts as an empty one.

    Args:
        path: a .parquet, .xlsx, .csv, .tsv or .jsonl file, text in UTF-8; the fields of .csv are parted by commas,
            semicolons or tabs, or as its first line sep=; says. Of .xlsx the active sheet is read.
        source: the column of the English text.
        translation: the column of its Portuguese.

    Raises:
        UsageError: the file has another ending, lacks one of the columns, has it twice, or holds something else than
            text in it; or it has a column status or flags that hubkit did not write.
        HubkitError: it cannot be read.
    """
    columns, rows, table, delimiter = read_rows(path, (source, translation))
    for name in (source, translation):
        _require_text(path, name, columns, rows)
    _refuse_others(path, columns, rows)
    counts: Counter[str] = Counter()
    flagged = 0
    for row in track(rows, "check: pairs", len(rows)):
        flags = check_or_flag(row[source] or "", row[translation] or "")
        errors = {flag.name for flag in flags if flag.severity == "error"}
        row.update(status="flagged" if errors else "ok", flags=sorted({flag.name for flag in flags}))
        counts.update(errors)
        flagged += bool(errors)
    columns = [*(name for name in columns if name not in ADDED), *ADDED]
    table = None if table is None else _with_columns(table, rows)
    return Checked(columns, rows, table, delimiter, flagged, dict(counts.most_common()))


def write_checked(checked: Checked, path: Path) -> None:
    """Write the rows in the format that the path's ending names; in CSV and .xlsx the flags are parted by spaces.

    Raises:
        UsageError: no such format.
        HubkitError: the file cannot be written, or Parquet does not take a value.
    """
    ending = format_of(path)
    if ending == ".jsonl":
        write_text(path, "".join(f"{line}\n" for line in json_lines(checked.rows)))
    elif ending == ".parquet":
        write_table(path, _as_table(path, checked) if checked.table is None else checked.table)
    elif ending == ".xlsx":
        cells = (
            [_cell(row.get(name)) for name in checked.columns[:-1]] + [" ".join(row["flags"])] for row in checked.rows
        )
        with atomic(path) as temporary:
            write_sheet(temporary, checked.columns, cells)
    else:
        text = io.StringIO()
        marks = DELIMITERS[ending]
        delimiter = checked.delimiter if checked.delimiter in marks else marks[0]
        writer = csv.writer(text, lineterminator="\n", delimiter=delimiter)
        writer.writerow(checked.columns)
        for row in checked.rows:
            writer.writerow([_cell(row.get(name)) for name in checked.columns[:-1]] + [" ".join(row["flags"])])
        write_text(path, text.getvalue())


def json_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The rows as JSON objects; NaN and infinities, for which JSON has no word, become null."""
    return (_json(row) for row in rows)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(value, default=_plain), parse_constant=lambda _: None)
        return json.dumps(finite, ensure_ascii=False)


def _cell(value: Any) -> str:
    if isinstance(value, bool | dict | list | tuple):
        return _json(value)
    return "" if value is None else _plain(value)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _as_table(path: Path, checked: Checked) -> pa.Table:
    import pyarrow as pa

    names = [name for name in checked.columns if name not in ADDED]
    cells = {name: [row.get(name) for row in checked.rows] for name in names}
    for name, values in cells.items():
        if not _fits_parquet(values):
            row = bisect_left(range(len(values)), True, key=lambda at: not _fits_parquet(values[: at + 1])) + 1
            raise HubkitError(
                f"row {row} has a value in column {name!r} that Parquet cannot store with the rows before it: "
                "another type, an integer above 64 bits, or an object without keys",
                where=path,
                hint="choose an --output that ends in .jsonl",
            )
    return _with_columns(pa.table(cells), checked.rows)


def _fits_parquet(values: list[Any]) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        column = pa.table({"": values})
        # What Parquet cannot hold, such as an object without keys, shows in the type alone.
        pq.write_table(column.slice(0, 0), pa.BufferOutputStream())
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _require_text(path: Path, name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    hint = "name it with --source, --translation"
    if name not in columns:
        raise UsageError(f"has no column {name!r}", where=path, hint=hint)
    for number, row in enumerate(rows, 1):
        if name not in row:
            raise UsageError(f"has no {name!r} in row {number}", where=path, hint=hint)
        if not isinstance(row[name], str | None):
            raise UsageError(
                f"holds no text in column {name!r} of row {number}",
                where=path,
                hint="fill it in, or remove the row; a cell of text is needed",
            )


def _refuse_others(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Let nobody's column be overwritten but what hubkit wrote earlier, which is replaced."""
    taken = [name for name in ADDED if name in columns]
    ours = len(taken) == len(ADDED) and all(row.get("status") in STATUSES for row in rows)
    if taken and not ours:
        raise UsageError(f"has a column {taken[0]!r}, where the checks put theirs", where=path, hint="rename it")


def _with_columns(table: pa.Table, rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    table = table.drop_columns([name for name in ADDED if name in table.column_names])
    table = table.append_column("status", pa.array([row["status"] for row in rows], pa.string()))
    return table.append_column("flags", pa.array([row["flags"] for row in rows], pa.list_(pa.string())))
