"""Batches of questions -> answers: only new tokens are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hubkit.config import Generation
from hubkit.models.conversation import ask, encode
from hubkit.models.loading import Loaded
from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.models.samples import Sample

Batch = tuple[int, ...]
"""The study_ids that were answered in one pass."""


class Answer(NamedTuple):
    """What a model said of a study, in which batch; finish_reason is "stop", or "length" where it was cut."""

    text: str
    finish_reason: str
    batch: Batch


def batches(samples: Sequence[Sample], size: int) -> list[list[Sample]]:
    """Split samples into batches whose studies have the same number of images, so that nothing is padded."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(len(sample.images), []).append(sample)
    return [group[at : at + size] for _, group in sorted(groups.items()) for at in range(0, len(group), size)]


def account_for(
    answered: dict[str, list[Batch]], samples: Sequence[Sample], configured: int
) -> tuple[int, dict[str, list[Batch]]]:
    """The size that most batches were made with, and by condition those that are others under this size.

    Others are the halves of a batch that did not fit into memory, and what a run answered before it went on under
    another size.

    Args:
        configured: the size that is preferred where several account for as many.
    """
    every = [batch for made in answered.values() for batch in made]
    sizes = [configured, *sorted({len(batch) for batch in every})]
    regular = {size: {_ids(batch) for batch in batches(samples, size)} for size in sizes}
    best = max(regular, key=lambda size: sum(batch in regular[size] for batch in every))
    others = {name: sorted(set(made) - regular[best]) for name, made in answered.items()}
    return best, {name: made for name, made in others.items() if made}


def answer(
    loaded: Loaded, settings: Generation, batch: Sequence[Sample], examples: Sequence[Sample], seed: int
) -> list[Answer]:
    """Answer a batch in one pass; where there is no memory for it, in two halves.

    Args:
        examples: studies that are shown with their reports before each question.
        seed: what sampling starts from; greedy decoding does not use it.
    """
    import torch

    questions = [ask(sample.images, settings.prompt, examples) for sample in batch]
    inputs = encode(loaded.processor, questions, [sample.study_id for sample in batch])
    inputs = inputs.to(loaded.model.device, dtype=loaded.model.dtype)
    torch.manual_seed(seed)
    try:
        with torch.inference_mode():
            output = loaded.model.generate(**inputs, generation_config=decoding(loaded.model, settings))
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1 or not is_out_of_memory(error):
            raise
        output = None
    if output is None:
        # Outside the handler, whose traceback holds the tensors that did not fit.
        free_memory()
        half = len(batch) // 2
        return [
            *answer(loaded, settings, batch[:half], examples, seed),
            *answer(loaded, settings, batch[half:], examples, seed),
        ]
    new = output[:, inputs["input_ids"].shape[1] :]
    return [Answer(*_decoded(loaded, tokens), _ids(batch)) for tokens in new]


def advice(settings: Generation, shown: int, images: int) -> str:
    """What to lower, and to what, when there is no memory left for a single study.

    Args:
        shown: examples that are shown before it.
        images: of the study that has most of them.
    """
    if shown > 1:
        return f"set [generation] shots = {shown // 2}"
    if images > 1:
        return f"set [corpus] max_images = {images // 2}: half the image tokens of a study"
    if settings.max_new_tokens > 1:
        return f"set [generation] max_new_tokens = {settings.max_new_tokens // 2}"
    return "take a smaller base or a device with more memory"


def decoding(model: Any, settings: Generation) -> Any:
    """The model's own end and padding tokens, with decoding as configured in place of the model's defaults."""
    from transformers import GenerationConfig

    own = model.generation_config
    # Greedy decoding has no use for the sampling settings that a model brings, and transformers warns of them.
    plain = {} if settings.do_sample else {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
    return GenerationConfig(
        do_sample=settings.do_sample,
        max_new_tokens=settings.max_new_tokens,
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id,
        **plain,
    )


def _ids(batch: Sequence[Sample]) -> Batch:
    return tuple(sample.study_id for sample in batch)


def _decoded(loaded: Loaded, tokens: Any) -> tuple[str, str]:
    ends = loaded.model.generation_config.eos_token_id
    ended = set(ends if isinstance(ends, list) else [ends]) & set(tokens.tolist())
    text = loaded.processor.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    return text, "stop" if ended else "length"
