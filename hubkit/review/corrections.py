"""Corrected texts of readers as corrections of the project."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.review import REPEAT, Reading, Review, TranslationAnswer, text_digest
from hubkit.config import ReleaseConfig
from hubkit.review.readings import printable_name
from hubkit.translation.correcting import add_corrections, decided
from hubkit.translation.correction_files import write_rows
from hubkit.translation.corrections import COLUMNS, Correction
from hubkit.translation.corrections import text_digest as source_digest
from hubkit.translation.revise import corrections_path
from hubkit.workspace import Workspace, read_table

FILE = "corrections.csv"
"""Next to the results; the configured file gets the same."""

HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""What shows nothing, or turns a line round, as page/panel.js has it: it comes along where a text is copied."""


class Taken(NamedTuple):
    """What came of the corrected texts.

    Attributes:
        corrections: sections that readers corrected, written now or in the release already.
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
    configured file already is kept. A corrected text that the release has already counts, and is not written again.

    Raises:
        HubkitError: the configured file cannot be used.
    """
    by_item = _corrected(readings)
    if not by_item:
        _write(config, folder / FILE, [])
        return Taken(0, 0, [])
    read, machine = (_rows(path) for path in (workspace.translations, workspace.machine_translations))
    found: list[Correction] = []
    contradicting: list[tuple[int, str]] = []
    applied = stale = 0
    for item in review.items:
        texts = by_item.get(item.id, {})
        key = item.study_id, item.section or ""
        if not texts:
            continue
        if len(texts) > 1:
            contradicting.append(key)
        elif key not in machine or key not in read:
            stale += 1
        elif _digest(read[key]) != review.texts[item.id]:
            if read[key]["translation"] in texts:
                applied += 1
            else:
                stale += 1
        else:
            [(text, (by, date))] = texts.items()
            if text != read[key]["translation"]:
                note = f"review {folder.name}, item {item.id}"
                found.append(Correction(0, *key, source_digest(machine[key]), text, "replace", by, date, note))
    _write(config, folder / FILE, found)
    notices = _notices(config, workspace, found, contradicting, stale)
    return Taken(applied + len(found), len(contradicting), notices)


def _write(config: ReleaseConfig, path: Path, found: Sequence[Correction]) -> None:
    """Write the review's own file; that of an earlier collect goes, since what it has may be contradicted now."""
    configured = corrections_path(config.translation)
    if configured is not None and configured.resolve() == path.resolve():
        return  # it has decisions of other reviews, and by hand
    path.unlink(missing_ok=True)
    if found:
        write_rows(path, [{name: row._asdict()[name] for name in COLUMNS} for row in found], COLUMNS)


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
            if not isinstance(answer, TranslationAnswer):
                continue
            if text := HIDDEN.sub("", answer.correction or "").strip():
                own[answer.item.removesuffix(REPEAT)] = text
        by = printable_name(reading.may_be_named) or reading.reader
        for item, text in own.items():
            by_item[item].setdefault(text, (by, reading.saved.date().isoformat()))
    return by_item


def _notices(
    config: ReleaseConfig,
    workspace: Workspace,
    found: Sequence[Correction],
    contradicting: Sequence[tuple[int, str]],
    stale: int,
) -> list[str]:
    notices = []
    if contradicting:
        count = "1 section was" if len(contradicting) == 1 else f"{len(contradicting)} sections were"
        notices.append(f"{count} corrected in different ways: decide by hand")
        if before := len(decided(config) & set(contradicting)):
            notices.append(f"[translation] corrections has a decision on {before} of them already")
    if stale:
        notices.append(f"{stale} corrections are of translations that have changed since, and were not taken")
    if found and config.translation.corrections:
        kept = add_corrections(config, workspace, found)
        if kept:
            notices.append(f"{kept} sections had another decision in [translation] corrections, which stays")
    elif found:
        notices.append(f"corrected texts wait in {FILE}: set [translation] corrections, then import it")
    return notices
