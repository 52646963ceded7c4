"""A model in this process: rows in flight on a CPU, continuous batching on a CUDA device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hubkit.config import Translation
from hubkit.errors import UsageError
from hubkit.models.loading import commit_of, load_language_model, pick_device
from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.translation.engines.base import Answer, Engine, Request

OUT_OF_MEMORY = Answer(None, 0, "error", "out of memory")


class TransformersEngine(Engine):
    """Answers greedily with a causal language model.

    Args:
        translation: model, revision, quantisation, device, and `batch_tokens`: what rows in flight on a CPU may come to.
        task: tasks on one machine take its CUDA devices in turn.
        continuous: whether batches are continuous; None means on CUDA.
    """

    def __init__(self, translation: Translation, task: int = 0, continuous: bool | None = None):
        device = _device_of_task(translation.device, task)
        self.model, self.tokenizer = load_language_model(
            translation.model, translation.revision, translation.quantization, device
        )
        if self.tokenizer.chat_template is None:
            raise UsageError(
                "the model has no chat template, so it cannot be asked",
                where=translation.model,
                mend="set [translation] model to an instruction-tuned model",
            )
        self.revision = commit_of(translation.model, translation.revision)
        self.budget = translation.batch_tokens
        self.continuous = self.model.device.type == "cuda" if continuous is None else continuous
        if not self.continuous:
            from hubkit.translation.engines.decoding import require_attention

            require_attention(self.model, translation.model)
        self.cache: dict[str, Any] = {}
        ends = self.model.generation_config.eos_token_id
        self.ends = [ends] if isinstance(ends, int) else list(ends or [self.tokenizer.eos_token_id])

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        if not requests:
            return
        prompts = self.tokenizer.apply_chat_template(
            [request.messages for request in requests], add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        limits = [request.max_new_tokens for request in requests]
        answers = self._continuous if self.continuous else self._in_flight
        yield from answers(prompts, limits)

    def close(self) -> None:
        del self.model

    def _in_flight(self, prompts: list[list[int]], limits: list[int]) -> Iterator[tuple[int, Answer]]:
        from hubkit.translation.engines.decoding import greedy

        for at, written in greedy(self.model, prompts, limits, self.ends, self.budget):
            yield at, OUT_OF_MEMORY if written is None else self._read(written, limits[at])

    def _continuous(self, prompts: list[list[int]], limits: list[int]) -> Iterator[tuple[int, Answer]]:
        waiting = list(range(len(prompts)))
        while waiting:
            done = self._generate_continuously([prompts[at] for at in waiting], max(limits[at] for at in waiting))
            for at in waiting:
                if tuple(prompts[at]) in done:
                    yield at, self._read(done[tuple(prompts[at])], limits[at])
            waiting = [at for at in waiting if tuple(prompts[at]) not in done]
            if waiting:
                tokens, share = self.cache.get("max_batch_tokens", 8192), self.cache.get("max_memory_percent", 0.8)
                self.cache = {"max_batch_tokens": int(tokens) // 2, "max_memory_percent": share / 2}
                free_memory()
            if waiting and self.cache["max_memory_percent"] < SMALLEST_CACHE:
                yield from ((at, OUT_OF_MEMORY) for at in waiting)
                return

    def _generate_continuously(self, prompts: list[list[int]], limit: int) -> dict[tuple[int, ...], list[int]]:
        """The tokens that follow each prompt; a run that ends early, for want of memory, leaves prompts out."""
        from transformers import ContinuousBatchingConfig

        try:
            outputs = self.model.generate_batch(
                prompts,
                generation_config=self._settings(limit),
                continuous_batching_config=ContinuousBatchingConfig(**self.cache),
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return {}
        finished = (output for output in outputs.values() if output.error is None)
        return {tuple(output.prompt_ids): output.generated_tokens for output in finished}

    def _read(self, ids: list[int], limit: int) -> Answer:
        end = next((place for place, token in enumerate(ids) if token in self.ends), None)
        kept = ids[:limit] if end is None else ids[: min(end, limit)]
        text = self.tokenizer.decode(kept, skip_special_tokens=True).strip()
        return Answer(text, len(kept), "length" if end is None or end > limit else "stop")

    def _settings(self, limit: int) -> Any:
        from transformers import GenerationConfig

        return GenerationConfig(
            do_sample=False, max_new_tokens=limit, eos_token_id=self.ends, pad_token_id=self._pad(), use_cache=True
        )

    def _pad(self) -> int:
        pad: int | None = self.tokenizer.pad_token_id
        return self.ends[0] if pad is None else pad


SMALLEST_CACHE = 0.05
"""The share of free memory below which continuous batching is given up."""


def _device_of_task(device: str, task: int) -> str:
    import torch

    if pick_device(device) == "cuda" and torch.cuda.device_count() > 1:
        return f"cuda:{task % torch.cuda.device_count()}"
    return device
