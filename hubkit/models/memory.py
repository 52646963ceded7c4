"""What to do and say when there is no memory left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hubkit.errors import HubkitError


@contextlib.contextmanager
def out_of_memory(advice: str) -> Iterator[None]:
    """Turn an out-of-memory error into a HubkitError that says which setting to lower, and by how much."""
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        what = "there is no memory left"
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            what = f"the device has no memory left ({free / 1e9:.1f} of {total / 1e9:.1f} GB free)"
        raise HubkitError(what, hint=advice) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a CUDA device or this machine has no memory left."""
    import torch

    said = any(words in str(error) for words in ("out of memory", "can't allocate memory"))
    return said or isinstance(error, (torch.OutOfMemoryError, MemoryError))


def free_memory() -> None:
    """Give back what tensors that nobody holds any more occupy."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
