"""What is to be translated: the rows of translations.parquet, and the distinct units of text behind them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from hubkit.config import Translation
from hubkit.tables import SECTIONS
from hubkit.translation.prompt import SECTION_NAMES

if TYPE_CHECKING:
    import pyarrow as pa


class Unit(NamedTuple):
    """A text that is translated by itself.

    Attributes:
        key: digest of the other fields; with the translation memory off, of the study as well.
        section: a name of `SECTIONS`, or "report".
        text: the English text.
        context: the rest of the report, where the configuration asks for it.
    """

    key: str
    section: str
    text: str
    context: str | None


class Row(NamedTuple):
    """A row of translations.parquet: one section of one study, and the unit that it is translated with."""

    study_id: int
    section: str
    unit: Unit


def section_names(translation: Translation) -> tuple[str, ...]:
    """The columns of studies.parquet that are translated."""
    return ("report",) if translation.units == "report" else SECTIONS


def read_rows(studies: pa.Table, translation: Translation) -> list[Row]:
    """Return a row for each section that has text, sorted by study_id and then as sections follow in a report."""
    names = section_names(translation)
    found = []
    for study in sorted(studies.select(["study_id", *names]).to_pylist(), key=lambda study: study["study_id"]):
        texts = {name: study[name] for name in names if has_text(study[name])}
        for name, text in texts.items():
            context = _context(texts, name) if translation.context else None
            owner = None if translation.memory else study["study_id"]
            found.append(Row(study["study_id"], name, Unit(_key(name, text, context, owner), name, text, context)))
    return found


def plan(rows: Iterable[Row], size: int) -> list[list[Unit]]:
    """Return the distinct units of `rows` in chunks of at most `size`: the longest text first, so that what does not
    fit into memory shows at once, and texts of one length together, so that a batch holds little padding."""
    distinct = {row.unit.key: row.unit for row in rows}
    ordered = sorted(distinct.values(), key=lambda unit: (-len(unit.text), unit.key))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def has_text(text: str | None) -> bool:
    return text is not None and bool(text.strip())


def _context(texts: dict[str, str], name: str) -> str | None:
    rest = [f"{SECTION_NAMES[other]}: {text}" for other, text in texts.items() if other != name]
    return "\n".join(rest) or None


def _key(section: str, text: str, context: str | None, owner: int | None) -> str:
    return hashlib.sha256(json.dumps([section, text, context, owner]).encode()).hexdigest()
