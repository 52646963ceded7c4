"""Settings of the cache by memory and attention, and what fits in it, against transformers' own cache on no device."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import ContinuousBatchingConfig, Gemma3TextConfig, LlamaConfig
from transformers.generation.continuous_batching import cache as library
from transformers.generation.continuous_batching.distributed import DistributedHelper
from transformers.generation.continuous_batching.initialization import resolve_continuous_batching_config

from hubkit.config import Translation
from hubkit.errors import UsageError
from hubkit.translation.engines import paged_cache
from hubkit.translation.engines.paged_cache import CacheLimits, cache_settings, held, least_bytes, smaller

GIB = 2**30

LARGE = Gemma3TextConfig(
    vocab_size=262208,
    hidden_size=5376,
    intermediate_size=21504,
    num_hidden_layers=62,
    num_attention_heads=32,
    num_key_value_heads=16,
    head_dim=128,
    sliding_window=1024,
)
"""The shape of MedGemma's 27B. In NF4 its weights take 14.9 GiB, in bf16 50.3."""

FULL = LlamaConfig(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_key_value_heads=8)
"""A model without sliding windows."""


def settings(**values: Any) -> CacheLimits:
    return CacheLimits.of(Translation(**{"quantization": "nf4"} | values))


@pytest.mark.parametrize(
    ("text", "attention", "free", "given", "expected"),
    [
        (LARGE, "sdpa", None, {}, (64, 1024, 64, None)),
        (LARGE, "sdpa", int(8.2 * GIB), {}, (64, 1024, 64, 0.9)),
        (LARGE, "flash_attention_2", int(8.2 * GIB), {}, (64, 1024, 256, 0.9)),
        (LARGE, "flash_attention_2", int(28.3 * GIB), {"quantization": "bf16"}, (64, 4096, 256, 0.9)),
        # A weight that is unpacked and the MLP of 16 tokens take 0.23 GB of the 1.07: the cache gets the rest.
        (LARGE, "sdpa", GIB, {}, (64, 16, 64, 0.783)),
        (LARGE, "sdpa", 1, {}, (64, 16, 64, 0.01)),
        (FULL, "flash_attention_2", 20 * GIB, {}, (256, 4096, 256, 0.9)),
        (FULL, "flash_attention_3", 20 * GIB, {}, (64, 4096, 256, 0.9)),
        (
            LARGE,
            "sdpa",
            int(8.2 * GIB),
            {"page_size": 32, "max_batch_tokens": 8192, "max_requests_per_batch": 8},
            (32, 8192, 8, 0.854),
        ),
    ],
)
def test_settings_by_memory_and_attention(
    text: Any, attention: str, free: int | None, given: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    found = cache_settings(text, attention, free, settings(**given))
    names = ("page_size", "max_batch_tokens", "max_requests_per_batch", "max_memory_percent")
    assert tuple(found.get(name) for name in names) == expected
    assert found["use_cuda_graph"] is False
    ContinuousBatchingConfig(**found)


def test_what_loading_left_behind_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [3 * GIB]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", kept.clear)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * GIB - sum(kept), 24 * GIB))
    assert paged_cache.free_bytes(torch.device("cuda:0")) == 8 * GIB
    assert paged_cache.free_bytes(torch.device("cpu")) is None


def test_pages_that_the_kernel_cannot_read() -> None:
    with pytest.raises(UsageError, match=r"page_size: flash attention 2 reads .* not of 64 \(set page_size = 256"):
        cache_settings(FULL, "flash_attention_2", None, settings(page_size=64))
    assert cache_settings(FULL, "flash_attention_2", None, settings(page_size=512))["page_size"] == 512


def library_holds(monkeypatch: pytest.MonkeyPatch, free: int, attention: str, cache: dict[str, Any]) -> int:
    """Requests that fit into the library's whole cache, which on the meta device takes no memory, one by one."""
    monkeypatch.setattr(library, "get_device_and_memory_breakdown", lambda: (None, 80 * GIB, 0, 80 * GIB - free))
    text = Gemma3TextConfig(**LARGE.to_dict())
    text._attn_implementation = attention
    resolved = resolve_continuous_batching_config(
        text, ContinuousBatchingConfig(**cache), None, False, torch.device("cuda")
    )
    made = library.PagedAttentionCache(text, resolved, "meta", DistributedHelper(None, None, {}), torch.bfloat16, True)
    count = 0
    while count < resolved.max_requests_per_batch:
        blocks = [one.needs_new_blocks(str(count), 0, 300) for one in made.cache_allocators.values()]
        missing = [
            max(0, number - made.pool.count_free_blocks(one.index))
            for number, one in zip(blocks, made.cache_allocators.values(), strict=True)
        ]
        sectors = [
            -(-number // one.blocks_per_sector)
            for number, one in zip(missing, made.cache_allocators.values(), strict=True)
        ]
        if sum(sectors) > made.pool.num_free_sectors:
            break
        for number, one in zip(sectors, made.cache_allocators.values(), strict=True):
            for _ in range(number):
                made.pool.allocate_sector(one.index)
            one.allocate_cache_to_request(str(count), 0, 300)
        count += 1
    return count


@pytest.mark.parametrize(
    ("card", "weights", "attention", "before", "after"),
    [
        (23.6, 14.93, "sdpa", 10, 35),
        (23.6, 14.93, "flash_attention_3", 17, 40),
        (79.1, 50.3, "sdpa", 52, 64),
        (79.1, 50.3, "flash_attention_3", 85, 148),
    ],
)
def test_requests_in_flight_are_what_the_library_holds(
    monkeypatch: pytest.MonkeyPatch, card: float, weights: float, attention: str, before: int, after: int
) -> None:
    free = int((card - weights - 0.5) * GIB)
    tuned = cache_settings(LARGE, attention, free, settings(quantization="bf16" if weights > 50 else "nf4"))
    for cache, expected in (({}, before), (tuned, after)):
        found = held(LARGE, attention, free, cache)
        assert found is not None
        assert found.requests == expected == library_holds(monkeypatch, free, attention, cache)
        assert found.size <= free * 0.9


@pytest.mark.parametrize("attention", ["sdpa", "flash_attention_3"])
def test_every_smaller_cache_fits_where_half_a_share_did_not(attention: str) -> None:
    free = int(8.2 * GIB)
    # What one shortage led to before: transformers found no room for a page.
    assert held(LARGE, attention, free, {"max_batch_tokens": 2048, "max_memory_percent": 0.2}) is None
    cache: dict[str, Any] | None = cache_settings(LARGE, attention, free, settings())
    tries = 0
    while cache is not None:
        found = held(LARGE, attention, free, cache)
        assert found is not None
        assert 0 < found.requests <= min(cache["max_requests_per_batch"], cache["max_batch_tokens"])
        tries, cache = tries + 1, smaller(cache)
    assert tries == 7


def test_the_least_that_must_be_free() -> None:
    cache = cache_settings(LARGE, "sdpa", 2 * GIB, settings())
    least = least_bytes(LARGE, "sdpa", cache)
    assert 0.3 * GIB < least < 2 * GIB
    assert held(LARGE, "sdpa", int(least * 1.01), cache) is not None
    assert held(LARGE, "sdpa", int(least * 0.9), cache) is None


@pytest.mark.parametrize(
    ("available", "expected"),
    [((), "sdpa"), ((2,), "flash_attention_2"), ((2, 3), "flash_attention_3"), ((3,), "flash_attention_3")],
)
def test_flash_attention_is_taken_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, available: tuple[int, ...], expected: str
) -> None:
    import transformers.generation.continuous_batching.continuous_api as api
    from transformers import Gemma3ForCausalLM

    for version in (2, 3):
        name = f"is_flash_attn_{version}_available"
        monkeypatch.setattr(f"transformers.utils.{name}", lambda *_, here=version in available, **__: here)
        monkeypatch.setattr(api, name, lambda *_, here=version in available, **__: here)
    with torch.device("meta"):
        model = Gemma3ForCausalLM(Gemma3TextConfig(num_hidden_layers=1, vocab_size=8, hidden_size=8, head_dim=8))
    assert paged_cache.attention_of(model) == expected
    # The library itself decides likewise; loading the kernel would need it.
    taken: list[str] = []
    monkeypatch.setattr(model, "set_attn_implementation", taken.append)
    manager = object.__new__(api.ContinuousBatchingManager)
    manager.switch_to_cb_friendly_attn(model)
    assert (taken or ["sdpa"]) == [expected]
