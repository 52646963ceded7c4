"""A run that was cut off continues as if it had not been: same curve, same adapter, same patience."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny_vision import fill_workspace, tiny_config

import hubkit.finetuning.trainer
from hubkit.errors import HubkitError
from hubkit.finetuning.checkpoints import WHOLE, last_checkpoint, mark_whole
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.trainer import AdapterTrainer
from hubkit.workspace import Workspace

MEASURED_IN_SECONDS = ("runtime", "per_second")


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fill_workspace(tmp_path_factory.mktemp("resumed"), train=8, validate=3, test=1)


# Where the bits of a resumed run could be lost differs between the two, and not how a run is cut off.
@pytest.fixture(scope="module", params=["nf4", pytest.param("fp32", marks=pytest.mark.long)])
def quantization(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def unbroken(workspace: Workspace, vision_model: Path, quantization: str):
    finetune(tiny_config(vision_model, quantization=quantization), workspace.running("finetune", "unbroken"))
    return curve(workspace), weights(workspace)


def curve(workspace: Workspace) -> list[list[tuple[str, float]]]:
    """All that is published of the curve, key by key, but for how long it took."""
    entries = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
    return [
        [(name, value) for name, value in entry.items() if not any(part in name for part in MEASURED_IN_SECONDS)]
        for entry in entries
    ]


def weights(workspace: Workspace) -> dict[str, list[float]]:
    tensors = load_file(workspace.adapter / "adapter_model.safetensors")
    return {name: tensor.float().flatten().tolist() for name, tensor in tensors.items()}


def cut_off(monkeypatch: pytest.MonkeyPatch, method: str, after: int) -> None:
    real, left = getattr(AdapterTrainer, method), [after]

    def until(self, *arguments, **options):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return real(self, *arguments, **options)

    monkeypatch.setattr(AdapterTrainer, method, until)


# Killed after checkpoint 2, in the second epoch after checkpoint 4, and one micro-batch before the end.
@pytest.mark.parametrize(
    "micro_batches", [pytest.param(5, marks=pytest.mark.long), 11, pytest.param(15, marks=pytest.mark.long)]
)
def test_the_curve_and_the_adapter_are_those_of_an_unbroken_run(
    workspace: Workspace,
    vision_model: Path,
    quantization: str,
    unbroken,
    monkeypatch: pytest.MonkeyPatch,
    micro_batches: int,
) -> None:
    config = tiny_config(vision_model, quantization=quantization)
    running = workspace.running("finetune", f"cut-{quantization}-{micro_batches}")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        cut_off(patched, "training_step", micro_batches)
        finetune(config, running)
    finetune(config, running)
    assert curve(workspace) == unbroken[0]
    assert weights(workspace) == unbroken[1]


def test_a_checkpoint_that_was_cut_off_is_not_resumed_from(
    workspace: Workspace, vision_model: Path, quantization: str, unbroken, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(vision_model, quantization=quantization)
    running = workspace.running("finetune", f"saving-{quantization}")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        cut_off(patched, "_save_rng_state", 1)
        finetune(config, running)
    cut = running.partial / "run-001" / "checkpoint-4"
    assert (cut / "adapter_model.safetensors").exists()
    assert last_checkpoint(running.partial / "run-001") == running.partial / "run-001" / "checkpoint-2"
    assert not cut.exists()
    finetune(config, running)
    assert curve(workspace) == unbroken[0]
    assert weights(workspace) == unbroken[1]


def test_a_disk_that_is_full_in_the_middle_of_a_checkpoint(
    workspace: Workspace,
    vision_model: Path,
    quantization: str,
    unbroken,
    monkeypatch: pytest.MonkeyPatch,
    largest_file: Callable[[int], None],
) -> None:
    config = tiny_config(vision_model, quantization=quantization)
    running = workspace.running("finetune", f"full-{quantization}")

    def full_from_now_on(checkpoint: Path) -> None:
        mark_whole(checkpoint)
        largest_file(200_000)  # the adapter fits, the optimiser's state does not

    with monkeypatch.context() as patched:
        patched.setattr(hubkit.finetuning.trainer, "mark_whole", full_from_now_on)
        with pytest.raises(HubkitError, match=r"could not be written to its end.*\(free disk space and run again"):
            finetune(config, running)
    assert not (running.partial / "run-001" / "checkpoint-4" / WHOLE).exists()
    largest_file(resource.RLIM_INFINITY)
    finetune(config, running)
    assert curve(workspace) == unbroken[0]
    assert weights(workspace) == unbroken[1]
