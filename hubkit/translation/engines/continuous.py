"""Greedy answers by transformers' continuous batching, which pays on CUDA: prompts join and leave at every token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from hubkit.errors import HubkitError
from hubkit.models.device_errors import check_device
from hubkit.models.loading import first_line
from hubkit.models.memory import free_memory, is_out_of_memory
from hubkit.translation.engines.paged_cache import attention_of, least_bytes, smaller

NO_ROOM = ("num_sectors", "Memory footprint", "No requests can be scheduled")
"""What transformers says of a cache that does not fit, or that not one request fits into."""


class Continuous:
    """Keeps one manager, with its cache and CUDA graphs, for all calls, and a smaller one when memory runs out.

    Args:
        model: a causal language model.
        settings: a GenerationConfig: greedy, with the tokens that end an answer.
        cache: what is not left to transformers in a ContinuousBatchingConfig.
        advice: what to set where not even the smallest cache fits.
    """

    def __init__(self, model: Any, settings: Any, cache: dict[str, Any] | None = None, advice: str | None = None):
        self.model, self.settings, self.advice = model, settings, advice
        self.cache = cache or {}
        self.manager: Any = None

    def answers(self, prompts: Sequence[list[int]], limits: Sequence[int]) -> Iterator[tuple[int, list[int] | str]]:
        """Yield places and answers in the order they end: tokens, or why there are none.

        Args:
            prompts: tokens of each prompt.
            limits: tokens that each answer may have.

        Raises:
            HubkitError: the cache cannot be made, or the GPU failed.
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
            manager = self.manager
            self.close()
            troubles = [*_fatal(manager), *troubles]
            check_device(troubles)
            short = any(_is_short(trouble) for trouble in troubles)
            if short and self._shrink():
                continue
            if len(waiting) == len(prompts) and any(_has_no_room(trouble) for trouble in troubles):
                raise HubkitError(self._shortage(), hint=self.advice)
            reason = "out of memory" if short else _reason(troubles)
            yield from ((place, reason) for place in sorted(waiting))
            return

    def close(self) -> None:
        manager, self.manager = self.manager, None
        if manager is not None:
            manager.stop(hard_stop=True)
            manager.destroy()
        free_memory()

    def _run(self, prompts: Sequence[list[int]], limits: Sequence[int], places: list[int]) -> Iterator[tuple[int, Any]]:
        while self.manager is None:
            self._start()
        asked = {self.manager.add_request(prompts[at], max_new_tokens=limits[at]): at for at in places}
        while asked:
            output = self.manager.get_result(timeout=1)
            if output is not None and output.is_finished() and output.request_id in asked:
                yield asked.pop(output.request_id), output
            elif output is None and not self.manager.is_running():
                return

    def _start(self) -> None:
        """Make a manager with its cache, or make the settings of the next try smaller."""
        from transformers import ContinuousBatchingConfig

        try:
            manager = self.model.init_continuous_batching(self.settings, ContinuousBatchingConfig(**self.cache))
            manager.warmup()
        except (ValueError, RuntimeError, MemoryError) as error:
            if not _is_short(error):
                if not isinstance(error, ValueError):
                    raise
                raise HubkitError(
                    f"transformers cannot batch this model continuously: {first_line(error)}",
                    hint='check page_size and max_batch_tokens in [translation], or set engine = "openai"',
                ) from error
        else:
            manager.start()
            self.manager = manager
            return
        free_memory()
        if not self._shrink():
            raise HubkitError(self._shortage(), hint=self.advice)

    def _shortage(self) -> str:
        from transformers.generation.continuous_batching import cache as library

        _, total, reserved, allocated = library.get_device_and_memory_breakdown()
        free = total - max(reserved, allocated)
        told = f"there is no memory left for the cache: {free / 1e9:.3g} of {total / 1e9:.3g} GB are free"
        # A version of transformers with other code for the sizing has no figure; what is free is known in any case.
        with contextlib.suppress(HubkitError):
            least = least_bytes(self.model.config.get_text_config(), attention_of(self.model), self.cache)
            told += f", and the smallest cache takes {least / 1e9:.3g} GB"
        return told

    def _shrink(self) -> bool:
        """Take smaller settings; False where they are the smallest."""
        less = smaller(self.cache)
        self.cache = less or self.cache
        return less is not None


def _is_short(error: BaseException) -> bool:
    return is_out_of_memory(error) or _has_no_room(error)


def _has_no_room(error: BaseException) -> bool:
    return any(words in str(error) for words in NO_ROOM)


def _fatal(manager: Any) -> list[BaseException]:
    """What ended the thread of a manager that is closed: its answers hold the message alone, without the type."""
    error = getattr(getattr(manager, "background_thread_status", None), "fatal_error", None)
    return [] if error is None else [error]


def _reason(troubles: Sequence[BaseException]) -> str:
    """Why there are no answers, by type: a message might quote a report."""
    kinds = [type(trouble).__name__ for trouble in troubles]
    return f"generation failed: {kinds[0]}" if kinds else "generation failed"
