"""The stage translate: studies -> translations, every section once."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pyarrow as pa

from hubkit.artifacts.translator import Translator, write_translator
from hubkit.checks.hunspell import WORD_LIST
from hubkit.config import ReleaseConfig, Translation
from hubkit.errors import HubkitError
from hubkit.floors import require, require_texts
from hubkit.models.folders import public_name
from hubkit.models.thinking import HINTS, thoughts_told
from hubkit.tables import TRANSLATIONS
from hubkit.terms.policy import check_access, check_public_names
from hubkit.translation.checkpoints import FLAGS, read_parts, read_served, word_lists
from hubkit.translation.executors import run_worker
from hubkit.translation.limits import check_share
from hubkit.translation.prompt import prompt_digest
from hubkit.translation.units import Row, has_text, read_rows, section_names
from hubkit.translation.worker import Worker
from hubkit.workspace import Workspace, read_table, write_json, write_table

CHECKS = pa.schema([("study_id", pa.int64()), ("section", pa.string()), *FLAGS.value_type.fields])
"""checks.parquet: a row per flag; spans are characters of source and translation, null where a side shows nothing."""


def translate(config: ReleaseConfig, workspace: Workspace) -> None:
    """Translate what workspace.studies holds; write workspace.machine_translations and machine_checks.

    Raises:
        HubkitError: the corpus is credentialed and no recent PhysioNet access check is on record, the engine stopped
            answering, a row is missing or doubled, fewer than half of the rows have a translation, or more than
            `translation.max_flagged` of them failed.
    """
    translation = config.translation
    check_public_names(config)
    check_access(config, workspace)
    studies = read_table(workspace.studies)
    rows = read_rows(studies, translation)
    with_text = len({row.study_id for row in rows})
    require_texts(with_text, studies.num_rows, translation.units == "report", workspace.studies)
    run_worker(Worker(translation, workspace.studies, workspace.partial))
    parts = read_parts(workspace.partial)
    # Which words are unknown depends on the machine's dictionary, and so may a status: it is on record.
    record = {WORD_LIST: ",".join(word_lists(workspace.partial))}
    table = _translations(rows, parts, translation).replace_schema_metadata(record)
    reconcile(table, studies, translation)
    checks = _checks(rows, parts).replace_schema_metadata(record)
    answered = table.num_rows - table["translation"].null_count
    hint = "does the model answer at all? [translation] model, base_url; then run the same command again"
    require(answered, table.num_rows, "sections have a translation", workspace.studies, hint)
    _count_thoughts(parts, workspace)
    _count_failures(parts)
    # Failed units are asked again only while the stage is not done.
    doubtful = workspace.machine_translations.with_name("flagged.parquet")
    check_share(table, checks, translation.max_flagged, doubtful, ("failed",))
    doubtful.unlink(missing_ok=True)
    served = read_served(workspace.partial)
    write_translator(workspace, Translator(engine=translation.engine, served=served))
    write_table(workspace.machine_translations, table)
    write_table(workspace.machine_checks, checks)


def _count_thoughts(parts: dict[str, dict[str, Any]], workspace: Workspace) -> None:
    """Say, and note for `hubkit status`, how many answers came after a thought, and how many tokens these took."""
    # A part of an earlier version knows of no thoughts.
    lengths = [part.get("thought_tokens") or 0 for part in parts.values()]
    unfinished = sum(part["error"] in HINTS for part in parts.values())
    counts = {"thoughts": sum(length > 0 for length in lengths), "tokens": sum(lengths), "unfinished": unfinished}
    workspace.thoughts.unlink(missing_ok=True)
    if counts["thoughts"]:
        print(f"  translate: {thoughts_told(counts)}, in {len(parts):,} distinct texts", file=sys.stderr)
        write_json(workspace.thoughts, counts)


def _count_failures(parts: dict[str, dict[str, Any]]) -> None:
    """Say why texts have no translation."""
    causes = Counter(part["error"] for part in parts.values() if part["status"] == "failed")
    if causes:
        told = ", ".join(f"{count:,} {cause}" for cause, count in causes.most_common())
        print(f"  translate: no translation of {causes.total():,} distinct texts: {told}", file=sys.stderr)


def reconcile(table: pa.Table, studies: pa.Table, translation: Translation) -> None:
    """Compare the rows of translations.parquet with the sections that the studies have.

    Raises:
        HubkitError: a row is missing, doubled, or of no section.
    """
    have = Counter(zip(table["study_id"].to_pylist(), table["section"].to_pylist(), strict=True))
    want = Counter(
        (study_id, name)
        for name in section_names(translation)
        for study_id, text in zip(studies["study_id"].to_pylist(), studies[name].to_pylist(), strict=True)
        if has_text(text)
    )
    if have != want:
        missing, surplus = (want - have).total(), (have - want).total()
        study_id, name = next(iter((want - have) + (have - want)))
        raise HubkitError(
            f"{missing} rows are missing and {surplus} are too many, such as {name} of study {study_id}",
            where="translations.parquet",
            hint="run it again: hubkit release --from translate",
        )


def _translations(rows: list[Row], parts: dict[str, dict[str, Any]], translation: Translation) -> pa.Table:
    prompt = prompt_digest(translation)
    model = public_name(translation.model, translation.model_id)
    seen: set[str] = set()
    records = []
    for study_id, section, unit in rows:
        part = parts.get(unit.key)
        if part is not None:
            records.append(
                {
                    "study_id": study_id,
                    "section": section,
                    "source": unit.text,
                    "model": model,
                    "prompt": prompt,
                    "reused": unit.key in seen,
                    **{name: part[name] for name in TRANSLATIONS.names if name in part and name != "flags"},
                    "flags": sorted({flag["check"] for flag in part["flags"]}),
                }
            )
        seen.add(unit.key)
    return pa.Table.from_pylist(records, schema=TRANSLATIONS)


def _checks(rows: list[Row], parts: dict[str, dict[str, Any]]) -> pa.Table:
    records = [
        {"study_id": study_id, "section": section, **flag}
        for study_id, section, unit in rows
        for flag in parts[unit.key]["flags"]
    ]
    return pa.Table.from_pylist(records, schema=CHECKS)
