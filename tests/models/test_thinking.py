"""Where a thought ends and the answer begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.artifacts.thoughts import Thoughts
from hubkit.models.thinking import BUDGET, Thinking, thinking_budget, thinking_of, thoughts_told

S, E, A, B = 94, 95, 1, 2
"""A start, an end, and two words."""

MODEL = Thinking((("<unused94>", "<unused95>"),), frozenset({S}), frozenset({E}), budget=4)


@pytest.mark.parametrize(
    ("written", "opened", "expected"),
    [
        ([A, B], False, (0, True)),
        ([], False, (0, True)),
        ([S, A, E, B], False, (3, True)),
        ([S, A, B], False, (3, False)),
        ([A, E, B], True, (2, True)),
        ([A, B], True, (2, False)),
        ([A, E, B], False, (2, True)),  # a template that wrote the start far above
        ([S, E, S, A, E, B], False, (5, True)),
        ([S, A, E, B, S], False, (5, False)),
        ([S, A, E], False, (3, True)),
    ],
)
def test_a_thought_reaches_to_its_last_end(written: list[int], opened: bool, expected: tuple[int, bool]) -> None:
    assert MODEL.thought(written, opened) == expected


@pytest.mark.parametrize(
    ("written", "limit", "opened", "expected"),
    [
        ([A, B, A, B], 2, False, [A, B]),  # the budget is for thoughts alone
        ([S, A, E, B, A, B], 2, False, [S, A, E, B, A]),
        ([S, A, A, A, A, E, B, A, B], 2, False, [S, A, A, A, A, E]),  # 6 in all: a longer thought takes of the answer's
        ([S, A, A, A, A, A, A, A], 2, False, [S, A, A, A, A, A]),
        ([A, A, E, B, A, B], 2, True, [A, A, E, B, A]),
        ([A, B, S, A, E], 2, False, [A, B]),
    ],
)
def test_what_may_be_written(written: list[int], limit: int, opened: bool, expected: list[int]) -> None:
    assert MODEL.trim(written, limit, opened) == expected


@given(st.lists(st.sampled_from([S, E, A, B]), max_size=20), st.integers(1, 9), st.integers(0, 9), st.booleans())
def test_a_model_that_is_stopped_and_one_that_is_trimmed_write_the_same(
    tokens: list[int], limit: int, budget: int, opened: bool
) -> None:
    model = MODEL._replace(budget=budget)
    stopped: list[int] = []
    for token in tokens:
        if len(stopped) >= model.most(stopped, limit, opened):
            break
        stopped.append(token)
    assert model.trim(tokens, limit, opened) == stopped
    assert len(stopped) <= limit + budget


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [([A, S, A], True), ([S, A, E, A], False), ([A, B], False), ([S, *[A] * 8], False), ([], False)],
)
def test_a_prompt_that_opens_a_thought(prompt: list[int], expected: bool) -> None:
    assert MODEL.opens(prompt) is expected


class Tokenizer:
    def __init__(self, *tokens: str):
        self.tokens = tokens

    def get_vocab(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


def test_markers_are_those_that_are_tokens() -> None:
    both = thinking_of(Tokenizer("<unused94>", "a", "<unused95>", "<think>", "</think>"), 9)
    assert (both.starts, both.ends, both.budget) == ({0, 3}, {2, 4}, 9)
    assert thinking_of(Tokenizer("<think>", "a"), 9) == ((), frozenset(), frozenset(), 0)


@pytest.mark.parametrize(
    ("configured", "model", "model_id", "expected"),
    [
        (None, "google/medgemma-27b-text-it", None, BUDGET),
        (None, "google/medgemma-27b-it", None, BUDGET),
        (None, "google/medgemma-1.5-4b-it", None, BUDGET),
        (None, "google/medgemma-4b-it", None, 0),
        (None, "Qwen/Qwen3-8B", None, 0),
        (None, "/models/m", "google/medgemma-27b-text-it", BUDGET),
        (0, "google/medgemma-27b-text-it", None, 0),
        (300, "google/medgemma-4b-it", None, 300),
    ],
)
def test_who_is_known_to_think(configured: int | None, model: str, model_id: str | None, expected: int) -> None:
    assert thinking_budget(configured, model, model_id) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0), ""),
        ((1200, 34000, 0), "1,200 thoughts of 34,000 tokens"),
        ((1, 9, 0), "1 thought of 9 tokens"),
        ((3, 90, 1), "3 thoughts of 90 tokens, 1 without an end"),
    ],
)
def test_thoughts_are_counted_in_words(counts: tuple[int, int, int], expected: str) -> None:
    thoughts, tokens, unfinished = counts
    assert thoughts_told(Thoughts(thoughts=thoughts, tokens=tokens, unfinished=unfinished)) == expected
