"""Greedy answers to many prompts on a CPU, token for token those of `generate` (but for ties in rounding).

`generate` computes rows that have ended until the last one has, copies the whole cache at every token, and reads what
all prompts begin with once for each. Here that is read once, the cache has room for tokens to come, and where a row has
ended the next prompt takes its slot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, NamedTuple

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.translation.engines.loops import loops

GROUP = 16
"""Prompts that are read together: so many rows have to end before others take their slots."""

ROOM = 64
"""Columns by which the cache grows."""


class Row(NamedTuple):
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

    @property
    def most(self) -> int:
        return self.prompt + self.limit


def greedy(
    model: Any, prompts: Sequence[list[int]], limits: Sequence[int], ends: Sequence[int], budget: int
) -> Iterator[tuple[int, list[int] | None]]:
    """Yield places and answers in the order they end; the longest prompts are begun first.

    Args:
        model: a causal language model, all layers of which keep keys and values.
        prompts: tokens of each prompt, two or more.
        limits: tokens that each answer may have.
        ends: tokens that end an answer; the answer holds the one that did.
        budget: tokens that rows in flight may come to: their number times the longest prompt with the longest answer.
            When memory runs out their number is halved; a prompt that finds none even alone is answered by None.
    """
    rows = [Row(place, len(prompt), limits[place], [*prompt]) for place, prompt in enumerate(prompts)]
    waiting, flight, most = _queue(rows), Flight(model, prompts), len(rows)
    while waiting or flight.rows:
        live = list(flight.rows.values())
        group = list(islice(waiting, GROUP))
        slots = min(max(budget // max(row.most for row in live + group), 1), most, len(live) + len(waiting))
        free = max(slots - len(live), 0)
        group = group[:free] if free >= min(len(group), slots // 4) else []
        try:
            flight.read(group, slots)
            flight.write()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failed = len(live) + len(group)
        else:
            failed = 0
        if failed:
            # What was half done is let go now that the except block is left.
            flight, waiting, most = Flight(model, prompts), _queue(live + list(waiting)), max(failed // 2, 1)
            free_memory()
            if failed == 1:
                yield waiting.popleft().place, None
            continue
        for _ in group:
            waiting.popleft()
        for slot, row in list(flight.rows.items()):
            written = row.tokens[row.prompt :]
            if written[-1] in ends or len(written) == row.limit or loops(written):
                del flight.rows[slot]
                yield row.place, written


def _queue(rows: Sequence[Row]) -> deque[Row]:
    return deque(sorted(rows, key=lambda row: (-len(row.tokens), -row.limit, row.place)))


class Window:
    """Which columns of the cache are in use, from `begin` to before `end`."""

    begin = end = 0


class Flight:
    """The rows in flight. All are written at the same column of the cache, so that a row begins as many columns before
    it as it has tokens: to the model these are rows padded on the left.

    Attributes:
        rows: by their slots; an empty slot is computed like the others, and nobody looks.
    """

    def __init__(self, model: Any, prompts: Sequence[list[int]]):
        self.model = model
        self.rows: dict[int, Row] = {}
        self.slots, self.columns, self.window = 0, 0, Window()
        self.layers: list[Layer] = []
        alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
        self.shared = [tokens[0] for tokens in alike][: min(map(len, prompts)) - 1]
        self.prefix: list[Any] | None = None

    @torch.inference_mode()
    def read(self, group: Sequence[Row], slots: int) -> None:
        """Read all but the last tokens of rows, the longest first; there will be `slots` slots or a few more."""
        read = self._read(group) if group else []
        width = len(group[0].tokens) - 1 if group else 0
        if not self.layers:
            self.layers = [Layer(self.window, layer) for layer in read]
        if (
            self.slots - len(self.rows) < len(group)
            or self.slots * 3 // 4 >= slots
            or self.window.end in range(width)
            or self.window.end == self.columns
        ):
            self._rebuild(slots, width)
        free = (slot for slot in range(self.slots) if slot not in self.rows)
        for number, (slot, row) in enumerate(zip(list(free), group, strict=False)):
            self.rows[slot] = row
            for layer, new in zip(self.layers, read, strict=True):
                layer.put(slot, new, number, len(row.tokens) - 1)

    @torch.inference_mode()
    def write(self) -> None:
        """Write a token to every row."""
        rows = [self.rows.get(slot) for slot in range(self.slots)]
        lengths = torch.tensor([len(row.tokens) if row else 1 for row in rows])[:, None]
        longest = int(lengths.max())
        self.window.begin = self.window.end + 1 - longest
        before = torch.arange(longest - 1, -1, -1)  # how many columns lie between each column and the one written
        logits = self.model(
            torch.tensor([row.tokens[-1] if row else 0 for row in rows])[:, None],
            attention_mask=(before < lengths).long(),
            position_ids=lengths - 1,
            past_key_values=Cache(layers=[*self.layers]),
            use_cache=True,
        ).logits
        self.window.end += 1
        for row, token in zip(rows, logits[:, -1].argmax(-1).tolist(), strict=True):
            if row:
                row.tokens.append(token)

    def _read(self, group: Sequence[Row]) -> list[Any]:
        if self.prefix is None:
            self.prefix = self._prefill(DynamicCache(), [self.shared], 0)
        shared = [
            tuple(states.expand(len(group), -1, -1, -1) for states in (layer.keys, layer.values))
            for layer in self.prefix
        ]
        begin, width = len(self.shared), len(group[0].tokens) - 1
        # Padding on the right, where no token of the row sees it.
        rests = [row.tokens[begin:-1] + [0] * (width + 1 - len(row.tokens)) for row in group]
        return self._prefill(DynamicCache(shared), rests, begin)

    def _prefill(self, cache: DynamicCache, tokens: list[list[int]], begin: int) -> list[Any]:
        """Keys and values of each layer, those of `cache` and of tokens that follow from position `begin` on."""
        ids = torch.tensor(tokens)
        if ids.numel():
            position = torch.arange(begin, begin + ids.shape[1])[None]
            self.model(ids, position_ids=position, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return list(cache.layers)

    def _rebuild(self, slots: int, width: int) -> None:
        used = max((len(row.tokens) for row in self.rows.values()), default=1) - 1
        end = max(used, width)
        slots = max(slots, len(self.rows))
        for layer in self.layers:
            layer.rebuild(list(self.rows), slots, used, end)
        self.rows = dict(enumerate(self.rows.values()))
        self.slots, self.window.end, self.columns = slots, end, end + ROOM


class Layer(DynamicLayer):
    """Keys and values of shape (slots, heads, columns, size), with room for columns to come."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, window: Window, like: Any):
        super().__init__()
        self.window, self.is_initialized = window, True
        self.keys, self.values = like.keys[:0], like.values[:0]

    def get_seq_length(self) -> int:
        return self.window.end - self.window.begin

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        begin, end = self.window.begin, self.window.end
        self.keys[:, :, end : end + 1], self.values[:, :, end : end + 1] = key_states, value_states
        return self.keys[:, :, begin : end + 1], self.values[:, :, begin : end + 1]

    def put(self, slot: int, layer: Any, row: int, count: int) -> None:
        """Take over the first `count` columns of a row of another layer."""
        columns = slice(self.window.end - count, self.window.end)
        self.keys[slot, :, columns] = layer.keys[row, :, :count]
        self.values[slot, :, columns] = layer.values[row, :, :count]

    def rebuild(self, kept: list[int], slots: int, used: int, end: int) -> None:
        """Keep the last `used` columns of some slots, in so many slots, with `end` as the next column to be written."""

        def moved(states: torch.Tensor) -> torch.Tensor:
            room = states.new_empty(slots, states.shape[1], end + ROOM, states.shape[3])
            # Zeros, since what happens to lie there may be NaN, which goes through a mask.
            room[:, :, : end - used].zero_()
            room[len(kept) :, :, end - used : end].zero_()
            room[: len(kept), :, end - used : end] = states[kept, :, self.window.end - used : self.window.end]
            return room

        self.keys, self.values = moved(self.keys), moved(self.values)
