"""Checkpoints: each finished chunk of units is a file part-*.parquet, written atomically."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from hubkit.artifacts.translator import Served
from hubkit.checks.flags import Flag
from hubkit.checks.hunspell import WORD_LIST, word_list_digest
from hubkit.digests import value_digest
from hubkit.errors import HubkitError
from hubkit.tables import FLAGS
from hubkit.translation.attempts import Result
from hubkit.workspace import read_table, write_json, write_table

PART = pa.schema(
    [
        ("unit", pa.string()),
        ("translation", pa.string()),
        ("revision", pa.string()),
        ("attempts", pa.int8()),
        ("output_tokens", pa.int32()),
        ("thought_tokens", pa.int32()),
        ("finish_reason", pa.string()),
        ("error", pa.string()),
        ("status", pa.string()),
        ("flags", FLAGS),
    ]
)
"""A row per unit that was translated, or failed."""


class Done(NamedTuple):
    """What became of the units that were asked for so far.

    Attributes:
        table: a row of `PART` for each of them.
        places: the row of each, by key.
        word_lists: digests of the word lists with which they were checked; "none" for those without one.
    """

    table: pa.Table
    places: dict[str, int]
    word_lists: list[str]


class Checkpoints:
    """The parts in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def paths(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def add(self, results: Sequence[Result], revision: str | None) -> None:
        """Keep `results`; the same units always go into the same file, whoever translates them and when."""
        names = "".join(result.unit.key for result in results)
        rows = [_row(result, revision) for result in results]
        name = f"part-{hashlib.sha256(names.encode()).hexdigest()[:16]}.parquet"
        schema = PART.with_metadata({WORD_LIST: word_list_digest()})
        write_table(self.folder / name, pa.Table.from_pylist(rows, schema=schema))

    def statuses(self) -> dict[str, str]:
        """The status of each unit that was asked for, by key.

        Raises:
            HubkitError: as in `read`.
        """
        parts = ((path, read_table(path, ["unit", "status"])) for path in self.paths())
        places, statuses = _by_unit(parts)
        return {key: statuses[place] for key, place in places.items()}

    def read(self) -> Done:
        """Read all parts. A unit that failed and was translated by a later run is there once.

        Raises:
            HubkitError: two files hold a translation of one unit.
        """
        parts = [(path, read_table(path)) for path in self.paths()]
        places, _ = _by_unit(parts)
        lists = {(table.schema.metadata or {}).get(WORD_LIST.encode()) for _, table in parts}
        # A part of an earlier version lacks the columns that came later.
        tables = [PART.empty_table(), *(table.replace_schema_metadata() for _, table in parts)]
        table = pa.concat_tables(tables, promote_options="default").select(PART.names)
        return Done(table, places, sorted(digest.decode() for digest in lists if digest))

    def add_served(self, served: Served) -> None:
        """Keep what ran the model; a run that is continued with another server leaves a file of each."""
        values = served.model_dump(mode="json")
        digest = value_digest(values)[:16]
        path = self.folder / f"served-{digest}.json"
        if not path.exists():
            write_json(path, values)

    def served(self) -> tuple[Served, ...]:
        """Return what ran the model so far."""
        paths = sorted(self.folder.glob("served-*.json"))
        return tuple(Served.model_validate_json(path.read_bytes()) for path in paths)


def _by_unit(parts: Iterable[tuple[Path, pa.Table]]) -> tuple[dict[str, int], list[str]]:
    """The row of each unit where the parts lie one after another, and the status of each row."""
    places, statuses = dict[str, int](), list[str]()
    for path, table in parts:
        for key, status in zip(table["unit"].to_pylist(), table["status"].to_pylist(), strict=True):
            before = statuses[places[key]] if key in places else "failed"
            if "failed" not in (before, status):
                raise HubkitError(
                    "a unit was translated twice: two runs work on this release",
                    where=path,
                    hint="end the workers of the earlier run, delete the file, run again",
                )
            if before == "failed":
                places[key] = len(statuses)
            statuses.append(status)
    return places, statuses


def _row(result: Result, revision: str | None) -> dict[str, Any]:
    return {
        "unit": result.unit.key,
        "translation": result.answer.text,
        "revision": revision,
        "attempts": result.attempts,
        "output_tokens": result.answer.tokens,
        "thought_tokens": result.answer.thought_tokens,
        "finish_reason": result.answer.finish_reason,
        "error": result.answer.error,
        "status": result.status,
        "flags": [flag_row(flag) for flag in result.flags],
    }


def flag_row(flag: Flag) -> dict[str, str | int | None]:
    """A flag as it stands in a table."""
    return {
        "check": flag.name,
        "severity": flag.severity,
        **_span("source", flag.source_span),
        **_span("translation", flag.translation_span),
    }


def _span(side: str, span: tuple[int, int] | None) -> dict[str, int | None]:
    start, end = span or (None, None)
    return {f"{side}_start": start, f"{side}_end": end}
