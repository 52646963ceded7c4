"""The settings of a training run: [finetuning] and [finetuning.trainer] as an SFTConfig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.check import check_trainer_keys, refused_by
from hubkit.finetuning.live import PROJECT, check_live, run_name
from hubkit.finetuning.processes import world_size

if TYPE_CHECKING:
    from trl import SFTConfig


STUDIES_EVALUATED = 8
"""Studies a batch of an evaluation on a GPU: without activations eight take less memory than one in training."""

WORKERS = 4
"""Processes that prepare studies for a GPU: a study of two images of 896 pixels takes 48 ms of a core."""


def accumulation(settings: Finetuning, processes: int | None = None) -> int:
    """Micro-batches a process sums up before the optimiser moves: the configured number over all processes.

    So a step sees the same studies however many devices share it.

    Args:
        processes: how many train together; None: those that do now.

    Raises:
        UsageError: the processes cannot share the micro-batches evenly.
    """
    processes = processes or world_size()
    share, rest = divmod(settings.gradient_accumulation, processes)
    if rest or not share:
        raise UsageError(
            f"{processes} processes cannot share {settings.gradient_accumulation} micro-batches a step",
            where="[finetuning] gradient_accumulation",
            hint=f"set a multiple of {processes}",
        )
    return share


def training_arguments(settings: Finetuning, seed: int, folder: Path, device: str, evaluates: bool) -> SFTConfig:
    """Build the SFTConfig of a run that keeps its checkpoints in `folder`.

    Raises:
        UsageError: a key of [finetuning.trainer] is not to be set, or a value does not fit.
    """
    from trl import SFTConfig

    check_trainer_keys(settings.trainer)
    check_live(settings)
    on_gpu = device.startswith("cuda")
    workers = min(WORKERS, max(len(os.sched_getaffinity(0)) // world_size() - 1, 0)) if on_gpu else 0
    values: dict[str, Any] = {
        "logging_steps": 1,
        "disable_tqdm": True,
        "project": PROJECT,
        "run_name": run_name(folder),
        "per_device_eval_batch_size": STUDIES_EVALUATED if on_gpu and settings.batch_size == 1 else settings.batch_size,
        "bf16": settings.quantization != "fp32",
        "dataloader_pin_memory": on_gpu,
        "dataloader_num_workers": workers,
    }
    values |= settings.trainer
    # Workers that end with the epoch would prepare every image again.
    values.setdefault("dataloader_persistent_workers", values["dataloader_num_workers"] > 0 and on_gpu)
    with refused_by("SFTConfig"):
        return SFTConfig(
            output_dir=str(folder),
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            lr_scheduler_type=settings.schedule,
            warmup_steps=settings.warmup_ratio,
            per_device_train_batch_size=settings.batch_size,
            gradient_accumulation_steps=accumulation(settings),
            max_grad_norm=settings.max_grad_norm,
            activation_checkpointing=settings.gradient_checkpointing,
            max_length=None,
            eval_strategy="steps" if evaluates else "no",
            eval_steps=settings.eval_steps,
            save_strategy="steps",
            save_steps=settings.save_steps,
            save_total_limit=2,
            restore_callback_states_from_checkpoint=True,
            remove_unused_columns=False,
            trackio_static_space_id=False,
            report_to=[] if settings.live == "none" else [settings.live],
            use_cpu=device == "cpu",
            seed=seed,
            **values,
        )
