"""What [release] seed decides in training: the order of the studies, the first weights and what dropout draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_vision import fill_workspace, tiny_config

from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.trainer import AdapterTrainer
from hubkit.workspace import Workspace


class Stopped(BaseException):
    """Ends the stage where training would begin."""


@pytest.fixture(scope="module")
def begun(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the stage is about to train with, under the seeds 1, 1 and 2, whatever was drawn before."""
    workspace = fill_workspace(tmp_path_factory.mktemp("seeds"), train=12, validate=1, test=0)
    seen: list[dict[str, Any]] = []

    def stop(trainer: AdapterTrainer, **options: Any) -> None:
        # Before the loader, which draws as well.
        seen.append({"dropout": torch.rand(8).tolist()})
        seen[-1]["order"] = [int(study) for batch in trainer.get_train_dataloader() for study in batch["study_ids"]]
        weights = [weight for name, weight in trainer.model.named_parameters() if "lora_A" in name]
        seen[-1]["weights"] = torch.cat([weight.detach().flatten() for weight in weights])[:64].tolist()
        # As a share of 1/√inputs, the bound of the distribution.
        seen[-1]["reach"] = [weight.abs().max().item() * weight.shape[1] ** 0.5 for weight in weights]
        seen[-1]["trained"] = {
            name.split(".")[-3]: weight.abs().max().item()
            for name, weight in trainer.model.named_parameters()
            if weight.requires_grad and "lora_A" not in name
        }
        raise Stopped

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AdapterTrainer, "train", stop)
        for before, seed in enumerate((1, 1, 2)):
            torch.manual_seed(before)
            _begin(vision_model, workspace, seed)
    return seen


def _begin(model: Path, workspace: Workspace, seed: int) -> None:
    config = tiny_config(model, quantization="fp32", gradient_accumulation=1)
    config = config.model_copy(update={"release": config.release.model_copy(update={"seed": seed})})
    with pytest.raises(Stopped):
        finetune(config, workspace.running("finetune", "key"))


@pytest.mark.parametrize("drawn", ["order", "weights", "dropout"])
def test_a_seed_gives_the_same_training_and_another_seed_another(begun: list[dict[str, Any]], drawn: str) -> None:
    first, same, other = (one[drawn] for one in begun)
    assert first == same
    assert first != other


def test_an_adapter_starts_from_the_answers_of_its_base(begun: list[dict[str, Any]]) -> None:
    """As docs/finetuning.md has it: B is zero, A between ±1/√inputs, and nothing else is trained."""
    assert begun[0]["trained"] == {"lora_B": 0.0}
    assert all(0.9 < reach <= 1 for reach in begun[0]["reach"])


def test_every_study_is_seen_once_an_epoch_in_a_drawn_order(begun: list[dict[str, Any]]) -> None:
    assert sorted(begun[0]["order"]) == list(range(1, 13))
    assert begun[0]["order"] != list(range(1, 13))
