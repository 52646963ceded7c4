"""[finetuning] and [generation]: how the adapter is trained, and how it is asked for reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hubkit.config.values import Device, ModelId, NonNegative, Positive, Quantization, Runtime, Table


class Finetuning(Table):
    """[finetuning]: the base model and how its adapter is trained (defaults of the study that this reproduces)."""

    model: str = "google/medgemma-4b-it"
    """The base model on the Hub, or a folder."""
    model_id: ModelId | None = Field(None, examples=["google/medgemma-4b-it"])
    """If model is a folder: its name on the Hub, which cards print. A renamed folder counts as the same model."""
    revision: str | None = Field(None, examples=["0123456789abcdef0123456789abcdef01234567"])
    """Its commit. None: the newest, which is then recorded."""
    quantization: Quantization = "nf4"
    """The precision of the frozen base."""
    r: Positive = 16
    """Rank of the adapter."""
    alpha: Positive = 16
    """Scale of the adapter."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Dropout of the adapter."""
    target_modules: str | tuple[str, ...] = "language"
    """"language": the linear layers of the language model; "all-linear": the vision tower as well; or names."""
    modules_to_save: tuple[str, ...] = ()
    """Modules trained whole and saved with the adapter."""
    epochs: Annotated[float, Field(gt=0)] = 4.0
    """Passes over the training split."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    """Peak learning rate."""
    schedule: str = "linear"
    """Learning-rate schedule, as transformers names it."""
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.03
    """Share of the steps in which the learning rate rises."""
    batch_size: Positive = 1
    """Studies per step and device."""
    gradient_accumulation: Positive = 16
    """Steps before the optimiser moves."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.3
    """Gradients are clipped to this norm."""
    gradient_checkpointing: bool = True
    """Whether activations are computed twice to save memory."""
    eval_steps: Positive = 20
    """Optimiser steps between evaluations."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Evaluations without a lower loss before training stops; 0: never."""
    select: Literal["eval_loss", "eval_loss within audit"] = "eval_loss"
    """Which adapter is kept: of the lowest evaluation loss, or of the lowest that stays under the bounds of [audit]."""
    max_length: Positive | None = Field(None, examples=[4096])
    """Most tokens of a sample. None: no limit."""
    trainer: dict[str, Any] = Field(default_factory=dict)
    """Further keys of SFTConfig."""
    sweep: dict[str, list[Any]] = Field(default_factory=dict)
    """Values to try for r, alpha, dropout, learning_rate, epochs."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    image_features: Annotated[Literal["compute", "disk"], Runtime] = "compute"
    """compute: the frozen vision tower runs in every step; disk: once for each image, 1.3 MB kept while it trains."""
    save_steps: Annotated[Positive, Runtime] = 20
    """Optimiser steps between checkpoints."""
    live: Annotated[Literal["none", "tensorboard", "trackio"], Runtime] = "none"
    """Where the curves can be watched while it trains, on this machine."""


class Generation(Table):
    """[generation]: the prompt (the same in training and in inference) and how answers are decoded."""

    prompt: str = "Dê o diagnóstico das imagens apresentadas"
    """The question to the model, the same in training and in inference."""
    shots: Annotated[int, Field(ge=1)] = 1
    """Examples before the question in the few-shot condition."""
    max_new_tokens: Positive = 512
    """Most tokens of a report."""
    thinking_tokens: NonNegative | None = Field(None, examples=[2048])
    """Tokens a thought may have before the report; none: 2,048 for MedGemma 27B and 1.5, which think, else 0."""
    reference: Literal["findings_impression", "report"] = "findings_impression"
    """What generations are scored against: ACHADOS + IMPRESSÃO, or the whole report as in the original study."""
    do_sample: bool = False
    """Whether to sample; false: greedy."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_size: Annotated[Positive | None, Runtime] = Field(None, examples=[32])
    """Studies per batch; none: by memory on a GPU, 8 on a CPU."""
    tasks: Annotated[Positive, Runtime] = 1
    """Processes that share the batches, with a GPU each."""
