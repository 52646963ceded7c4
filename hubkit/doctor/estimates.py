"""What a release comes to before it has run: sections, tokens, gigabytes and hours, from figures that are stated here.

The speeds are of published runs and of arithmetic; hubkit has not measured them. They are ranges, since
a server with continuous batching is ten times as fast as a small card in 4 bits.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.doctor.hub import models_of, served_model
from hubkit.models.folders import public_name
from hubkit.room import image_bytes
from hubkit.tables import CONDITIONS

SECTIONS_A_STUDY = 3.5
"""Sections with text: indication, findings and impression nearly always, a comparison often."""

TOKENS_A_REPORT = 150
"""Tokens of a whole Portuguese report, as published pipelines count them on this corpus."""

CHARACTERS_A_TOKEN = 3.5
"""Characters of English for a token of its translation: Portuguese is a tenth longer and has longer tokens."""

TRANSLATION_SPEED = (150, 1700)
"""Tokens a second of a model of 27 billion parameters: 4 bits on a card of 24 GB, and vLLM on one of 80 GB."""

GENERATION_SPEED = (100, 1000)
"""Tokens a second of a model of 4 billion parameters, in batches of 8 to 32."""

TRAINING_TFLOP = (25, 51)
"""TFLOP a training sample of 2 images of 896 pixels on a model of 4 billion parameters: the vision tower frozen
altogether, and in the graph with everything computed twice."""

EVALUATION_TFLOP = (5, 16)
"""The same for a sample that is only evaluated."""

DEVICE_TFLOPS = (40, 300)
"""TFLOP a second that a training reaches on a card of 24 GB, and on one of 80 GB."""

ENCODER_GB = {"neuralmind/bert-base-portuguese-cased": 0.4, "xlm-roberta-large": 2.2}
"""Downloads of the encoders, in fp32."""


class Hours(NamedTuple):
    """From how many hours to how many a stage takes on one GPU."""

    least: float
    most: float

    def __str__(self) -> str:
        if self.most < 0.2:
            return "minutes"
        return f"{max(self.least, 0.1):.2g} to {self.most:.2g} h"


def billions(model: str) -> float | None:
    """The billions of parameters that a model's name tells: 27 of "google/medgemma-27b-text-it"."""
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", model.lower().replace("_", "-").replace("-", " "))
    return None if found is None else float(found[1]) / (1 if found[2] == "b" else 1000)


def translator_size(config: ReleaseConfig) -> float | None:
    """Billions of parameters of the translation model, as its public name tells."""
    return billions(public_name(config.translation.model, config.translation.model_id))


def base_size(config: ReleaseConfig) -> float | None:
    """Billions of parameters of the base model, as its public name tells."""
    return billions(public_name(config.finetuning.model, config.finetuning.model_id))


def translation_hours(config: ReleaseConfig, tokens: float) -> Hours | None:
    """How long so many tokens of translation take; None where the model's name does not tell its size."""
    size = translator_size(config)
    if size is None:
        return None
    slow, fast = (speed * 27 / size for speed in TRANSLATION_SPEED)
    return Hours(tokens / fast / 3600, tokens / slow / 3600)


def training_hours(config: ReleaseConfig, train: int, validate: int) -> Hours | None:
    """How long the training takes with all its evaluations, if it does not stop early; None as above."""
    settings = config.finetuning
    size = base_size(config)
    if size is None:
        return None
    samples = train * settings.epochs
    evaluations = samples / (settings.batch_size * settings.gradient_accumulation) / settings.eval_steps
    trials = 1
    for values in settings.sweep.values():
        trials *= len(values)
    ends = zip(TRAINING_TFLOP, EVALUATION_TFLOP, reversed(DEVICE_TFLOPS), strict=True)
    least, most = (
        trials * size / 4 * (samples * step + evaluations * validate * look) / speed / 3600
        for step, look, speed in ends
    )
    return Hours(least, most)


def generation_hours(config: ReleaseConfig, test: int) -> Hours | None:
    """How long the test studies take in every condition; None as above."""
    size = base_size(config)
    if size is None:
        return None
    tokens = test * len(CONDITIONS) * min(TOKENS_A_REPORT, config.generation.max_new_tokens)
    slow, fast = (speed * 4 / size for speed in GENERATION_SPEED)
    return Hours(tokens / fast / 3600, tokens / slow / 3600)


def download_gb(config: ReleaseConfig) -> dict[str, float | None]:
    """Gigabytes of each model that is downloaded, by name; None where its name does not tell.

    Two bytes a parameter, as Gemma is published. A server that hubkit starts on this machine
    fetches its model here too.
    """
    served = served_model(config) if config.translation.serve else None
    sizes = {}
    for model in [*models_of(config), *([served] if served else [])]:
        if Path(model.name).is_dir():
            continue
        parameters = billions(model.name)
        sizes[model.name] = ENCODER_GB.get(model.name, None if parameters is None else 2 * parameters)
    return sizes


def images_gb(config: ReleaseConfig, studies: int) -> float:
    """Gigabytes of the prepared images, at most."""
    return image_bytes(studies * config.corpus.max_images, config) / 1e9
