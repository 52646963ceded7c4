"""What the answers of a run were made with, in the words of the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubkit.artifacts.generation_part import GenerationPart, count_thoughts, rows_of
from hubkit.artifacts.recipe import Decoding
from hubkit.artifacts.thoughts import Thoughts
from hubkit.config import ReleaseConfig
from hubkit.generation.batch_size import ON_CPU
from hubkit.generation.decoding import account_for
from hubkit.models.recipe import decoding
from hubkit.models.samples import Sample


def made_with(config: ReleaseConfig, parts: Mapping[str, Sequence[GenerationPart]], samples: list[Sample]) -> Decoding:
    """How the answers in the parts of each condition were made, in the words of the recipe.

    The configuration alone does not say it: device and batch size may change without the stage running again.
    """
    answered = {name: [batch for part in made for batch in part.batches] for name, made in parts.items()}
    # Where memory decided, the batches of the adapter name the size: they are the ones that readers generate again.
    measured = max((len(batch) for batch in answered.get("lora", [])), default=ON_CPU)
    size, others = account_for(answered, samples, config.generation.batch_size or measured)
    devices = sorted({part.device for made in parts.values() for part in made})
    every = [part for made in parts.values() for part in made]
    budget = max((part.thinking_tokens for part in every), default=0)
    markers = sorted({pair for part in every for pair in part.markers})
    thinking = {"thought_markers": markers, "thinking_tokens": budget, "thoughts": _thoughts(parts)}
    return decoding(config, size, others, budget).model_copy(update={**thinking, "devices": devices})


def _thoughts(parts: Mapping[str, Sequence[GenerationPart]]) -> dict[str, Thoughts]:
    """How many answers of each condition came after a thought, of how many tokens, and how many had no end."""
    return {condition: count_thoughts(rows_of(made)) for condition, made in parts.items()}
