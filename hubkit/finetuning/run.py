"""One training run: a base, an adapter, and the checkpoints that it continues from."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hubkit.artifacts.model import to_json
from hubkit.artifacts.training_log import LogEntry
from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.arguments import training_arguments
from hubkit.finetuning.check import refused_by, rehearse
from hubkit.finetuning.collator import Collator, in_one_line
from hubkit.finetuning.lora import (
    check_modules,
    keep_packing,
    lora_config,
    train_in_fp32,
    trained_tensors,
    write_adapter,
)
from hubkit.finetuning.portable import make_portable
from hubkit.finetuning.tower import keep_features, release_tower
from hubkit.models.device_errors import device_errors
from hubkit.models.devices import pick_device
from hubkit.models.folders import public_name
from hubkit.models.loading import commit_of, load_vision_model
from hubkit.models.samples import Sample
from hubkit.workspace import sync_folder, write_json

if TYPE_CHECKING:
    from datasets import Dataset


Callback = TypeVar("Callback")

KEPT = 1 << 30
"""Bytes of prepared studies that are kept for the next epoch."""

SHORT = 512
"""Tokens that hold an image and most reports."""

WITHIN_AUDIT = "eval_loss within audit"
"""The value of [finetuning] select that lets the audit choose among the adapters of all evaluations."""

DONE = "run.json"
"""Written last into the folder of a run."""


class Run(NamedTuple):
    """What came of a run.

    Attributes:
        adapter: the folder of the best adapter (the last one where nothing was evaluated), with processor files.
        commit: the base's revision.
        history: the trainer's log, an entry per optimiser step and per evaluation; not its summary, which covers the
            steps since the last resume alone.
        best_step, eval_loss: of the best adapter; None where nothing was evaluated.
        seconds: of the process that ended the run, from where it continued.
    """

    adapter: Path
    commit: str | None
    history: list[LogEntry]
    trainable: int
    steps: int
    best_step: int | None
    eval_loss: float | None
    seconds: float


def train(
    settings: Finetuning, prompt: str, seed: int, train: list[Sample], validate: list[Sample], folder: Path
) -> Run:
    """Train an adapter, from the last whole checkpoint in `folder` where there is one; a run that ended is read back.

    Raises:
        HubkitError: the base cannot be loaded, the loss is not finite, or disk or device memory is full.
    """
    from hubkit.finetuning.callbacks import ShowProgress
    from hubkit.finetuning.checkpoints import checkpoint_folder, last_checkpoint

    if (folder / DONE).exists():
        values = json.loads((folder / DONE).read_text(encoding="utf-8"))
        history = [LogEntry(**entry) for entry in values["history"]]
        return Run(**values | {"adapter": folder / values["adapter"], "history": history})
    started = time.monotonic()
    device = pick_device(settings.device)
    arguments = training_arguments(settings, seed, folder, device, evaluates=bool(validate))
    rehearse(arguments)
    with device_errors(advice(settings, max(len(sample.images) for sample in (*train, *validate)))):
        trainer = build_trainer(settings, arguments, prompt, train, validate)
        checkpoint = last_checkpoint(folder)
        try:
            with in_one_line():
                trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        finally:
            _callback(trainer, ShowProgress).close()
        run = _result(trainer, settings, folder, time.monotonic() - started)
        if trainer.args.should_save:
            audited = settings.select == WITHIN_AUDIT
            kept = [checkpoint_folder(folder, step) for step in checkpoints(run)] if audited else []
            for adapter in {run.adapter, *kept}:
                trainer.processing_class.save_pretrained(adapter)
                make_portable(adapter)
                # The checkpoints go away next: a power cut must not leave a finished run without its adapter.
                sync_folder(adapter)
            entries = [to_json(entry) for entry in run.history]
            write_json(folder / DONE, run._asdict() | {"adapter": run.adapter.name, "history": entries})
            for checkpoint in folder.glob("checkpoint-*"):
                shutil.rmtree(checkpoint)
    return run


def checkpoints(run: Run) -> dict[int, float]:
    """The evaluation loss of a run by optimiser step."""
    return {entry.step: entry.eval_loss for entry in run.history if entry.eval_loss is not None}


def _result(trainer: Any, settings: Finetuning, folder: Path, seconds: float) -> Run:
    from hubkit.finetuning.callbacks import KeepBest

    best = _callback(trainer, KeepBest)
    evaluated = best.step is not None
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not evaluated:
        tensors = trained_tensors(model)
        if trainer.args.should_save:
            write_adapter(model, tensors, folder / "last", public_name(settings.model, settings.model_id))
    return Run(
        adapter=best.adapter() if evaluated else folder / "last",
        commit=commit_of(settings.model, settings.revision),
        history=[LogEntry(**entry) for entry in trainer.state.log_history if "train_loss" not in entry],
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        steps=trainer.state.global_step,
        best_step=best.step,
        eval_loss=best.loss if evaluated else None,
        seconds=round(seconds, 1),
    )


def _callback(trainer: Any, kind: type[Callback]) -> Callback:
    # A resumed trainer has new callbacks in place of those that it was given.
    return next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, kind))


def build_trainer(
    settings: Finetuning, arguments: Any, prompt: str, train: list[Sample], validate: list[Sample]
) -> Any:
    """Load the base, put an adapter on it, and return the trainer of both."""
    from transformers import PrinterCallback

    from hubkit.finetuning.callbacks import KeepBest, ReleaseTower, ShowProgress
    from hubkit.finetuning.trainer import AdapterTrainer

    if arguments.n_gpu > 1:
        raise UsageError(
            f"one process sees {arguments.n_gpu} devices",
            hint="run the command that `hubkit finetune --launch` prints, or set CUDA_VISIBLE_DEVICES=0",
        )
    model, processor = load_vision_model(settings.model, settings.revision, settings.quantization, settings.device)
    keep_packing(model)
    check_modules(model, settings)
    # Each process that prepares studies keeps its own: together they hold what one would.
    keep = KEPT // max(arguments.dataloader_num_workers, 1)
    collator = Collator(processor, prompt, settings.max_length, keep)
    with refused_by("SFTTrainer"):
        trainer = AdapterTrainer(
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=as_dataset(train),
            eval_dataset=as_dataset(validate) if validate else None,
            processing_class=processor,
            peft_config=lora_config(settings, commit_of(settings.model, settings.revision)),
            callbacks=[
                KeepBest(
                    arguments.output_dir,
                    public_name(settings.model, settings.model_id),
                    settings.patience,
                    every=settings.select == WITHIN_AUDIT,
                ),
                ReleaseTower(),
                ShowProgress("finetune"),
            ],
        )
    train_in_fp32(trainer.model)
    release_tower(trainer.model)
    trainer.by_study = settings.batch_size == 1
    if settings.image_features == "disk":
        # The trials of a sweep have one base, and share its features.
        folder = Path(arguments.output_dir).parent / "features"
        with arguments.main_process_first():
            collator.features = keep_features(
                trainer.model, processor, prompt, [*train, *validate], folder, trainer.accelerator.autocast
            )
    trainer.remove_callback(PrinterCallback)
    return trainer


def as_dataset(samples: list[Sample]) -> Dataset:
    """Samples as rows of a data set; images are read when a batch is built."""
    from datasets import Dataset

    return Dataset.from_list(as_rows(samples))


def as_rows(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Samples as the collator takes them."""
    rows = [(sample.study_id, [str(image) for image in sample.images], sample.reference) for sample in samples]
    return [dict(zip(("study_id", "images", "answer"), row, strict=True)) for row in rows]


def advice(settings: Finetuning, images: int) -> str:
    """What to lower, and to what, when there is no memory left for a run: what saves most comes first.

    Args:
        images: of the study that has most of them.
    """
    if settings.batch_size > 1:
        half, twice = settings.batch_size // 2, settings.gradient_accumulation * 2
        return f"set [finetuning] batch_size = {half} and gradient_accumulation = {twice}"
    if settings.modules_to_save:
        return "set [finetuning] modules_to_save = []: they are trained whole, at 16 bytes a parameter"
    if settings.quantization != "nf4":
        return 'set [finetuning] quantization = "nf4": a quarter of the memory of bf16 for the base'
    if not settings.gradient_checkpointing:
        return "set [finetuning] gradient_checkpointing = true"
    if images > 1:
        return f"set [corpus] max_images = {images // 2}: half the image tokens of a study"
    if settings.max_length is None or settings.max_length > SHORT:
        return f"set [finetuning] max_length = {SHORT}"
    if settings.r > 1:
        return f"set [finetuning] r = {settings.r // 2}"
    return "take a smaller base or a device with more memory"
