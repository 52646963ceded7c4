"""What happens while an adapter is trained: the best one is kept, training stops early, progress is shown."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from hubkit.finetuning.checkpoints import checkpoint_folder
from hubkit.finetuning.lora import trained_tensors, write_adapter
from hubkit.finetuning.tower import release_tower
from hubkit.progress import Progress


class KeepBest(TrainerCallback, ExportableState):
    """Keeps the adapter with the lowest evaluation loss, and stops when that has not fallen for long.

    Its state travels in the checkpoints, so a resumed run has the same patience left.

    Args:
        folder: adapters are kept here as `best-STEP`.
        base: what they call their base model.
        patience: evaluations without a lower loss before training stops; 0: never.
        every: whether the adapter of every evaluation is kept, for the audit to choose among.
    """

    def __init__(self, folder: str, base: str, patience: int, every: bool = False):
        self.folder, self.base, self.patience, self.every = folder, base, patience, every
        self.step: int | None = None
        self.loss = float("inf")
        self.waited = 0

    def state(self) -> dict[str, Any]:
        return {
            "args": {"folder": self.folder, "base": self.base, "patience": self.patience, "every": self.every},
            "attributes": {"step": self.step, "loss": self.loss, "waited": self.waited},
        }

    def adapter(self) -> Path:
        assert self.step is not None
        return checkpoint_folder(Path(self.folder), self.step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= state.max_steps and args.eval_strategy != "no":
            control.should_evaluate = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss = kwargs["metrics"]["eval_loss"]
        lower = loss < self.loss
        if lower:
            self.step, self.loss, self.waited = state.global_step, loss, 0
        if lower or self.every:
            tensors = trained_tensors(kwargs["model"])
            if state.is_world_process_zero:
                folder = checkpoint_folder(Path(self.folder), state.global_step)
                write_adapter(kwargs["model"], tensors, folder, self.base)
        if lower:
            return
        self.waited += 1
        if self.patience and self.waited >= self.patience:
            control.should_training_stop = True
            # A run that continued from here would train on, since a trainer forgets at its start that it should stop.
            control.should_save = False

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Until the checkpoint is there, a resumed run may still need the best adapter of the one before.
        if state.is_world_process_zero and not self.every:
            for older in Path(self.folder).glob("best-*"):
                if older != self.adapter():
                    shutil.rmtree(older)


class ReleaseTower(TrainerCallback):
    """Takes the frozen tower out of the backward pass once training begins.

    `train` turns checkpointing on again, and with it the hook that makes the tower's patches require a gradient.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        release_tower(kwargs["model"])


class ShowProgress(TrainerCallback):
    """Shows optimiser steps as `hubkit.progress` shows everything."""

    def __init__(self, what: str):
        self.what = what
        self.progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.progress = Progress(f"{self.what}: steps", state.max_steps, state.global_step).__enter__()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.progress is not None:
            self.progress.advance()

    def close(self) -> None:
        """Give the terminal back, also after a run that failed."""
        if self.progress is not None:
            self.progress.__exit__()
