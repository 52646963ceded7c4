"""Read the CSV files of a corpus, plain or gzipped, and check what they hold column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    import pyarrow as pa

FETCH_AGAIN = "fetch the file again: hubkit fetch"


def find_csv(folder: Path, pattern: str) -> Path | None:
    """The newest CSV in `folder` whose name, without .gz, fits the glob `pattern`; None where there is none."""
    found = [*folder.glob(pattern), *folder.glob(f"{pattern}.gz")]
    return max(found, key=lambda path: (path.name.removesuffix(".gz"), path.suffix == ".gz")) if found else None


def need_csv(folder: Path, pattern: str) -> Path:
    """As `find_csv`.

    Raises:
        HubkitError: there is none.
    """
    path = find_csv(folder, pattern)
    if path is None:
        raise HubkitError(f"there is no {pattern}[.gz]", where=folder, hint="get it with: hubkit fetch")
    return path


def read_csv(path: Path, columns: Sequence[str], hint: str = FETCH_AGAIN) -> pa.Table:
    """Read `columns` of a CSV as strings, empty fields as nulls; a byte order mark is skipped.

    Args:
        hint: what helps where the file is not as it should be.

    Raises:
        HubkitError: the file is truncated, is not CSV, or lacks a column.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        return csv.read_csv(
            str(path),
            convert_options=csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except KeyError as error:
        raise HubkitError(f"has no column {error.args[0].split(chr(39))[1]}", where=path, hint=hint) from None
    except pa.ArrowInvalid:
        raise HubkitError("is not CSV that can be read, or is empty", where=path, hint=hint) from None
    except OSError as error:
        what = "the file is truncated or damaged" if error.errno is None else f"cannot be read: {error.strerror}"
        raise HubkitError(what, where=path, hint=hint) from None


def checked(table: pa.Table, patterns: Mapping[str, str], path: Path) -> pa.Table:
    """Return `table` where every value of each column in `patterns` fits its regular expression.

    Raises:
        HubkitError: names the column and the row of the first value that does not.
    """
    import pyarrow.compute as pc

    for column, pattern in patterns.items():
        wrong = pc.invert(pc.fill_null(pc.match_substring_regex(table[column], f"^(?:{pattern})$"), False))
        if pc.any(wrong).as_py():
            row = pc.index(wrong, True).as_py()
            raise HubkitError(
                f"{column} of data row {row + 1} does not fit {pattern}", where=path, hint="compare it with PhysioNet's"
            )
    return table


def without_duplicates(table: pa.Table, column: str, path: Path, fault: str = "is listed twice") -> pa.Table:
    """Return `table` where no value of `column` comes twice.

    Raises:
        HubkitError: names the first value that does, and says `fault` of it.
    """
    import pyarrow.compute as pc

    counts = pc.value_counts(table[column])
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        value = twice.field("values")[0].as_py()
        raise HubkitError(f"{column} {value} {fault}", where=path, hint="compare it with PhysioNet's")
    return table
