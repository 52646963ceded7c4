"""The engine in this process: batching changes no answer, memory that runs out halves the batch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.config import Translation
from hubkit.errors import UsageError
from hubkit.translation.engines.base import Request
from hubkit.translation.engines.loops import WINDOW, repeats
from hubkit.translation.engines.transformers import TransformersEngine, bucket, is_out_of_memory
from hubkit.translation.prompt import messages


def settings(model, **changes):
    return Translation(model=str(model), quantization="fp32", device="cpu", **changes)


def requests(limit=12):
    texts = ["Clear.", "The heart is mildly enlarged. " * 4, "No acute disease.", "A line at ___ and 2.5 cm " * 2, "x"]
    return [Request(messages(Translation(rules=False), "findings", text), limit) for text in texts]


@pytest.fixture(scope="module")
def one_by_one(tiny_model):
    with TransformersEngine(settings(tiny_model)) as engine:
        return [next(engine.answer([request]))[1] for request in requests()]


@pytest.mark.parametrize("batch_tokens", [1, 400, 100_000])
def test_batches_answer_as_one_by_one(tiny_model, one_by_one, batch_tokens):
    with TransformersEngine(settings(tiny_model, batch_tokens=batch_tokens)) as engine:
        answers = dict(engine.answer(requests()))
    assert [answers[place] for place in range(5)] == one_by_one


def test_continuous_batching_answers_as_one_by_one(tiny_model, one_by_one):
    with TransformersEngine(settings(tiny_model), continuous=True) as engine:
        engine.cache = {"max_batch_tokens": 128, "num_blocks": 64}
        answers = dict(engine.answer(requests()))
    assert [answers[place] for place in range(5)] == one_by_one


def test_nothing_asked_nothing_answered(tiny_model):
    with TransformersEngine(settings(tiny_model)) as engine:
        assert list(engine.answer([])) == []


def test_each_answer_keeps_its_own_limit(tiny_model):
    short, long = requests(3)[0], requests(9)[1]
    with TransformersEngine(settings(tiny_model)) as engine:
        answers = dict(engine.answer([short, long]))
    assert [(answers[place].tokens, answers[place].finish_reason) for place in (0, 1)] == [(3, "length"), (9, "length")]


def test_an_end_token_ends_an_answer(tiny_model):
    with TransformersEngine(settings(tiny_model)) as engine:
        end = engine.ends[-1]
        word = engine.tokenizer("heart")["input_ids"]
        assert engine._read([*word, end, *word], 9) == ("heart", len(word), "stop", None)
        assert engine._read(word, len(word)) == ("heart", len(word), "length", None)


def test_a_model_that_cannot_be_asked(tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="no chat template"):
        TransformersEngine(settings(tmp_path))


def test_a_row_that_loops_is_ended_alone(tiny_model):
    with TransformersEngine(settings(tiny_model, max_new_tokens=300)) as engine:
        answers = dict(engine.answer(requests(300)))
        alone = [next(engine.answer([request]))[1] for request in requests(300)]
    assert [answers[place] for place in range(5)] == alone
    assert {answer.finish_reason for answer in alone} == {"length"}
    assert min(answer.tokens for answer in alone) < 300


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([7] * 96, True),
        ([1, 2, 3] * 32, True),
        (list(range(32)) * 3, True),
        (list(range(33)) * 3, False),
        ([*[7] * 95, 8], False),
        (list(range(96)), False),
    ],
)
def test_what_counts_as_a_loop(row, expected):
    import torch

    window = torch.tensor([row[:WINDOW], list(range(WINDOW))])
    assert repeats(window).tolist() == [expected, False]


SCARCE = """
import resource, sys
from hubkit.config import Translation
from hubkit.translation.engines.base import Request
from hubkit.translation.engines.loops import WINDOW, repeats
from hubkit.translation.engines.transformers import TransformersEngine
from hubkit.translation.prompt import messages
table = Translation(model=sys.argv[1], quantization="fp32", device="cpu", batch_tokens=10**9)
wanted = [Request(messages(table, "findings", "Clear lungs. " * 30), 2) for _ in range(64)]
sizes = []
with TransformersEngine(table) as engine:
    list(engine.answer(wanted[:1]))
    inner = engine._generate
    engine._generate = lambda prompts, limit: sizes.append(len(prompts)) or inner(prompts, limit)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20, resource.RLIM_INFINITY))
    answers = dict(engine.answer(wanted))
reasons = {answer.finish_reason for answer in answers.values()}
print(len(answers), sizes[0], min(sizes), "error" in reasons, len({answer.text for answer in answers.values()}))
"""


def test_memory_that_runs_out_halves_the_batch(tiny_model):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SCARCE, str(tiny_model), "25"], capture_output=True, text=True, env=environment
    )
    answered, first, smallest, failed, texts = run.stdout.split()
    assert (answered, first, failed, texts) == ("64", "64", "False", "1"), run.stderr[-2000:]
    assert int(smallest) < 64


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=60),
    st.integers(1, 5000),
)
def test_buckets_hold_every_request_once_within_the_budget(sizes, budget):
    lengths, limits = [length for length, _ in sizes], [limit for _, limit in sizes]
    batches = bucket(lengths, limits, budget)
    assert sorted(at for batch in batches for at in batch) == list(range(len(sizes)))
    for batch in batches:
        size = max(lengths[at] for at in batch) + max(limits[at] for at in batch)
        assert len(batch) == 1 or len(batch) * size <= budget
