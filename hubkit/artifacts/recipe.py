"""What the generations were made with: decoding.json, and hubkit_generation.json in the adapter's repo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from hubkit.artifacts.model import Model, read_model, to_json, write_model
from hubkit.artifacts.thoughts import Thoughts
from hubkit.workspace import Workspace, write_json

RECIPE = "hubkit_generation.json"
"""Its name in the adapter's repo."""


class Base(Model):
    """The base of an adapter, as it may be published; a base that was a folder has no revision."""

    name: str
    revision: str | None = None


class Decoded(Model):
    """How answers are decoded, by the names of transformers' options."""

    model_config = ConfigDict(extra="allow")

    do_sample: bool
    max_new_tokens: int


class Batches(Model):
    """In which batches studies were answered.

    Attributes:
        size: of a batch; None where memory decides.
        others: by condition, the studies of each batch that is not as `size` and `order` say.
        order: of the studies.
        padding_side: of the prompts.
    """

    size: int | None
    others: Mapping[str, Sequence[Sequence[int]]] | None = None
    order: str
    padding_side: str


class PreparedImages(Model):
    """How the images were prepared: at most how many of a study, their side in pixels, how they were fitted."""

    max: int
    size: int
    fit: str
    jpeg_quality: int


class Decoding(Model):
    """What is of the generations, and not of the adapter.

    Attributes:
        quantization, dtype, quantization_config: of the base; the last are arguments of BitsAndBytesConfig.
        generation_config, batches: see there.
        seed: of the release.
        thought_markers, thinking_tokens, thoughts: of a model that thinks first; older generations have none.
        devices: on which they were made.
    """

    quantization: str
    dtype: str
    quantization_config: dict[str, Any] | None = None
    generation_config: Decoded
    batches: Batches
    seed: int
    thought_markers: list[tuple[str, str]] | None = None
    thinking_tokens: int | None = None
    thoughts: dict[str, Thoughts] = {}  # noqa: RUF012 - the model is frozen
    devices: list[str] | None = None


class Recipe(Model):
    """What a reader needs to generate the published reports, in the order of the file.

    What was not known when the adapter was trained comes after `images`. Keys of a newer hubkit are kept.
    """

    model_config = ConfigDict(extra="allow")

    base_model: Base
    prompt: str | None = None
    few_shot_study_ids: list[int] = []  # noqa: RUF012
    reference: str | None = None
    quantization: str | None = None
    dtype: str | None = None
    quantization_config: dict[str, Any] | None = None
    generation_config: Decoded | None = None
    batches: Batches | None = None
    seed: int | None = None
    images: PreparedImages | None = None
    thought_markers: list[tuple[str, str]] | None = None
    thinking_tokens: int | None = None
    thoughts: dict[str, Thoughts] | None = None
    devices: list[str] | None = None

    def made_with(self, decoding: Decoding, images: PreparedImages) -> Recipe:
        """The recipe of generations that were made in another way than was set when it was written."""
        known = {name: getattr(decoding, name) for name in decoding.model_fields_set}
        return self.model_copy(update={**known, "images": images})


def read_recipe(folder: Path) -> Recipe:
    """The recipe in an adapter's folder.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Recipe, "recipe", folder / RECIPE, "run: hubkit finetune")


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write what `read_recipe` reads."""
    write_model("recipe", folder / RECIPE, recipe)


def read_base(folder: Path) -> Base:
    """The base model of the adapter in a folder.

    Raises:
        HubkitError: as `read_recipe`.
    """
    return read_recipe(folder).base_model


def read_decoding(workspace: Workspace) -> Decoding:
    """What the generations were made with.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Decoding, "recipe", workspace.decoding, "run: hubkit release --from generate")


def write_decoding(workspace: Workspace, decoding: Decoding) -> None:
    """Write what `read_decoding` reads. The file has no number, which stands for format 1, as in every version."""
    write_json(workspace.decoding, to_json(decoding))
