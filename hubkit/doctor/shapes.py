"""Devices and models as they are counted: a GPU's memory, and a model's shape on the meta device, without weights."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Quantization
from hubkit.doctor.hub import answers
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.models.loading import UNQUANTIZED

if TYPE_CHECKING:
    from transformers import PretrainedConfig

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight in NF4 with double quantisation: 4 bits, 8 bits of scale for 64 of them, 32 bits for 256 scales."""


class Device(NamedTuple):
    """Where a stage would run.

    Attributes:
        total: bytes of memory.
        cuda: whether it is a GPU.
        gpus: how many alike the stage may use.
    """

    name: str
    total: int
    cuda: bool
    gpus: int = 1


def device_of(setting: str) -> Device:
    """The GPU that a stage with this `device` would take, else this machine."""
    import torch

    if torch.cuda.is_available() and setting != "cpu":
        number = torch.device(setting).index or 0 if setting.startswith("cuda") else 0
        name, total = torch.cuda.get_device_name(number), torch.cuda.mem_get_info(number)[1]
        return Device(name, total, True, torch.cuda.device_count() if setting in ("auto", "cuda") else 1)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Device("this machine, which has no GPU for it", total, False)


@functools.cache
def model_config(name: str, revision: str | None) -> PretrainedConfig:
    """The configuration of a model, from its folder or from the Hub.

    Raises:
        HubkitError: it cannot be fetched.
    """
    from transformers import AutoConfig

    try:
        offline = not Path(name).is_dir() and not answers(current_endpoint())
        config: PretrainedConfig = AutoConfig.from_pretrained(name, revision=revision, local_files_only=offline)
        return config
    except (OSError, ValueError):
        raise HubkitError(
            "its configuration cannot be fetched", where=name, hint="check access to it (hf auth login) and the name"
        ) from None


def parameters(config: PretrainedConfig) -> int:
    """How many parameters a model of this configuration has, tied ones counted once."""
    return sum(parameter.numel() for parameter in on_meta(config).parameters())


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


def on_meta(config: PretrainedConfig) -> Any:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText

    kinds = {True: AutoModelForImageTextToText, False: AutoModelForCausalLM if _writes(config) else AutoModel}
    with torch.device("meta"):
        return kinds[hasattr(config, "vision_config")].from_config(config)  # type: ignore[no-untyped-call]


def _writes(config: PretrainedConfig) -> bool:
    return any("CausalLM" in name for name in config.architectures or [])
