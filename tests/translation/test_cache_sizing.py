"""The cache on CUDA, sized by transformers' own code: only what it is told of the device's memory is made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.generation.continuous_batching import cache as library

from hubkit.config import Translation
from hubkit.errors import HubkitError
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Answer, Request
from hubkit.translation.engines.transformers import TransformersEngine
from hubkit.translation.prompt import Prompt


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Make the library see so many free bytes on its device; the list grows by one each time it looks."""

    def patch(size: int) -> list[int]:
        looks: list[int] = []

        def breakdown() -> tuple[torch.device, int, int, int]:
            looks.append(size)
            return torch.device("cpu"), 10 * size, 9 * size, 9 * size

        monkeypatch.setattr(library, "get_device_and_memory_breakdown", breakdown)
        return looks

    return patch


def settings(model: Path, **changes: Any) -> Translation:
    return Translation(model=str(model), quantization="fp32", device="cpu", **changes)


def requests() -> list[Request]:
    texts = ["Clear.", "The heart is mildly enlarged. " * 4, "No acute disease.", "A line at ___ and 2.5 cm " * 2, "x"]
    return [Request(Prompt.of(Translation(rules=False)).messages("findings", text), 12) for text in texts]


@pytest.fixture(scope="module")
def expected(tiny_model: Path) -> list[Answer]:
    with open_engine(settings(tiny_model)) as engine:
        return [answer for _, answer in sorted(engine.answer(requests()))]


def runs_out(engine: TransformersEngine, times: int) -> None:
    """Let the model run out of memory in its first `times` steps."""
    forward, left = engine.model.forward, [times]

    def scarce(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(*arguments, **options)

    engine.model.forward = scarce


# The rows of logits of 1,024 requests take 1.9 MB of this model's cache: a fifth of the memory holds none.
@pytest.mark.parametrize("times", [1, 3])
def test_one_shortage_of_memory_leaves_a_cache_that_can_be_made(
    tiny_model: Path, expected: list[Answer], free: Callable[[int], list[int]], times: int
) -> None:
    looks = free(4_300_000)
    with open_engine(settings(tiny_model), continuous=True) as engine:
        engine.continuous.cache = {"max_batch_tokens": 128, "page_size": 256}
        runs_out(engine, times)
        assert [answer for _, answer in sorted(engine.answer(requests()))] == expected
    assert len(looks) == times + 1


def test_a_cache_that_cannot_be_made_is_told_with_its_numbers(
    tiny_model: Path, free: Callable[[int], list[int]]
) -> None:
    free(200_000)
    with (
        open_engine(settings(tiny_model), continuous=True) as engine,
        pytest.raises(HubkitError, match=r"0\.0002 of 0\.002 GB are free, .* takes 0\.00\d+ GB \(set \[translation\]"),
    ):
        list(engine.answer(requests()))


def test_a_model_that_transformers_cannot_batch_is_told(tiny_model: Path) -> None:
    with open_engine(settings(tiny_model), continuous=True) as engine:
        engine.model.config.layer_types = ["chunked_attention"] * 2
        with pytest.raises(HubkitError, match=r"cannot batch this model continuously: .*chunked_attention"):
            list(engine.answer(requests()))
