"""The pairs of texts in what a visitor pastes or uploads, and a file of their scores."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable
from typing import Any

Pairs = list[tuple[str, str]]


class Refused(ValueError):
    """What was entered cannot be scored: the key of the reason in the page's texts, and what is filled in there."""

    def __init__(self, reason: str, *values: int):
        super().__init__(reason)
        self.reason, self.values = reason, values


def pasted(prediction: str, reference: str, by_line: bool) -> Pairs:
    """The pair in two boxes; with `by_line` a pair a line, where blank lines at the end do not count."""
    if not prediction.strip() and not reference.strip():
        raise Refused("nothing")
    if not by_line:
        return [(prediction.strip(), reference.strip())]
    left, right = prediction.rstrip().split("\n"), reference.rstrip().split("\n")
    if len(left) != len(right):
        raise Refused("counts", len(left), len(right))
    return list(zip(left, right, strict=True))


def read_pairs(content: bytes, suffix: str) -> Pairs:
    """The pairs in a file whose name ends with `suffix`.

    Raises:
        Refused: it is of another kind, or lacks a column.
    """
    try:
        rows = _rows(content, suffix.lower())
        pairs = [(row["prediction"] or "", row["reference"] or "") for row in rows]
    except UnicodeDecodeError:
        raise Refused("utf8") from None
    except (KeyError, TypeError):
        raise Refused("columns") from None
    except (csv.Error, json.JSONDecodeError):
        raise Refused("kind") from None
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise Refused("type")
    return pairs


def _rows(content: bytes, suffix: str) -> Iterable[Any]:
    if suffix == ".xlsx":
        return _sheet(content)
    text = content.decode("utf-8-sig")
    if suffix == ".jsonl":  # split at line feeds alone: a text may hold other separators of lines
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    header = text.split("\n", 1)[0]
    # A header holds no text, so what stands in it most often separates its columns.
    return csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))


def _sheet(content: bytes) -> list[dict[Any, Any]]:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        header, *rows = [*sheet.iter_rows(values_only=True)] or [()]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, ValueError):
        raise Refused("kind") from None
    return [dict(zip(header, row, strict=False)) for row in rows if any(cell is not None for cell in row)]


def link(rows: list[list[str]], header: list[str], label: str, delimiter: str) -> str:
    """A link with which a browser saves the rows as CSV. The file is in the link: nothing is written on the server."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    # A cell that begins like a formula would be one in a spreadsheet.
    writer.writerows([[f"'{cell}" if cell[:1] in "=+-@\t\r" and cell[:1] else cell for cell in row] for row in rows])
    # Excel takes UTF-8 for another encoding unless the file begins with its mark.
    data = base64.b64encode(text.getvalue().encode("utf-8-sig")).decode()
    return f'<a class="download" download="bertscore.csv" href="data:text/csv;base64,{data}">{label}</a>'
