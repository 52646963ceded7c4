"""What a user is told when a CUDA device has no memory left."""

from __future__ import annotations

import pytest
import torch

from hubkit.config import Finetuning
from hubkit.errors import HubkitError
from hubkit.finetuning.run import advice
from hubkit.models.memory import out_of_memory


def test_says_which_setting_to_lower() -> None:
    with (
        pytest.raises(HubkitError, match=r"no memory left .*\(set \[generation\] shots = 1\)"),
        out_of_memory("set [generation] shots = 1"),
    ):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 8, "gradient_accumulation": 2}, "batch_size = 4 and gradient_accumulation = 4"),
        ({"gradient_checkpointing": False}, "gradient_checkpointing = true"),
        ({"quantization": "bf16"}, 'quantization = "nf4"'),
        ({}, "[corpus] max_images = 1"),
    ],
)
def test_the_next_setting_that_helps(settings: dict[str, object], said: str) -> None:
    assert said in advice(Finetuning(**settings))
