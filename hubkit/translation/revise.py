"""The stage revise: the machine's translations, corrections by people, and what becomes of what is flagged."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubkit.artifacts.revision import Revision, write_revision
from hubkit.checks.flags import Flag
from hubkit.config import ReleaseConfig, Translation
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.floors import require
from hubkit.tables import CHECKS
from hubkit.translation.checkpoints import flag_row
from hubkit.translation.correction_files import read_rows
from hubkit.translation.corrections import Correction, Revised, apply, check_known, read_corrections
from hubkit.translation.limits import ROWS_PER_GROUP, check_share
from hubkit.workspace import Workspace, atomic, read_table, write_table, write_tables

Key = tuple[int, str]
"""Study and section of a row."""

Row = Mapping[str, Any]
"""A row of translations.parquet."""


def revise(config: ReleaseConfig, workspace: Workspace) -> None:
    """Write workspace.translations, training_translations, checks and revision from what `translate` wrote.

    Where nothing is changed, the tables are copied byte for byte.

    Raises:
        HubkitError: corrections cannot be used, or with `flagged = "stop"` too many rows are flagged or failed.
    """
    translation, machine = config.translation, workspace.machine_translations
    leaves_out = translation.flagged == "leave_out"
    revised = apply_file(translation, machine)
    # Rows that are changed take the place of the machine's; all others stay in their file.
    rows: dict[Key, Row] = {_key(row): row for row in revised.rows if _key(row) in revised.changed}
    checks = _checks(read_table(workspace.machine_checks), revised.flags)
    if translation.flagged == "stop":
        _stop(workspace, rows, checks, translation.max_flagged)
    if leaves_out:
        rows |= _left_out(machine, rows)
    counts = _counts(machine, rows)
    hint = 'read them: hubkit corrections export; or set [translation] flagged = "publish"'
    require(counts.kept, counts.rows, "sections keep their text", machine, hint)
    _write(machine, rows, workspace.translations)
    test = _test_studies(workspace)
    trained = {key: row for key, row in rows.items() if key[0] not in test}
    _write(machine, trained, workspace.training_translations)
    if revised.flags:
        write_table(workspace.checks, checks)
    else:
        _copy(workspace.machine_checks, workspace.checks)
    revision = Revision(
        corrected=len(revised.changed),
        stale=len(revised.stale),
        flagged=translation.flagged,
        left_out=counts.left_out,
        test_studies=tuple(sorted({study for study, _ in rows if study in test})),
    )
    write_revision(workspace, revision)
    _flagged_table(workspace).unlink(missing_ok=True)


class Counts(NamedTuple):
    """Rows in all, rows that keep their text, and flagged rows without one."""

    rows: int
    kept: int
    left_out: int


def apply_file(translation: Translation, machine: Path) -> Revised:
    """Put the configured corrections on top of the rows that they are about.

    Args:
        machine: the file of the machine's rows.

    Raises:
        HubkitError: the file cannot be used.
    """
    path = corrections_path(translation)
    if path is None:
        return Revised([], {}, set(), [])
    corrections: list[Correction] = read_corrections(read_rows(path), path)
    keys = {correction.key for correction in corrections}
    rows = [row for batch in _batches(machine) for row in _of_keys(batch, keys).to_pylist()]
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


def _left_out(machine: Path, rows: Mapping[Key, Row]) -> dict[Key, Row]:
    """The flagged rows, without their text, under the corrections in `rows`."""
    found = {}
    for batch in _batches(machine):
        flagged = batch.filter(pc.and_(pc.equal(batch["status"], "flagged"), pc.is_valid(batch["translation"])))
        found.update({_key(row): {**row, "translation": None} for row in flagged.to_pylist() if _key(row) not in rows})
    corrected = {key: row for key, row in rows.items() if row["status"] == "flagged" and row["translation"] is not None}
    return found | {key: {**row, "translation": None} for key, row in corrected.items()}


def _stop(workspace: Workspace, rows: Mapping[Key, Row], checks: pa.Table, max_flagged: float) -> None:
    """Stop where too many of the rows, with the revised ones in `rows`, are flagged or failed."""

    def revised(columns: list[str] | None = None) -> pa.Table:
        batches = _batches(workspace.machine_translations, columns)
        return pa.concat_tables(_patched(batch, rows) for batch in batches)

    status = revised(["study_id", "section", "status"])["status"]
    check_share(status, lambda numbers: revised().take(numbers), checks, max_flagged, _flagged_table(workspace))


def _counts(machine: Path, rows: Mapping[Key, Row]) -> Counts:
    """What is left under the revised rows."""
    total = kept = left_out = 0
    for batch in _batches(machine, ["study_id", "section", "status", "translation"]):
        batch = _patched(batch, rows)
        has_text = pc.is_valid(batch["translation"])
        flagged = pc.equal(batch["status"], "flagged")
        total += batch.num_rows
        kept += pc.sum(has_text).as_py() or 0
        left_out += pc.sum(pc.and_(flagged, pc.invert(has_text))).as_py() or 0
    return Counts(total, kept, left_out)


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


def _write(machine: Path, rows: Mapping[Key, Row], target: Path) -> None:
    """Write the machine's rows with `rows` in place of theirs; where there are none, copy the file as it is.

    Later stages then see no change.
    """
    if not rows:
        _copy(machine, target)
        return
    write_tables(target, pq.read_schema(machine), (_patched(batch, rows) for batch in _batches(machine)))


def _batches(machine: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    with pq.ParquetFile(machine) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, columns=columns):
            yield pa.Table.from_batches([batch])


def _of_keys(batch: pa.Table, keys: Collection[Key]) -> pa.Table:
    """The rows of a batch with these keys."""
    if not keys:
        return batch.slice(0, 0)
    pairs = zip(batch["study_id"].to_pylist(), batch["section"].to_pylist(), strict=True)
    return batch.filter(pa.array([pair in keys for pair in pairs], pa.bool_()))


def _patched(batch: pa.Table, rows: Mapping[Key, Row]) -> pa.Table:
    """A batch of the machine's rows with the revised ones in place of theirs."""
    if not _of_keys(batch, rows).num_rows:
        return batch
    return pa.Table.from_pylist([rows.get(_key(row), row) for row in batch.to_pylist()], schema=batch.schema)


def _key(row: Row) -> Key:
    return row["study_id"], row["section"]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _flagged_table(workspace: Workspace) -> Path:
    return workspace.translations.with_name("flagged.parquet")
