"""The trials of a sweep: one for each combination of [finetuning.sweep]. It reads settings, and never trains."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from pydantic import ValidationError

from hubkit.config import Finetuning
from hubkit.errors import UsageError

SWEPT = ("r", "alpha", "dropout", "learning_rate", "epochs")
"""Settings that a sweep may vary: each value gives another adapter of the same base, under the same data."""


class Trial(NamedTuple):
    """One combination; `settings` are those of the whole run."""

    values: dict[str, Any]
    settings: Finetuning


def trials(settings: Finetuning) -> list[Trial]:
    """All combinations of the sweep, in the order of the file; one without values where there is no sweep.

    Raises:
        UsageError: a key cannot be swept, has no values, or has one that does not fit.
    """
    for name, values in settings.sweep.items():
        where = f"[finetuning.sweep] {name}"
        if name not in SWEPT:
            raise UsageError("cannot be swept", where=where, hint=f"known here: {', '.join(SWEPT)}")
        if not values:
            raise UsageError("has no values", where=where, hint="give a list, such as [8, 16]")
    combined = [
        dict(zip(settings.sweep, values, strict=True)) for values in itertools.product(*settings.sweep.values())
    ]
    return [Trial(values, _with(settings, values)) for values in combined]


def _with(settings: Finetuning, values: dict[str, Any]) -> Finetuning:
    try:
        return Finetuning.model_validate(settings.model_dump() | values | {"sweep": {}})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = f"[finetuning.sweep] {'.'.join(str(part) for part in first['loc'])}"
        raise UsageError(first["msg"], where=where, hint="correct the value") from None
