"""What is translated: the sections of a corpus, which become rows, and the distinct units of text behind them."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable
from typing import Literal, NamedTuple

import pyarrow as pa

from hubkit.tables import SECTIONS
from hubkit.translation.prompt import SECTION_NAMES


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


class Sections(NamedTuple):
    """A row for each section that has text, sorted by study_id and then as sections follow in a report.

    Attributes:
        units: the distinct units, in the order of their first row.
        study_ids: the study of each row.
        numbers: the place in `units` of each row's unit.
    """

    units: list[Unit]
    study_ids: array[int]
    numbers: array[int]


def section_names(units: Literal["sections", "report"]) -> tuple[str, ...]:
    """The columns of studies.parquet that are translated."""
    return ("report",) if units == "report" else SECTIONS


def read_sections(studies: pa.Table, names: tuple[str, ...], *, context: bool, memory: bool) -> Sections:
    """Return the sections of `studies` that have text.

    Args:
        studies: with the column study_id and those of `names`.
        names: the columns that are translated.
        context: whether a unit carries the rest of its report.
        memory: whether equal texts of different studies are one unit.
    """
    ids = studies["study_id"].to_pylist()
    ordered = studies if ids == sorted(ids) else studies.sort_by("study_id")
    # By batches: as Python objects, a table is several times its size.
    batches = ordered.select(["study_id", *names]).to_batches(max_chunksize=4096)
    return collect_sections(map(pa.Table.from_batches, zip(batches)), names, context=context, memory=memory)


def collect_sections(batches: Iterable[pa.Table], names: tuple[str, ...], *, context: bool, memory: bool) -> Sections:
    """As `read_sections`, of studies that come in batches, in order."""
    found, known = Sections([], array("q"), array("q")), dict[str, int]()
    for batch in batches:
        for study_id, *columns in zip(*(batch[name].to_pylist() for name in ("study_id", *names)), strict=True):
            texts = {name: text for name, text in zip(names, columns, strict=True) if has_text(text)}
            for name, text in texts.items():
                rest = _context(texts, name) if context else None
                unit = Unit(_key(name, text, rest, None if memory else study_id), name, text, rest)
                number = known.setdefault(unit.key, len(known))
                if number == len(found.units):
                    found.units.append(unit)
                found.study_ids.append(study_id)
                found.numbers.append(number)
    return found


def has_text(text: str | None) -> bool:
    return text is not None and bool(text.strip())


def _context(texts: dict[str, str], name: str) -> str | None:
    rest = [f"{SECTION_NAMES[other]}: {text}" for other, text in texts.items() if other != name]
    return "\n".join(rest) or None


def _key(section: str, text: str, context: str | None, owner: int | None) -> str:
    return hashlib.sha256(json.dumps([section, text, context, owner]).encode()).hexdigest()
