"""Load a model with its processor as configured: device, quantisation, pinned revision."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Quantization
from hubkit.errors import HubkitError, UsageError
from hubkit.models.devices import use_device
from hubkit.models.folders import folder_commit
from hubkit.models.quiet import quiet

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig

UNQUANTIZED = ["model.vision_tower", "model.multi_modal_projector", "lm_head"]
"""Modules of a Gemma 3 vision-language model that stay in bf16: in 4-bit the tower fails in evaluation on CPU."""


class Loaded(NamedTuple):
    """A model in evaluation mode and what prepares its input: a processor, or a tokenizer for a language model."""

    model: Any
    processor: Any


def device_name(device: Any) -> str:
    """What a device is called where the same arithmetic matters: a GPU by its model."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


@quiet()
def load_language_model(name: str, revision: str | None, quantization: Quantization, device: str) -> Loaded:
    """Load a causal language model and its tokenizer (left padding, as generation in batches needs it).

    Args:
        name: a repo id or a folder.
        revision: a commit, tag or branch; None is the repo's main branch.
        quantization: "nf4" (4-bit, double quantisation, bf16 compute), "bf16" or "fp32".
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        HubkitError: the model is gated, missing or damaged, or the Hub does not answer.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _explained(name, revision):
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(
            name, revision=revision or "main", **placement(quantization, device)
        )
    return Loaded(model.eval(), tokenizer)


@quiet()
def load_vision_model(name: str, revision: str | None, quantization: Quantization, device: str) -> Loaded:
    """Load a Gemma 3 vision-language model and its processor; arguments as in `load_language_model`.

    Raises:
        HubkitError: as in `load_language_model`.
        UsageError: the model has no image token, so it cannot be shown an image.
    """
    from transformers import AutoConfig, AutoProcessor, Gemma3ForConditionalGeneration

    with _explained(name, revision):
        config = AutoConfig.from_pretrained(name, revision=revision)
        if config.model_type != "gemma3":
            raise UsageError(
                f"is a {config.model_type} model, which has no image token",
                where=name,
                hint="set [finetuning] model to a Gemma 3 vision-language model such as google/medgemma-4b-it",
            )
        processor = AutoProcessor.from_pretrained(name, revision=revision)
        processor.tokenizer.padding_side = "left"
        model = Gemma3ForConditionalGeneration.from_pretrained(
            name, revision=revision or "main", **placement(quantization, device, UNQUANTIZED)
        )
    if getattr(processor.tokenizer, "image_token_id", None) != config.image_token_id:
        raise UsageError(
            "the tokenizer has no image token, or another one than the model",
            where=name,
            hint="take the processor files of the model that it was derived from",
        )
    return Loaded(model.eval(), processor)


def placement(quantization: Quantization, device: str, skip: list[str] | None = None) -> dict[str, Any]:
    """Keyword arguments of `from_pretrained` that put a model on `device`, which becomes the current one."""
    import torch

    values: dict[str, Any] = {
        "dtype": torch.float32 if quantization == "fp32" else torch.bfloat16,
        "device_map": {"": use_device(device)},
    }
    if quantization == "nf4":
        values["quantization_config"] = nf4(skip, splits())
    return values


def splits() -> bool:
    """Whether this process was launched to hold a share of the base (FSDP); accelerate says so in the environment."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def nf4(skip: list[str] | None = None, split: bool = False) -> BitsAndBytesConfig:
    """4-bit NormalFloat with double quantisation and bf16 compute (QLoRA, https://arxiv.org/abs/2305.14314).

    Args:
        skip: modules that are not quantised.
        split: keep the 4-bit values in tensors of bf16, the only ones that FSDP splits.
    """
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_storage=torch.bfloat16 if split else torch.uint8,
        llm_int8_skip_modules=skip,
    )


def commit_of(name: str, revision: str | None) -> str | None:
    """The commit that `revision` of a model stands for, as it was downloaded; of a folder what its download
    says, else `revision`.

    Raises:
        HubkitError: as in `load_language_model`.
    """
    from huggingface_hub import hf_hub_download

    if Path(name).is_dir():
        return folder_commit(Path(name)) or revision
    with _explained(name, revision):
        # The cache keeps the files of each commit in a folder of its own: snapshots/<commit>/config.json.
        return Path(hf_hub_download(name, "config.json", revision=revision)).parent.name


@contextlib.contextmanager
def _explained(name: str, revision: str | None) -> Iterator[None]:
    """Turn what the Hub's clients raise while a model is loaded into a HubkitError that says what to do."""
    from huggingface_hub import errors
    from safetensors import SafetensorError

    place = name if revision is None else f"{name}@{revision}"
    try:
        yield
    except (OSError, SafetensorError, ValueError) as error:
        causes = list(_causes(error))
        if any(isinstance(cause, errors.GatedRepoError) for cause in causes):
            what, hint = "is gated", f"accept its terms on the Hub ({name}), then: hf auth login"
        elif any(isinstance(cause, errors.RevisionNotFoundError) for cause in causes):
            what, hint = "has no such revision", "set revision to a commit, a tag or a branch of the repo"
        elif any(isinstance(cause, errors.HFValidationError) for cause in causes):
            what, hint = "there is no such folder", "check the path; a repo on the Hub is OWNER/NAME"
        elif any(isinstance(cause, errors.RepositoryNotFoundError) for cause in causes):
            what, hint = "is no model that can be seen", "check the name; for a private repo: hf auth login"
        elif any(isinstance(cause, errors.LocalEntryNotFoundError) for cause in causes):
            what, hint = "is not on this machine, and the Hub does not answer", "check the network and HF_ENDPOINT"
        elif Path(name).exists() or any(isinstance(cause, SafetensorError) for cause in causes):
            what, hint = f"cannot be loaded: {first_line(error)}", "fetch the model again"
        else:
            what, hint = f"cannot be loaded: {first_line(error)}", "check the name and the revision"
        raise HubkitError(what, where=place, hint=hint) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def first_line(error: BaseException) -> str:
    """What a library says, without its advice on the lines below."""
    return (str(error).splitlines() or [type(error).__name__])[0]
