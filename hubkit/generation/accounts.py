"""What the answers of a run were made with, in the words of the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubkit.artifacts.recipe import Decoding
from hubkit.artifacts.thoughts import Thoughts
from hubkit.config import ReleaseConfig
from hubkit.generation.batch_size import ON_CPU
from hubkit.generation.decoding import account_for
from hubkit.models.recipe import decoding
from hubkit.models.samples import Sample

Part = dict[str, Any]
"""Rows that were answered together, on which device, in which precision of the base, and in which batches: one, or
where that did not fit its pieces."""


def made_with(config: ReleaseConfig, parts: dict[str, list[Part]], samples: list[Sample]) -> Decoding:
    """How the answers in the parts of each condition were made, in the words of the recipe.

    The configuration alone does not say it: device and batch size may change without the stage running again.
    """
    answered = {name: [tuple(batch) for part in made for batch in part["batches"]] for name, made in parts.items()}
    # Where memory decided, the batches of the adapter name the size: they are the ones that readers generate again.
    measured = max((len(batch) for batch in answered.get("lora", [])), default=ON_CPU)
    size, others = account_for(answered, samples, config.generation.batch_size or measured)
    devices = sorted({part["device"] for made in parts.values() for part in made})
    # Parts of an earlier version say nothing of thoughts.
    every = [part for made in parts.values() for part in made]
    budget = max((part.get("thinking_tokens", 0) for part in every), default=0)
    markers = sorted({(start, end) for part in every for start, end in part.get("markers", [])})
    thinking = {"thought_markers": markers, "thinking_tokens": budget, "thoughts": _thoughts(parts)}
    return decoding(config, size, others, budget).model_copy(update={**thinking, "devices": devices})


def _thoughts(parts: dict[str, list[Part]]) -> dict[str, Thoughts]:
    """How many answers of each condition came after a thought, of how many tokens, and how many had no end."""
    return {condition: Thoughts(**count_thoughts(rows_of(made))) for condition, made in parts.items()}


def count_thoughts(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count thoughts as `thoughts_told` tells them."""
    lengths = [row.get("thought_tokens", 0) for row in rows]
    unfinished = sum(row.get("thought_tokens", 0) > 0 and not row["generated"] for row in rows)
    return {"thoughts": sum(length > 0 for length in lengths), "tokens": sum(lengths), "unfinished": unfinished}


def rows_of(parts: list[Part]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part["rows"]]
