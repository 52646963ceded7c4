"""The frozen vision tower: kept out of the backward pass, and run once for each image where its features are kept.

Gradients reach the tower only where something in it, or in the projector after it, is trained.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.models.conversation import ask, encode
from hubkit.models.samples import Sample
from hubkit.progress import Progress
from hubkit.workspace import atomic

if TYPE_CHECKING:
    import torch

PARTS = ("vision_tower", "multi_modal_projector")
"""What turns pixels into the features that the language model reads."""

NAME = "features"
"""The tensor in a study's file."""


def release_tower(model: Any) -> bool:
    """Let the tower run without a graph where nothing in it is trained; the loss and all gradients stay as they are.

    For checkpointing, transformers makes the output of every embedding require a gradient, the tower's patches among
    them, so that backward computes the whole tower again for gradients that nobody reads.

    Returns:
        whether the tower is frozen.
    """
    if trains_tower(model):
        return False
    base = model.get_base_model()
    patches = base.get_submodule("model.vision_tower").get_input_embeddings()
    for handle in getattr(base, "_require_grads_hooks", []):
        if handle.hooks_dict_ref() is patches._forward_hooks:
            handle.remove()
    return True


def trains_tower(model: Any) -> bool:
    """Whether something in the tower or the projector is trained."""
    return any(
        parameter.requires_grad and any(f".{part}." in f".{name}" for part in PARTS)
        for name, parameter in model.named_parameters()
    )


class Features:
    """The features of each study's images in a folder, in the precision in which the language model reads them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def _file(self, study: int) -> Path:
        return self.folder / f"{study}.safetensors"

    def has(self, study: int) -> bool:
        return self._file(study).exists()

    def read(self, study: int) -> torch.Tensor:
        """Features of shape (images, tokens, hidden)."""
        from safetensors.torch import load_file

        return load_file(self._file(study))[NAME]

    def write(self, study: int, features: torch.Tensor) -> None:
        from safetensors.torch import save_file

        with atomic(self._file(study)) as temporary:
            save_file({NAME: features.contiguous()}, temporary)


def feature_bytes(config: Any, images: int, width: int) -> int:
    """Bytes of the features of so many images, `width` bytes a value."""
    return int(images * config.mm_tokens_per_image * config.get_text_config().hidden_size * width)


def fits(folder: Path, size: int) -> bool:
    """Whether so many bytes fit on the disk of `folder`, with as much left for checkpoints; it says so where not."""
    free = shutil.disk_usage(folder).free
    if 2 * size <= free:
        return True
    print(
        f"  finetune: the images' features take {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; they are "
        "computed in every step",
        file=sys.stderr,
    )
    return False


def keep_features(
    model: Any, processor: Any, prompt: str, samples: Sequence[Sample], folder: Path, precision: Callable[[], Any]
) -> Features | None:
    """Compute the features of all images once, under the precision of training, and keep them in `folder`.

    Existing features are not computed again.

    Args:
        model: the base with its adapter.
        precision: the context in which the trainer computes.

    Returns:
        None where they do not fit on the disk.

    Raises:
        UsageError: something in the tower is trained, so that its features change with every step.
    """
    import torch

    if trains_tower(model):
        raise UsageError(
            "the vision tower is trained, so its features change with every step",
            where='[finetuning] image_features = "disk"',
            hint='set image_features = "compute", or target_modules = "language"',
        )
    folder.mkdir(parents=True, exist_ok=True)
    features, base = Features(folder), model.get_base_model()
    left = [sample for sample in samples if sample.images and not features.has(sample.study_id)]
    dtype = base.get_input_embeddings().weight.dtype
    if left and not fits(folder, feature_bytes(base.config, sum(len(one.images) for one in left), dtype.itemsize)):
        return None
    with Progress("finetune: image features", len(left)) as progress:
        for sample in left:
            encoded = encode(processor, [ask(sample.images, prompt)], [sample.study_id])
            with torch.no_grad(), precision():
                found = base.model.get_image_features(encoded["pixel_values"].to(base.device), return_dict=True)
            features.write(sample.study_id, found.pooler_output.to(dtype).cpu())
            progress.advance()
    return features
