"""The frozen vision tower: no graph through it, the same loss and gradients, and features that are computed once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_vision import fill_workspace, tiny_config

import hubkit.finetuning.run as run
from hubkit.errors import UsageError
from hubkit.finetuning.arguments import training_arguments
from hubkit.finetuning.collator import Collator, Pixels
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.tower import Features, feature_bytes, fits
from hubkit.models.loading import load_vision_model
from hubkit.models.samples import read_samples
from hubkit.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fill_workspace(tmp_path_factory.mktemp("tower"), train=4, validate=5, test=0)


@pytest.fixture(scope="module")
def seeing_model(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base with a projector that is not zero, as transformers initialises it: else no image tells."""
    base = shutil.copytree(vision_model, tmp_path_factory.mktemp("seeing") / "base")
    tensors = load_file(base / "model.safetensors")
    (projector,) = [name for name in tensors if name.endswith("mm_input_projection_weight")]
    torch.nn.init.normal_(tensors[projector], std=0.2, generator=torch.Generator().manual_seed(0))
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    return base


def one_step(seeing_model: Path, workspace: Workspace, folder: Path, **settings: object):
    """Loss and gradients of a batch of two studies, what of the tower requires a gradient, and what was given."""
    finetuning = tiny_config(seeing_model, gradient_checkpointing=True, batch_size=2, **settings).finetuning
    splits = [read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")]
    arguments = training_arguments(finetuning, 42, folder, "cpu", evaluates=True)
    torch.manual_seed(0)
    trainer = run.build_trainer(finetuning, arguments, "Descreva", *splits)
    tower, graphs = trainer.model.get_base_model().model.vision_tower, []
    tower.register_forward_hook(lambda module, given, output: graphs.append(output[0].requires_grad))
    trainer.model.train()
    # An adapter that was never trained gives no gradient to its first half.
    for name, parameter in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    batch = trainer.data_collator(list(run.as_dataset(splits[0][:2])))
    given = set(batch)
    torch.manual_seed(1)
    with trainer.compute_loss_context_manager():
        trainer.model_accepts_loss_kwargs = False
        loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    gradients = {name: one.grad for name, one in trainer.model.named_parameters() if one.requires_grad}
    return loss.detach(), gradients, graphs, given


@pytest.mark.parametrize("quantization", ["fp32", "nf4"])
def test_a_frozen_tower_has_no_graph_and_nothing_changes(
    seeing_model: Path, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantization: str
) -> None:
    loss, gradients, graphs, _ = one_step(seeing_model, workspace, tmp_path / "a", quantization=quantization)
    assert graphs == [False]
    kept = {"quantization": quantization, "image_features": "disk"}
    features_loss, features_gradients, ran, given = one_step(seeing_model, workspace, tmp_path / "b", **kept)
    assert ran == []
    assert "pixel_values" not in given
    with monkeypatch.context() as patched:
        patched.setattr(run, "release_tower", lambda model: False)
        before, before_gradients, graphs_before, _ = one_step(
            seeing_model, workspace, tmp_path / "c", quantization=quantization
        )
    assert graphs_before[0], "without it the tower is dragged along"
    assert torch.equal(loss, before)
    assert torch.equal(features_loss, before)
    assert gradients.keys() == before_gradients.keys() == features_gradients.keys()
    assert any(gradient.abs().max() > 0 for gradient in gradients.values())
    for name, gradient in before_gradients.items():
        assert torch.equal(gradients[name], gradient), name
        assert torch.equal(features_gradients[name], gradient), name


def test_the_tower_has_no_graph_while_it_trains(seeing_model: Path, workspace: Workspace, tmp_path: Path) -> None:
    finetuning = tiny_config(seeing_model, gradient_checkpointing=True, trainer={"max_steps": 1}).finetuning
    splits = [read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")]
    arguments = training_arguments(finetuning, 42, tmp_path, "cpu", evaluates=False)
    trainer = run.build_trainer(finetuning, arguments, "Descreva", splits[0], [])
    graphs: list[bool] = []
    tower = trainer.model.get_base_model().model.vision_tower
    tower.register_forward_hook(lambda module, given, output: graphs.append(output[0].requires_grad))
    # Not by a step of our own: `train` turns checkpointing on again, and the tower's hook with it.
    trainer.train()
    assert graphs
    assert not any(graphs)


def test_a_trained_tower_keeps_its_graph(seeing_model: Path, workspace: Workspace, tmp_path: Path) -> None:
    settings = {"target_modules": "all-linear", "quantization": "fp32"}
    _, gradients, graphs, _ = one_step(seeing_model, workspace, tmp_path / "a", **settings)
    assert graphs[0]
    reached = {name for name, gradient in gradients.items() if gradient is not None and gradient.abs().max() > 0}
    assert any("vision_tower" in name for name in reached)
    with pytest.raises(UsageError, match=r"image_features = \"disk\": the vision tower is trained"):
        one_step(seeing_model, workspace, tmp_path / "b", image_features="disk", **settings)


def test_an_adapter_is_the_same_with_features_on_disk(seeing_model: Path, tmp_path: Path) -> None:
    made = {}
    for kept in ("compute", "disk"):
        workspace = fill_workspace(tmp_path / kept, train=4, validate=2, test=0)
        config = tiny_config(seeing_model, model_id="maintainer/seeing", image_features=kept, epochs=1)
        finetune(config, workspace.running("finetune", "key"))
        history = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
        losses = [entry.get("loss", entry.get("eval_loss")) for entry in history]
        made[kept] = losses, load_file(workspace.adapter / "adapter_model.safetensors")
        assert sorted(path.name for path in workspace.adapter.glob("*.safetensors")) == ["adapter_model.safetensors"]
    assert made["compute"][0] == made["disk"][0]
    for name, tensor in made["compute"][1].items():
        assert torch.equal(tensor, made["disk"][1][name]), name


def test_features_that_do_not_fit_are_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fits(tmp_path, 1)
    assert not fits(tmp_path, 10**18)
    assert "take 1000000000.0 GB and" in capsys.readouterr().err


def test_bytes_of_the_features_of_medgemma() -> None:
    from transformers import Gemma3Config

    config = Gemma3Config(text_config={"hidden_size": 2560}, mm_tokens_per_image=256)
    assert feature_bytes(config, images=2, width=2) == 2 * 256 * 2560 * 2 == 2_621_440


def test_what_is_written_is_read(tmp_path: Path) -> None:
    features = Features(tmp_path)
    assert not features.has(7)
    features.write(7, torch.arange(12.0).reshape(2, 2, 3).to(torch.bfloat16))
    assert features.has(7)
    assert torch.equal(features.read(7), torch.arange(12.0).reshape(2, 2, 3).to(torch.bfloat16))


@pytest.mark.parametrize("evaluated", [2, 3, 5])
def test_an_evaluation_in_batches_gives_means_over_studies(
    seeing_model: Path, workspace: Workspace, tmp_path: Path, evaluated: int
) -> None:
    """Five studies whose answers have different lengths: a mean over the tokens of a batch would be another figure."""
    results = []
    for size in (1, evaluated):
        trainer = {"per_device_eval_batch_size": size}
        finetuning = tiny_config(seeing_model, quantization="fp32", trainer=trainer).finetuning
        splits = [read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")]
        arguments = training_arguments(finetuning, 42, tmp_path / str(size), "cpu", evaluates=True)
        built = run.build_trainer(finetuning, arguments, "Descreva", *splits)
        results.append(built.evaluate())
    for name in ("eval_loss", "eval_entropy", "eval_mean_token_accuracy"):
        assert results[1][name] == pytest.approx(results[0][name], rel=1e-5), name
    collator = Collator(load_vision_model(str(seeing_model), None, "fp32", "cpu").processor, "Descreva")
    lengths = {(collator([row])["labels"] >= 0).sum().item() for row in run.as_dataset(splits[1])}
    assert len(lengths) > 1


@pytest.mark.parametrize(
    ("device", "batch", "evaluated", "workers"),
    [("cpu", 1, 1, 0), ("cpu", 3, 3, 0), ("cuda", 1, 8, 4), ("cuda", 2, 2, 4)],
)
def test_what_a_gpu_evaluates_and_who_prepares(
    seeing_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    batch: int,
    evaluated: int,
    workers: int,
) -> None:
    import os

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    finetuning = tiny_config(seeing_model, batch_size=batch, quantization="fp32").finetuning
    arguments = training_arguments(finetuning, 42, tmp_path, device, evaluates=True)
    assert arguments.per_device_eval_batch_size == evaluated
    assert (arguments.dataloader_num_workers, arguments.dataloader_persistent_workers) == (workers, workers > 0)


def test_pixels_are_kept_in_a_quarter_of_their_bytes(seeing_model: Path) -> None:
    pixels = Pixels(load_vision_model(str(seeing_model), None, "fp32", "cpu").processor)
    whole = torch.from_numpy(pixels.floats[:, torch.randint(256, (2, 32, 32)).numpy()]).transpose(0, 1).contiguous()
    packed = pixels.pack(whole)
    assert (packed.dtype, packed.nbytes * 4) == (torch.uint8, whole.nbytes)
    assert torch.equal(pixels.unpack(packed), whole)
    odd = whole + 1e-3
    assert pixels.pack(odd) is odd
    assert pixels.unpack(odd) is odd
