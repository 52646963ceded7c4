"""The dossier as DOCX, for forms and co-authors. Needs python-docx, which the extra [evidence] brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hubkit.dossier.answers import Answer, AnsweredGuideline
from hubkit.dossier.dossier import (
    COVERAGE_COLUMNS,
    INTRODUCTION,
    PACKAGE_COLUMNS,
    STAGE_COLUMNS,
    Dossier,
    counts_line,
    coverage_rows,
    open_parts,
    package_rows,
    stage_rows,
)
from hubkit.dossier.evidence import Row
from hubkit.workspace import Workspace, atomic

BOX = "\u2610"
"""An empty box, which a second reader ticks."""


TABLE_POINTS = 9
"""The size of letters in tables: paths and keys are long, and break less often in small letters."""

EVIDENCE_SHARES, STAGE_SHARES, PAIR_SHARES = (5, 9, 7), (5, 7, 5, 6, 3, 5, 8, 8), (2, 5)
"""How tables share out the width of a page: values take most of it."""


def write_word(dossier: Dossier, workspace: Workspace) -> Path:
    """Write the dossier into the workspace, readable by its owner, and return its path.

    Raises:
        ModuleNotFoundError: python-docx, of the extra [evidence], is not installed.
    """
    import docx
    from docx.shared import Cm

    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(2)
    document.add_heading(printable(f"Reporting dossier: {dossier.title}"), 0)
    document.add_paragraph(INTRODUCTION)
    _table(document, COVERAGE_COLUMNS, coverage_rows(dossier))
    for answered in dossier.guidelines:
        _guideline(document, answered)
    document.add_heading("What this rests on", 1)
    _table(document, STAGE_COLUMNS, stage_rows(dossier), STAGE_SHARES)
    document.add_paragraph()  # without it Word joins two tables into one
    _table(document, PACKAGE_COLUMNS, package_rows(dossier), PAIR_SHARES)
    document.add_paragraph()
    _table(document, ("file", "SHA-256"), dossier.files.items(), PAIR_SHARES)
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
    lines = [document.add_paragraph()]
    lines[0].add_run(f"{BOX} {answer.extent}", style="Strong")
    lines += [document.add_paragraph(part, style="List Bullet") for part in open_parts(answer)]
    if answer.rows:
        for line in lines:
            line.paragraph_format.keep_with_next = True
        _table(document, ("what", "value", "where"), map(_cells, answer.rows), EVIDENCE_SHARES)


def _cells(row: Row) -> tuple[str, str, str]:
    remark = f"({row.remark})" if row.remark else ""
    return row.says, " ".join(filter(None, (row.value, remark))), row.where


def _table(document: Any, names: Iterable[str], rows: Iterable[Iterable[str]], shares: Sequence[int] = ()) -> None:
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    lines = [tuple(names), *map(tuple, rows)]
    table = document.add_table(len(lines), len(lines[0]), style="Table Grid")
    table.autofit = False
    section, shares = document.sections[0], shares or (1,) * len(lines[0])
    room = section.page_width - section.left_margin - section.right_margin
    widths = [room * share // sum(shares) for share in shares]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    # Cells by row: `table.cell` counts the whole grid each time.
    for line, row in zip(lines, table.rows, strict=True):
        for text, cell, width in zip(line, row.cells, widths, strict=True):
            cell.width = width
            run = cell.paragraphs[0].add_run(printable(text), style="Strong" if line is lines[0] else None)
            run.font.size = Pt(TABLE_POINTS)
        # A row stays on one page.
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # again on each page


def printable(text: str) -> str:
    """A text on one line, without the characters that XML forbids."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
