"""End what only repeats itself: a model that loops would write to its limit, and its batch with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

WINDOW = 96
"""Tokens that have to repeat before a row counts as looping."""

PERIOD = 32
"""The longest piece whose repetition is seen: the window holds it three times."""

EVERY = 8
"""Steps between two looks."""


class LoopStop:
    """A stopping criterion of `generate`, for each row of a batch by itself.

    Args:
        width: tokens of the padded prompts, which are not looked at.

    Attributes:
        looping: rows that were ended, bool of shape (rows,); None as long as nothing was looked at.
    """

    def __init__(self, width: int):
        self.width = width
        self.looping: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: Any, **options: Any) -> torch.Tensor:
        written = input_ids[:, self.width :]
        if self.looping is None:
            self.looping = written.new_zeros(len(written)).bool()
        if written.shape[1] >= WINDOW and written.shape[1] % EVERY == 0:
            self.looping = self.looping | repeats(written[:, -WINDOW:])
        return self.looping


def repeats(tokens: torch.Tensor) -> torch.Tensor:
    """Whether each row is one piece of at most `PERIOD` tokens over and over: (rows, tokens) -> bool (rows,)."""
    import torch

    periods = [(tokens[:, period:] == tokens[:, :-period]).all(1) for period in range(1, PERIOD + 1)]
    return torch.stack(periods).any(0)
