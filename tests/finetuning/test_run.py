"""How a run ends: early, with the best adapter, after a sweep, or at a loss that is no number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_vision import fill_workspace, tiny_config

from hubkit.artifacts.training_log import LogEntry
from hubkit.config import Finetuning, ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.finetuning.checkpoints import require_space
from hubkit.finetuning.collator import Collator
from hubkit.finetuning.curves import draw_curves
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.run import as_dataset
from hubkit.finetuning.trials import trials
from hubkit.models.loading import load_vision_model
from hubkit.models.samples import read_samples
from hubkit.workspace import Workspace


def trained(workspace: Workspace) -> dict[str, object]:
    return json.loads((workspace.adapter / "training.json").read_text())


def losses(workspace: Workspace) -> dict[int, float]:
    entries = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
    return {entry["step"]: entry["eval_loss"] for entry in entries if "eval_loss" in entry}


def test_training_stops_early_and_writes_the_best_adapter(vision_model: Path, tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=6, validate=2, test=0)
    # So high a rate that the loss falls at first and then rises.
    settings = {"learning_rate": 0.5, "epochs": 20, "eval_steps": 1, "patience": 2, "max_grad_norm": 100.0}
    config = tiny_config(vision_model, quantization="fp32", **settings)
    finetune(config, workspace.running("finetune", "key"))
    curve, result = losses(workspace), trained(workspace)
    best = min(curve, key=lambda step: curve[step])
    assert result["best_step"] == best
    assert result["eval_loss"] == curve[best]
    assert max(curve) == best + 2 == result["steps"] < 60

    assert loss_elsewhere(vision_model, workspace, config) == pytest.approx(curve[best], rel=1e-5)
    assert curve[max(curve)] != pytest.approx(curve[best], rel=1e-4)


def loss_elsewhere(base: Path, workspace: Workspace, config: ReleaseConfig) -> float:
    """The mean loss on the validate split of base and adapter as stock PEFT puts them together."""
    from peft import PeftModel

    loaded = load_vision_model(str(base), None, "fp32", "cpu")
    model = PeftModel.from_pretrained(loaded.model, workspace.adapter).eval()
    collator = Collator(loaded.processor, config.generation.prompt)
    batches = [collator([row]) for row in as_dataset(read_samples(workspace, "validate", "findings_impression").kept)]
    with torch.no_grad():
        measured = [model(**{name: batch[name] for name in batch if name != "study_ids"}).loss for batch in batches]
    return torch.stack(measured).mean().item()


def test_vision_tower_and_whole_modules_by_setting(vision_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    workspace = fill_workspace(tmp_path, train=4, validate=2, test=0)
    settings = {"target_modules": "all-linear", "modules_to_save": ["lm_head", "embed_tokens"], "learning_rate": 1e-2}
    config = tiny_config(vision_model, quantization="fp32", **settings)
    finetune(config, workspace.running("finetune", "key"))
    names = load_file(workspace.adapter / "adapter_model.safetensors").keys()
    for part in ("vision_tower", "language_model.layers", "lm_head", "embed_tokens"):
        assert any(part in name for name in names), part
    assert trained(workspace)["eval_loss"] < 5.5, "it learns"
    assert loss_elsewhere(vision_model, workspace, config) == pytest.approx(trained(workspace)["eval_loss"], rel=1e-5)


def test_a_sweep_tries_every_combination_and_the_best_goes_on(vision_model: Path, tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=4, validate=2, test=0)
    sweep = {"r": [2, 4], "learning_rate": [1e-5, 1e-2]}
    finetune(tiny_config(vision_model, epochs=1, sweep=sweep), workspace.running("finetune", "key"))
    rows = trained(workspace)["sweep"]
    assert [(row["r"], row["learning_rate"]) for row in rows] == [(2, 1e-5), (2, 1e-2), (4, 1e-5), (4, 1e-2)]
    (chosen,) = [row for row in rows if row["chosen"]]
    assert chosen["eval_loss"] == min(row["eval_loss"] for row in rows) == trained(workspace)["eval_loss"]
    assert chosen["learning_rate"] == 1e-2
    settings = json.loads((workspace.adapter / "adapter_config.json").read_text())
    assert settings["r"] == chosen["r"]
    assert {name: trained(workspace)["settings"][name] for name in sweep} == {name: chosen[name] for name in sweep}


@pytest.mark.parametrize(
    ("sweep", "said"),
    [({"model": ["x"]}, "cannot be swept"), ({"r": []}, "has no values"), ({"r": [0]}, "greater than 0")],
)
def test_a_sweep_that_cannot_be_run(sweep: dict[str, list[object]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trials(Finetuning(sweep=sweep))


def test_without_a_sweep_there_is_one_trial() -> None:
    settings = Finetuning(r=8)
    assert [trial.settings for trial in trials(settings)] == [settings]


@pytest.mark.parametrize(
    ("eval_steps", "said"),
    [
        (10, r"study [1-5]: the loss is nan at step 3 \(lower"),
        (2, r"study 6: .* nan in the evaluation after step 2 "),
    ],
)
def test_a_loss_that_is_no_number_stops_with_step_and_studies(
    vision_model: Path, tmp_path: Path, eval_steps: int, said: str
) -> None:
    workspace = fill_workspace(tmp_path, train=5, validate=1, test=0)
    # The rate rises from 0 in the first step, so the second makes the weights overflow.
    config = tiny_config(vision_model, learning_rate=1e36, eval_steps=eval_steps, save_steps=10)
    with pytest.raises(HubkitError, match=said):
        finetune(config, workspace.running("finetune", "key"))
    assert not workspace.adapter.exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"modules_to_save": ["xyz"]}, "modules_to_save: the base has no module xyz"),
        ({"target_modules": ["xyz"]}, "Target modules {'xyz'} not found"),
        ({"schedule": "downhill"}, "downhill is not a valid SchedulerType"),
    ],
)
def test_settings_that_the_base_does_not_bear(
    vision_model: Path, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    workspace = fill_workspace(tmp_path, train=2, validate=1, test=0)
    with pytest.raises(UsageError, match=said):
        finetune(tiny_config(vision_model, **settings), workspace.running("finetune", "key"))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_cannot_be_decoded_is_named(vision_model: Path, tmp_path: Path, workers: int) -> None:
    workspace = fill_workspace(tmp_path, train=2, validate=1, test=0)
    (workspace.images / "image-2-1.jpg").write_bytes(b"no image")
    config = tiny_config(vision_model, trainer={"dataloader_num_workers": workers})
    with pytest.raises(HubkitError, match=r"^/\S+image-2-1\.jpg: the image cannot be decoded \(delete it and .*\)$"):
        finetune(config, workspace.running("finetune", "key"))


def test_a_disk_without_space_for_a_checkpoint(tmp_path: Path) -> None:
    require_space(tmp_path, 1)
    with pytest.raises(HubkitError, match=r"a checkpoint needs 12000000000000.0 MB and .* MB are free"):
        require_space(tmp_path, 10**18)


@pytest.mark.parametrize("largest", [300, 12_000], ids=["settings", "weights"])
def test_an_adapter_that_cannot_be_written_to_its_end(
    vision_model: Path, tmp_path: Path, largest_file: Callable[[int], None], largest: int
) -> None:
    workspace = fill_workspace(tmp_path, train=2, validate=1, test=0)
    largest_file(largest)
    with pytest.raises(HubkitError, match=r"written to its end \(File too large\); .* MB are free \(free disk space"):
        finetune(tiny_config(vision_model, eval_steps=1), workspace.running("finetune", "key"))


def test_curves_are_drawn_with_the_same_bytes(tmp_path: Path) -> None:
    history = [
        {"step": 1, "loss": 2.0, "entropy": 1.0, "mean_token_accuracy": 0.1},
        {"step": 2, "loss": 1.5, "entropy": 0.9, "mean_token_accuracy": 0.2},
        {"step": 2, "eval_loss": 1.6, "eval_entropy": 0.9, "eval_mean_token_accuracy": 0.2},
    ]
    drawn = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        draw_curves([LogEntry(**entry) for entry in history], 2, folder)
        drawn.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert drawn[0] == drawn[1]
    assert drawn[0].keys() == {"curves.png", "curves.svg"}
    assert b"Mean token accuracy" in drawn[0]["curves.svg"]
