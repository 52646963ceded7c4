"""The rows that a model answers together, and their keys and values.

Columns of the cache are tokens. All rows are written at the same column, so that a row begins as many columns before it
as it has tokens: to the model these are rows padded on the left. Columns that no row reaches back to are not shown to
the model, and a slot whose row has ended is filled again where it lies.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from hubkit.translation.engines.row_blocks import attend_by_block, blocks_of

ROOM = 64
"""Columns by which the cache grows."""

States = tuple[torch.Tensor, torch.Tensor]
"""Keys and values of a layer, each of shape (rows, heads, tokens, size)."""


class Slot(NamedTuple):
    """A prompt that is being answered.

    Attributes:
        place: which prompt it is.
        prompt: how many tokens it has.
        limit: how many its answer may have.
        tokens: those of the prompt and of what is written.
    """

    place: int
    prompt: int
    limit: int
    tokens: list[int]


class Batch:
    """Rows in their slots; an empty slot is computed like the others, and nobody looks.

    Args:
        model: a causal language model whose layers keep keys and values.
        prompts: of all rows to come: what they begin with is read once.

    Attributes:
        rows: by slot. Who deletes one makes room for another.
    """

    def __init__(self, model: Any, prompts: Sequence[list[int]]):
        self.model = model
        self.rows: dict[int, Slot] = {}
        self.slots, self.columns, self.window = 0, 0, Window()
        self.layers: list[Any] = []
        alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
        self.prefix = [tokens[0] for tokens in alike][: min(map(len, prompts)) - 1]
        self.shared: list[States] | None = None

    @functools.cached_property
    def by_block(self) -> bool:
        """Whether the model attends to a few rows at a time."""
        return attend_by_block(self.model)

    @torch.inference_mode()
    def read(self, group: Sequence[Slot], slots: int) -> None:
        """Read all but the last tokens of rows, the longest first, and make it about `slots` slots."""
        read = self._read(group) if group else []
        width = len(group[0].tokens) - 1 if group else 0
        if not self.layers:
            self.layers = [Layer(self.window, *states) for states in read]
        crowded = self.slots - len(self.rows) < len(group) or self.window.end < width
        if crowded or self.window.end == self.columns or slots <= self.slots * 3 // 4:
            self._rebuild(max(slots, len(self.rows) + len(group)), width)
        free = [slot for slot in range(self.slots) if slot not in self.rows]
        for number, (slot, row) in enumerate(zip(free, group, strict=False)):
            self.rows[slot] = row
            for layer, (keys, values) in zip(self.layers, read, strict=True):
                layer.put(slot, keys[number], values[number], len(row.tokens) - 1)

    @torch.inference_mode()
    def write(self) -> None:
        """Write a token to every row."""
        rows = [self.rows.get(slot) for slot in range(self.slots)]
        counts = [len(row.tokens) if row else 1 for row in rows]
        lengths, longest = torch.tensor(counts)[:, None], max(counts)
        self.window.begin = self.window.end + 1 - longest
        back = torch.arange(longest - 1, -1, -1)  # how far each column lies before the one that is written
        logits = self.model(
            torch.tensor([row.tokens[-1] if row else 0 for row in rows])[:, None],
            attention_mask=(back < lengths).long(),
            position_ids=lengths - 1,
            past_key_values=Cache(layers=self.layers),
            use_cache=True,
            **({"blocks": blocks_of(counts)} if self.by_block else {}),
        ).logits
        self.window.end += 1
        for row, token in zip(rows, logits[:, -1].max(-1).indices.tolist(), strict=True):
            if row:
                row.tokens.append(token)

    def _read(self, group: Sequence[Slot]) -> list[States]:
        if self.shared is None:
            self.shared = self._prefill([], [self.prefix], 0)
        copies = [
            (keys.expand(len(group), -1, -1, -1), values.expand(len(group), -1, -1, -1)) for keys, values in self.shared
        ]
        begin, longest = len(self.prefix), len(group[0].tokens)
        # Padding is on the right, where no token of the row sees it.
        rests = [row.tokens[begin:-1] + [0] * (longest - len(row.tokens)) for row in group]
        return self._prefill(copies, rests, begin)

    def _prefill(self, before: list[States], tokens: list[list[int]], begin: int) -> list[States]:
        cache, ids = DynamicCache(before), torch.tensor(tokens)
        if ids.numel():
            position = torch.arange(begin, begin + ids.shape[1])[None]
            self.model(ids, position_ids=position, past_key_values=cache, use_cache=True, logits_to_keep=1)
        layers: list[Any] = cache.layers
        return [(layer.keys, layer.values) for layer in layers]

    def _rebuild(self, slots: int, width: int) -> None:
        used = max((len(row.tokens) for row in self.rows.values()), default=1) - 1
        end = max(used, width)
        # Rows of about one length become neighbours, which need few columns together.
        kept = sorted(self.rows, key=lambda slot: -len(self.rows[slot].tokens))
        for layer in self.layers:
            layer.rebuild(kept, slots, used, end)
        self.rows = {slot: self.rows[old] for slot, old in enumerate(kept)}
        self.slots, self.window.end, self.columns = slots, end, end + ROOM


class Window:
    """Which columns of the cache the model is shown: from `begin` to before `end`, the next to be written."""

    begin = end = 0


class Layer(DynamicLayer):
    """Keys and values of shape (slots, heads, columns, size), with room for columns to come."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, window: Window, keys: torch.Tensor, values: torch.Tensor):
        super().__init__()  # type: ignore[no-untyped-call]
        self.window, self.is_initialized = window, True
        self.keys, self.values = keys[:0], values[:0]

    def get_seq_length(self) -> int:
        return self.window.end - self.window.begin

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> States:
        begin, end = self.window.begin, self.window.end
        self.keys[:, :, end : end + 1], self.values[:, :, end : end + 1] = key_states, value_states
        return self.keys[:, :, begin : end + 1], self.values[:, :, begin : end + 1]

    def put(self, slot: int, keys: torch.Tensor, values: torch.Tensor, count: int) -> None:
        """Write the first `count` tokens of a row, of shape (heads, tokens, size), where the window ends."""
        columns = slice(self.window.end - count, self.window.end)
        self.keys[slot, :, columns], self.values[slot, :, columns] = keys[:, :count], values[:, :count]

    def rebuild(self, kept: list[int], slots: int, used: int, end: int) -> None:
        """Keep the last `used` columns of some slots, in the first of `slots` slots; the window ends at `end` then."""

        def moved(states: torch.Tensor) -> torch.Tensor:
            room = states.new_empty(slots, states.shape[1], end + ROOM, states.shape[3])
            # Zeros, since what happens to lie there may be NaN, which goes through a mask.
            room[:, :, : end - used].zero_()
            room[len(kept) :, :, end - used : end].zero_()
            # Written where they go: an index in brackets would copy them first, in ten times the time.
            columns = states[:, :, self.window.end - used : self.window.end]
            torch.index_select(columns, 0, chosen, out=room[: len(kept), :, end - used : end])
            return room

        chosen = torch.tensor(kept, dtype=torch.long)
        self.keys, self.values = moved(self.keys), moved(self.values)
