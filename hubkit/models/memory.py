"""Memory that runs out: how it shows, and how it is given back."""

from __future__ import annotations

import contextlib
from typing import Any

SHORT = (
    "out of memory",
    "can't allocate memory",
    "cudaErrorMemoryAllocation",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    # A library that finds no memory for its own workspace does not start.
    "CUBLAS_STATUS_NOT_INITIALIZED",
)
"""What a message says where memory ran out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a CUDA device or this machine has no memory left."""
    import torch

    short = any(words in str(error) for words in SHORT)
    return short or isinstance(error, (torch.OutOfMemoryError, MemoryError))


def free_bytes(device: Any) -> int:
    """How many bytes of a CUDA device tensors may still take: what is free, and what the allocator keeps unused."""
    import torch

    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + kept)


def free_memory() -> None:
    """Give back what tensors that nobody holds any more occupy."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        # A GPU that failed frees nothing any more, and the failure is reported elsewhere.
        with contextlib.suppress(torch.AcceleratorError):
            torch.cuda.empty_cache()
