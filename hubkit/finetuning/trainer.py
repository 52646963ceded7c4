"""TRL's SFTTrainer where it has to do more: stop at a NaN, save checkpoints that are whole, resume its counters."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from hubkit.errors import HubkitError
from hubkit.finetuning.processes import is_first
from hubkit.workspace import sync

WHOLE = "whole"
"""A file that is written last into a checkpoint: a folder without it was cut off while it was saved."""

CHECKPOINT_BYTES_PER_PARAMETER = 12
"""Trained weights and the two moments of AdamW, each in fp32."""


class AdapterTrainer(SFTTrainer):
    """Trains the adapter on batches that carry the `study_ids` they come from."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the loss of a batch.

        Raises:
            HubkitError: the loss is not finite; names step and studies.
        """
        studies = inputs.pop("study_ids")
        result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = result[0] if return_outputs else result
        if not torch.isfinite(loss):
            raise HubkitError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}",
                where="studies " + ", ".join(str(study) for study in studies.tolist()),
                mend="lower [finetuning] learning_rate or max_grad_norm, or look at the images of these studies",
            )
        return result

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir or "")
        trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        require_space(folder, trained * CHECKPOINT_BYTES_PER_PARAMETER)
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            mark_whole(folder / f"checkpoint-{self.state.global_step}")

    def _load_callback_state(self) -> None:
        super()._load_callback_state()
        # TRL counts tokens from 0 again after a resume.
        counts = [entry["num_tokens"] for entry in self.state.log_history if "num_tokens" in entry]
        self._total_train_tokens = int(counts[-1]) if counts else 0


def require_space(folder: Path, size: int) -> None:
    """Refuse to begin what would not fit on the disk.

    Raises:
        HubkitError: fewer than `size` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise HubkitError(
            f"a checkpoint needs {size / 1e6:.0f} MB and {free / 1e6:.0f} MB are free",
            where=folder,
            mend="free disk space and run again: training continues from the checkpoint before",
        )


def mark_whole(checkpoint: Path) -> None:
    """Sync a checkpoint to disk, then mark it as one to resume from."""
    for path in [*checkpoint.iterdir(), checkpoint]:
        sync(path)
    (checkpoint / WHOLE).touch()
    sync(checkpoint)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in `folder`; the first process deletes those that were cut off."""
    whole: list[Path] = []
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / WHOLE).exists():
            whole.append(checkpoint)
        elif is_first():
            shutil.rmtree(checkpoint)
    return max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)
