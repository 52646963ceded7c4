"""How answers are decoded, and what counts as their end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from transformers import GenerationConfig

from hubkit.config import Generation
from hubkit.generation.decoding import _decoded, decoding
from hubkit.models.loading import Loaded
from hubkit.models.thinking import Thinking


def model_of(**own: Any) -> Any:
    return SimpleNamespace(generation_config=GenerationConfig(bos_token_id=2, **own))


@pytest.mark.parametrize(
    ("do_sample", "own", "expected"),
    [
        # Greedy, whatever sampling the model brings.
        (False, {"do_sample": True, "top_k": 64, "top_p": 0.95, "temperature": 0.7}, (False, 1.0, 50, 1.0)),
        # What is not configured is the library's default, as for a reader of the recipe.
        (
            True,
            {"do_sample": False},
            (True, *(getattr(GenerationConfig(), n) for n in ("temperature", "top_k", "top_p"))),
        ),
    ],
)
def test_decoding_is_as_configured_with_the_tokens_of_the_model(
    do_sample: bool, own: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    model = model_of(eos_token_id=[1, 106], pad_token_id=0, repetition_penalty=1.3, **own)
    found = decoding(model, Generation(max_new_tokens=77, do_sample=do_sample))
    assert (found.do_sample, found.temperature, found.top_k, found.top_p) == expected
    assert (found.max_new_tokens, found.bos_token_id, found.eos_token_id, found.pad_token_id) == (77, 2, [1, 106], 0)
    assert found.repetition_penalty == GenerationConfig().repetition_penalty


@pytest.mark.parametrize(
    ("ends", "tokens", "expected"),
    [
        ([1, 106], [5, 6, 106, 0, 0], ("5 6", "stop")),
        ([1, 106], [5, 1], ("5", "stop")),
        ([1, 106], [5, 6, 7], ("5 6 7", "length")),
        (1, [5, 6, 1], ("5 6", "stop")),
        (1, [5, 106, 7], ("5 7", "length")),
        (1, [1, 0, 0], ("", "stop")),
    ],
)
def test_an_answer_that_no_end_token_ended_was_cut(
    ends: int | list[int], tokens: list[int], expected: tuple[str, str]
) -> None:
    def decode(tokens: Any, skip_special_tokens: bool) -> str:
        kept = [str(int(token)) for token in tokens if not (skip_special_tokens and int(token) in (0, 1, 106))]
        return f" {' '.join(kept)}\n"

    loaded = Loaded(model_of(eos_token_id=ends), SimpleNamespace(tokenizer=SimpleNamespace(decode=decode)))
    assert _decoded(loaded, tokens, Thinking((), frozenset(), frozenset(), 0), 99) == (*expected, 0)
