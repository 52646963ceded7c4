"""Does each stage's model fit into memory?"""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.config import Finetuning, ReleaseConfig, Translation
from hubkit.doctor import gpu, needs
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.needs import Need
from hubkit.doctor.shapes import Device, device_of
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

SLOW = 500_000_000
"""Parameters above which a model on a CPU is a matter of days."""

FEW = 8
"""Requests in flight below which a GPU mostly waits: each step reads all weights, for however many requests."""


def memory(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Each stage fits into the memory of the GPU that it would take, else of this machine."""
    import torch

    stages = {
        "translate": (needs.translate, config.translation.device, _lower("translation", config.translation)),
        "finetune": (needs.finetune, config.finetuning.device, _lower("finetuning", config.finetuning)),
        "generate": (needs.generate, config.generation.device, _lower("finetuning", config.finetuning)),
        "score": (needs.score, config.scoring.device, "take a larger GPU"),
    }
    for stage, (count, setting, lower) in stages.items():
        device = device_of(setting)
        try:
            for need in count(config, device):
                yield _verdict(need, device, setting, lower)
                if need.requests:
                    yield gpu.attention(need.attention, torch.cuda.get_device_capability())
        except HubkitError as error:
            what = f"cannot be computed: {error.where}: {error.what}"
            yield warning(f"memory, {stage}", what, error.hint)


def _lower(table: str, settings: Translation | Finetuning) -> str:
    """What makes a model smaller, or what else would help."""
    if settings.quantization == "nf4":
        return "take a larger GPU or a smaller model"
    return f'set [{table}] quantization = "nf4"'


def _verdict(need: Need, device: Device, setting: str, lower: str) -> Finding:
    check, size = f"memory, {need.stage}", f"{need.total / 2**30:.1f} GiB ({need.weights / 2**30:.1f} of weights)"
    if setting.startswith("cuda") and not device.cuda:
        return failed(check, f"needs {size} on a GPU, and there is none", 'set device = "auto"')
    name = f"each of {device.gpus} {device.name}" if device.gpus > 1 else device.name
    what = f"needs about {size} of the {device.total / 2**30:.0f} GiB of {name}"
    if need.total > device.total or need.requests == 0:
        other = (
            'set [translation] engine = "openai" and use a server' if need.stage == "translate" else "smaller batches"
        )
        return failed(check, what, f"{lower}, or {other}")
    if need.requests is not None:
        what = f"{what}: {need.requests} requests in flight with {need.attention}"
        if need.requests < FEW:
            return warning(check, what, lower)
    if not device.cuda and need.parameters > SLOW:
        return warning(check, f"{what}: {need.parameters / 1e9:.1f} G parameters will take days", "use a GPU")
    return ok(check, what)
