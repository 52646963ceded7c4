"""The settings of a training run: [finetuning] and [finetuning.trainer] as an SFTConfig."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.processes import world_size

if TYPE_CHECKING:
    from trl import SFTConfig

SENDS_DATA_OUT = ("push_to_hub", "report_to", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id")
BREAKS_THE_WORKSPACE = (
    *("output_dir", "resume_from_checkpoint", "save_only_model", "save_strategy", "save_total_limit"),
    *("load_best_model_at_end", "ignore_data_skip", "restore_callback_states_from_checkpoint", "eval_strategy"),
    *("remove_unused_columns", "model_init_kwargs", "trust_remote_code", "chat_template_path", "do_train", "do_eval"),
    *("packing", "padding_free", "auto_find_batch_size", "enable_jit_checkpoint"),
)
OWN_SETTINGS = {
    "num_train_epochs": "epochs",
    "learning_rate": "learning_rate",
    "lr_scheduler_type": "schedule",
    "warmup_steps": "warmup_ratio",
    "per_device_train_batch_size": "batch_size",
    "gradient_accumulation_steps": "gradient_accumulation",
    "max_grad_norm": "max_grad_norm",
    "gradient_checkpointing": "gradient_checkpointing",
    "activation_checkpointing": "gradient_checkpointing",
    "eval_steps": "eval_steps",
    "save_steps": "save_steps",
    "max_length": "max_length",
    "use_cpu": "device",
    "seed": "[release] seed",
}
"""Keys of SFTConfig that have a setting of their own."""


def check_trainer_keys(keys: dict[str, Any]) -> None:
    """Refuse keys of [finetuning.trainer] that SFTConfig does not have, or that are not to be set.

    Raises:
        UsageError: names the first such key and what to do instead.
    """
    from trl import SFTConfig

    known = {field.name for field in dataclasses.fields(SFTConfig)}
    for key in keys:
        where = f"[finetuning.trainer] {key}"
        if key in SENDS_DATA_OUT or key.startswith("hub_"):
            raise UsageError("could send data out", where=where, mend="leave it out; push with: hubkit push")
        if key in BREAKS_THE_WORKSPACE:
            raise UsageError(
                "is decided by hubkit, which resumes and keeps the best by it", where=where, mend="leave it out"
            )
        if key in OWN_SETTINGS:
            raise UsageError("has a setting of its own", where=where, mend=f"set {OWN_SETTINGS[key]} instead")
        if key not in known:
            raise UsageError("SFTConfig has no such key", where=where, mend="see TRL's reference of SFTConfig")


def check_live(settings: Finetuning) -> None:
    """Refuse to show the curves with a package that is missing, or anywhere but on this machine.

    Raises:
        UsageError: says what to install or to unset.
    """
    where = f'[finetuning] live = "{settings.live}"'
    if settings.live != "none" and importlib.util.find_spec(settings.live) is None:
        raise UsageError(f"the package {settings.live} is missing", where=where, mend=f"pip install {settings.live}")
    if settings.live == "trackio" and "TRACKIO_SPACE_ID" in os.environ:
        raise UsageError("would send the curves to a Space", where=where, mend="unset TRACKIO_SPACE_ID")


def accumulation(settings: Finetuning) -> int:
    """Micro-batches a process sums up before the optimiser moves: the configured number over all processes.

    So a step sees the same studies however many devices share it.

    Raises:
        UsageError: the processes cannot share the micro-batches evenly.
    """
    share, rest = divmod(settings.gradient_accumulation, world_size())
    if rest or not share:
        raise UsageError(
            f"{world_size()} processes cannot share {settings.gradient_accumulation} micro-batches a step",
            where="[finetuning] gradient_accumulation",
            mend=f"set a multiple of {world_size()}",
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
    values: dict[str, Any] = {
        "logging_steps": 1,
        "disable_tqdm": True,
        "per_device_eval_batch_size": settings.batch_size,
        "bf16": settings.quantization != "fp32",
        "dataloader_pin_memory": device.startswith("cuda"),
    }
    values |= settings.trainer
    try:
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
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"SFTConfig refuses it: {error}", where="[finetuning.trainer]", mend="mend the value"
        ) from None
