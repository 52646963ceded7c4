"""Exporting translations to be corrected, importing what people decided, and saying what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.translation.correction_files import check_format, read_rows, write_rows
from hubkit.translation.corrections import COLUMNS, Correction, check_known, read_corrections, text_digest
from hubkit.translation.revise import apply_file, corrections_path
from hubkit.workspace import Workspace, read_table

SHEET = ("study_id", "section", "source", "machine", "flags", *COLUMNS[2:])
"""The columns of an export: what a person reads, then what they fill in."""


class Imported(NamedTuple):
    """What an import came to."""

    path: Path
    added: int
    replaced: int
    total: int


def export_corrections(config: ReleaseConfig, workspace: Workspace, output: Path, everything: bool) -> int:
    """Write the flagged and failed sections, and those that are corrected, and return how many.

    Raises:
        HubkitError: nothing is translated yet, or the corrections so far cannot be used.
    """
    check_format(output)
    decided = {correction.key: correction for correction in _corrections(config)}
    rows = [
        _sheet_row(row, decided.get((row["study_id"], row["section"])))
        for row in _machine(workspace)
        if everything or row["status"] != "ok" or (row["study_id"], row["section"]) in decided
    ]
    write_rows(output, rows, SHEET)
    return len(rows)


def import_corrections(config: ReleaseConfig, workspace: Workspace, file: Path) -> Imported:
    """Merge the filled-in rows of `file` into the configured file; a new decision takes the place of an older one.

    Raises:
        HubkitError: no file is configured, or rows cannot be used; then nothing is written.
    """
    path = _configured(config)
    new = read_corrections(read_rows(file), file)
    if not new:
        raise HubkitError("no row was filled in", where=file, hint="fill in decision, by and date; save it; try again")
    check_known(new, _machine(workspace), file)
    kept = {correction.key: correction for correction in _corrections(config)}
    replaced = sum(correction.key in kept for correction in new)
    kept |= {correction.key: correction for correction in new}
    write_rows(path, [_row(kept[key]) for key in sorted(kept)], COLUMNS)
    return Imported(path, len(new) - replaced, replaced, len(kept))


def add_corrections(config: ReleaseConfig, workspace: Workspace, new: Sequence[Correction]) -> int:
    """Add decisions to the configured file, and return how many of them it had another decision about, which stays.

    Raises:
        HubkitError: no file is configured, or it cannot be used; then nothing is written.
    """
    path = _configured(config)
    check_known(new, _machine(workspace), path)
    kept = {correction.key: correction for correction in _corrections(config)}
    others = sum(
        correction.key in kept and kept[correction.key].translation != correction.translation for correction in new
    )
    merged = {correction.key: correction for correction in new} | kept
    write_rows(path, [_row(merged[key]) for key in sorted(merged)], COLUMNS)
    return others


def decided(config: ReleaseConfig) -> set[tuple[int, str]]:
    """Study and section of what the configured file decides about; nothing where none is configured or written.

    Raises:
        HubkitError: it cannot be used.
    """
    return {correction.key for correction in _corrections(config)}


def correction_status(config: ReleaseConfig, workspace: Workspace) -> Iterator[str]:
    """Lines for a terminal; they name studies and sections, and no text.

    Raises:
        HubkitError: no file is configured, or it cannot be used.
    """
    path = _configured(config)
    if not path.exists():
        yield f"no corrections yet: {path} does not exist; hubkit corrections export --output FILE"
        return
    revised = apply_file(config.translation, _machine_file(workspace))
    total = len(revised.changed) + len(revised.stale)
    yield f"{total} corrections in {path}: {len(revised.changed)} apply, {len(revised.stale)} are stale"
    for correction in revised.stale:
        yield f"  stale: study {correction.study_id}, {correction.section}: its source or its translation changed"
    rows = {(row["study_id"], row["section"]): row for row in revised.rows}
    for key in sorted(revised.changed):
        row = rows[key]
        if row["status"] == "flagged" and row["translation"] is not None:
            flags = ", ".join(row["flags"])
            yield f"  still flagged: study {key[0]}, {key[1]}: {flags}; if the text is right: decision accept"
    machine = read_table(workspace.machine_translations, ["study_id", "section", "status"]).to_pylist()
    doubtful = {(row["study_id"], row["section"]) for row in machine if row["status"] != "ok"}
    left = len(doubtful - revised.changed)
    yield f"{left} flagged or failed sections have no correction (flagged = {config.translation.flagged!r})"


def _machine(workspace: Workspace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(_machine_file(workspace)).to_pylist()
    return rows


def _machine_file(workspace: Workspace) -> Path:
    if not workspace.machine_translations.exists():
        raise HubkitError(
            "nothing is translated yet", where=workspace.machine_translations, hint="run: hubkit translate"
        )
    return workspace.machine_translations


def _configured(config: ReleaseConfig) -> Path:
    path = corrections_path(config.translation)
    if path is None:
        raise HubkitError(
            "no file of corrections is configured",
            where="hubkit.toml",
            hint='set [translation] corrections = "corrections.csv"',
        )
    return path


def _corrections(config: ReleaseConfig) -> list[Correction]:
    path = corrections_path(config.translation)
    return read_corrections(read_rows(path), path) if path is not None and path.exists() else []


def _sheet_row(row: dict[str, Any], correction: Correction | None) -> dict[str, Any]:
    shown = {
        "study_id": row["study_id"],
        "section": row["section"],
        "source": row["source"],
        "machine": row["translation"],
        "flags": ", ".join(row["flags"] or []) or ("failed" if row["status"] == "failed" else ""),
        "source_sha": text_digest(row),
    }
    # A stale decision is asked for again: it was about another text.
    if correction is None or correction.source_sha != shown["source_sha"]:
        return shown
    return {**_row(correction), **shown}


def _row(correction: Correction) -> dict[str, Any]:
    return {name: value for name, value in correction._asdict().items() if name in COLUMNS}
