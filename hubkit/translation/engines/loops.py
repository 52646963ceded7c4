"""End what only repeats itself: a model that loops would write to its limit."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW = 96
"""Tokens that have to repeat before an answer counts as looping."""

PERIOD = 32
"""The longest piece whose repetition is seen: the window holds it three times."""

EVERY = 8
"""Tokens between two looks."""


def loops(tokens: Sequence[int]) -> bool:
    """Whether an answer, looked at every few tokens, ends in one piece of at most `PERIOD` tokens over and over."""
    if len(tokens) < WINDOW or len(tokens) % EVERY:
        return False
    window = tokens[-WINDOW:]
    return any(window[period:] == window[:-period] for period in range(1, PERIOD + 1))
