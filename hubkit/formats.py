"""Version numbers of the JSON files that hubkit writes, and what it says of a file with another number.

A number rises when a reader of the older format would misread the file. A new key alone raises none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from hubkit.errors import HubkitError

Kind = Literal[
    "manifest",
    "receipt",
    "recipe",
    "record",
    "training",
    "verification",
    "summary",
    "revision",
    "selection",
    "memorisation",
    "thoughts",
    "translator",
    "review",
    "review_results",
    "access_check",
    "extremes",
    "generation_part",
    "rehearsal",
    "subgroups",
    "sensitivity",
    "translation_sensitivity",
]

FORMATS: dict[Kind, int] = {
    "manifest": 1,
    "receipt": 1,
    "recipe": 1,
    "record": 1,
    "training": 1,
    "verification": 2,
    "summary": 1,
    "revision": 1,
    "selection": 1,
    "memorisation": 1,
    "thoughts": 1,
    "translator": 1,
    "review": 1,
    "review_results": 1,
    "access_check": 1,
    "extremes": 1,
    "generation_part": 1,
    "rehearsal": 1,
    "subgroups": 1,
    "sensitivity": 1,
    "translation_sensitivity": 1,
}


def numbered(kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a file with the number of its format before them."""
    return {"format": FORMATS[kind]} | values


def check_format(kind: Kind, values: dict[str, Any], where: Path) -> None:
    """Refuse a file of a format that this version does not read; a file without a number is of 0.1.0.

    Raises:
        HubkitError: it has another number.
    """
    number = values.get("format", 1)
    if number != FORMATS[kind]:
        raise HubkitError(
            f"is a {kind} of format {number}, and this version of hubkit reads format {FORMATS[kind]}",
            where=where,
            hint="use the version of hubkit that wrote it",
        )
