"""Files of corrections: CSV in the dialects that spreadsheets write, JSON lines, Parquet and .xlsx."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError, UsageError
from hubkit.spreadsheet import read_sheet, write_sheet
from hubkit.workspace import atomic

FORMATS = (".csv", ".jsonl", ".parquet", ".xlsx")

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would run, or one that was kept from it by an apostrophe."""

Rows = Iterator[tuple[int, dict[str, Any]]]


def read_rows(path: Path) -> Rows:
    """Yield the number of the line and the cells by column of each row.

    Raises:
        HubkitError: the file is missing, of another format, or lacks the columns of corrections.
    """
    check_format(path)
    reader = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet, ".xlsx": _read_xlsx}[path.suffix]
    try:
        yield from reader(path)
    except FileNotFoundError:
        hint = "make it: hubkit corrections export"
        raise HubkitError("there is no such file of corrections", where=path, hint=hint) from None
    except (OSError, ValueError, KeyError, csv.Error) as error:
        what = f"cannot be read as {path.suffix[1:]} ({type(error).__name__})"
        raise HubkitError(what, where=path, hint="save it again in that format") from None


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write a file that its owner alone can read; cells of CSV that look like formulas get an apostrophe.

    Raises:
        HubkitError: the format is another, or the folder cannot be written.
    """
    check_format(path)
    cells = [{name: row.get(name) for name in columns} for row in rows]
    writer = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet, ".xlsx": _write_xlsx}
    with atomic(path) as temporary:
        writer[path.suffix](temporary, cells, columns)


def check_format(path: Path) -> None:
    """Refuse a file whose name ends in none of FORMATS, or in one that nothing here reads.

    Raises:
        UsageError: it does.
        ModuleNotFoundError: .xlsx needs the extra [review], which is not installed.
    """
    if path.suffix not in FORMATS:
        raise UsageError(
            "files of this format are not supported",
            where=path,
            hint=f"give it a name that ends in {', '.join(FORMATS)}",
        )
    if path.suffix == ".xlsx":
        import openpyxl  # noqa: F401 - the command line says which extra brings it


def _read_csv(path: Path) -> Rows:
    text = _decoded(path.read_bytes())
    first, _, rest = text.partition("\n")
    skipped = 0
    if marked := re.fullmatch(r"sep=(.)\r?", first):  # what Excel writes for itself
        text, skipped, delimiter = rest, 1, marked[1]
    else:
        delimiter = max(";,\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    _require_columns(reader.fieldnames or (), path)
    for row in reader:
        yield reader.line_num + skipped, {name: _plain(cell) for name, cell in row.items() if name is not None}


def _decoded(content: bytes) -> str:
    """Text as spreadsheets save it: UTF-8 or UTF-16 with its mark, UTF-8 without, or Windows' code page of Brazil."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _plain(cell: Any) -> Any:
    """A cell without the apostrophe that `_guarded` put before it."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell) else cell


def _guarded(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def _read_jsonl(path: Path) -> Rows:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not an object")
            if number == 1:
                _require_columns(row, path)
            yield number, row


def _read_parquet(path: Path) -> Rows:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    _require_columns(table.column_names, path)
    yield from enumerate(table.to_pylist(), 1)


def _read_xlsx(path: Path) -> Rows:
    rows = read_sheet(path)
    header = [str(cell or "") for cell in next(rows, ())]
    _require_columns(header, path)
    for number, row in enumerate(rows, 2):
        yield number, dict(zip(header, row, strict=False))


def _require_columns(names: Iterable[str], path: Path) -> None:
    from hubkit.translation.corrections import COLUMNS

    missing = [name for name in COLUMNS if name not in names]
    if missing:
        hint = "make a file with all of them: hubkit corrections export"
        raise HubkitError(f"has no column {', '.join(missing)}", where=path, hint=hint)


def _write_csv(path: Path, rows: list[dict[str, Any]], columns: Sequence[str]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({name: _guarded(cell) for name, cell in row.items()} for row in rows)


def _write_jsonl(path: Path, rows: list[dict[str, Any]], columns: Sequence[str]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _write_parquet(path: Path, rows: list[dict[str, Any]], columns: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"study_id": pa.int64()}
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in columns])), path
    )


def _write_xlsx(path: Path, rows: list[dict[str, Any]], columns: Sequence[str]) -> None:
    write_sheet(path, columns, ([_text(row[name]) for name in columns] for row in rows))


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)
