"""Pairs in a file of another's making: Parquet, CSV or JSON Lines in, the same rows with `status` and `flags` out."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.errors import HubkitError, UsageError
from hubkit.progress import track
from hubkit.translation.checks import check
from hubkit.workspace import read_table, write_table, write_text

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = (".parquet", ".csv", ".jsonl")

ADDED = ("status", "flags")


class Checked(NamedTuple):
    """The rows of a file with `status` (ok, flagged) and `flags` (names of checks), and how often each error was found.

    Attributes:
        rows: in the file's order.
        table: the same as a table, where the file is Parquet.
        flagged: how many rows have an error.
        names: rows by the name of the check that found an error in them, the commonest first.
    """

    rows: list[dict[str, Any]]
    table: pa.Table | None
    flagged: int
    names: dict[str, int]


def check_file(path: Path, source: str = "source", translation: str = "translation") -> Checked:
    """Check every pair of a file; a missing text counts as an empty one.

    Args:
        path: a .parquet, .csv or .jsonl file, UTF-8.
        source: the column of the English text.
        translation: the column of its Portuguese.

    Raises:
        UsageError: the file has another ending, or lacks one of the columns.
        HubkitError: it cannot be read.
    """
    rows, table = _read(path)
    lacking = [name for name in (source, translation) if any(name not in row for row in rows)]
    if lacking:
        raise UsageError(
            f"no column {lacking[0]!r} in every row", where=path, mend="name it with --source, --translation"
        )
    counts: Counter[str] = Counter()
    flagged = 0
    for row in track(rows, "check: pairs", len(rows)):
        flags = check(row[source] or "", row[translation] or "")
        errors = {flag.name for flag in flags if flag.severity == "error"}
        row.update(status="flagged" if errors else "ok", flags=sorted({flag.name for flag in flags}))
        counts.update(errors)
        flagged += bool(errors)
    return Checked(rows, _with_columns(table, rows), flagged, dict(counts.most_common()))


def write_checked(checked: Checked, path: Path) -> None:
    """Write the rows in the format that the path's ending names; in CSV the flags are parted by spaces.

    Raises:
        UsageError: no such format.
        HubkitError: the file cannot be written.
    """
    if path.suffix == ".jsonl":
        write_text(path, "".join(f"{line}\n" for line in json_lines(checked.rows)))
    elif path.suffix == ".csv":
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in checked.rows for name in row)) or list(ADDED)
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "flags": " ".join(row["flags"])} for row in checked.rows)
        write_text(path, text.getvalue())
    elif path.suffix == ".parquet":
        import pyarrow as pa

        write_table(path, pa.Table.from_pylist(checked.rows) if checked.table is None else checked.table)
    else:
        raise _unknown_format(path)


def json_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [json.dumps(row, ensure_ascii=False, default=str) for row in rows]


def _read(path: Path) -> tuple[list[dict[str, Any]], pa.Table | None]:
    if path.suffix not in FORMATS:
        raise _unknown_format(path)
    if path.suffix == ".parquet":
        table = read_table(path)
        return table.to_pylist(), table
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text, newline=""))), None
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except OSError as error:
        raise HubkitError(f"cannot be read: {error.strerror}", where=path) from None
    except UnicodeDecodeError:
        raise HubkitError("is not UTF-8", where=path, mend="convert it: iconv -f latin1 -t utf-8") from None
    except json.JSONDecodeError as error:
        raise HubkitError(
            f"holds a line that is no JSON object, near character {error.pos} of it", where=path
        ) from None
    if not all(isinstance(row, dict) for row in rows):
        raise HubkitError("holds a line that is no JSON object", where=path)
    return rows, None


def _with_columns(table: pa.Table | None, rows: list[dict[str, Any]]) -> pa.Table | None:
    if table is None:
        return None
    import pyarrow as pa

    table = table.drop_columns([name for name in ADDED if name in table.column_names])
    table = table.append_column("status", pa.array([row["status"] for row in rows], pa.string()))
    return table.append_column("flags", pa.array([row["flags"] for row in rows], pa.list_(pa.string())))


def _unknown_format(path: Path) -> UsageError:
    return UsageError(f"not one of {', '.join(FORMATS)}", where=path, mend="convert it, or choose another ending")
