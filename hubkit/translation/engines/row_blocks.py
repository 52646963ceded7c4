"""Attention that looks no further back than the longest of a few rows.

Rows in flight end at one column of the cache and begin at many. Attention over all of them at once multiplies as many
columns for every row as the longest row has, and throws most of it away. Rows that lie in order of their length can be
cut into blocks whose rows are about equally long, and each block needs its own columns alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "hubkit_row_blocks"
"""What transformers calls this attention."""

ROWS = 16
"""Rows of a block. Fewer rows mean fewer columns to throw away, and more calls. Four rounds of 400 reports in fp32
took 7.2 to 8.7 s with 16 rows, 7.2 to 10.4 s with 32, 8.0 to 9.1 s with 64, and 8.6 to 9.0 s uncut."""

ALIGNED = 16
"""Columns are left out by multiples of this. A masked column adds zero to a sum. One more or less would still change
which of the processor's lanes adds what, and so the rounding: in bf16, 14 of 600 answers changed."""


class Block(NamedTuple):
    """Rows that attend together, and how many of the last columns they need."""

    rows: slice
    columns: int


def blocks_of(lengths: Sequence[int]) -> list[Block]:
    """Cut rows, in the order of their slots, into blocks.

    Args:
        lengths: tokens of each row, with the one that is being read.
    """
    longest = max(lengths)
    blocks = []
    for start in range(0, len(lengths), ROWS):
        unused = longest - max(lengths[start : start + ROWS])
        blocks.append(Block(slice(start, start + ROWS), longest - unused // ALIGNED * ALIGNED))
    return blocks


def attend_by_block(model: Any) -> bool:
    """Let a model attend block by block where it is called with `blocks`; say whether it can.

    Only the attention of torch is cut into blocks. A model that has another keeps it.
    """
    # transformers warns where it cannot set the attention; what it warns of is no fault here.
    if model.config._attn_implementation == "sdpa" and model._can_set_attn_implementation():
        AttentionInterface.register(NAME, _attention)
        AttentionMaskInterface.register(NAME, _mask)
        model.set_attn_implementation(NAME)
    return bool(model.config._attn_implementation == NAME)


def _mask(*args: Any, **kwargs: Any) -> torch.Tensor | None:
    mask = sdpa_mask(*args, **kwargs)
    if mask is None or mask.shape[-2] > 1:
        return mask
    # torch would turn truth values into these in every layer and block.
    return torch.zeros_like(mask, dtype=kwargs["dtype"]).masked_fill_(~mask, -torch.inf)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    blocks: Sequence[Block] = (),
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    if len(blocks) < 2:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    parts = []
    for rows, columns in blocks:
        seen = slice(key.shape[2] - columns, None)
        mask = None if attention_mask is None else attention_mask[rows, ..., seen]
        part, _ = sdpa_attention_forward(module, query[rows], key[rows, :, seen], value[rows, :, seen], mask, **kwargs)
        parts.append(part)
    return torch.cat(parts), None
