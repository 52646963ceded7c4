"""What is wrong with the settings of a training run, found before a base is loaded, or an hour spent on translation."""

from __future__ import annotations

import contextlib
import re
import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.trials import trials
from hubkit.models.loading import first_line

if TYPE_CHECKING:
    from trl import SFTConfig

SENDS_DATA_OUT = ("push_to_hub", "hub_", "report_to", "trackio_")
"""What keys of SFTConfig begin with that could send data out."""

BREAKS_THE_WORKSPACE = (
    *("output_dir", "resume_from_checkpoint", "save_only_model", "save_strategy", "save_total_limit"),
    *("load_best_model_at_end", "metric_for_best_model", "greater_is_better", "enable_jit_checkpoint"),
    *("ignore_data_skip", "restore_callback_states_from_checkpoint", "eval_strategy", "auto_find_batch_size"),
    *("remove_unused_columns", "model_init_kwargs", "trust_remote_code", "chat_template_path", "do_train", "do_eval"),
    *("packing", "padding_free", "logging_strategy", "project", "run_name"),
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
            raise UsageError("could send data out", where=where, hint="leave it out; push with: hubkit push")
        if key in BREAKS_THE_WORKSPACE:
            raise UsageError(
                "is decided by hubkit, which resumes, keeps the best and shows the curves by it",
                where=where,
                hint="leave it out",
            )
        if key in SPLITS_THE_BASE:
            raise UsageError("is decided by the launcher", where=where, hint="run: hubkit finetune --launch")
        if key in OWN_SETTINGS:
            raise UsageError("has a setting of its own", where=where, hint=f"set {OWN_SETTINGS[key]} instead")
        if key not in types:
            raise UsageError("SFTConfig has no such key", where=where, hint="see TRL's reference of SFTConfig")
        try:
            TypeAdapter(types[key]).validate_python(value, strict=True)
        except ValidationError as error:
            raise UsageError(error.errors()[0]["msg"], where=where, hint="correct the value") from None


def check_settings(settings: Finetuning) -> None:
    """Refuse what is wrong on any machine; TRL is imported only where there are keys for it.

    Raises:
        UsageError: names a key of [finetuning.trainer] or [finetuning.sweep], or the pattern of the modules.
    """
    trials(settings)
    if settings.trainer:
        check_trainer_keys(settings.trainer)
    if isinstance(settings.target_modules, str):
        try:
            re.compile(settings.target_modules)
        except re.error as error:
            raise UsageError(
                f"is not a regular expression: {error}",
                where="[finetuning] target_modules",
                hint='set "language", "all-linear", or a list of names',
            ) from None


def rehearse(arguments: SFTConfig) -> None:
    """Build for a model of one weight what a trainer builds of its settings, since a base takes long to load.

    Raises:
        UsageError: a package is missing, or a value does not fit.
    """
    from torch.nn import Linear
    from torch.optim import SGD
    from transformers import Trainer
    from transformers.integrations.liger import apply_liger_kernel

    rows, steps = [{"study_id": 0}], 100
    with refused_by("the trainer"):
        trainer = Trainer(model := Linear(1, 1), arguments, train_dataset=rows, eval_dataset=rows)
        if arguments.use_liger_kernel:
            apply_liger_kernel(model, arguments.liger_kernel_config)
        # An optimiser that is given modules looks for them in the base.
        named = arguments.optim_target_modules is not None
        optimizer = SGD(model.parameters(), arguments.learning_rate) if named else trainer.create_optimizer()
        trainer.create_scheduler(steps, optimizer)
        trainer.get_train_dataloader()
        trainer.get_eval_dataloader()


@contextlib.contextmanager
def refused_by(library: str) -> Iterator[None]:
    """Turn what a library raises of settings that do not fit, alone or together, into a UsageError."""
    try:
        yield
    except (AttributeError, ImportError, TypeError, ValueError, re.error) as error:
        raise UsageError(
            f"{library} refuses it: {first_line(error)}",
            where="[finetuning] or [finetuning.trainer]",
            hint="correct the value",
        ) from error
