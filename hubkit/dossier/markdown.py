"""The dossier as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
from hubkit.workspace import Workspace, write_text

SPECIAL = re.compile(r"([\\`*\[\]<|])")
"""What Markdown would read as markup in a value, or as the end of a cell."""


def write_markdown(dossier: Dossier, workspace: Workspace) -> Path:
    """Write the dossier into the workspace, readable by its owner, and return its path."""
    path = workspace.root / "dossier.md"
    write_text(path, "\n".join(markdown(dossier)) + "\n")
    return path


def markdown(dossier: Dossier) -> Iterator[str]:
    """The lines of a dossier."""
    yield from (f"# Reporting dossier: {escaped(dossier.title)}", "", INTRODUCTION)
    yield from ("", *_head(COVERAGE_COLUMNS), *(f"| {' | '.join(cells)} |" for cells in coverage_rows(dossier)))
    for answered in dossier.guidelines:
        yield from _guideline(answered)
    yield from ("", "## What this rests on", "", *_head(STAGE_COLUMNS))
    for row in stage_rows(dossier):
        *cells, state = row
        yield f"| {' | '.join((*map(escaped, cells), state))} |"
    yield from ("", *_head(PACKAGE_COLUMNS))
    yield from (f"| {name} | {escaped(versions)} |" for name, versions in package_rows(dossier))
    yield from ("", "| file | SHA-256 |", "|---|---|")
    yield from (f"| `{name}` | `{digest}` |" for name, digest in dossier.files.items())


def _head(columns: tuple[str, ...]) -> tuple[str, str]:
    return f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"


def _guideline(answered: AnsweredGuideline) -> Iterator[str]:
    guideline = answered.guideline
    yield from ("", f"## {guideline.name}", "")
    yield f"{guideline.citation} <https://doi.org/{guideline.doi}>"
    yield from ("", guideline.source, "", f"{counts_line(answered)}.")
    for answer in answered.answers:
        yield from _item(answer)


def _item(answer: Answer) -> Iterator[str]:
    yield from ("", f"### {answer.item.number} {answer.item.topic}", "", f"- [ ] **{answer.extent}**")
    yield from (f"- {part}" for part in open_parts(answer))
    if answer.rows:
        yield from ("", "| what | value | where |", "|---|---|---|")
        yield from map(_row, answer.rows)


def _row(row: Row) -> str:
    value = "" if row.value is None else escaped(row.value)
    remark = f"*{row.remark}*" if row.remark else ""
    return f"| {row.says} | {' '.join(filter(None, (value, remark)))} | `{row.where}` |"


def escaped(text: str) -> str:
    """A value as Markdown shows it, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
