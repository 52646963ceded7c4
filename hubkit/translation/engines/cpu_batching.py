"""Greedy answers to many prompts on a CPU, token for token those of `generate` (but for ties in rounding).

`generate` computes rows that have ended until the last one has, copies the whole cache at every token, and reads what
all prompts begin with once for each. Here that is read once, the cache has room for tokens to come, where a row has
ended the next prompt takes its slot, and a row much longer than the others is put off until they have ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from hubkit.errors import UsageError
from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.translation.engines.kv_cache import Batch, Slot
from hubkit.translation.engines.loops import loops

GROUP = 32
"""Prompts that are read together: so many rows have to end before others take their slots."""

STRAY, FEW = 1.5, 16
"""A row is put off when it is so many times as long as all but one of so many."""


def greedy(
    model: Any,
    prompts: Sequence[list[int]],
    limits: Sequence[int],
    ends: Sequence[int],
    budget: int,
    room: Callable[[int, list[int]], int] | None = None,
) -> Iterator[tuple[int, list[int] | str]]:
    """Yield places and answers (tokens, or why there are none) as they end; the longest prompts are begun first.

    Args:
        model: a causal language model that `require_attention` lets pass.
        prompts: tokens of each prompt, two or more.
        limits: tokens that each answer may have.
        ends: tokens that end an answer; the answer holds the one that did.
        budget: tokens that rows in flight may come to: their number times the longest prompt with the longest answer.
            When memory runs out their number is halved; a prompt that finds none even alone has
            the answer "out of memory".
        room: how many tokens the answer to a prompt may have after what is written so far, where that is fewer than its
            limit: a row that does not think need not wait for the end of a thought.
    """
    rows = [Slot(place, len(prompt), limits[place], [*prompt]) for place, prompt in enumerate(prompts)]
    waiting, flight, most = _queue(rows), Batch(model, prompts), len(rows)
    late: list[Slot] = []
    while waiting or flight.rows or late:
        if not waiting and not flight.rows:
            waiting, late = _queue(late), []
        live = list(flight.rows.values())
        group = list(islice(waiting, GROUP))
        longest = max(row.prompt + row.limit for row in live + group)
        slots = min(max(budget // longest, 1), most, len(live) + len(waiting))
        free = max(slots - len(live), 0)
        group = group[:free] if free >= min(len(group), slots // 4) else []
        if not _advance(flight, group, slots):
            tried = len(live) + len(group)
            waiting, flight, most = _queue([*live, *waiting]), Batch(model, prompts), max(tried // 2, 1)
            free_memory()
            if tried == 1:
                yield waiting.popleft().place, "out of memory"
            continue
        for _ in group:
            waiting.popleft()
        for slot, row in list(flight.rows.items()):
            written = row.tokens[row.prompt :]
            limit = row.limit if room is None else min(room(row.place, written), row.limit)
            if written[-1] in ends or len(written) >= limit or loops(written):
                del flight.rows[slot]
                yield row.place, written
        late += [flight.rows.pop(slot) for slot in _strays(flight.rows)]


def _queue(rows: Sequence[Slot]) -> deque[Slot]:
    return deque(sorted(rows, key=lambda row: (-len(row.tokens), -row.limit, row.place)))


def _strays(rows: Mapping[int, Slot]) -> list[int]:
    """Return the slots of a few rows so much longer than the others that these would attend over mostly nothing."""
    few = len(rows) // FEW
    if not few:
        return []
    lengths = sorted(len(row.tokens) for row in rows.values())
    most = int(STRAY * lengths[-few - 1])
    return [slot for slot, row in rows.items() if len(row.tokens) > most]


def _advance(flight: Batch, group: Sequence[Slot], slots: int) -> bool:
    """Read a group and write a token to every row; say whether there was memory for it."""
    try:
        flight.read(group, slots)
        flight.write()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def require_attention(model: Any, name: str) -> None:
    """Check that a model's layers keep keys and values, which rows can be cut and moved in.

    Raises:
        UsageError: some keep other states, as those of a state space model do.
    """
    kinds = {type(layer) for layer in DynamicCache(config=model.config).layers}
    if not kinds <= {DynamicLayer, DynamicSlidingWindowLayer}:
        raise UsageError(
            "has layers that keep other states than keys and values, which hubkit does not decode on a CPU",
            where=name,
            hint='set [translation] engine = "openai" and serve',
        )
