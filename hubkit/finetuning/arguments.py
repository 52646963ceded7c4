"""The settings of a training run: [finetuning] and [finetuning.trainer] as an SFTConfig."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.live import PROJECT, check_live, run_name
from hubkit.finetuning.processes import world_size

if TYPE_CHECKING:
    from trl import SFTConfig

SENDS_DATA_OUT = ("push_to_hub", "hub_", "report_to", "trackio_")
"""What keys of SFTConfig begin with that could send data out."""

BREAKS_THE_WORKSPACE = (
    *("output_dir", "resume_from_checkpoint", "save_only_model", "save_strategy", "save_total_limit"),
    *("load_best_model_at_end", "metric_for_best_model", "greater_is_better", "enable_jit_checkpoint"),
    *("ignore_data_skip", "restore_callback_states_from_checkpoint", "eval_strategy", "auto_find_batch_size"),
    *("remove_unused_columns", "model_init_kwargs", "trust_remote_code", "chat_template_path", "do_train", "do_eval"),
    *("packing", "padding_free"),
)
SPLITS_THE_BASE = ("fsdp", "fsdp_config", "deepspeed", "parallelism_config", "local_rank")
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
    """Refuse keys of [finetuning.trainer] that SFTConfig does not have, that are not to be set, or of another type.

    Raises:
        UsageError: names the first such key and what to do instead.
    """
    from trl import SFTConfig

    types = typing.get_type_hints(SFTConfig)
    for key, value in keys.items():
        where = f"[finetuning.trainer] {key}"
        if key.startswith(SENDS_DATA_OUT):
            raise UsageError("could send data out", where=where, mend="leave it out; push with: hubkit push")
        if key in BREAKS_THE_WORKSPACE:
            raise UsageError(
                "is decided by hubkit, which resumes and keeps the best by it", where=where, mend="leave it out"
            )
        if key in SPLITS_THE_BASE:
            raise UsageError("is decided by the launcher", where=where, mend="run: hubkit finetune --launch")
        if key in OWN_SETTINGS:
            raise UsageError("has a setting of its own", where=where, mend=f"set {OWN_SETTINGS[key]} instead")
        if key not in types:
            raise UsageError("SFTConfig has no such key", where=where, mend="see TRL's reference of SFTConfig")
        try:
            TypeAdapter(types[key]).validate_python(value, strict=True)
        except ValidationError as error:
            raise UsageError(error.errors()[0]["msg"], where=where, mend="mend the value") from None


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
        "project": PROJECT,
        "run_name": run_name(folder),
        "per_device_eval_batch_size": settings.batch_size,
        "bf16": settings.quantization != "fp32",
        "dataloader_pin_memory": device.startswith("cuda"),
    }
    values |= settings.trainer
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


@contextlib.contextmanager
def refused_by(library: str) -> Iterator[None]:
    """Turn what TRL raises of settings that do not fit, alone or together, into a UsageError."""
    try:
        yield
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise UsageError(
            f"{library} refuses it: {error}", where="[finetuning] or [finetuning.trainer]", mend="mend the value"
        ) from error
