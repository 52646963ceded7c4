"""What a GPU's memory gives, for the limit of tokens a second where each step reads all weights once."""

from __future__ import annotations

import time

import torch


def measure_bandwidth(size: int) -> float:
    """Bytes a second of the device's memory: a copy of `size` bytes reads and writes each byte."""
    source = torch.empty(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    target.copy_(source)
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(10):
        target.copy_(source)
    torch.cuda.synchronize()
    return 10 * 2 * source.numel() / (time.perf_counter() - started)
