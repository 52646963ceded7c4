"""What each stage's model takes of a device, counted on the meta device, where a model has shapes and no weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Quantization, ReleaseConfig
from hubkit.doctor.shapes import Device, model_config, on_meta, weight_bytes

if TYPE_CHECKING:
    from transformers import PretrainedConfig

TRAINED_BYTES = 16
"""Bytes a trained parameter in fp32: itself, its gradient and Adam's two moments."""

CONTEXT = int(0.5 * 2**30)
"""Bytes of CUDA's context and libraries: what transformers' own code counts for them."""

OVERHEAD = int(1.5 * 2**30)
"""The same with the allocator's slack and the kernels' workspaces, for a stage whose tensors change their size."""

REPORT_TOKENS = 512
"""Prompt and report of a study in tokens, on the safe side."""

KEPT, TOWER_KEPT = 54, 36
"""What a layer of the language model and of the tower keeps for its backward pass, in hidden states of bf16 a token:
counted with saved_tensors_hooks on MedGemma 4B's shape with LoRA and dropout."""

PASSED, TOWER_PASSED = 21, 11
"""What a layer makes in a forward pass without a graph: the MLP's states of four times the width, and some hidden."""


class Need(NamedTuple):
    """What a stage needs.

    Attributes:
        stage: its name.
        parameters: of its model.
        weights: bytes of the model as it is loaded.
        work: bytes of caches, activations, gradients and optimiser states at its peak.
        requests: that are in flight at a time; None where nothing limits them to what the memory holds.
        attention: that they are computed with.
    """

    stage: str
    parameters: int
    weights: int
    work: int
    requests: int | None = None
    attention: str = ""

    @property
    def total(self) -> int:
        return self.weights + self.work


def translate(config: ReleaseConfig, device: Device) -> Iterator[Need]:
    """On a GPU the cache takes what the weights leave: needed is the smallest. On a CPU the rows in flight are set."""
    from hubkit.translation.engines.paged_cache import (
        CacheLimits,
        attention_of,
        cache_settings,
        held,
        least_bytes,
        unplanned_bytes,
    )

    settings = config.translation
    if settings.engine != "transformers":
        return
    kind = model_config(settings.model, settings.revision)
    model = on_meta(kind)
    if not device.cuda:
        work = settings.batch_tokens * _cache_bytes(kind, 1) + _logits(kind, settings.batch_tokens // 256)
        yield _need("translate", model, settings.quantization, work)
        return
    need = _need("translate", model, settings.quantization, 0)
    text, attention = kind.get_text_config(), attention_of(model)
    free = max(device.total - need.weights - CONTEXT, 0)
    cache = cache_settings(text, attention, free, CacheLimits.of(settings))
    found = held(text, attention, free, cache)
    unplanned = unplanned_bytes(text, settings.quantization, cache["max_batch_tokens"])
    work = CONTEXT + least_bytes(text, attention, cache) + unplanned
    yield need._replace(work=work, requests=0 if found is None else found.requests, attention=attention)


def finetune(config: ReleaseConfig, device: Device) -> Iterator[Need]:
    """The adapter with its optimiser, and the larger of a training step and an evaluation.

    No logits: TRL's head folds them in tiles. The tower keeps a graph only where something in it is trained.
    """
    from peft import get_peft_model

    from hubkit.finetuning.arguments import STUDIES_EVALUATED
    from hubkit.finetuning.check import refused_by
    from hubkit.finetuning.lora import lora_config
    from hubkit.finetuning.tower import trains_tower

    settings = config.finetuning
    kind = model_config(settings.model, settings.revision)
    model = on_meta(kind)
    need = _need("finetune", model, settings.quantization, OVERHEAD)
    with warnings.catch_warnings(), refused_by("PEFT"):
        # PEFT asks transformers by a name that goes away in version 6.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = get_peft_model(model, lora_config(settings, None), low_cpu_mem_usage=True)
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    studies = settings.batch_size
    step = _kept(kind, config, studies, settings.gradient_checkpointing)
    if trains_tower(adapted):
        step += _tower_kept(kind, config, studies, settings.gradient_checkpointing)
    evaluated = STUDIES_EVALUATED if device.cuda and studies == 1 else studies
    peak = max(step, _passed(kind, config, studies), _passed(kind, config, evaluated))
    yield need._replace(work=need.work + trained * TRAINED_BYTES + peak + _unpacked(kind, settings.quantization))


def generate(config: ReleaseConfig, device: Device) -> Iterator[Need]:
    """The cache of a batch with its examples, and what a layer makes of all its prompts at once, or the tower."""
    settings = config.finetuning
    kind = model_config(settings.model, settings.revision)
    shown = 1 + config.generation.shots
    tokens = _sample_tokens(kind, config) * shown + config.generation.max_new_tokens
    need = _need("generate", on_meta(kind), settings.quantization, OVERHEAD)
    batch = config.generation.batch_size or _batch(config, kind, device, need)
    cache = batch * tokens * _cache_bytes(kind, tokens) + _logits(kind, batch)
    work = max(cache + _language_passed(kind, config, batch * shown), _tower_passed(kind, config, batch * shown))
    yield need._replace(work=need.work + work + _unpacked(kind, settings.quantization))


def _batch(config: ReleaseConfig, kind: PretrainedConfig, device: Device, need: Need) -> int:
    """The batch that `generate` will choose for the condition with examples."""
    from hubkit.generation.batch_size import ON_CPU, fitting_size, study_bytes

    if not device.cuda:
        return ON_CPU
    settings = config.generation
    study = study_bytes(kind, config.corpus.max_images, settings.shots, settings.max_new_tokens)
    return fitting_size(max(device.total - need.total, 0), study)


def score(config: ReleaseConfig, device: Device) -> Iterator[Need]:
    """BERTScore holds the embeddings of up to twice 131,072 tokens, in fp32, and what a layer makes of one batch."""
    settings = config.scoring
    width = 4 if settings.dtype == "float32" else 2
    for encoder in (settings.bertimbau, settings.xlm_roberta):
        kind = model_config(encoder.model, encoder.revision)
        text = kind.get_text_config()
        work = text.hidden_size * (2 * 131_072 * 4 + (settings.batch_tokens or 8192) * 16 * width)
        yield _need("score", on_meta(kind), "fp32" if width == 4 else "bf16", work + OVERHEAD)


def _need(stage: str, model: Any, quantization: Quantization, work: int) -> Need:
    count = sum(parameter.numel() for parameter in model.parameters())
    return Need(stage, count, weight_bytes(model, quantization), work)


def _sample_tokens(kind: PretrainedConfig, config: ReleaseConfig) -> int:
    return config.corpus.max_images * int(getattr(kind, "mm_tokens_per_image", 0)) + REPORT_TOKENS


def _patches(kind: PretrainedConfig, config: ReleaseConfig) -> int:
    """Patches of a study's images, which the tower sees all at once."""
    vision = getattr(kind, "vision_config", None)
    return config.corpus.max_images * (vision.image_size // vision.patch_size) ** 2 if vision else 0


def _kept(kind: PretrainedConfig, config: ReleaseConfig, studies: int, checkpointed: bool) -> int:
    """A hidden state of each layer and all of one, or all of each."""
    text = kind.get_text_config()
    layers = text.num_hidden_layers + KEPT if checkpointed else text.num_hidden_layers * KEPT
    return int(studies * _sample_tokens(kind, config) * text.hidden_size * 2 * layers)


def _tower_kept(kind: PretrainedConfig, config: ReleaseConfig, studies: int, checkpointed: bool) -> int:
    vision = getattr(kind, "vision_config", None)
    if vision is None:
        return 0
    layers = vision.num_hidden_layers + TOWER_KEPT if checkpointed else vision.num_hidden_layers * TOWER_KEPT
    return int(studies * _patches(kind, config) * vision.hidden_size * 2 * layers)


def _passed(kind: PretrainedConfig, config: ReleaseConfig, studies: int) -> int:
    """What a forward pass without a graph makes: first the tower, then the language model."""
    tower = 0 if config.finetuning.image_features == "disk" else _tower_passed(kind, config, studies)
    return max(tower, _language_passed(kind, config, studies))


def _language_passed(kind: PretrainedConfig, config: ReleaseConfig, studies: int) -> int:
    return int(studies * _sample_tokens(kind, config) * kind.get_text_config().hidden_size * 2 * PASSED)


def _tower_passed(kind: PretrainedConfig, config: ReleaseConfig, studies: int) -> int:
    vision = getattr(kind, "vision_config", None)
    return int(studies * _patches(kind, config) * vision.hidden_size * 2 * TOWER_PASSED) if vision else 0


def _unpacked(kind: PretrainedConfig, quantization: Quantization) -> int:
    """The largest weight out of NF4, as it is multiplied."""
    text = kind.get_text_config()
    return int(text.intermediate_size * text.hidden_size * 2) if quantization == "nf4" else 0


def _cache_bytes(kind: PretrainedConfig, tokens: int) -> int:
    """Bytes of keys and values a token in bf16, on average over `tokens`: a sliding window keeps its own number."""
    text = kind.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * text.num_hidden_layers
    window = min(1.0, (getattr(text, "sliding_window", None) or tokens) / tokens)
    layers = sum(window if name == "sliding_attention" else 1 for name in kinds)
    return int(2 * layers * heads * width * 2)


def _logits(kind: PretrainedConfig, rows: int) -> int:
    return int(max(rows, 1) * kind.get_text_config().vocab_size * 6)
