"""Corrected texts of readers as corrections of the project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.review import REPEAT, Reading, Review, TranslationAnswer, text_digest
from hubkit.config import ReleaseConfig
from hubkit.translation.correcting import add_corrections
from hubkit.translation.correction_files import write_rows
from hubkit.translation.corrections import COLUMNS, Correction
from hubkit.translation.corrections import text_digest as source_digest
from hubkit.workspace import Workspace, read_table

FILE = "corrections.csv"
"""Next to the results; the configured file gets the same."""


class Taken(NamedTuple):
    """What came of the corrected texts.

    Attributes:
        corrections: written, one a section.
        contradicting: sections that readers corrected in different ways.
    """

    corrections: int
    contradicting: int
    notices: list[str]


def take_corrections(
    config: ReleaseConfig, workspace: Workspace, folder: Path, review: Review, readings: Sequence[Reading]
) -> Taken:
    """Write the corrected texts to the review's corrections.csv, and into `[translation] corrections` where it is set.

    Readers who correct a section differently cancel out: a person has to decide. A decision that stands in the
    configured file already is kept.

    Raises:
        HubkitError: the configured file cannot be used.
    """
    by_item = _corrected(readings)
    if not by_item:
        return Taken(0, 0, [])
    read, machine = (_rows(path) for path in (workspace.translations, workspace.machine_translations))
    found, contradicting, stale = [], 0, 0
    for item in review.items:
        texts = by_item.get(item.id, {})
        key = item.study_id, item.section or ""
        if not texts:
            continue
        if key not in machine or key not in read or _digest(read[key]) != review.texts[item.id]:
            stale += 1
        elif len(texts) > 1:
            contradicting += 1
        else:
            [(text, (by, date))] = texts.items()
            if text != read[key]["translation"]:
                note = f"review {folder.name}, item {item.id}"
                found.append(Correction(0, *key, source_digest(machine[key]), text, "replace", by, date, note))
    if found:
        kept = [{name: value for name, value in row._asdict().items() if name in COLUMNS} for row in found]
        write_rows(folder / FILE, kept, COLUMNS)
    return Taken(len(found), contradicting, _notices(config, workspace, found, contradicting, stale))


def _rows(path: Path) -> dict[tuple[int, str], dict[str, Any]]:
    columns = ["study_id", "section", "source", "translation"]
    return {(row["study_id"], row["section"]): row for row in read_table(path, columns).to_pylist()}


def _digest(row: Mapping[str, Any]) -> str:
    """Of the texts as the page showed them."""
    return text_digest([row["source"], row["translation"] or ""])


def _corrected(readings: Sequence[Reading]) -> dict[str, dict[str, tuple[str, str]]]:
    """By item, each corrected text with who wrote it and when; of two readings by one reader, the second."""
    by_item: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for reading in readings:
        own: dict[str, str] = {}
        # The mark of a repeat sorts behind the item's own id.
        for answer in sorted(reading.answers, key=lambda answer: answer.item):
            if isinstance(answer, TranslationAnswer) and answer.correction and answer.correction.strip():
                own[answer.item.removesuffix(REPEAT)] = answer.correction.strip()
        for item, text in own.items():
            by_item[item].setdefault(text, (reading.may_be_named or reading.reader, reading.saved.date().isoformat()))
    return by_item


def _notices(
    config: ReleaseConfig,
    workspace: Workspace,
    found: Sequence[Correction],
    contradicting: int,
    stale: int,
) -> list[str]:
    notices = []
    if contradicting:
        notices.append(f"{contradicting} sections were corrected in different ways, and none was taken: decide by hand")
    if stale:
        notices.append(f"{stale} corrections are of translations that have changed since, and were not taken")
    if found and config.translation.corrections:
        kept = add_corrections(config, workspace, found)
        if kept:
            notices.append(f"{kept} sections had another decision in [translation] corrections, which stays")
    elif found:
        notices.append(f"corrected texts wait in {FILE}: set [translation] corrections, then import it")
    return notices
