"""The adapter: which layers it sits on, in which precision it is trained, and how it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.portable import portable_names, portable_settings
from hubkit.workspace import atomic, write_json

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig

LANGUAGE_LAYERS = r".*language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
"""The linear layers of the language model, as a regular expression over module names."""


def lora_config(settings: Finetuning, commit: str | None) -> LoraConfig:
    """The adapter as configured; `commit` is the revision of the base that it is trained on."""
    from peft import LoraConfig

    targets = settings.target_modules
    if targets == "language":
        targets = LANGUAGE_LAYERS
    return LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        bias="none",
        target_modules=list(targets) if isinstance(targets, tuple) else targets,
        modules_to_save=list(settings.modules_to_save) or None,
        ensure_weight_tying="embed_tokens" in settings.modules_to_save and "lm_head" in settings.modules_to_save,
        task_type="CAUSAL_LM",
        revision=commit,
    )


def check_modules(model: Any, settings: Finetuning) -> None:
    """Refuse modules to be trained whole that the base does not have, which PEFT would pass over in silence.

    Raises:
        UsageError: names the first such module.
    """
    last = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    for name in settings.modules_to_save:
        if name.rpartition(".")[2] not in last:
            raise UsageError(
                f"the base has no module {name}",
                where="[finetuning] modules_to_save",
                hint="name modules of the base, such as lm_head and embed_tokens",
            )


def train_in_fp32(model: Any) -> None:
    """Keep what is trained in fp32.

    TRL casts it to bf16 for a quantised base, where small updates are rounded away; and PEFT loads a checkpoint in
    fp32, so that a resumed run would go on with other arithmetic than the one before.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def keep_packing(model: Any) -> None:
    """Stop bitsandbytes from repacking the frozen base when it is evaluated on a CPU with AVX512-BF16.

    Repacking quantises the scales again, so that training after an evaluation would go on with another base.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def trained_tensors(model: Any) -> dict[str, torch.Tensor]:
    """What is trained, by name, whole: under FSDP the processes put their shares together, so each has to call this."""
    from torch.distributed.tensor import DTensor

    trained = {name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter.requires_grad}
    return {
        name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        for name, tensor in model.state_dict().items()
        if name in trained
    }


def write_adapter(model: Any, tensors: dict[str, torch.Tensor], folder: Path, base: str) -> None:
    """Save the adapter of a PEFT model as stock PEFT reads it, in bf16 unless the base is in fp32.

    Args:
        tensors: as `trained_tensors` gives them.
        base: what the adapter calls its base; never a path of this machine.
    """
    import torch
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder, state_dict=tensors, save_embedding_layers=False)
    settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    write_json(folder / "adapter_config.json", portable_settings(settings | {"base_model_name_or_path": base}))
    # PEFT's own card is a stub that packaging replaces.
    (folder / "README.md").unlink(missing_ok=True)
    weights = folder / "adapter_model.safetensors"
    dtype = torch.float32 if model.get_base_model().dtype == torch.float32 else torch.bfloat16
    with atomic(weights) as temporary:
        kept = load_file(weights)
        names = portable_names(model.get_base_model().config.model_type, kept)
        written = {names[name]: tensor.to(dtype).contiguous() for name, tensor in kept.items()}
        save_file(written, temporary, metadata={"format": "pt"})
