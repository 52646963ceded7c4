"""How many studies are answered at a time: as configured, else as many as memory is expected to hold."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubkit.config import Generation

ON_CPU = 8
"""The size on a CPU, where a larger batch is not faster."""

SIZES = (64, 32, 16, 8, 4, 2, 1)
"""Sizes that are chosen from. Few of them, so that cards of one kind get the same one, and batches can be compared."""

SHARE = 0.9
"""The part of the free memory that is planned with: the allocator's gaps and kernels' workspaces take the rest."""

TEXT_TOKENS = 512
"""Prompt and report of a study in tokens, on the safe side."""


def batch_size(settings: Generation, record: Path, measure: Callable[[], int]) -> int:
    """The configured size; else the one that the first process of a run measured, for all processes and later runs.

    Batches are the same then whoever answers them, and however often a run is cut off.

    Args:
        record: the file that keeps what was measured.
        measure: says which size fits.
    """
    if settings.batch_size is not None:
        return settings.batch_size
    if not record.exists():
        _keep_first(record, measure())
    size: int = json.loads(record.read_text(encoding="utf-8"))["batch_size"]
    return size


def fitting_size(free: int, study: int) -> int:
    """The largest size whose batch fits into so many bytes, at `study` bytes a study; 1 where none does."""
    return next((size for size in SIZES if size * study <= free * SHARE), 1)


def study_bytes(config: Any, images: int, shown: int, new_tokens: int) -> int:
    """Bytes of memory that a study in a batch takes at its peak, weights apart, in bf16.

    The cache of keys and values and the pixels stay. On top of them come either the vision tower, which sees all images
    at once, or a layer of the language model with all tokens of the prompt.

    Args:
        config: of a Gemma 3 vision-language model.
        images: of a study.
        shown: examples before the question.
        new_tokens: tokens that an answer may have, a thought included.
    """
    text, vision = config.get_text_config(), config.vision_config
    images, studies = images * (1 + shown), 1 + shown
    prompt = images * config.mm_tokens_per_image + studies * TEXT_TOKENS
    cache = (prompt + new_tokens) * 2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * 2
    pixels = images * 3 * vision.image_size**2 * (4 + 2)  # as the processor makes them, and in bf16
    patches = images * (vision.image_size // vision.patch_size) ** 2
    # Of a layer: what goes around it, what it reads, and twice what lies within.
    tower = patches * (2 * vision.hidden_size + 2 * vision.intermediate_size) * 2
    layer = prompt * (4 * text.hidden_size + 3 * text.intermediate_size) * 2
    logits = text.vocab_size * (2 + 4)
    return int(cache + pixels + max(tower, layer) + logits)


def _keep_first(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    written = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"batch_size": size}, file)
    try:
        os.link(written, path)  # whole, or not at all where another process was first
    except FileExistsError:
        return
    finally:
        written.unlink()
