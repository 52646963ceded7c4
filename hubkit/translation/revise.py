"""The stage revise: the machine's translations, corrections by people, and what becomes of what is flagged."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from hubkit.artifacts.revision import Revision, write_revision
from hubkit.checks.flags import Flag
from hubkit.config import ReleaseConfig, Translation
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.floors import require
from hubkit.tables import TRANSLATIONS
from hubkit.translation.checkpoints import flag_row
from hubkit.translation.correction_files import read_rows
from hubkit.translation.corrections import Correction, Revised, apply, check_known, read_corrections
from hubkit.translation.limits import check_share
from hubkit.translation.translate import CHECKS
from hubkit.workspace import Workspace, atomic, read_table, write_table


def revise(config: ReleaseConfig, workspace: Workspace) -> None:
    """Write workspace.translations, training_translations, checks and revision from what `translate` wrote.

    Where nothing is changed, the tables are copied byte for byte.

    Raises:
        HubkitError: corrections cannot be used, or with `flagged = "stop"` too many rows are flagged or failed.
    """
    translation = config.translation
    machine = read_table(workspace.machine_translations)
    revised = apply_file(translation, machine.to_pylist())
    checks = _checks(read_table(workspace.machine_checks), revised.flags)
    if translation.flagged == "stop":
        table = pa.Table.from_pylist(revised.rows, schema=TRANSLATIONS)
        check_share(table, checks, translation.max_flagged, _flagged_table(workspace))
    left_out = _leave_out(revised.rows) if translation.flagged == "leave_out" else set()
    changed = revised.changed | left_out
    kept = sum(row["translation"] is not None for row in revised.rows)
    hint = 'read them: hubkit corrections export; or set [translation] flagged = "publish"'
    require(kept, machine.num_rows, "sections keep their text", workspace.machine_translations, hint)
    _write(machine, revised.rows, changed, workspace.machine_translations, workspace.translations)
    test = _test_studies(workspace)
    before = [
        old if new["study_id"] in test else new for old, new in zip(machine.to_pylist(), revised.rows, strict=True)
    ]
    trained = {key for key in changed if key[0] not in test}
    _write(machine, before, trained, workspace.machine_translations, workspace.training_translations)
    if revised.flags:
        write_table(workspace.checks, checks)
    else:
        _copy(workspace.machine_checks, workspace.checks)
    revision = Revision(
        corrected=len(revised.changed),
        stale=len(revised.stale),
        flagged=translation.flagged,
        left_out=sum(row["status"] == "flagged" and row["translation"] is None for row in revised.rows),
        test_studies=tuple(sorted({study for study, _ in changed if study in test})),
    )
    write_revision(workspace, revision)
    _flagged_table(workspace).unlink(missing_ok=True)


def apply_file(translation: Translation, rows: list[dict[str, Any]]) -> Revised:
    """Put the configured corrections on top of the machine's rows.

    Raises:
        HubkitError: the file cannot be used.
    """
    path = corrections_path(translation)
    if path is None:
        return Revised(rows, {}, set(), [])
    corrections: list[Correction] = read_corrections(read_rows(path), path)
    check_known(corrections, rows, path)
    return apply(rows, corrections)


def corrections_path(translation: Translation) -> Path | None:
    return Path(translation.corrections) if translation.corrections else None


def corrections_digest(config: ReleaseConfig) -> str | None:
    """The digest of the file of corrections; None where none is set.

    Raises:
        HubkitError: it is set, and missing.
    """
    path = corrections_path(config.translation)
    if path is None:
        return None
    if not path.exists():
        hint = "hubkit corrections import writes it; until then, take the setting out"
        raise HubkitError("[translation] corrections names a file that is missing", where=path, hint=hint)
    return file_digest(path)


def _leave_out(rows: list[dict[str, Any]]) -> set[tuple[int, str]]:
    """Take the text out of flagged rows, and return which they are."""
    found = set()
    for row in rows:
        if row["status"] == "flagged" and row["translation"] is not None:
            row["translation"] = None
            found.add((row["study_id"], row["section"]))
    return found


def _checks(machine: pa.Table, flags: Mapping[tuple[int, str], list[Flag]]) -> pa.Table:
    """The machine's checks, with those of replaced texts in their place."""
    if not flags:
        return machine
    kept = [row for row in machine.to_pylist() if (row["study_id"], row["section"]) not in flags]
    found = [
        {"study_id": study, "section": section, **flag_row(flag)}
        for (study, section), those in flags.items()
        for flag in those
    ]
    return pa.Table.from_pylist([*kept, *found], schema=CHECKS.with_metadata(machine.schema.metadata))


def _test_studies(workspace: Workspace) -> set[int]:
    studies = read_table(workspace.studies, ["study_id", "split"]).to_pylist()
    return {row["study_id"] for row in studies if row["split"] == "test"}


def _write(
    machine: pa.Table, rows: list[dict[str, Any]], changed: set[tuple[int, str]], source: Path, target: Path
) -> None:
    """Write rows, or copy the file that they came from where none changed: later stages then see no change."""
    if changed:
        write_table(target, pa.Table.from_pylist(rows, schema=machine.schema))
    else:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _flagged_table(workspace: Workspace) -> Path:
    return workspace.translations.with_name("flagged.parquet")
