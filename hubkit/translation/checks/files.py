"""Pairs in a file of another's making: Parquet, CSV or JSON Lines in, the same rows with `status` and `flags` out."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.errors import HubkitError, UsageError
from hubkit.progress import track
from hubkit.translation.checks import check
from hubkit.workspace import write_table, write_text

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = (".parquet", ".csv", ".jsonl")

ADDED = ("status", "flags")

DELIMITERS = ",;\t"

LONGEST_CELL = 2**31 - 1


class Rows(NamedTuple):
    """What a file holds.

    Attributes:
        columns: their names.
        rows: in the file's order.
        table: the same as a table, where the file is Parquet.
        delimiter: what parts the fields, where it is CSV.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    table: pa.Table | None = None
    delimiter: str = ","


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
        path: a .parquet, .csv or .jsonl file, UTF-8; a CSV file's fields are parted by commas, semicolons or tabs.
        source: the column of the English text.
        translation: the column of its Portuguese.

    Raises:
        UsageError: the file has another ending, lacks one of the columns, has it twice, or holds something else than
            text in it.
        HubkitError: it cannot be read.
    """
    columns, rows, table, delimiter = read_rows(path, (source, translation))
    for name in (source, translation):
        _require_text(path, name, columns, rows)
    counts: Counter[str] = Counter()
    flagged = 0
    for row in track(rows, "check: pairs", len(rows)):
        flags = check(row[source] or "", row[translation] or "")
        errors = {flag.name for flag in flags if flag.severity == "error"}
        row.update(status="flagged" if errors else "ok", flags=sorted({flag.name for flag in flags}))
        counts.update(errors)
        flagged += bool(errors)
    columns = list(dict.fromkeys([*columns, *ADDED]))
    return Checked(columns, rows, _with_columns(table, rows), delimiter, flagged, dict(counts.most_common()))


def write_checked(checked: Checked, path: Path) -> None:
    """Write the rows in the format that the path's ending names; in CSV the flags are parted by spaces.

    Raises:
        UsageError: no such format.
        HubkitError: the file cannot be written.
    """
    ending = format_of(path)
    if ending == ".jsonl":
        write_text(path, "".join(f"{line}\n" for line in json_lines(checked.rows)))
    elif ending == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, checked.columns, lineterminator="\n", delimiter=checked.delimiter)
        writer.writeheader()
        writer.writerows({**row, "flags": " ".join(row["flags"])} for row in checked.rows)
        write_text(path, text.getvalue())
    else:
        import pyarrow as pa

        write_table(path, pa.Table.from_pylist(checked.rows) if checked.table is None else checked.table)


def json_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    return (json.dumps(row, ensure_ascii=False, default=str) for row in rows)


def format_of(path: Path) -> str:
    """Return the ending that says how a file is read or written.

    Raises:
        UsageError: no such format.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UsageError(f"not one of {', '.join(FORMATS)}", where=path, mend="convert it, or choose another ending")
    return ending


def read_rows(path: Path, wanted: Sequence[str]) -> Rows:
    """Read a file; `wanted` are columns by which the delimiter of a CSV file is known.

    Raises:
        UsageError: the file has another ending, or a column twice.
        HubkitError: it cannot be read.
    """
    ending = format_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HubkitError(f"cannot be read: {error.strerror}", where=path) from None
    if ending == ".parquet":
        return _from_parquet(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        raise HubkitError("is not UTF-8", where=path, mend=f"convert it: iconv -f {encoding} -t utf-8") from None
    return _from_csv(path, text, wanted) if ending == ".csv" else _from_json_lines(path, text, wanted)


def _from_parquet(path: Path, content: bytes) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError):
        raise HubkitError("is not a whole Parquet file", where=path) from None
    _refuse_doubled(path, table.column_names)
    return Rows(table.column_names, table.to_pylist(), table)


def _from_csv(path: Path, text: str, wanted: Sequence[str]) -> Rows:
    header = text.partition("\n")[0].rstrip("\r")
    delimiter = max(
        DELIMITERS, key=lambda mark: sum(name in next(csv.reader([header], delimiter=mark), ()) for name in wanted)
    )
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = list(reader.fieldnames or ())
        _refuse_doubled(path, columns)
        rows = list(reader)
    except csv.Error as error:
        raise HubkitError(f"is no CSV file: {error}", where=path) from None
    finally:
        csv.field_size_limit(limit)
    wide = next((number for number, row in enumerate(rows, 1) if None in row), None)
    if wide is not None:
        raise HubkitError(
            f"has more fields in row {wide} than in its header", where=path, mend="quote fields that hold a delimiter"
        )
    return Rows(columns, rows, delimiter=delimiter)


def _from_json_lines(path: Path, text: str, wanted: Sequence[str]) -> Rows:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise HubkitError(f"holds no JSON object in line {number}", where=path)
            rows.append(row)
    return Rows(list(dict.fromkeys(name for row in rows for name in row)) or list(wanted), rows)


def _refuse_doubled(path: Path, columns: Sequence[str]) -> None:
    doubled = next((name for name, count in Counter(columns).items() if count > 1), None)
    if doubled is not None:
        raise UsageError(f"has two columns {doubled!r}", where=path, mend="rename one")


def _require_text(path: Path, name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    if name not in columns or any(name not in row for row in rows):
        raise UsageError(f"no column {name!r} in every row", where=path, mend="name it with --source, --translation")
    for number, row in enumerate(rows, 1):
        if not isinstance(row[name], str | None):
            raise UsageError(f"holds no text in column {name!r} of row {number}", where=path)


def _with_columns(table: pa.Table | None, rows: list[dict[str, Any]]) -> pa.Table | None:
    if table is None:
        return None
    import pyarrow as pa

    table = table.drop_columns([name for name in ADDED if name in table.column_names])
    table = table.append_column("status", pa.array([row["status"] for row in rows], pa.string()))
    return table.append_column("flags", pa.array([row["flags"] for row in rows], pa.list_(pa.string())))
