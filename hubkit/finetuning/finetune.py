"""The stage `finetune`: studies and translations -> adapter."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from hubkit.artifacts.recipe import write_recipe
from hubkit.artifacts.training import CheckpointSelection, TrainedTrial, Training, TrainingSettings, write_training
from hubkit.artifacts.training_log import write_log
from hubkit.config import Finetuning, ReleaseConfig
from hubkit.errors import UsageError
from hubkit.finetuning.check import check_settings
from hubkit.finetuning.checkpoints import full_disk
from hubkit.finetuning.curves import draw_curves
from hubkit.finetuning.live import show_in
from hubkit.finetuning.processes import is_first
from hubkit.finetuning.run import WITHIN_AUDIT, Run, train
from hubkit.finetuning.selection import Auditor, select
from hubkit.finetuning.sweep import Chosen, chosen, lowest, run_all
from hubkit.finetuning.trials import trials
from hubkit.models.quiet import quiet
from hubkit.models.recipe import recipe
from hubkit.models.samples import Samples, choose_examples, read_samples, require_samples
from hubkit.terms.policy import check_public_names
from hubkit.workspace import Workspace, sync_folder

LEFT_OUT = ("model", "model_id", "revision", "sweep")
"""The base, which the recipe names as it may be published (a model may also be a folder), and what was tried."""


@quiet()
def finetune(config: ReleaseConfig, workspace: Workspace, auditor: Auditor | None = None) -> None:
    """Train the adapter on the train split, choose the best one by the validate split, and write it.

    Writes `workspace.adapter`: the PEFT adapter, processor files, log_history.jsonl, training.json and the recipe that
    a reader needs to generate reports with it.

    Args:
        auditor: chooses among the checkpoints, where [finetuning] select asks for it.

    Raises:
        HubkitError: there is nothing to train on, no checkpoint stays under the bounds of the audit, or the run failed;
            see `hubkit.finetuning.run.train`.
    """
    check_settings(config.finetuning)
    check_public_names(config)
    kind = config.generation.reference
    splits = {split: read_samples(workspace, split, kind) for split in ("train", "validate")}
    require_samples(splits["train"], "train", workspace)
    if config.finetuning.sweep and not splits["validate"].kept:
        raise UsageError(
            "a sweep chooses by the validate split, which is empty",
            where="[finetuning.sweep]",
            hint="remove the table, or choose a corpus whose splits have a validate part",
        )
    if auditor is not None:
        auditor.check(splits)
    elif config.finetuning.select == WITHIN_AUDIT:
        raise ValueError(f"{WITHIN_AUDIT} needs an auditor")
    if is_first():
        _say(splits)
    examples = choose_examples(splits["train"].kept, config.generation.shots, config.release.seed)

    def run_one(settings: Finetuning, folder: Path) -> Run:
        if is_first():
            show_in(workspace.root / "live", folder, settings.live)
        return train(
            settings,
            config.generation.prompt,
            config.release.seed,
            splits["train"].kept,
            splits["validate"].kept,
            folder,
        )

    with full_disk(workspace.partial):
        tried = trials(config.finetuning)
        runs = run_all(tried, workspace.partial, run_one)
        if is_first():
            number, selection = lowest(runs), None
            if auditor is not None:
                number, runs[number], selection = select(config.audit, runs, auditor)
            best = chosen(tried, runs, number)
            training = summary(best, config.release.seed, splits, selection)
            ready = _put_together(workspace.partial / "adapter", best.run, training)
            write_recipe(ready, recipe(config, best.run.commit, examples))
            sync_folder(ready)
            shutil.rmtree(workspace.adapter, ignore_errors=True)
            ready.rename(workspace.adapter)


def _put_together(folder: Path, run: Run, training: Training) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.adapter, folder)
    write_training(folder, training)
    draw_curves(run.history, run.best_step, folder)
    write_log(folder, run.history)
    return folder


def summary(
    chosen: Chosen, seed: int, splits: dict[str, Samples], selection: CheckpointSelection | None = None
) -> Training:
    """What a card says of the training."""
    run = chosen.run
    return Training(
        settings=TrainingSettings(
            **{name: value for name, value in chosen.settings.deciding().items() if name not in LEFT_OUT}
        ),
        seed=seed,
        trainable_parameters=run.trainable,
        steps=run.steps,
        best_step=run.best_step,
        eval_loss=run.eval_loss,
        seconds=run.seconds,
        studies={split: len(samples.kept) for split, samples in splits.items()},
        left_out={split: samples.left_out for split, samples in splits.items()},
        **({"sweep": [TrainedTrial(**row) for row in chosen.rows]} if len(chosen.rows) > 1 else {}),
        **({"selection": selection} if selection is not None else {}),
    )


def _say(splits: dict[str, Samples]) -> None:
    kept = ", ".join(f"{len(samples.kept)} {split}" for split, samples in splits.items())
    failed = sum(len(samples.left_out) for samples in splits.values())
    print(f"  finetune: {kept} studies; {failed} without a whole translation are left out", file=sys.stderr)
