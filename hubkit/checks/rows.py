"""Rows of a file of another's making: Parquet, CSV, TSV, .xlsx or JSON Lines; what is wrong is named by its place."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.errors import HubkitError, UsageError
from hubkit.spreadsheet import read_sheet

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}

FORMATS = (".parquet", *DELIMITERS, ".jsonl", ".xlsx")

LONGEST_CELL = 2**31 - 1
"""Characters: the most that `csv` takes on every platform. By itself it stops at 131,072."""


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


def format_of(path: Path) -> str:
    """Return the ending that says how a file is read or written.

    Raises:
        UsageError: no such format.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UsageError(f"not one of {', '.join(FORMATS)}", where=path, hint="convert it, or choose another ending")
    return ending


def read_rows(path: Path, wanted: Sequence[str]) -> Rows:
    """Read a file; `wanted` are columns by which the delimiter of a CSV file is known.

    Raises:
        UsageError: the file has another ending, or a column twice.
        HubkitError: it cannot be read.
    """
    ending = format_of(path)
    if ending == ".xlsx":
        return _from_xlsx(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HubkitError(
            f"cannot be read: {error.strerror}", where=path, hint="check the path and who may read the file"
        ) from None
    if ending == ".parquet":
        return _from_parquet(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        raise HubkitError("is not UTF-8", where=path, hint=f"convert it: iconv -f {encoding} -t utf-8") from None
    return _from_json_lines(path, text) if ending == ".jsonl" else _from_csv(path, text, wanted, DELIMITERS[ending])


def _from_parquet(path: Path, content: bytes) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError):
        raise HubkitError("is not a whole Parquet file", where=path, hint="write or copy the file again") from None
    _refuse_doubled(path, table.column_names)
    return Rows(table.column_names, table.to_pylist(), table)


def _from_csv(path: Path, text: str, wanted: Sequence[str], delimiters: str) -> Rows:
    if marked := re.match(r'"?sep=([,;\t|])"?(?:\r\n|\r|\n|\Z)', text):  # what Excel writes for itself
        text, delimiter = text[marked.end() :], marked[1]
    else:
        header = re.split(r"\r|\n", text, maxsplit=1)[0]
        delimiter = max(delimiters, key=lambda mark: _known(header, mark, wanted))
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = list(reader.fieldnames or ())
        _refuse_doubled(path, columns)
        rows = list(reader)
    except csv.Error as error:
        raise HubkitError(
            f"is not a CSV file: {error}", where=path, hint="save it again as CSV in UTF-8, with a row for each pair"
        ) from None
    finally:
        csv.field_size_limit(limit)
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise HubkitError(
                f"has {'more' if None in row else 'fewer'} fields in row {number} than in its header",
                where=path,
                hint="quote fields that hold a delimiter, and leave no field out",
            )
    return Rows(columns, rows, delimiter=delimiter)


def _known(header: str, delimiter: str, wanted: Sequence[str]) -> int:
    """How many of the wanted columns a header has with this delimiter."""
    names = next(csv.reader([header], delimiter=delimiter), ())
    return sum(name in names for name in wanted)


def _from_xlsx(path: Path) -> Rows:
    try:
        header, *cells = list(read_sheet(path)) or [()]
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not a whole .xlsx file"
        raise HubkitError(
            f"cannot be read: {what}", where=path, hint="open it and save it again, or save it as CSV"
        ) from None
    # A sheet goes on for as long as its cells were ever touched.
    while header and header[-1] is None:
        header = header[:-1]
    while cells and not any(cell is not None for cell in cells[-1]):
        cells.pop()
    columns = [str(name or "") for name in header]
    _refuse_doubled(path, columns)
    missing = (None,) * len(columns)
    return Rows(columns, [dict(zip(columns, (*row, *missing), strict=False)) for row in cells])


def _from_json_lines(path: Path, text: str) -> Rows:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
                # An escape can write half of a surrogate pair, which no file can hold as it is.
                json.dumps(row, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise HubkitError(
                    f"holds half a surrogate pair in line {number}",
                    where=path,
                    hint="write the line again; its text was cut inside a character",
                ) from None
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise HubkitError(
                    f"holds no JSON object in line {number}",
                    where=path,
                    hint="a .jsonl file has a JSON object in each line, with the columns as its keys",
                )
            rows.append(row)
    return Rows(list(dict.fromkeys(name for row in rows for name in row)), rows)


def _refuse_doubled(path: Path, columns: Sequence[str]) -> None:
    doubled = next((name for name, count in Counter(columns).items() if count > 1), None)
    if doubled is not None:
        raise UsageError(f"has two columns {doubled!r}", where=path, hint="rename one")
