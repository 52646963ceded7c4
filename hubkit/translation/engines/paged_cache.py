"""The paged cache of transformers' continuous batching: its settings by memory and attention, and what it holds."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

from hubkit.config import Quantization, Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models.memory import free_memory

PAGE = 64
"""Tokens a page. A sector of the cache has a page for each layer, and a section with its translation has some 300
tokens: of pages of 256 it fills two thirds, of pages of 64 nine tenths."""

FLASH_2_PAGE = 256
"""Tokens of a page that the kernel of flash attention 2 reads by itself: a multiple of this, or it raises an error."""

MASKED_TOKENS, FLASH_TOKENS = 1024, 4096
"""Tokens a batch, at most. Without flash attention a batch has a mask of these times the tokens in the cache, twice; a
prefill of so many tokens already takes all of a GPU's arithmetic."""

MASKED_REQUESTS, FLASH_REQUESTS = 64, 256
"""Requests in flight, at most. Without flash attention each attends to the keys of all: a step of a small model took 36
ms at 16 requests, 247 at 64 and 3,828 at 256. With it, their logits in fp32 are the limit: 1 MB each for Gemma."""

SHARE = 0.9
"""The share of the free memory that transformers gives its cache, of what it knows of."""

LEAST = {"max_batch_tokens": 16, "page_size": 16, "max_requests_per_batch": 1}
"""What is not halved any more when memory runs out."""

REQUEST_TOKENS = 300
"""Tokens of a request with its answer, for estimates: 210 of instructions and section, and 90 of translation."""


class CacheLimits(NamedTuple):
    """What is configured of the cache; None is left to memory and attention.

    Attributes:
        quantization: the precision of the weights, which says what a forward pass takes.
        page_size: tokens of a page.
        max_batch_tokens: tokens of a batch.
        max_requests_per_batch: requests in flight.
        use_cuda_graph: whether steps are replayed as graphs.
    """

    quantization: Quantization
    page_size: int | None
    max_batch_tokens: int | None
    max_requests_per_batch: int | None
    use_cuda_graph: bool

    @classmethod
    def of(cls, settings: Translation) -> CacheLimits:
        """The limits of a configuration."""
        return cls(*(getattr(settings, name) for name in cls._fields))


class Held(NamedTuple):
    """What a cache holds.

    Attributes:
        sectors: the units in which layers take memory.
        sector_bytes: bytes of one.
        requests: in flight at a time.
        size: bytes of the cache with all that transformers plans for it.
    """

    sectors: int
    sector_bytes: int
    requests: int
    size: int


def attention_of(model: Any) -> str:
    """The attention that continuous batching computes with: flash attention wherever it is installed."""
    from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

    loaded = str(model.config.get_text_config()._attn_implementation or "sdpa")
    if "flash" in loaded or not model._supports_flash_attn:
        return loaded
    if is_flash_attn_3_available(kernels_fallback_ok=True):
        return "flash_attention_3"
    return "flash_attention_2" if is_flash_attn_2_available(kernels_fallback_ok=True) else loaded


def free_bytes(device: Any) -> int | None:
    """Bytes that are free on a GPU; None on a CPU. What loading a model left behind goes back to the GPU first."""
    import torch

    if device.type != "cuda":
        return None
    free_memory()
    return int(torch.cuda.mem_get_info(device)[0])


def cache_settings(text: Any, attention: str, free: int | None, limits: CacheLimits) -> dict[str, Any]:
    """What a ContinuousBatchingConfig is given: what is configured, and the rest by memory and attention.

    Args:
        text: the configuration of the language model.
        attention: as `attention_of` names it.
        free: bytes left on the device when the model is loaded; None on a CPU, where nothing is planned.
        limits: what is configured.

    Raises:
        UsageError: the kernel cannot read pages of the configured size.
    """
    flash = "flash" in attention
    tokens = limits.max_batch_tokens or _batch_tokens(text, flash, free, limits.quantization)
    values: dict[str, Any] = {
        "page_size": _page(text, attention, limits.page_size),
        "max_batch_tokens": tokens,
        "max_requests_per_batch": limits.max_requests_per_batch or (FLASH_REQUESTS if flash else MASKED_REQUESTS),
        "use_cuda_graph": limits.use_cuda_graph,
    }
    if free is not None:
        left = 1 - unplanned_bytes(text, limits.quantization, tokens) / max(free, 1)
        values["max_memory_percent"] = round(min(SHARE, max(left, 0.01)), 3)
    return values


def smaller(cache: dict[str, Any]) -> dict[str, Any] | None:
    """The settings to try after memory ran out: half of everything but the cache's share; None where they are least.

    With half of the share, transformers finds no room for a single page on a card of 24 GB, where the rows of
    logits and the trash pages take most of it.
    """
    defaults = {"max_batch_tokens": 8192, "page_size": 256, "max_requests_per_batch": 1024}
    now = {name: cache.get(name, default) for name, default in defaults.items()}
    if now["max_batch_tokens"] <= LEAST["max_batch_tokens"]:
        return None
    return cache | {name: min(value, max(value // 2, LEAST[name])) for name, value in now.items()}


def held(text: Any, attention: str, free: int, cache: dict[str, Any], tokens: int = REQUEST_TOKENS) -> Held | None:
    """What a cache of these settings holds on a device with `free` bytes, by transformers' own sizing.

    Args:
        text: the configuration of the language model.
        attention: as `attention_of` names it.
        cache: as `cache_settings` returns it.
        tokens: of a request with its answer.

    Returns:
        None where not even its smallest part fits.

    Raises:
        HubkitError: this version of transformers sizes its cache with other code.
    """
    sizing = _sizing(text, attention, free, cache)
    try:
        batch, sectors = sizing.handler.infer_max_batch_tokens_and_num_sectors()
    except (MemoryError, ValueError):
        return None
    requests = 0
    while requests < sizing.limit and sizing.sectors(requests + 1, tokens) <= sectors:
        requests += 1
    size = sizing.handler.compute_memory_footprint(batch, sectors)
    return Held(sectors, sizing.sector_bytes, requests, size)


def least_bytes(text: Any, attention: str, cache: dict[str, Any]) -> int:
    """Bytes that must be free at the least for a cache of these settings with one request.

    Raises:
        HubkitError: as in `held`.
    """
    sizing = _sizing(text, attention, 0, cache)
    planned = sizing.handler.compute_memory_footprint(cache["max_batch_tokens"], sizing.sectors(1, REQUEST_TOKENS))
    return int(planned / SHARE) + 1


def unplanned_bytes(text: Any, quantization: Quantization, tokens: int) -> int:
    """Bytes of a forward pass that transformers leaves out of its plan: what an MLP makes, and a weight out of NF4."""
    width = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    made = 3 * width * 2 * tokens
    return int(made + (width * text.hidden_size * 2 if quantization == "nf4" else 0))


class _Sizing(NamedTuple):
    handler: Any
    allocators: list[Any]
    sector_bytes: int
    limit: int

    def sectors(self, requests: int, tokens: int) -> int:
        """Sectors that so many requests take: a sector belongs to the layers of one kind of attention."""
        blocks = [requests * allocator.needs_new_blocks("", 0, tokens) for allocator in self.allocators]
        return sum(
            math.ceil(number / (self.sector_bytes // allocator.bytes_per_block))
            for number, allocator in zip(blocks, self.allocators, strict=True)
        )


def _sizing(text: Any, attention: str, free: int, cache: dict[str, Any]) -> _Sizing:
    """The library's own objects for a device that has `free` bytes, without the cache itself."""
    import torch

    try:
        from transformers import ContinuousBatchingConfig
        from transformers.generation.continuous_batching import cache as library
        from transformers.generation.continuous_batching.initialization import resolve_continuous_batching_config
        from transformers.generation.continuous_batching.utils import find_head_dim, find_num_key_value_heads

        class Handler(library.PagedAttentionMemoryHandler):
            def get_available_memory(self) -> int:
                return int(free * (self.cb_config.max_memory_percent or SHARE))

        config = copy.deepcopy(text)
        config._attn_implementation = attention
        resolved = resolve_continuous_batching_config(
            config, ContinuousBatchingConfig(**cache), None, False, torch.device("cuda")
        )
        heads, dtype = find_num_key_value_heads(config), torch.bfloat16
        allocators = [
            library.ATTN_TYPE_TO_ALLOCATOR[kind](
                index=index,
                config=config,
                num_key_value_heads=heads,
                cache_dtype=dtype,
                page_size=resolved.page_size,
                layer_indices=layers,
                allow_block_sharing=resolved.allow_block_sharing,
            )
            for index, (kind, layers) in enumerate(library.group_layers_by_attn_type(config).items())
        ]
        size = math.lcm(*(allocator.bytes_per_block for allocator in allocators), 128)
        page = allocators[0].get_bytes_per_page(heads, find_head_dim(config), dtype, resolved.page_size)
        handler = Handler(
            config=config,
            cb_config=resolved,
            dtype=dtype,
            bytes_per_sector=size,
            tokens_per_sector=max(size // one.bytes_per_block * one.tokens_per_page for one in allocators),
            bytes_per_block=config.num_hidden_layers * page,
            attn_types=[one.layer_type for one in allocators],
            model_supports_logits_to_keep=True,
        )
    except (ImportError, AttributeError, TypeError) as error:
        raise HubkitError(
            f"this version of transformers sizes its cache with other code ({type(error).__name__})",
            hint="install the versions of constraints.txt",
        ) from error
    limit = min(resolved.max_requests_per_batch or 1024, resolved.max_batch_tokens or 8192)
    return _Sizing(handler, allocators, size, limit)


def _batch_tokens(text: Any, flash: bool, free: int | None, quantization: Quantization) -> int:
    """As many as need half of what transformers leaves free, in powers of two."""
    tokens = FLASH_TOKENS if flash else MASKED_TOKENS
    while free is not None and tokens > LEAST["max_batch_tokens"]:
        if unplanned_bytes(text, quantization, tokens) <= free * (1 - SHARE) / 2:
            break
        tokens //= 2
    return tokens


def _page(text: Any, attention: str, configured: int | None) -> int:
    # Layers of a sliding window have no kernel that reads pages, so the pages of Gemma may have any size.
    sliding = "sliding_attention" in (getattr(text, "layer_types", None) or ())
    read_by_kernel = attention == "flash_attention_2" and not sliding
    page = configured or (FLASH_2_PAGE if read_by_kernel else PAGE)
    if read_by_kernel and page % FLASH_2_PAGE:
        raise UsageError(
            f"flash attention 2 reads pages of {FLASH_2_PAGE} tokens and its multiples, not of {page}",
            where="[translation] page_size",
            hint=f"set page_size = {FLASH_2_PAGE}, or leave it out",
        )
    return page
