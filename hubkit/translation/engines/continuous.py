"""Greedy answers by transformers' continuous batching, which pays on CUDA: prompts join and leave at every token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hubkit.models.memory import free_memory, is_out_of_memory

SMALLEST_SHARE = 0.05
"""The share of the free memory below which a cache is not tried."""


class Continuous:
    """Keeps one manager, with its cache and CUDA graphs, for all calls, and a smaller one when memory runs out.

    Args:
        model: a causal language model.
        settings: a GenerationConfig: greedy, with the tokens that end an answer.

    Attributes:
        cache: what is not left to transformers in a ContinuousBatchingConfig.
    """

    def __init__(self, model: Any, settings: Any):
        self.model, self.settings = model, settings
        self.cache: dict[str, Any] = {}
        self.manager: Any = None

    def answers(self, prompts: Sequence[list[int]], limits: Sequence[int]) -> Iterator[tuple[int, list[int] | str]]:
        """Yield places and answers in the order they end: tokens, or why there are none.

        Args:
            prompts: tokens of each prompt.
            limits: tokens that each answer may have.
        """
        waiting = set(range(len(prompts)))
        while waiting:
            troubles: list[BaseException] = []
            try:
                for place, output in self._run(prompts, limits, sorted(waiting)):
                    if output.error is None:
                        waiting.remove(place)
                        yield place, output.generated_tokens
                    else:
                        troubles.append(RuntimeError(output.error))
            except (RuntimeError, MemoryError) as error:
                troubles.append(error)
            if not waiting:
                return
            self.close()
            short = any(is_out_of_memory(trouble) for trouble in troubles)
            if not (short and self._shrink()):
                yield from ((place, "out of memory" if short else "generation failed") for place in sorted(waiting))
                return

    def close(self) -> None:
        manager, self.manager = self.manager, None
        if manager is not None:
            manager.stop(hard_stop=True)
            manager.destroy()
        free_memory()

    def _run(self, prompts: Sequence[list[int]], limits: Sequence[int], places: list[int]) -> Iterator[tuple[int, Any]]:
        if self.manager is None:
            from transformers import ContinuousBatchingConfig

            manager = self.model.init_continuous_batching(self.settings, ContinuousBatchingConfig(**self.cache))
            manager.warmup()
            manager.start()
            self.manager = manager
        asked = {self.manager.add_request(prompts[at], max_new_tokens=limits[at]): at for at in places}
        while asked:
            output = self.manager.get_result(timeout=1)
            if output is not None and output.is_finished() and output.request_id in asked:
                yield asked.pop(output.request_id), output
            elif output is None and not self.manager.is_running():
                return

    def _shrink(self) -> bool:
        tokens, share = self.cache.get("max_batch_tokens", 8192), self.cache.get("max_memory_percent", 0.8)
        self.cache |= {"max_batch_tokens": max(tokens // 2, 1), "max_memory_percent": share / 2}
        return bool(self.cache["max_memory_percent"] >= SMALLEST_SHARE)
