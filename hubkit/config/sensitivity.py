"""[sensitivity]: how far scores hang on the prompt and on the few-shot examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hubkit.config.values import Positive, Table

Condition = Literal["zero_shot", "few_shot", "lora"]


def _once(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(set(conditions)) != len(conditions):
        raise ValueError("names a condition twice")
    return conditions


class Sensitivity(Table):
    """[sensitivity]: which prompts and examples `hubkit sensitivity` tries, on how many validation studies."""

    prompts: Path | None = Field(None, examples=["prompts.toml"])
    """A file of prompts. None: the five that hubkit ships."""
    draws: Positive = 3
    """Draws of few-shot examples; the first is that of the release."""
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1), AfterValidator(_once)] = (
        "zero_shot",
        "few_shot",
        "lora",
    )
    """The conditions that are tried; lora is left out where no adapter is trained."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.2
    """The share of the validation patients that are asked about, one study each."""
