"""Spreadsheets of Excel (.xlsx): the first sheet as rows of cells. Needs openpyxl, which the extra [review] brings."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError

MOST_BYTES = 2**30
"""Of an unpacked file. A million rows, which is as many as a sheet has, of two texts of 500 letters take less."""

LONGEST_CELL = 32_767
"""Characters of a cell: Excel's own limit."""


def read_sheet(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of each row of the active sheet, its header first.

    Raises:
        ModuleNotFoundError: openpyxl is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, or unpacks to more than MOST_BYTES.
    """
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_BYTES:
            raise ValueError(f"unpacks to {unpacked} bytes")
        yield from openpyxl.load_workbook(path, read_only=True).active.iter_rows(values_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken archive raises what zipfile and the XML parser raise
        raise ValueError(str(error)) from None


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Write a sheet in which every cell is text, also where it begins as a formula does; ids keep all their digits.

    Raises:
        ModuleNotFoundError: openpyxl is not installed.
        HubkitError: a cell is longer than Excel's limit, or holds a control character.
    """
    import openpyxl
    from openpyxl.utils.exceptions import IllegalCharacterError

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for number, cells in enumerate([columns, *rows], 1):
        for at, text in enumerate(cells, 1):
            cell = sheet.cell(number, at)
            try:
                cell.value = text or ""
            except IllegalCharacterError:
                raise HubkitError(
                    f"row {number} holds a control character in column {columns[at - 1]!r}",
                    where=path,
                    hint="write a .jsonl file instead",
                ) from None
            if len(text or "") > LONGEST_CELL:
                raise HubkitError(
                    f"row {number} holds more than {LONGEST_CELL} characters in column {columns[at - 1]!r}",
                    where=path,
                    hint="write a .jsonl file instead",
                )
            cell.data_type, cell.number_format = "s", "@"
    # An archive that writes to a full disk itself complains once more when it is forgotten.
    whole = io.BytesIO()
    workbook.save(whole)
    path.write_bytes(whole.getvalue())
