"""A sweep: one run per combination of [finetuning.sweep]; the one with the lowest evaluation loss goes on."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from hubkit.config import Finetuning
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.finetuning.run import Run

SWEPT = ("r", "alpha", "dropout", "learning_rate", "epochs")
MEASURED = ("eval_loss", "best_step", "steps", "trainable", "seconds")

Row = dict[str, Any]
"""The values of a trial, what was measured, and whether it was chosen."""


class Trial(NamedTuple):
    """One combination; `settings` are those of the whole run."""

    values: dict[str, Any]
    settings: Finetuning


class Chosen(NamedTuple):
    """The best run, the settings that it was trained under, and a row per trial."""

    run: Run
    settings: Finetuning
    rows: list[Row]


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


def run_all(trials: list[Trial], folder: Path, run: Callable[[Finetuning, Path], Run]) -> Chosen:
    """Run each trial in a folder of its own, and return the best.

    Args:
        run: trains under the settings, in the folder; it reads a run back that ended before.
    """
    done = []
    for number, trial in enumerate(trials, start=1):
        if len(trials) > 1:
            said = ", ".join(f"{name} {value}" for name, value in trial.values.items())
            print(f"  finetune: trial {number} of {len(trials)}: {said}", file=sys.stderr)
        done.append(run(trial.settings, folder / f"run-{number:03d}"))
    settings, best = min(
        zip((trial.settings for trial in trials), done, strict=True),
        key=lambda pair: float("inf") if pair[1].eval_loss is None else pair[1].eval_loss,
    )
    rows = [
        trial.values | {name: getattr(one, name) for name in MEASURED} | {"chosen": one is best}
        for trial, one in zip(trials, done, strict=True)
    ]
    return Chosen(best, settings, rows)


def _with(settings: Finetuning, values: dict[str, Any]) -> Finetuning:
    try:
        return Finetuning.model_validate(settings.model_dump() | values | {"sweep": {}})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = f"[finetuning.sweep] {'.'.join(str(part) for part in first['loc'])}"
        raise UsageError(first["msg"], where=where, hint="correct the value") from None
