"""adapter/training.json: how the adapter was trained. It is published next to the adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from hubkit.artifacts.model import Model, read_model, write_model

TRAINING = "training.json"
"""Its name in the adapter's folder."""


class TrainingSettings(Model):
    """The settings that cards print, by the names of `[finetuning]`; the others are kept as they are."""

    model_config = ConfigDict(extra="allow")

    quantization: str
    r: int
    alpha: int
    dropout: float
    target_modules: str | list[str]
    modules_to_save: list[str]
    epochs: float
    learning_rate: float
    schedule: str
    warmup_ratio: float
    batch_size: int
    gradient_accumulation: int
    max_grad_norm: float
    patience: int


class TrainedTrial(Model):
    """A trial of a sweep: what it was trained under, and what came of it."""

    model_config = ConfigDict(extra="allow")

    eval_loss: float | None
    best_step: int | None
    chosen: bool

    @property
    def values(self) -> dict[str, Any]:
        """The settings that differ among the trials; more than them, where more was measured."""
        return self.model_extra or {}


class TriedCheckpoint(Model):
    """A checkpoint that was audited before it was chosen or left.

    Attributes:
        trial: of a sweep, counted from 1.
        auc: how well losses tell training from validation studies; None where there are too few.
        longest: words of the longest run of one patient's training report; None where nothing was asked.
        whole: words of the longest report that came back whole.
        excess: what is over a bound; None where nothing is, and the checkpoint was chosen.
    """

    trial: int = 1
    step: int
    eval_loss: float
    auc: float | None
    longest: int | None
    whole: int = 0
    excess: str | None = None


class CheckpointSelection(Model):
    """How the checkpoint was chosen where the bounds of the audit count.

    Attributes:
        max_auc, max_verbatim: the bounds.
        studies, completions: how many studies of each split were compared, and how many reports asked for.
        tried: the checkpoints that were audited, by evaluation loss; the last one was chosen.
    """

    max_auc: float | None
    max_verbatim: int | None
    studies: int
    completions: int
    tried: list[TriedCheckpoint]


class Training(Model):
    """How the adapter was trained; of a sweep, under the settings of the trial that was chosen.

    Attributes:
        settings: those that decide what comes out, but for the base, which the recipe names.
        seed: of the release.
        trainable_parameters: how many were trained.
        steps, best_step, eval_loss: of the run; the last two are None without a validation split.
        seconds: how long it took.
        studies: how many were trained on and evaluated on, by split.
        left_out: ids of the studies without a translation, by split.
        sweep: a row for each trial, where several were made.
        salt: random digits that keep the digest of the published file from being guessed; only that file has it.
        selection: how the checkpoint was chosen; None where the evaluation loss alone decided.
    """

    settings: TrainingSettings
    seed: int | None = None
    trainable_parameters: int | None = None
    steps: int | None = None
    best_step: int | None = None
    eval_loss: float | None = None
    seconds: float | None = None
    studies: dict[str, int] | None = None
    left_out: dict[str, list[int]] | None = None
    sweep: list[TrainedTrial] | None = None
    salt: str | None = None
    selection: CheckpointSelection | None = None


def read_training(folder: Path) -> Training:
    """Read how the adapter in a folder was trained.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Training, "training", folder / TRAINING, "hubkit finetune")


def write_training(folder: Path, training: Training) -> None:
    """Write what `read_training` reads."""
    write_model("training", folder / TRAINING, training)
