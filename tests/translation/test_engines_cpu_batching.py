"""Rows in flight answer as `generate` does one by one, on small weights of real architectures."""

from __future__ import annotations

import random
import types

import pytest
import torch
import transformers

from hubkit.errors import UsageError
from hubkit.translation.engines import row_blocks
from hubkit.translation.engines.cpu_batching import greedy, require_attention
from hubkit.translation.engines.kv_cache import Batch
from hubkit.translation.engines.loops import loops

SHAPE = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,  # with a pattern of 2, one layer has a window and one sees everything
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
}
ENDS = [1, *range(20, 26)]
GEMMA = {**SHAPE, "query_pre_attn_scalar": 8}


def gemma(**changes):
    return transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(**GEMMA, **changes))


def vision():
    config = transformers.Gemma3Config(
        text_config=transformers.Gemma3TextConfig(**GEMMA, sliding_window=12, sliding_window_pattern=2),
        vision_config=transformers.SiglipVisionConfig(**VISION),
        image_token_index=95,
        mm_tokens_per_image=4,
    )
    return transformers.Gemma3ForConditionalGeneration(config)


MODELS = {
    "gemma 3": gemma,
    "gemma 3, windows shorter than prompts": lambda: gemma(sliding_window=12, sliding_window_pattern=2),
    "gemma 3 with a vision tower": vision,
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE)),
    "mistral, windows shorter than prompts": lambda: transformers.MistralForCausalLM(
        transformers.MistralConfig(**SHAPE, sliding_window=12)
    ),
    "qwen 3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SHAPE)),
}


def questions(count, shared, seed=0):
    """Prompts of very different lengths that begin alike, and limits."""
    rng = random.Random(seed)
    prompts = [
        [*range(10, 10 + shared), *(rng.randrange(3, 95) for _ in range(rng.randrange(2, 40)))] for _ in range(count)
    ]
    return prompts, [rng.randrange(1, 30) for _ in range(count)]


def one_by_one(model, prompts, limits, ends):
    for prompt, limit in zip(prompts, limits, strict=True):
        output = model.generate(
            torch.tensor([prompt]), max_new_tokens=limit, do_sample=False, eos_token_id=ends, pad_token_id=0
        )
        yield output[0, len(prompt) :].tolist()


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    torch.manual_seed(0)
    # Large weights, so that rounding decides nowhere between two tokens.
    model = MODELS[request.param]().eval()
    for name, weight in model.named_parameters():
        if weight.dim() > 1 and "vision" not in name:
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.mark.parametrize("shared", [0, 30])
def test_rows_in_flight_answer_as_one_by_one(model, shared, monkeypatch):
    monkeypatch.setattr(row_blocks, "ROWS", 3)
    monkeypatch.setattr(row_blocks, "ALIGNED", 2)
    prompts, limits = questions(14, shared)
    expected = dict(enumerate(one_by_one(model, prompts, limits, ENDS)))
    for budget in (1, 500, 100_000):
        assert dict(greedy(model, prompts, limits, ENDS, budget)) == expected
    assert {answer[-1] in ENDS for answer in expected.values()} == {True, False}


@pytest.mark.parametrize(
    "prompts",
    [
        [[5, 6]],
        [[5, 6, 7, 8]] * 5,
        [[5, 6], [5, 6, 7], [5, 6, 7, 8]],
        [[5, 6], [7, 8]],
        [[9] * 40, *[[9, token] for token in range(20, 60)]],
    ],
)
def test_prompts_at_the_edge(prompts):
    torch.manual_seed(0)
    model, limits = gemma().eval(), [5] * len(prompts)
    expected = dict(enumerate(one_by_one(model, prompts, limits, ENDS)))
    for budget in (1, 40, 100_000):
        assert dict(greedy(model, prompts, limits, ENDS, budget)) == expected


@pytest.mark.parametrize(("count", "room", "unanswered"), [(24, 5, 0), (24, 1, 0), (6, 0, 6)])
def test_memory_that_runs_out_anywhere_changes_no_answer(monkeypatch, count, room, unanswered):
    torch.manual_seed(0)
    model = gemma().eval()
    prompts, limits = questions(count, 3)
    expected = dict(greedy(model, prompts, limits, ENDS, 100_000))
    write, read = Batch.write, Batch._read

    def scarce_write(flight):
        if len(flight.rows) > room:
            raise MemoryError
        write(flight)

    def scarce_read(flight, group):
        if len(group) > 2 * room:
            raise torch.OutOfMemoryError
        return read(flight, group)

    monkeypatch.setattr(Batch, "write", scarce_write)
    monkeypatch.setattr(Batch, "_read", scarce_read)
    answers = dict(greedy(model, prompts, limits, ENDS, 100_000))
    assert list(answers.values()).count("out of memory") == unanswered
    assert {place: answer for place, answer in answers.items() if isinstance(answer, list)}.items() <= expected.items()


def test_a_row_much_longer_than_the_others_waits_for_their_end(monkeypatch):
    torch.manual_seed(0)
    model, seen, write = gemma().eval(), [], Batch.write

    def watched(flight):
        write(flight)
        seen.append((len(flight.rows), flight.window.end - flight.window.begin))

    monkeypatch.setattr(Batch, "write", watched)
    prompts, limits = [[9] * 80, *[[9, token] for token in range(20, 60)]], [20] * 41
    expected = dict(enumerate(one_by_one(model, prompts, limits, ENDS)))
    assert dict(greedy(model, prompts, limits, ENDS, 100_000)) == expected
    assert [(rows, columns) for rows, columns in seen[1:] if rows > 1 and columns > 1 + 22] == []
    assert max(columns for _, columns in seen) == 80 + len(expected[0]) - 1


def test_states_are_copied_only_where_there_is_no_room_for_the_next_rows(monkeypatch):
    torch.manual_seed(0)
    calls, read, rebuild = [], Batch.read, Batch._rebuild
    monkeypatch.setattr(Batch, "read", lambda *given: calls.append("read") or read(*given))
    monkeypatch.setattr(Batch, "_rebuild", lambda *given: calls.append("copied") or rebuild(*given))
    prompts = [[5, 6, token] for token in range(20, 44)]
    list(greedy(gemma().eval(), prompts, [1 + number % 7 for number in range(24)], [], 4 * 10))
    assert 0 < calls.count("copied") < calls.count("read")


def test_other_errors_are_not_taken_for_want_of_memory():
    with pytest.raises(IndexError):
        list(greedy(gemma().eval(), [[5, 6, 1000]], [3], ENDS, 100))


@pytest.mark.parametrize(
    ("config", "passes"), [("LlamaConfig", True), ("MambaConfig", False), ("FalconH1Config", False)]
)
def test_models_that_keep_other_states_are_refused(config, passes):
    model = types.SimpleNamespace(config=getattr(transformers, config)())
    if passes:
        require_attention(model, "name")
    else:
        with pytest.raises(UsageError, match="other states"):
            require_attention(model, "name")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([7] * 96, True),
        ([1, 2, 3] * 32, True),
        (list(range(32)) * 3, True),
        ([5, 6, 7, 8, *[7] * 100], True),
        (list(range(33)) * 3 + [0] * 5, False),
        ([*[7] * 95, 8], False),
        ([7] * 88, False),
        (list(range(96)), False),
    ],
)
def test_what_counts_as_a_loop(tokens, expected):
    assert loops(tokens) is expected
    assert not loops([*tokens, 7])  # looked at every few tokens alone
