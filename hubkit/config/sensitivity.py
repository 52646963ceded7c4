"""[sensitivity]: how far scores hang on the prompt and on the few-shot examples, and what translates back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hubkit.config.values import Command, ModelId, NonEmptyStr, Positive, Quantization, Runtime, Table, Url

Condition = Literal["zero_shot", "few_shot", "lora"]


def _once(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(set(conditions)) != len(conditions):
        raise ValueError("names a condition twice")
    return conditions


class BackTranslation(Table):
    """[sensitivity.back_translation]: a second model, which translates translations back into English.

    How an engine works (device, concurrency, allowed_hosts, serve_environment and others) is as in [translation].
    """

    model: NonEmptyStr
    """The model on the Hub, or a folder. Another than that of [translation]: its own mistakes it would repeat."""
    model_id: ModelId | None = None
    """If model is a folder: its name on the Hub, which the results print."""
    revision: str | None = None
    """Its commit. None: the newest."""
    quantization: Quantization = "nf4"
    """The precision of its weights."""
    engine: Literal["transformers", "openai"] = "transformers"
    """transformers: in this process; openai: a server that speaks that protocol."""
    prompt: NonEmptyStr = (
        "You are a medical translator. Translate the chest X-ray report from Brazilian Portuguese into English. "
        "Answer with the translation alone. Keep every number, side, negation and degree of certainty."
    )
    """The system prompt."""
    template: Literal["system", "user", "translategemma"] = "system"
    """Where the prompt stands: system turn, user turn, or nowhere (TranslateGemma: text and language codes)."""
    base_url: Annotated[Url | None, Runtime] = None
    """The server of the engine openai, such as http://127.0.0.1:8001/v1."""
    serve: Annotated[Command | None, Runtime] = None
    """A command line that starts that server, with {port} filled in; hubkit starts and stops it."""


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
    back_translation: BackTranslation | None = Field(
        None, examples=[{"model": "google/translategemma-12b-it", "template": "translategemma"}]
    )
    """With --translation: a second model that translates back; also revision, quantization, engine, base_url, serve."""
