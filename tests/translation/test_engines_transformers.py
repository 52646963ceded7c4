"""The engine in this process: batching changes no answer, memory that runs out halves the batch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models import device_errors
from hubkit.models.memory import is_out_of_memory
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Request
from hubkit.translation.prompt import Prompt


def settings(model, **changes):
    return Translation(model=str(model), quantization="fp32", device="cpu", **changes)


def requests(limit=12):
    texts = ["Clear.", "The heart is mildly enlarged. " * 4, "No acute disease.", "A line at ___ and 2.5 cm " * 2, "x"]
    return [Request(Prompt.of(Translation(rules=False)).messages("findings", text), limit) for text in texts]


@pytest.fixture(scope="module")
def one_by_one(tiny_model):
    with open_engine(settings(tiny_model)) as engine:
        return [next(engine.answer([request]))[1] for request in requests()]


@pytest.mark.parametrize("batch_tokens", [1, 400, 100_000])
def test_batches_answer_as_one_by_one(tiny_model, one_by_one, batch_tokens):
    with open_engine(settings(tiny_model, batch_tokens=batch_tokens)) as engine:
        answers = dict(engine.answer(requests()))
    assert [answers[place] for place in range(5)] == one_by_one


@pytest.fixture
def continuous(tiny_model):
    """An engine that batches continuously, on a CPU, in a cache of few tokens."""
    with open_engine(settings(tiny_model), continuous=True) as engine:
        engine.continuous.cache = {"max_batch_tokens": 128, "num_blocks": 64}
        yield engine


def test_continuous_batching_answers_as_one_by_one(continuous, one_by_one):
    for _ in range(2):
        assert [answer for _, answer in sorted(continuous.answer(requests()))] == one_by_one
    short = dict(continuous.answer([requests(3)[0], requests(9)[1]]))
    assert [(short[place].tokens, short[place].finish_reason) for place in (0, 1)] == [(3, "length"), (9, "length")]


def test_continuous_batching_goes_on_with_half_the_memory(continuous, one_by_one):
    forward, sizes = continuous.model.forward, []

    def scarce(*arguments, input_ids, **options):
        sizes.append(input_ids.shape[1])
        if input_ids.shape[1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(*arguments, input_ids=input_ids, **options)

    continuous.model.forward = scarce
    assert [answer for _, answer in sorted(continuous.answer(requests()))] == one_by_one
    assert max(sizes) > 40
    assert continuous.continuous.cache["max_batch_tokens"] == 32


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "out of memory"),
        (ValueError("x"), "generation failed: ValueError"),
        (RuntimeError("shapes"), "generation failed: RuntimeError"),
    ],
)
def test_continuous_batching_that_fails_leaves_no_request_without_answer(continuous, error, said):
    def broken(*arguments, **options):
        raise error

    continuous.model.forward = broken
    answers = dict(continuous.answer(requests()))
    assert [answers[place] for place in range(5)] == [(None, 0, "error", said, 0)] * 5


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), r"on the GPU \(AcceleratorError\)"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), r"illegally \(RuntimeError\)"),
    ],
)
def test_a_fault_of_the_gpu_ends_the_engine_by_its_type(continuous, monkeypatch, error, said):
    """The error is raised where a GPU raises it: in the thread of the real manager."""
    monkeypatch.setattr(device_errors, "_broken", [])

    def broken(*arguments, **options):
        raise error

    continuous.model.forward = broken
    with pytest.raises(HubkitError, match=said):
        list(continuous.answer(requests()))


def test_a_model_that_does_not_fit_says_what_to_set(tiny_model, monkeypatch):
    def full(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 54.00 GiB.")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", full)
    with pytest.raises(HubkitError, match=r'no memory left.*set \[translation\] quantization = "nf4"'):
        open_engine(settings(tiny_model))


def test_nothing_asked_nothing_answered(tiny_model):
    with open_engine(settings(tiny_model)) as engine:
        assert list(engine.answer([])) == []


def test_each_answer_keeps_its_own_limit(tiny_model):
    short, long = requests(3)[0], requests(9)[1]
    with open_engine(settings(tiny_model)) as engine:
        answers = dict(engine.answer([short, long]))
    assert [(answers[place].tokens, answers[place].finish_reason) for place in (0, 1)] == [(3, "length"), (9, "length")]


def test_an_end_token_ends_an_answer(tiny_model):
    with open_engine(settings(tiny_model)) as engine:
        end = engine.ends[-1]
        word = engine.tokenizer("heart")["input_ids"]
        assert engine._read([*word, end], 9) == ("heart", len(word), "stop", None, 0)
        assert engine._read(word, 9) == ("heart", len(word), "length", None, 0)


def test_a_model_that_cannot_be_asked(tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="no chat template"):
        open_engine(settings(tmp_path))


def test_a_row_that_loops_is_ended_alone(tiny_model):
    with open_engine(settings(tiny_model, max_new_tokens=300)) as engine:
        answers = dict(engine.answer(requests(300)))
        alone = [next(engine.answer([request]))[1] for request in requests(300)]
    assert [answers[place] for place in range(5)] == alone
    assert {answer.finish_reason for answer in alone} == {"length"}
    assert min(answer.tokens for answer in alone) < 300


SCARCE = """
import resource, sys
from hubkit.config import Translation
from hubkit.translation.engines import cpu_batching
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Request
from hubkit.translation.prompt import Prompt
table = Translation(model=sys.argv[1], quantization="fp32", device="cpu", batch_tokens=10**9)
wanted = [Request(Prompt.of(table).messages("findings", "Clear lungs. " * 30), 20) for _ in range(64)]
inner, outcomes = cpu_batching._advance, []
cpu_batching._advance = lambda *arguments: outcomes.append(inner(*arguments)) or outcomes[-1]
with open_engine(table) as engine:
    list(engine.answer(wanted[:1]))
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20, resource.RLIM_INFINITY))
    answers = dict(engine.answer(wanted))
reasons = {answer.finish_reason for answer in answers.values()}
print(len(answers), outcomes.count(False) > 0, "error" in reasons, len({answer.text for answer in answers.values()}))
"""


def test_memory_that_runs_out_halves_the_rows(tiny_model):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SCARCE, str(tiny_model), "20"], capture_output=True, text=True, env=environment
    )
    assert run.stdout.split() == ["64", "True", "False", "1"], run.stderr[-2000:]


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
