"""Batches of questions -> answers: only new tokens are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hubkit.config import Generation
from hubkit.models.conversation import ask, encode
from hubkit.models.loading import Loaded
from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.models.samples import Sample
from hubkit.models.thinking import Thinking

Batch = tuple[int, ...]
"""The study_ids that were answered in one pass."""


class Answer(NamedTuple):
    """What a model wrote of a study, in which batch; finish_reason is "stop", or "length" where it was cut.

    Attributes:
        text: without a thought; "" where there is nothing else.
        thought_tokens: how many tokens the thought has.
    """

    text: str
    finish_reason: str
    thought_tokens: int
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
    """The size that most answers were made with, and by condition those that are others under this size.

    Others are the halves of a batch that did not fit into memory, and what a run answered before it went on under
    another size.

    Args:
        configured: the size that is preferred where several account for as many.
    """
    every = [batch for made in answered.values() for batch in made]
    sizes = [configured, *sorted({len(batch) for batch in every})]
    regular = {size: {_ids(batch) for batch in batches(samples, size)} for size in sizes}
    best = max(regular, key=lambda size: sum(len(batch) for batch in every if batch in regular[size]))
    others = {name: sorted(set(made) - regular[best]) for name, made in answered.items()}
    return best, {name: made for name, made in others.items() if made}


def answer(
    loaded: Loaded,
    settings: Generation,
    batch: Sequence[Sample],
    examples: Sequence[Sample],
    seed: int,
    thinking: Thinking,
) -> list[Answer]:
    """Answer a batch in one pass; where there is no memory for it, in two halves.

    Args:
        examples: studies that are shown with their reports before each question.
        seed: what sampling starts from; greedy decoding does not use it.
        thinking: how the base marks its thoughts.
    """
    import torch

    questions = [ask(sample.images, settings.prompt, examples) for sample in batch]
    inputs = encode(loaded.processor, questions, [sample.study_id for sample in batch])
    inputs = inputs.to(loaded.model.device, dtype=loaded.model.dtype)
    prompts = inputs["input_ids"]
    opened = [thinking.opens(prompt) for prompt in prompts.tolist()]
    stops = _stops(thinking, settings.max_new_tokens, opened, prompts.shape[1])
    torch.manual_seed(seed)
    try:
        with torch.inference_mode():
            how = decoding(loaded.model, settings, thinking.budget)
            output = loaded.model.generate(**inputs, generation_config=how, **stops)
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1 or not is_out_of_memory(error):
            raise
        output = None
    if output is None:
        # Outside the handler, whose traceback holds the tensors that did not fit.
        free_memory()
        half = len(batch) // 2
        return [
            *answer(loaded, settings, batch[:half], examples, seed, thinking),
            *answer(loaded, settings, batch[half:], examples, seed, thinking),
        ]
    new = output[:, prompts.shape[1] :].tolist()
    return [
        Answer(*_decoded(loaded, tokens, thinking, settings.max_new_tokens, begun), _ids(batch))
        for tokens, begun in zip(new, opened, strict=True)
    ]


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


def decoding(model: Any, settings: Generation, thinking_tokens: int = 0) -> Any:
    """The model's own end and padding tokens, with decoding as configured in place of the model's defaults.

    Args:
        thinking_tokens: tokens that a thought may have on top of those of the answer.
    """
    from transformers import GenerationConfig

    own = model.generation_config
    # Greedy decoding has no use for the sampling settings that a model brings, and transformers warns of them.
    plain = {} if settings.do_sample else {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
    return GenerationConfig(
        do_sample=settings.do_sample,
        max_new_tokens=settings.max_new_tokens + thinking_tokens,
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id,
        **plain,
    )


def _ids(batch: Sequence[Sample]) -> Batch:
    return tuple(sample.study_id for sample in batch)


def _stops(thinking: Thinking, limit: int, opened: Sequence[bool], begin: int) -> dict[str, Any]:
    """What ends a row that does not think at its limit, so that it does not write on into the budget of a thought."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Enough(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
            rows = zip(input_ids[:, begin:].tolist(), opened, strict=True)
            return torch.tensor(
                [len(row) >= thinking.most(row, limit, begun) for row, begun in rows], device=input_ids.device
            )

    return {"stopping_criteria": StoppingCriteriaList([Enough()])} if thinking.budget else {}


def _decoded(
    loaded: Loaded, tokens: list[int], thinking: Thinking, limit: int, opened: bool = False
) -> tuple[str, str, int]:
    own = loaded.model.generation_config.eos_token_id
    ends = set(own if isinstance(own, list) else [own])
    kept = thinking.trim(tokens, limit, opened)
    thought = thinking.thought(kept, opened)
    if not thought.ended:
        # What follows the end of a turn is padding.
        return "", "length", next((at for at, token in enumerate(kept) if token in ends), len(kept))
    answer = kept[thought.length :]
    text = loaded.processor.tokenizer.decode(answer, skip_special_tokens=True).strip()
    return text, "stop" if ends & set(answer) else "length", thought.length
