"""Rows that attend in blocks: which columns each block is given, and that its rows answer as they do alone."""

from __future__ import annotations

import pytest
import torch
import transformers

from hubkit.translation.engines import row_blocks
from hubkit.translation.engines.cpu_batching import greedy
from hubkit.translation.engines.row_blocks import attend_by_block, blocks_of


def tiny(attention="sdpa", dtype=torch.float32):
    torch.manual_seed(0)
    shape = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
    }
    config = transformers.Gemma3TextConfig(**shape, sliding_window=24, sliding_window_pattern=2)
    config._attn_implementation = attention
    return transformers.Gemma3ForCausalLM(config).to(dtype).eval()


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([7], [(1, 7)]),
        ([9, 9, 9, 9], [(2, 9), (2, 9)]),
        # Columns are left out by fours alone.
        ([20, 19, 17, 17, 16, 3, 1], [(2, 20), (2, 20), (2, 16), (1, 4)]),
        # A long row among short ones keeps its columns.
        ([20, 2, 2, 2, 2, 18], [(2, 20), (2, 4), (2, 20)]),
    ],
)
def test_a_block_has_the_columns_of_its_longest_row(monkeypatch, lengths, expected):
    monkeypatch.setattr(row_blocks, "ROWS", 2)
    monkeypatch.setattr(row_blocks, "ALIGNED", 4)
    blocks = blocks_of(lengths)
    assert [(len(lengths[block.rows]), block.columns) for block in blocks] == expected
    assert [length for block in blocks for length in lengths[block.rows]] == lengths


def test_rows_attend_over_the_columns_of_their_block(monkeypatch):
    steps, attend = [], row_blocks.sdpa_attention_forward

    def watched(module, query, key, *given, **named):
        if query.shape[2] == 1 and query.shape[0] > 1 and module.layer_idx == 0:
            steps.append((query.shape[0], key.shape[2]))
        return attend(module, query, key, *given, **named)

    monkeypatch.setattr(row_blocks, "sdpa_attention_forward", watched)
    # The long rows come last among the prompts; in the cache they lie first.
    prompts = [[9, token] for token in range(20, 36)] + [[9, *range(40, 80), token] for token in range(20, 36)]
    answers = dict(greedy(tiny(), prompts, [3] * 32, [], 100_000))
    assert {len(answer) for answer in answers.values()} == {3}
    assert steps == [(16, 42), (16, 10), (16, 43), (16, 11), (16, 44), (16, 12)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_blocks_change_no_token(monkeypatch, dtype):
    prompts = [[9, *range(20, 20 + number)] for number in range(40)]
    model, limits = tiny(dtype=dtype), [12] * 40
    blocks = dict(greedy(model, prompts, limits, [1], 100_000))
    monkeypatch.setattr(row_blocks, "ROWS", 1000)
    assert dict(greedy(model, prompts, limits, [1], 100_000)) == blocks


@pytest.mark.parametrize(("attention", "expected"), [("sdpa", row_blocks.NAME), ("eager", "eager")])
def test_attention_of_another_kind_stays(attention, expected):
    model = tiny(attention)
    assert attend_by_block(model) is (attention == "sdpa")
    assert model.config._attn_implementation == expected
    prompts = [[9, *range(20, 20 + number)] for number in range(20)]
    assert len(dict(greedy(model, prompts, [2] * 20, [1], 100_000))) == 20
