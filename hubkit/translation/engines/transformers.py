"""A model in this process: rows in flight on a CPU, continuous batching on a CUDA device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import NamedTuple

from transformers import GenerationConfig

from hubkit.artifacts.translator import Served
from hubkit.config import Quantization
from hubkit.models.device_errors import device_errors
from hubkit.models.devices import pick_device
from hubkit.models.loading import commit_of, load_language_model
from hubkit.models.thinking import UNFINISHED, thinking_of
from hubkit.translation.engines.base import Answer, Engine, Request
from hubkit.translation.engines.chat_template import check_template
from hubkit.translation.engines.continuous import Continuous
from hubkit.translation.engines.cpu_batching import greedy, require_attention
from hubkit.translation.engines.paged_cache import CacheLimits, attention_of, cache_settings, free_bytes
from hubkit.translation.prompt import Prompt


class ModelSource(NamedTuple):
    """Where a model comes from, and where it goes.

    Attributes:
        model: its repo on the Hub, or a folder.
        public_name: what it may be called in what is published.
        revision: its commit.
        quantization: the precision of its weights.
        device: where it computes.
        task: the number of this task: tasks that see several CUDA devices take them in turn.
    """

    model: str
    public_name: str
    revision: str | None
    quantization: Quantization
    device: str
    task: int


class TransformersEngine(Engine):
    """Answers greedily with a causal language model.

    Args:
        source: the model.
        prompt: what requests hold apart from the text, which the model's chat template has to take.
        thinking_tokens: tokens of a thought, on top of those of an answer.
        batch_tokens: on a CPU, most tokens of the rows in flight.
        cache: what is set of the cache of continuous batching.
        continuous: whether batches are continuous; None means on CUDA.

    Raises:
        HubkitError: the model cannot be loaded, or its device has no room for it.
    """

    def __init__(
        self,
        source: ModelSource,
        prompt: Prompt,
        thinking_tokens: int,
        batch_tokens: int,
        cache: CacheLimits,
        continuous: bool | None = None,
    ):
        self.source, advice = source, _advice(source.quantization)
        with device_errors(advice):
            self.model, self.tokenizer = load_language_model(
                source.model, source.revision, source.quantization, _device_of_task(source.device, source.task)
            )
        check_template(self.tokenizer, source.model, prompt)
        self.thinking = thinking_of(self.tokenizer, thinking_tokens)
        self._revision = commit_of(source.model, source.revision)
        self.budget = batch_tokens
        ends = self.model.generation_config.eos_token_id
        self.ends = [ends] if isinstance(ends, int) else list(ends or [self.tokenizer.eos_token_id])
        if continuous is None:
            continuous = self.model.device.type == "cuda"
        self.continuous = self._continuous(cache, advice) if continuous else None
        if not continuous:
            require_attention(self.model, source.model)

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        if not requests:
            return
        prompts = self.tokenizer.apply_chat_template(
            [request.messages for request in requests], add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        limits = [request.max_new_tokens for request in requests]
        for at, written in self._written(prompts, limits):
            if isinstance(written, str):
                yield at, Answer(None, 0, "error", written)
            else:
                yield at, self._read(written, limits[at], self.thinking.opens(prompts[at]))

    @property
    def revision(self) -> str | None:
        return self._revision

    @property
    def served(self) -> Served:
        software = f"transformers {version('transformers')}"
        source = self.source
        return Served(
            software=software, model=source.public_name, revision=self._revision, precision=source.quantization
        )

    def close(self) -> None:
        if self.continuous is not None:
            self.continuous.close()
        del self.model

    def _written(self, prompts: list[list[int]], limits: list[int]) -> Iterator[tuple[int, list[int] | str]]:
        totals = [limit + self.thinking.budget for limit in limits]
        if self.continuous is not None:
            return self.continuous.answers(prompts, totals)
        if not self.thinking.budget:
            # No row may write more than its limit, thought or not: to look for a thought at every token is idle work.
            return greedy(self.model, prompts, totals, self.ends, self.budget)
        opened = [self.thinking.opens(prompt) for prompt in prompts]

        def room(place: int, written: list[int]) -> int:
            return self.thinking.most(written, limits[place], opened[place])

        return greedy(self.model, prompts, totals, self.ends, self.budget, room)

    def _read(self, ids: list[int], limit: int, opened: bool = False) -> Answer:
        kept = self.thinking.trim(ids, limit, opened)
        thought = self.thinking.thought(kept, opened)
        if not thought.ended:
            return Answer(None, len(kept), "error", UNFINISHED, len(kept))
        ended = kept[-1] in self.ends
        kept = kept[:-1] if ended else kept
        text = self.tokenizer.decode(kept[thought.length :], skip_special_tokens=True).strip()
        return Answer(text, len(kept), "stop" if ended else "length", None, thought.length)

    def _continuous(self, limits: CacheLimits, advice: str) -> Continuous:
        text = self.model.config.get_text_config()
        cache = cache_settings(text, attention_of(self.model), free_bytes(self.model.device), limits)
        return Continuous(self.model, self._settings(), cache, advice)

    def _settings(self) -> GenerationConfig:
        pad = self.tokenizer.pad_token_id
        return GenerationConfig(
            do_sample=False, eos_token_id=self.ends, pad_token_id=self.ends[0] if pad is None else pad, use_cache=True
        )


def _advice(quantization: Quantization) -> str:
    """What to set where the model does not fit, or leaves no memory for a cache."""
    if quantization != "nf4":
        return 'set [translation] quantization = "nf4": a quarter of the memory of bf16 for the weights'
    return 'end what else uses the GPU, or set [translation] engine = "openai" or a smaller model'


def _device_of_task(device: str, task: int) -> str:
    import torch

    if pick_device(device) == "cuda" and torch.cuda.device_count() > 1:
        return f"cuda:{task % torch.cuda.device_count()}"
    return device
