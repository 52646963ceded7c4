"""Checkpoints: each finished chunk of units is a file part-*.parquet, written atomically."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from hubkit.artifacts.translator import Served
from hubkit.checks.flags import Flag
from hubkit.checks.hunspell import WORD_LIST, word_list_digest
from hubkit.errors import HubkitError
from hubkit.translation.attempts import Result
from hubkit.workspace import read_table, write_json, write_table

FLAGS = pa.list_(
    pa.struct(
        [
            ("check", pa.string()),
            ("severity", pa.string()),
            ("source_start", pa.int32()),
            ("source_end", pa.int32()),
            ("translation_start", pa.int32()),
            ("translation_end", pa.int32()),
        ]
    )
)

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


def write_part(folder: Path, results: Sequence[Result], revision: str | None) -> None:
    """Keep `results`; the same units always go into the same file, whoever translates them and when."""
    names = "".join(result.unit.key for result in results)
    rows = [_row(result, revision) for result in results]
    name = f"part-{hashlib.sha256(names.encode()).hexdigest()[:16]}.parquet"
    schema = PART.with_metadata({WORD_LIST: word_list_digest()})
    write_table(folder / name, pa.Table.from_pylist(rows, schema=schema))


def read_parts(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of all parts by unit. A unit that failed and was translated by a later run is given once.

    Raises:
        HubkitError: two files hold a translation of one unit.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("part-*.parquet")):
        for row in read_table(path).to_pylist():
            before = found.get(row["unit"])
            if before is not None and "failed" not in (before["status"], row["status"]):
                raise HubkitError(
                    "a unit was translated twice: two runs work on this release",
                    where=path,
                    hint="end the workers of the earlier run, delete the file, run again",
                )
            if before is None or before["status"] == "failed":
                found[row["unit"]] = row
    return found


def write_served(folder: Path, served: Served) -> None:
    """Keep what ran the model; a run that is continued with another server leaves a file of each."""
    values = served.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"served-{digest}.json"
    if not path.exists():
        write_json(path, values)


def read_served(folder: Path) -> tuple[Served, ...]:
    """Return what ran the model so far."""
    return tuple(Served.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("served-*.json")))


def word_lists(folder: Path) -> list[str]:
    """The digests of the word lists with which the parts were checked; "none" for those without one."""
    found = {(read_table(path).schema.metadata or {}).get(WORD_LIST.encode()) for path in folder.glob("part-*.parquet")}
    return sorted(digest.decode() for digest in found if digest)


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
