"""A sweep: one run per combination of [finetuning.sweep]; the one with the lowest evaluation loss goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Finetuning
from hubkit.finetuning.trials import Trial

if TYPE_CHECKING:
    from hubkit.finetuning.run import Run

MEASURED = ("eval_loss", "best_step", "steps", "trainable", "seconds")

TrialRow = dict[str, Any]
"""The values of a trial, what was measured, and whether it was chosen."""


class Chosen(NamedTuple):
    """The best run, the settings that it was trained under, and a row per trial."""

    run: Run
    settings: Finetuning
    rows: list[TrialRow]


def run_all(trials: list[Trial], folder: Path, run: Callable[[Finetuning, Path], Run]) -> list[Run]:
    """Run each trial in a folder of its own.

    Args:
        run: trains under the settings, in the folder; it reads a run back that ended before.
    """
    done = []
    for number, trial in enumerate(trials, start=1):
        if len(trials) > 1:
            said = ", ".join(f"{name} {value}" for name, value in trial.values.items())
            print(f"  finetune: trial {number} of {len(trials)}: {said}", file=sys.stderr)
        done.append(run(trial.settings, folder / f"run-{number:03d}"))
    return done


def lowest(runs: list[Run]) -> int:
    """Which run has the lowest evaluation loss; the first one where nothing was evaluated."""
    losses = [float("inf") if run.eval_loss is None else run.eval_loss for run in runs]
    return losses.index(min(losses))


def chosen(trials: list[Trial], runs: list[Run], number: int) -> Chosen:
    """The run `number` as the one that goes on."""
    rows = [
        trial.values | {name: getattr(run, name) for name in MEASURED} | {"chosen": at == number}
        for at, (trial, run) in enumerate(zip(trials, runs, strict=True))
    ]
    return Chosen(runs[number], trials[number].settings, rows)
