"""Does each stage's model fit into memory? Counted on the meta device, where a model has shapes and no weights."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Quantization, ReleaseConfig
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.hub import answers
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.models.loading import UNQUANTIZED
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from transformers import PretrainedConfig

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight in NF4 with double quantisation: 4 bits, 8 bits of scale for 64 of them, 32 bits for 256 scales."""

TRAINED_BYTES = 16
"""Bytes a trained parameter in fp32: itself, its gradient and Adam's two moments."""

OVERHEAD = int(1.5 * 2**30)
"""CUDA's context, the allocator's slack and the kernels' workspaces, in bytes."""

REPORT_TOKENS = 512
"""Prompt and report of a study in tokens, on the safe side."""

SLOW = 500_000_000
"""Parameters above which a model on a CPU is a matter of days."""


class Need(NamedTuple):
    """What a stage needs.

    Attributes:
        stage: its name.
        device: as configured.
        parameters: of its model.
        weights: bytes of the model as it is loaded.
        work: bytes of caches, activations, gradients and optimiser states at its peak.
    """

    stage: str
    device: str
    parameters: int
    weights: int
    work: int

    @property
    def total(self) -> int:
        return self.weights + self.work


def memory(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Each stage fits into the memory of the GPU that there is, else of this machine."""
    for stage, need in (("translate", _translate), ("finetune", _finetune), ("generate", _generate), ("score", _score)):
        try:
            for found in need(config):
                yield _verdict(found)
        except HubkitError as error:
            what = f"cannot be computed: {error.where}: {error.what}"
            yield warning(f"memory, {stage}", what, error.hint)


@functools.cache
def model_config(name: str, revision: str | None) -> PretrainedConfig:
    """The configuration of a model, from its folder or from the Hub.

    Raises:
        HubkitError: it cannot be had.
    """
    from transformers import AutoConfig

    try:
        offline = not Path(name).is_dir() and not answers(current_endpoint())
        config: PretrainedConfig = AutoConfig.from_pretrained(name, revision=revision, local_files_only=offline)
        return config
    except (OSError, ValueError):
        raise HubkitError(
            "its configuration cannot be had", where=name, hint="check access to it (hf auth login) and the name"
        ) from None


def parameters(config: PretrainedConfig) -> int:
    """How many parameters a model of this configuration has, tied ones counted once."""
    return sum(parameter.numel() for parameter in _on_meta(config).parameters())


def weight_bytes(model: Any, quantization: Quantization) -> int:
    """Bytes of `model` as hubkit.models.loading loads it: in NF4 its linear layers, but for vision tower and head."""
    from torch import nn

    width = 4 if quantization == "fp32" else 2
    total = float(sum(parameter.numel() * width for parameter in model.parameters()))
    if quantization == "nf4":
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and not name.startswith(tuple(UNQUANTIZED)):
                total -= module.weight.numel() * (width - NF4_BYTES)
    return int(total)


def _translate(config: ReleaseConfig) -> Iterator[Need]:
    settings = config.translation
    if settings.engine == "transformers":
        kind = model_config(settings.model, settings.revision)
        model = _on_meta(kind)
        work = settings.batch_tokens * _cache_bytes(kind) + _logits(kind, settings.batch_tokens // 256)
        yield _need("translate", settings.device, model, settings.quantization, work)


def _finetune(config: ReleaseConfig) -> Iterator[Need]:
    """Checkpointed activations hold one hidden state a layer and token; the logits are held in bf16 and fp32, twice."""
    settings = config.finetuning
    kind = model_config(settings.model, settings.revision)

    from peft import get_peft_model

    from hubkit.finetuning.check import refused_by
    from hubkit.finetuning.lora import lora_config

    model = _on_meta(kind)
    weights, text = weight_bytes(model, settings.quantization), kind.get_text_config()
    count = sum(parameter.numel() for parameter in model.parameters())
    with warnings.catch_warnings(), refused_by("PEFT"):
        # PEFT asks transformers by a name that goes away in version 6.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = get_peft_model(model, lora_config(settings, None), low_cpu_mem_usage=True)
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    tokens = settings.batch_size * _sample_tokens(kind, config)
    held = 1 if settings.gradient_checkpointing else 16
    activations = tokens * text.num_hidden_layers * text.hidden_size * 2 * held
    work = trained * TRAINED_BYTES + activations + tokens * text.vocab_size * 10 + OVERHEAD
    yield Need("finetune", settings.device, count, weights, work)


def _generate(config: ReleaseConfig) -> Iterator[Need]:
    settings = config.finetuning
    kind = model_config(settings.model, settings.revision)
    tokens = _sample_tokens(kind, config) * (1 + config.generation.shots) + config.generation.max_new_tokens
    batch = config.generation.batch_size
    work = batch * tokens * _cache_bytes(kind) + _logits(kind, batch)
    yield _need("generate", config.generation.device, _on_meta(kind), settings.quantization, work)


def _score(config: ReleaseConfig) -> Iterator[Need]:
    """BERTScore holds the embeddings of up to twice 131,072 tokens, in fp32, and what a layer makes of one batch."""
    settings = config.scoring
    width = 4 if settings.dtype == "float32" else 2
    for encoder in (settings.bertimbau, settings.xlm_roberta):
        kind = model_config(encoder.model, encoder.revision)
        text = kind.get_text_config()
        work = text.hidden_size * (2 * 131_072 * 4 + (settings.batch_tokens or 8192) * 16 * width)
        yield _need("score", settings.device, _on_meta(kind), "fp32" if width == 4 else "bf16", work)


def _need(stage: str, device: str, model: Any, quantization: Quantization, work: int) -> Need:
    count = sum(parameter.numel() for parameter in model.parameters())
    return Need(stage, device, count, weight_bytes(model, quantization), work + OVERHEAD)


def _on_meta(config: PretrainedConfig) -> Any:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText

    kinds = {True: AutoModelForImageTextToText, False: AutoModelForCausalLM if _writes(config) else AutoModel}
    with torch.device("meta"):
        return kinds[hasattr(config, "vision_config")].from_config(config)  # type: ignore[no-untyped-call]


def _writes(config: PretrainedConfig) -> bool:
    return any("CausalLM" in name for name in config.architectures or [])


def _sample_tokens(kind: PretrainedConfig, config: ReleaseConfig) -> int:
    return config.corpus.max_images * int(getattr(kind, "mm_tokens_per_image", 0)) + REPORT_TOKENS


def _cache_bytes(kind: PretrainedConfig) -> int:
    """Bytes of keys and values a token in bf16, as if every layer attended to everything."""
    text = kind.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * width * 2)


def _logits(kind: PretrainedConfig, rows: int) -> int:
    return int(max(rows, 1) * kind.get_text_config().vocab_size * 6)


def _verdict(need: Need) -> Finding:
    import torch

    check, size = f"memory, {need.stage}", f"{need.total / 2**30:.1f} GiB ({need.weights / 2**30:.1f} of weights)"
    has_gpu = torch.cuda.is_available()
    if need.device.startswith("cuda") and not has_gpu:
        return failed(check, f"needs {size} on a GPU, and there is none", 'set device = "auto"')
    on_gpu = has_gpu and need.device != "cpu"
    there = torch.cuda.mem_get_info()[1] if on_gpu else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    place = torch.cuda.get_device_name() if on_gpu else "this machine, which has no GPU for it"
    what = f"needs about {size} of the {there / 2**30:.0f} GiB of {place}"
    if need.total > there:
        hint = 'take a larger GPU, a smaller model, or smaller batches; [translation] engine = "openai" uses a server'
        return failed(check, what, hint)
    if not on_gpu and need.parameters > SLOW:
        return warning(check, f"{what}: {need.parameters / 1e9:.1f} G parameters will take days", "use a GPU")
    return ok(check, what)
