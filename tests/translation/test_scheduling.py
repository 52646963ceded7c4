"""Which prompts are read when, in how many slots, and what is kept of their states: no model is asked."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from hubkit.translation.engines import cpu_batching, open_engine, transformers
from hubkit.translation.engines.cpu_batching import _queue, _strays, greedy
from hubkit.translation.engines.kv_cache import ROOM, Batch, Layer, Slot, Window

END = 1


def row(place: int, prompt: int, limit: int = 5, written: int = 0) -> Slot:
    return Slot(place, prompt, limit, list(range(prompt + written)))


class Watched:
    """A flight whose rows write so many tokens as `lengths` says, the last of them an end; its calls are kept."""

    def __init__(self, lengths: dict[int, int], room: int = 1000):
        self.lengths, self.room = lengths, room
        self.calls: list[tuple[list[int], int]] = []
        self.rows: dict[int, Slot] = {}

    def __call__(self, model: Any, prompts: Sequence[list[int]]) -> Watched:
        self.rows = {}
        return self

    def read(self, group: Sequence[Slot], slots: int) -> None:
        self.calls.append(([one.place for one in group], slots))
        if len(self.rows) + len(group) > self.room:
            raise MemoryError
        free = (slot for slot in range(1000) if slot not in self.rows)
        self.rows.update(zip(free, group, strict=False))

    def write(self) -> None:
        for one in self.rows.values():
            count = len(one.tokens) - one.prompt + 1
            one.tokens.append(END if count == self.lengths[one.place] else 100 + count)


@pytest.mark.parametrize(
    ("prompts", "limits", "lengths", "budget", "calls"),
    [
        # Room for two rows of 10 + 10 tokens: the next two are read when both have ended.
        ([10] * 4, [10] * 4, [2] * 4, 40, [([0, 1], 2), ([], 2), ([2, 3], 2), ([], 2)]),
        ([10] * 4, [10] * 4, [1] * 4, 39, [([0], 1), ([1], 1), ([2], 1), ([3], 1)]),
        # A budget below one row answers one row at a time all the same.
        ([10] * 2, [10] * 2, [1] * 2, 1, [([0], 1), ([1], 1)]),
        # The longest prompt is first, then the longest answer, then the order of the prompts.
        ([3, 9, 3, 3], [5, 5, 7, 5], [1] * 4, 14, [([1], 1), ([2], 1), ([0], 1), ([3], 1)]),
        # Never more slots than rows that are left.
        ([4] * 3, [6] * 3, [1, 2, 2], 1000, [([0, 1, 2], 3), ([], 2)]),
        # Where a row has ended the next takes its slot at once, while there are few slots.
        ([4] * 4, [6] * 4, [1, 3, 1, 1], 20, [([0, 1], 2), ([2], 2), ([3], 2)]),
        # A row in flight that may become longer than those that wait counts.
        ([4] * 3, [26, 6, 6], [3, 1, 1], 40, [([0], 1), ([], 1), ([], 1), ([1, 2], 2)]),
        # At most 32 prompts are read together.
        ([4] * 40, [6] * 40, [2] * 40, 1000, [(list(range(32)), 40), (list(range(32, 40)), 40), ([], 8)]),
        # With eight slots, two have to be free before two more are read.
        ([4] * 12, [9] * 12, [1, *range(2, 9), *[1] * 4], 8 * 13, [(list(range(8)), 8), ([], 8), ([8, 9], 8)]),
    ],
)
def test_what_is_read_when(
    monkeypatch: pytest.MonkeyPatch,
    prompts: list[int],
    limits: list[int],
    lengths: list[int],
    budget: int,
    calls: list[tuple[list[int], int]],
) -> None:
    flight = Watched(dict(enumerate(lengths)))
    monkeypatch.setattr(cpu_batching, "Batch", flight)
    answers = dict(greedy(None, [[7] * count for count in prompts], limits, [END], budget))
    assert {place: len(answer) for place, answer in answers.items()} == dict(enumerate(lengths))
    assert all(answer[-1] == END for answer in answers.values())
    assert flight.calls[: len(calls)] == calls


def test_an_answer_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_batching, "Batch", Watched({0: 9, 1: 3, 2: 4}))
    answers = dict(greedy(None, [[7], [7], [7]], [3, 3, 3], [END], 100))
    assert answers == {0: [101, 102, 103], 1: [101, 102, END], 2: [101, 102, 103]}


def test_where_memory_runs_out_the_rows_are_halved_and_what_was_written_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flight = Watched(dict.fromkeys(range(8), 2), room=3)
    monkeypatch.setattr(cpu_batching, "Batch", flight)
    assert dict(greedy(None, [[7]] * 8, [5] * 8, [END], 1000)) == {place: [101, END] for place in range(8)}
    assert flight.calls[:3] == [(list(range(8)), 8), ([0, 1, 2, 3], 4), ([0, 1], 2)]


@pytest.mark.parametrize(
    ("lengths", "late"),
    [
        ([10] * 15 + [99], [15]),
        ([10] * 15 + [15], []),  # not more than one and a half times
        ([10] * 15 + [16], [15]),
        ([10] * 14 + [99], []),  # too few rows to tell
        ([10] * 14 + [99, 99], []),  # one in sixteen may be longer, not two
        ([99] + [10] * 30 + [98], [0, 31]),
        ([10] * 14 + [20, 25], []),  # measured against the longest of the rest
    ],
)
def test_rows_that_are_put_off(lengths: list[int], late: list[int]) -> None:
    assert _strays({slot: row(slot, length) for slot, length in enumerate(lengths)}) == late


def test_rows_wait_by_what_they_hold_already() -> None:
    rows = [row(0, 4, 5), row(1, 2, 9, written=4), row(2, 4, 9), row(3, 4, 9)]
    assert [one.place for one in _queue(rows)] == [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("prompts", "prefix"),
    [
        ([[5, 6, 7], [5, 6, 8]], [5, 6]),
        ([[5, 6], [5, 6, 7]], [5]),  # the last token of a prompt is never read ahead
        ([[5, 6, 7]] * 2, [5, 6]),
        ([[5], [5, 6]], []),
        ([[5, 6], [7, 6]], []),
    ],
)
def test_what_all_prompts_begin_with(prompts: list[list[int]], prefix: list[int]) -> None:
    assert Batch(None, prompts).prefix == prefix


def test_columns_of_the_cache() -> None:
    """Two slots of one head and one number a token, so that columns can be read off."""

    def states(*numbers: int) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.float)[None, :, None]

    def columns(slot: int, end: int) -> list[float]:
        assert torch.equal(layer.values[slot, :, :end], layer.keys[slot, :, :end] * 10)
        return layer.keys[slot, 0, :end, 0].tolist()

    window = Window()
    layer = Layer(window, states(9)[None], states(9)[None])
    layer.rebuild([], slots=2, used=0, end=4)
    window.end = 4
    assert layer.keys.shape == layer.values.shape == (2, 1, 4 + ROOM, 1)
    layer.put(1, states(1, 2, 3, 8), states(10, 20, 30, 80), 3)
    assert columns(0, 4) == [0, 0, 0, 0]
    assert columns(1, 4) == [0, 1, 2, 3]
    window.begin = 2
    keys, values = layer.update(states(5)[None].expand(2, 1, 1, 1), states(50)[None].expand(2, 1, 1, 1))
    assert (keys[1, 0, :, 0].tolist(), values[1, 0, :, 0].tolist()) == ([2, 3, 5], [20, 30, 50])
    assert layer.get_seq_length() == 2
    window.end = 5
    layer.rebuild([1], slots=3, used=2, end=6)
    window.end = 6
    assert [columns(slot, 6) for slot in range(3)] == [[0, 0, 0, 0, 3, 5], [0] * 6, [0] * 6]
    assert layer.keys.shape[2] == 6 + ROOM


@pytest.mark.parametrize(
    ("device", "task", "devices", "expected"),
    [
        ("auto", 5, 4, "cuda:1"),
        ("cuda", 3, 4, "cuda:3"),
        ("cuda:2", 5, 4, "cuda:2"),
        ("auto", 5, 1, "auto"),
        ("cpu", 5, 4, "cpu"),
    ],
)
def test_tasks_take_devices_in_turn(
    monkeypatch: pytest.MonkeyPatch, device: str, task: int, devices: int, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    assert transformers._device_of_task(device, task) == expected


@pytest.mark.parametrize(
    ("own", "pad", "ends", "padding"),
    [(7, 3, [7], 3), ([7, 8], None, [7, 8], 7), (None, 0, [2], 0)],
)
def test_tokens_that_end_an_answer(
    monkeypatch: pytest.MonkeyPatch, own: int | list[int] | None, pad: int | None, ends: list[int], padding: int
) -> None:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig

    from hubkit.config import Translation

    model = Gemma3ForCausalLM(
        Gemma3TextConfig(vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, head_dim=8)
    )
    model.generation_config = GenerationConfig(eos_token_id=own)
    tokenizer = types.SimpleNamespace(
        chat_template="x",
        eos_token_id=2,
        pad_token_id=pad,
        get_vocab=dict,
        apply_chat_template=lambda messages, **options: " ".join(message["content"] for message in messages),
    )
    monkeypatch.setattr(transformers, "load_language_model", lambda *arguments: (model, tokenizer))
    monkeypatch.setattr(transformers, "commit_of", lambda *arguments: "c0ffee")
    engine = open_engine(Translation(device="cpu", batch_tokens=123), continuous=True)
    assert (engine.ends, engine.budget, engine.revision) == (ends, 123, "c0ffee")
    settings = engine.continuous.settings
    assert (settings.do_sample, settings.eos_token_id, settings.pad_token_id) == (False, ends, padding)
