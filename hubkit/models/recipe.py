"""The recipe: what a reader needs, beside base and adapter, to generate the reports that were published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import Corpus, Quantization, ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.formats import FORMATS, check_format, numbered
from hubkit.models.folders import public_name
from hubkit.models.loading import UNQUANTIZED, nf4
from hubkit.models.samples import Sample
from hubkit.workspace import write_json

RECIPE = "hubkit_generation.json"
"""Its name in the adapter's repo."""


class Base(NamedTuple):
    """The base of an adapter, as it may be published; a base that was a folder has no revision."""

    name: str
    revision: str | None


def write_recipe(folder: Path, config: ReleaseConfig, commit: str | None, examples: list[Sample]) -> None:
    """Write the recipe of the three conditions into the adapter's folder.

    Args:
        commit: the revision of the base that the adapter was trained on.
        examples: the examples of the few-shot condition; their ids are written, never their text.
    """
    write_json(folder / RECIPE, recipe(config, commit, examples))


def recipe(config: ReleaseConfig, commit: str | None, examples: list[Sample]) -> dict[str, Any]:
    """The recipe as JSON values; keyword arguments of stock classes stand under the names of those classes' options."""
    generation = config.generation
    return {
        "format": FORMATS["recipe"],
        "base_model": {"name": public_name(config.finetuning.model, config.finetuning.model_id), "revision": commit},
        "prompt": generation.prompt,
        "few_shot_study_ids": [example.study_id for example in examples],
        "reference": generation.reference,
        **decoding(config, {"size": generation.batch_size}),
        "images": images(config.corpus),
    }


def images(corpus: Corpus) -> dict[str, Any]:
    """How the images were prepared."""
    return {
        "max": corpus.max_images,
        "size": corpus.image_size,
        "fit": corpus.fit,
        "jpeg_quality": corpus.jpeg_quality,
    }


def read_recipe(folder: Path) -> dict[str, Any]:
    """Read the recipe in an adapter's folder.

    Raises:
        HubkitError: there is none, or it is of a format that this version does not read.
    """
    values = _read(folder / RECIPE, "hubkit finetune")
    check_format("recipe", values, folder / RECIPE)
    return values


def read_base(folder: Path) -> Base:
    """The base model of the adapter in a folder.

    Raises:
        HubkitError: see `read_recipe`.
    """
    return Base(**read_recipe(folder)["base_model"])


def _read(path: Path, made_by: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubkitError("is missing", where=path, hint=f"run: {made_by}") from None
    return values


def refresh_recipe(folder: Path, made: Path, corpus: Corpus) -> None:
    """Bring a recipe up to what the generations were made with, which may not be what was set when it was written.

    Args:
        made: what `generate` wrote of them.
        corpus: the settings now. Where they changed and gave the same images, nothing was trained again.

    Raises:
        HubkitError: the recipe or what `generate` writes is missing.
    """
    generations = _read(made, "hubkit release --from generate")
    write_json(folder / RECIPE, numbered("recipe", read_recipe(folder) | generations | {"images": images(corpus)}))


def decoding(config: ReleaseConfig, batches: dict[str, Any], thinking_tokens: int = 0) -> dict[str, Any]:
    """The part of the recipe that is of the generations, and not of the adapter.

    Args:
        thinking_tokens: tokens that a thought may have on top of those of the answer.
        batches: what is known of them beside their order: their size, and after `generate` what deviates from it.
    """
    quantization, generation = config.finetuning.quantization, config.generation
    return {
        "quantization": quantization,
        "dtype": "float32" if quantization == "fp32" else "bfloat16",
        "quantization_config": quantization_config(quantization),
        "generation_config": {
            "do_sample": generation.do_sample,
            "max_new_tokens": generation.max_new_tokens + thinking_tokens,
        },
        "batches": {**batches, "order": "number of images, then study_id", "padding_side": "left"},
        "seed": config.release.seed,
    }


def quantization_config(quantization: Quantization) -> dict[str, Any] | None:
    """Keyword arguments of transformers' BitsAndBytesConfig, or None for a base that is not quantised."""
    if quantization != "nf4":
        return None
    values: dict[str, Any] = nf4(UNQUANTIZED).to_dict()
    return {name: value for name, value in values.items() if not name.startswith("_") and value is not None}
