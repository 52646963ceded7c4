"""Trains the demo's translator: a small Gemma 3 that puts the grammar's English sections into Portuguese."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo_models.optimise import optimise, start
from demo_models.vocabulary import gemma_tokenizer, sample_texts
from hubkit.config import Translation
from hubkit.demo.grammar import sample_report
from hubkit.translation.prompt import Prompt

if TYPE_CHECKING:
    from transformers import Gemma3TextConfig

STEPS = 1000
BATCH = 32
WITH_RULES = 0.06
"""Share of requests that hold the rules of the house, which make them three times as long."""

Example = tuple[list[int], list[int]]
"""Token ids of a request and of its answer."""


def train_translator(folder: Path, steps: int = STEPS) -> None:
    """Train the translator and write it to `folder`; the vision model's language model begins with it."""
    from transformers import Gemma3ForCausalLM, GenerationConfig

    start(seed=1)
    tokenizer = demo_tokenizer()
    model = Gemma3ForCausalLM(_config(tokenizer))
    optimise(model, _batches(tokenizer), lambda batch: model(**batch, use_cache=False).loss, steps, "translator")
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=[tokenizer.eos_token_id, end], pad_token_id=0, do_sample=False
    )
    model.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def demo_tokenizer() -> Any:
    """Train the tokenizer that the translator and the vision model share."""
    prompts = [message["content"] for message in Prompt.of(Translation()).messages("findings", "")]
    prompts += [
        "Dê o diagnóstico das imagens apresentadas",
        "user\nmodel\n",
        "ACHADOS: IMPRESSÃO: FINDINGS: IMPRESSION:",
    ]
    return gemma_tokenizer([*sample_texts(3000), *(prompts * 40)])


def _config(tokenizer: Any) -> Gemma3TextConfig:
    from transformers import Gemma3TextConfig

    return Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        query_pre_attn_scalar=32,
        max_position_embeddings=1024,
        sliding_window=512,
        layer_types=["full_attention"] * 4,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _batches(tokenizer: Any) -> Iterator[dict[str, Any]]:
    """Yield batches of requests of like length."""
    rng = random.Random("translator")
    while True:
        pool = sorted((_example(tokenizer, rng) for _ in range(BATCH * 16)), key=lambda pair: len(pair[0] + pair[1]))
        batches = [pool[index : index + BATCH] for index in range(0, len(pool), BATCH)]
        rng.shuffle(batches)
        yield from (collate(batch, tokenizer.pad_token_id) for batch in batches)


def _example(tokenizer: Any, rng: random.Random) -> Example:
    section = rng.choice(sample_report(rng)[1].sections)
    request = Prompt.of(Translation(rules=rng.random() < WITH_RULES)).messages(section.name, section.source)
    asked = tokenizer.apply_chat_template(request, add_generation_prompt=True)["input_ids"]
    answer = tokenizer(f"{section.translation}<end_of_turn>\n", add_special_tokens=False)["input_ids"]
    return asked, answer


def collate(examples: list[Example], pad: int) -> dict[str, Any]:
    """Pad requests and answers on the right; the labels cover the answers alone."""
    import torch

    longest = max(len(asked) + len(answer) for asked, answer in examples)
    rows = [
        (asked + answer, [-100] * len(asked) + answer, longest - len(asked) - len(answer)) for asked, answer in examples
    ]
    return {
        "input_ids": torch.tensor([ids + [pad] * gap for ids, _, gap in rows]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * gap for ids, _, gap in rows]),
        "labels": torch.tensor([labels + [-100] * gap for _, labels, gap in rows]),
    }
