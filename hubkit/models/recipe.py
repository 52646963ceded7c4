"""The recipe: what a reader needs, in addition to base and adapter, to generate the reports that were published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubkit.artifacts.recipe import (
    Base,
    Batches,
    Decoded,
    Decoding,
    PreparedImages,
    Recipe,
    read_decoding,
    read_recipe,
    write_recipe,
)
from hubkit.config import Corpus, Quantization, ReleaseConfig
from hubkit.models.folders import public_name
from hubkit.models.loading import UNQUANTIZED, nf4
from hubkit.models.samples import Sample
from hubkit.workspace import Workspace


def recipe(config: ReleaseConfig, commit: str | None, examples: Sequence[Sample]) -> Recipe:
    """The recipe of the three conditions.

    Args:
        commit: the revision of the base that the adapter was trained on.
        examples: the examples of the few-shot condition; their ids are written, never their text.
    """
    settings, generation = config.finetuning, config.generation
    made = decoding(config, generation.batch_size)
    return Recipe(
        base_model=Base(name=public_name(settings.model, settings.model_id), revision=commit),
        prompt=generation.prompt,
        few_shot_study_ids=[example.study_id for example in examples],
        reference=generation.reference,
    ).made_with(made, images(config.corpus))


def images(corpus: Corpus) -> PreparedImages:
    """How the images were prepared."""
    return PreparedImages(
        max=corpus.max_images, size=corpus.image_size, fit=corpus.fit, jpeg_quality=corpus.jpeg_quality
    )


def refresh_recipe(folder: Path, workspace: Workspace, corpus: Corpus) -> None:
    """Bring a recipe up to what the generations were made with, which may not be what was set when it was written.

    Args:
        corpus: the settings now. Where they changed and gave the same images, nothing was trained again.

    Raises:
        HubkitError: the recipe or what `generate` writes is missing or damaged.
    """
    write_recipe(folder, read_recipe(folder).made_with(read_decoding(workspace), images(corpus)))


def decoding(
    config: ReleaseConfig,
    size: int | None,
    others: Mapping[str, Sequence[Sequence[int]]] | None = None,
    thinking_tokens: int = 0,
) -> Decoding:
    """The part of the recipe that is of the generations, and not of the adapter.

    Args:
        size: of a batch; None where memory decides.
        others: after `generate`, the batches of each condition that are not as size and order say.
        thinking_tokens: tokens that a thought may have on top of those of the answer.
    """
    quantization, generation = config.finetuning.quantization, config.generation
    known = {} if others is None else {"others": others}
    return Decoding(
        quantization=quantization,
        dtype="float32" if quantization == "fp32" else "bfloat16",
        quantization_config=quantization_config(quantization),
        generation_config=Decoded(
            do_sample=generation.do_sample, max_new_tokens=generation.max_new_tokens + thinking_tokens
        ),
        batches=Batches(size=size, **known, order="number of images, then study_id", padding_side="left"),
        seed=config.release.seed,
    )


def quantization_config(quantization: Quantization) -> dict[str, Any] | None:
    """Keyword arguments of transformers' BitsAndBytesConfig, or None for a base that is not quantised."""
    if quantization != "nf4":
        return None
    values: dict[str, Any] = nf4(UNQUANTIZED).to_dict()
    return {name: value for name, value in values.items() if not name.startswith("_") and value is not None}
