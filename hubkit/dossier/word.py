"""The dossier as DOCX, for forms and co-authors. Needs python-docx, which the extra [evidence] brings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hubkit.dossier.answers import Answer, AnsweredGuideline
from hubkit.dossier.dossier import INTRODUCTION, STAGE_COLUMNS, Dossier, counts_line, open_parts, stage_rows
from hubkit.dossier.evidence import Row
from hubkit.workspace import Workspace, atomic

BOX = "\u2610"
"""An empty box, which a second reader ticks."""


def write_word(dossier: Dossier, workspace: Workspace) -> Path:
    """Write the dossier into the workspace, readable by its owner, and return its path.

    Raises:
        ModuleNotFoundError: python-docx, of the extra [evidence], is not installed.
    """
    import docx

    document = docx.Document()
    document.add_heading(printable(f"Reporting dossier: {dossier.title}"), 0)
    document.add_paragraph(INTRODUCTION)
    for answered in dossier.guidelines:
        _guideline(document, answered)
    document.add_heading("What this rests on", 1)
    _table(document, STAGE_COLUMNS, stage_rows(dossier))
    document.add_paragraph()  # without it Word joins two tables into one
    _table(document, ("file", "SHA-256"), dossier.files.items())
    path = workspace.root / "dossier.docx"
    with atomic(path) as temporary:
        document.save(str(temporary))
    return path


def _guideline(document: Any, answered: AnsweredGuideline) -> None:
    guideline = answered.guideline
    document.add_heading(guideline.name, 1)
    document.add_paragraph(f"{guideline.citation} https://doi.org/{guideline.doi}")
    document.add_paragraph(guideline.source)
    document.add_paragraph(f"{counts_line(answered)}.")
    for answer in answered.answers:
        _item(document, answer)


def _item(document: Any, answer: Answer) -> None:
    document.add_heading(f"{answer.item.number} {answer.item.topic}", 2)
    document.add_paragraph().add_run(f"{BOX} {answer.extent}", style="Strong")
    for part in open_parts(answer):
        document.add_paragraph(part, style="List Bullet")
    if answer.rows:
        _table(document, ("what", "value", "where"), map(_cells, answer.rows))


def _cells(row: Row) -> tuple[str, str, str]:
    remark = f"({row.remark})" if row.remark else ""
    return row.says, " ".join(filter(None, (row.value, remark))), row.where


def _table(document: Any, names: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    lines = [tuple(names), *map(tuple, rows)]
    table = document.add_table(len(lines), len(lines[0]), style="Table Grid")
    # Cells by row: `table.cell` counts the whole grid each time.
    for line, cells in zip(lines, table.rows, strict=True):
        for text, cell in zip(line, cells.cells, strict=True):
            cell.text = printable(text)


def printable(text: str) -> str:
    """A text on one line, without the characters that XML forbids."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
