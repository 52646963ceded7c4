"""`generate` without the stages before it: what the seed decides, what is shown, and a base that was changed since."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tiny_vision import fill_workspace, tiny_config

import hubkit.generation.generate as stage
from hubkit.artifacts.recipe import write_recipe
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.finetuning.lora import lora_config, trained_tensors, write_adapter
from hubkit.models.loading import load_vision_model
from hubkit.models.recipe import recipe
from hubkit.release import run_one
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace, read_table


@pytest.fixture(scope="module")
def adapted(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with an adapter of random weights."""
    from peft import get_peft_model
    from torch.nn.init import normal_

    workspace = fill_workspace(tmp_path_factory.mktemp("adapted"), train=6, validate=0, test=1)
    config = tiny_config(vision_model, quantization="fp32")
    base = load_vision_model(str(vision_model), None, "fp32", "cpu").model
    model = get_peft_model(base, lora_config(config.finetuning, None))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            normal_(weight.data, std=0.3)
    write_adapter(model, trained_tensors(model), workspace.adapter, vision_model.name)
    write_recipe(workspace.adapter, recipe(config, None, []))
    return workspace


def config_of(model: Path, seed: int = 42, quantization: str = "fp32", **generation: Any) -> ReleaseConfig:
    config = tiny_config(model, quantization=quantization)
    changes = {"release": {"seed": seed}, "generation": {"max_new_tokens": 8, **generation}}
    tables = {name: getattr(config, name).model_copy(update=values) for name, values in changes.items()}
    return config.model_copy(update=tables)


def texts(workspace: Workspace) -> list[str]:
    return [read_table(workspace.generations(condition))["generated"][0].as_py() for condition in CONDITIONS]


def test_a_seed_decides_what_is_sampled(adapted: Workspace, vision_model: Path) -> None:
    drawn = []
    for run, seed in enumerate((1, 1, 2)):
        stage.generate(config_of(vision_model, seed, shots=0, do_sample=True), adapted.running("generate", str(run)))
        drawn.append(texts(adapted))
    first, same, other = drawn
    assert first == same
    assert all(one != another for one, another in zip(first, other, strict=True))


@pytest.mark.parametrize(("seed", "shots"), [(1, 1), (5, 2)])
def test_examples_are_those_of_the_seed_and_shown_in_few_shot_alone(
    adapted: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch, seed: int, shots: int
) -> None:
    answer, shown = stage.answer, []

    def watched(loaded: Any, settings: Any, batch: Any, examples: Any, seed: int, thinking: Any) -> Any:
        shown.append([example.study_id for example in examples])
        return answer(loaded, settings, batch, examples, seed, thinking)

    monkeypatch.setattr(stage, "answer", watched)
    stage.generate(config_of(vision_model, seed, shots=shots), adapted.running("generate", f"shown-{seed}"))
    drawn = random.Random(seed).sample([1, 2, 3, 4, 5, 6], shots)
    assert drawn != random.Random(42).sample([1, 2, 3, 4, 5, 6], shots)
    assert dict(zip(CONDITIONS, shown, strict=True)) == {"zero_shot": [], "few_shot": drawn, "lora": []}


def test_a_changed_precision_is_generated_with_and_another_base_is_refused(
    adapted: Workspace, vision_model: Path
) -> None:
    said: list[str] = []

    def advance(config: ReleaseConfig) -> str:
        run_one("generate", config, adapted, report=lambda step, seconds: said.append(step.reason))
        return said[-1]

    plain, halved = config_of(vision_model), config_of(vision_model, quantization="bf16")
    advance(plain)
    assert advance(plain) == "up to date"
    assert advance(halved) == "made in fp32, and [finetuning] quantization is bf16"
    assert json.loads(adapted.decoding.read_text())["dtype"] == "bfloat16"
    assert advance(halved) == "up to date"
    other = config_of(vision_model.with_name("other"), quantization="bf16")
    with pytest.raises(HubkitError, match=rf"was trained on {vision_model.name}, and \[finetuning\] model is .*other"):
        advance(other)
    with pytest.raises(HubkitError, match="hubkit finetune"):
        stage.generate(other, adapted.running("generate", "other"))
    assert advance(halved) == "up to date"


def test_what_was_answered_in_another_precision_is_answered_again(
    adapted: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoints of both lie in one folder."""
    running, answer, answered = adapted.running("generate", "precision"), stage.answer, []

    def counted(loaded: Any, *arguments: Any) -> Any:
        answered.append(str(loaded.model.dtype))
        return answer(loaded, *arguments)

    monkeypatch.setattr(stage, "answer", counted)
    for quantization in ("fp32", "bf16", "bf16"):
        stage.generate(config_of(vision_model, quantization=quantization), running)
    assert answered == ["torch.float32"] * 3 + ["torch.bfloat16"] * 3
