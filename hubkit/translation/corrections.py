"""What people decided about translations: each row bound to the text that it corrects, and applied on top of it."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hubkit.checks import check_or_flag
from hubkit.checks.flags import Flag
from hubkit.errors import HubkitError

Decision = Literal["accept", "replace", "leave_out"]

DECISIONS = ("accept", "replace", "leave_out")

COLUMNS = ("study_id", "section", "source_sha", "translation", "decision", "by", "date", "note")
"""The columns of a file of corrections; all others are for the reader, and are not read back."""

LEFT_OUT = "left_out"
"""The flag of a section that a person left out."""

SHOWN = 5
"""How many rows an error names."""


class Correction(NamedTuple):
    """One decision.

    Attributes:
        line: where it stands in its file, counted from 1.
        study_id, section: the row of the translations.
        source_sha: as `text_digest` gives it for the texts that the person saw.
        translation: the corrected text; None where the machine's is accepted, or the section is left out.
        decision: "accept": the text is right, whatever the checks find; "replace": the text, where the checks find no
            error in it; "leave_out": no text.
        by, date: who decided, and when (ISO).
    """

    line: int
    study_id: int
    section: str
    source_sha: str
    translation: str | None
    decision: Decision
    by: str
    date: str
    note: str

    @property
    def key(self) -> tuple[int, str]:
        return self.study_id, self.section


class Revised(NamedTuple):
    """What came of a table of translations and its corrections.

    Attributes:
        rows: the translations, in their order.
        flags: what the checks find in each row whose text was replaced, by study and section.
        changed: study and section of the rows that a correction changed.
        stale: corrections of a text that is no longer there.
    """

    rows: list[dict[str, Any]]
    flags: dict[tuple[int, str], list[Flag]]
    changed: set[tuple[int, str]]
    stale: list[Correction]


def text_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 of a source and of the machine's translation of it: a correction of these holds for no others."""
    return hashlib.sha256(f"{row['source']}\0{row['translation'] or ''}".encode()).hexdigest()


def read_corrections(rows: Iterable[tuple[int, Mapping[str, Any]]], where: Path) -> list[Correction]:
    """Check rows of a file, and leave out those that nobody filled in.

    Args:
        rows: the number of the line of each, and its cells by column.

    Raises:
        HubkitError: rows are half-filled, unknown in form, or decide twice about one section; it names the lines.
    """
    found: dict[tuple[int, str], Correction] = {}
    faults: list[str] = []
    for line, cells in rows:
        text = {name: _text(cells.get(name)) for name in COLUMNS}
        if not any(text[name] for name in ("decision", "translation", "by", "note")):
            continue
        fault = _fault(text)
        if fault is None:
            correction = _correction(line, text)
            before = found.setdefault(correction.key, correction)
            if before is not correction:
                fault = f"decides about the same section as line {before.line}"
        if fault is not None:
            faults.append(f"line {line}: {fault}")
    refuse(faults, where)
    return list(found.values())


def refuse(faults: Sequence[str], where: Path) -> None:
    """Stop where a file has faults, and name the first of them.

    Raises:
        HubkitError: there are some.
    """
    if faults:
        more = f"\n  and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        shown = "\n  ".join(faults[:SHOWN])
        hint = "correct these lines; for a fresh file: hubkit corrections export"
        rows = "correction" if len(faults) == 1 else "corrections"
        raise HubkitError(f"{len(faults)} {rows} cannot be used:\n  {shown}{more}\n", where=where, hint=hint)


def check_known(corrections: Iterable[Correction], rows: Iterable[Mapping[str, Any]], where: Path) -> None:
    """Hold corrections to the translations that they are about.

    Raises:
        HubkitError: a study has no such section, or there is no text to accept; it names the lines.
    """
    known = {(row["study_id"], row["section"]): row for row in rows}
    faults = []
    for correction in corrections:
        row = known.get(correction.key)
        if row is None:
            faults.append(f"line {correction.line}: study {correction.study_id} has no section {correction.section}")
        elif correction.decision == "accept" and not correction.translation and not row["translation"]:
            faults.append(f"line {correction.line}: there is no translation to accept; give one")
    refuse(faults, where)


def apply(rows: Iterable[Mapping[str, Any]], corrections: Iterable[Correction]) -> Revised:
    """Put corrections on top of the rows of translations.parquet."""
    decided = {correction.key: correction for correction in corrections}
    revised = Revised([], {}, set(), [])
    for row in rows:
        key = row["study_id"], row["section"]
        correction = decided.get(key)
        if correction is None:
            revised.rows.append(dict(row))
        elif correction.source_sha != text_digest(row):
            revised.stale.append(correction)
            revised.rows.append(dict(row))
        else:
            revised.changed.add(key)
            revised.rows.append(_applied(row, correction, revised.flags))
    return revised


def _applied(
    row: Mapping[str, Any], correction: Correction, flags: dict[tuple[int, str], list[Flag]]
) -> dict[str, Any]:
    if correction.decision == "leave_out":
        return {**row, "translation": None, "status": "flagged", "flags": sorted({*row["flags"], LEFT_OUT})}
    if not correction.translation:
        return {**row, "status": "ok"}
    found = check_or_flag(row["source"], correction.translation)
    flags[correction.key] = found
    wrong = any(flag.severity == "error" for flag in found) and correction.decision != "accept"
    return {
        **row,
        "translation": correction.translation,
        "finish_reason": "stop",
        "status": "flagged" if wrong else "ok",
        "flags": sorted({flag.name for flag in found}),
    }


def _fault(cells: Mapping[str, str]) -> str | None:
    """What is wrong with a row that somebody filled in; no text of it."""
    empty = [name for name in ("study_id", "section", "source_sha", "decision", "by", "date") if not cells[name]]
    if empty:
        return f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty"
    if not re.fullmatch(r"[0-9]+", cells["study_id"]):
        return "study_id is not a whole number"
    if cells["decision"] not in DECISIONS:
        return f"decision is none of {', '.join(DECISIONS)}"
    if not re.fullmatch(r"[0-9a-f]{64}", cells["source_sha"]):
        return "source_sha is not as it was exported"
    if cells["decision"] == "replace" and not cells["translation"]:
        return "replace needs a translation"
    if cells["decision"] == "leave_out" and cells["translation"]:
        return "leave_out takes no translation"
    return None if _date(cells["date"]) else "date is not a day, written as 2026-01-31 or 31/01/2026"


def _correction(line: int, cells: Mapping[str, str]) -> Correction:
    decision: Decision = cells["decision"]  # type: ignore[assignment]
    return Correction(
        line,
        int(cells["study_id"]),
        cells["section"],
        cells["source_sha"],
        cells["translation"] or None,
        decision,
        cells["by"],
        str(_date(cells["date"])),
        cells["note"],
    )


def _text(cell: Any) -> str:
    if cell is None or cell != cell:  # NaN, as pandas writes an empty cell
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a spreadsheet's number
    if isinstance(cell, datetime.datetime):
        cell = cell.date()
    return str(cell).strip()


def _date(text: str) -> datetime.date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):  # ISO, and as Brazilian spreadsheets write it
        try:
            return datetime.datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None
