"""What a user is told when there is no memory left."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_vision import fill_workspace, tiny_config

from hubkit.config import Finetuning, Generation
from hubkit.errors import HubkitError
from hubkit.finetuning import run
from hubkit.finetuning.finetune import finetune
from hubkit.generation import decoding
from hubkit.models.device_errors import device_errors

MORE_THAN_THERE_CAN_BE = 2**50
"""Bytes."""


def test_says_which_setting_to_lower() -> None:
    with (
        pytest.raises(HubkitError, match=r"no memory left.* \(set \[generation\] shots = 1\)"),
        device_errors("set [generation] shots = 1"),
    ):
        torch.empty(MORE_THAN_THERE_CAN_BE, dtype=torch.uint8)


def test_another_error_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), device_errors("lower it"):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_an_adapter_that_does_not_fit(vision_model: Path, tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=2, validate=1, test=0)
    config = tiny_config(vision_model, r=MORE_THAN_THERE_CAN_BE // 256, gradient_checkpointing=True)
    with pytest.raises(HubkitError, match=r"no memory left.* \(set \[corpus\] max_images = 1: half the image tokens"):
        finetune(config, workspace.running("finetune", "key"))


@pytest.mark.parametrize(
    ("settings", "images", "said"),
    [
        ({"batch_size": 8, "gradient_accumulation": 2}, 2, "batch_size = 4 and gradient_accumulation = 4"),
        ({"modules_to_save": ("lm_head",), "quantization": "bf16"}, 2, "modules_to_save = []"),
        ({"quantization": "bf16", "gradient_checkpointing": False}, 2, 'quantization = "nf4"'),
        ({"gradient_checkpointing": False}, 2, "gradient_checkpointing = true"),
        ({}, 2, "[corpus] max_images = 1"),
        ({}, 5, "[corpus] max_images = 2"),
        ({}, 1, "max_length = 512"),
        ({"max_length": 300}, 1, "r = 8"),
        ({"max_length": 300, "r": 1}, 1, "a smaller base"),
    ],
)
def test_what_to_lower_in_training(settings: dict[str, object], images: int, said: str) -> None:
    assert said in run.advice(Finetuning(**settings), images)


@pytest.mark.parametrize(
    ("shown", "images", "tokens", "said"),
    [
        (4, 2, 512, "shots = 2"),
        (1, 2, 512, "max_images = 1"),
        (0, 1, 512, "max_new_tokens = 256"),
        (0, 0, 1, "a smaller base"),
    ],
)
def test_what_to_lower_in_generation(shown: int, images: int, tokens: int, said: str) -> None:
    assert said in decoding.advice(Generation(max_new_tokens=tokens), shown, images)
