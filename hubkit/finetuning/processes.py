"""Several processes that train together: `accelerate launch` and torchrun tell each which one it is."""

from __future__ import annotations

import os


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes."""
    return os.environ.get("RANK", "0") == "0"
