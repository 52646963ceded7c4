"""Two processes train what one trains: the printed commands, run on CPU over gloo."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from forked import exit_code, start
from huggingface_hub import HfApi
from loopback import hub, keep_downloads_in, point_clients
from safetensors.torch import load_file
from tiny_vision import fill_workspace, tiny_config

from hubkit.cli import main
from hubkit.config import ReleaseConfig, parse_config, write_config
from hubkit.errors import HubkitError
from hubkit.finetuning.checkpoints import WHOLE, last_checkpoint
from hubkit.finetuning.finetune import finetune
from hubkit.localhub import LocalHub
from hubkit.workspace import Workspace

__all__ = ["hub"]

FSDP_ON_CPU = Path(__file__).with_name("fsdp_on_cpu")


@pytest.fixture(scope="module")
def config(vision_model: Path) -> ReleaseConfig:
    # Each process draws its own dropout masks; without dropout the runs differ by rounding alone.
    return tiny_config(vision_model, dropout=0.0, learning_rate=1e-2, gradient_checkpointing=True)


@pytest.fixture(scope="module")
def alone(config: ReleaseConfig, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("alone"), train=8, validate=4, test=0)
    finetune(config, workspace.running("finetune", "key"))
    return workspace


def measured(workspace: Workspace, key: str) -> list[float]:
    entries = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
    return [entry[key] for entry in entries if key in entry]


def write(config: ReleaseConfig, folder: Path) -> Path:
    path = folder / "hubkit.toml"
    path.write_text(write_config(config), encoding="utf-8")
    return path


def command(config: ReleaseConfig, workspace: Workspace, folder: Path, split: bool, **variables: str) -> dict[str, Any]:
    """The command that `--launch` prints for DDP, or for FSDP where `split`, as arguments of `subprocess`."""
    path = write(config, folder)
    arguments = ["finetune", "--config", str(path), "--workspace", str(workspace.root), "--launch"]
    # In a process of its own: the settings name a Hub, and the clients of this process speak to another one.
    printed = subprocess.run([sys.executable, "-m", "hubkit", *arguments], capture_output=True, text=True, check=True)
    words = shlex.split(printed.stdout.splitlines()[3 if split else 1])
    assert words[:3] == ["accelerate", "launch", "--use_fsdp" if split else "--multi_gpu"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    if split:
        environment["PYTHONPATH"] = f"{FSDP_ON_CPU}:{os.environ.get('PYTHONPATH', '')}"
    return {"args": words, "env": environment | variables, "text": True}


def assert_takes_the_steps_of(alone: Workspace, together: Workspace) -> None:
    # bf16 keeps 8 bits: sums of the same numbers in another order differ by about 2**-8.
    for key, tolerance in (("loss", 5e-3), ("eval_loss", 5e-3), ("grad_norm", 5e-2)):
        assert measured(together, key) == pytest.approx(measured(alone, key), rel=tolerance), key
    assert measured(together, "num_tokens") == measured(alone, "num_tokens")
    one, two = (load_file(workspace.adapter / "adapter_model.safetensors") for workspace in (alone, together))
    assert {name: tensor.shape for name, tensor in two.items()} == {name: tensor.shape for name, tensor in one.items()}


@pytest.fixture(scope="module")
def gated(hub: LocalHub, vision_model: Path) -> str:
    """The base as a gated repo on the Hub; its commit."""
    api = HfApi(hub.url, token=hub.tokens["owner"])
    api.create_repo("maintainer/base")
    commit = api.upload_folder(repo_id="maintainer/base", folder_path=vision_model).oid
    api.update_repo_settings("maintainer/base", gated="manual")
    return commit


@pytest.fixture
def from_hub(config: ReleaseConfig, hub: LocalHub) -> ReleaseConfig:
    """The same settings, with the base on the Hub."""
    changed = {"finetuning": {"model": "maintainer/base"}, "hub": {"endpoint": hub.url}}
    values = config.model_dump(mode="json")
    return parse_config({name: values[name] | changed.get(name, {}) for name in values})


def one_of_two(rank: str, port: str, hub: LocalHub, arguments: list[str]) -> int:
    """What a process does that a launcher of DDP started: `hubkit`, with the variables that it sets."""
    from accelerate.state import AcceleratorState, GradientState

    variables = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": rank, "LOCAL_RANK": rank}
    os.environ |= {**variables, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "HF_TOKEN": hub.tokens["granted"]}
    # The process that it was forked from trained alone.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    sys.argv = ["hubkit", *arguments]
    return main()


def train_forked(config: ReleaseConfig, workspace: Workspace, folder: Path, hub: LocalHub) -> str:
    """Train in two processes without a launcher: what they print."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = ["finetune", "--config", str(write(config, folder)), "--workspace", str(workspace.root)]
    output = folder / "output"
    children = [start(partial(one_of_two, rank, port, hub, arguments), output) for rank in "01"]
    assert [exit_code(child) for child in children] == [0, 0], output.read_text()[-3000:]
    return output.read_text()


@pytest.mark.parametrize("launched", [False, pytest.param(True, marks=pytest.mark.long)])
def test_ddp_takes_the_steps_of_one_process(
    from_hub: ReleaseConfig,
    hub: LocalHub,
    gated: str,
    alone: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    launched: bool,
) -> None:
    """By the command that `--launch` prints, and without its launcher, whose imports take as long as the rest."""
    together = fill_workspace(tmp_path / "together", train=8, validate=4, test=0)
    before = len(asked(hub))
    if launched:
        how = command(from_hub, together, tmp_path, split=False, HF_TOKEN=hub.tokens["granted"])
        done = subprocess.run(**how, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        printed = done.stdout
    else:
        point_clients(monkeypatch, hub.url)
        keep_downloads_in(monkeypatch, tmp_path / "huggingface")
        printed = train_forked(from_hub, together, tmp_path, hub)
    assert printed.count("finetune: adapter of ") == 1, "the first process alone reports"
    assert_takes_the_steps_of(alone, together)
    settings = json.loads((together.adapter / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("maintainer/base", gated)
    recipe = json.loads((together.adapter / "hubkit_generation.json").read_text())
    assert recipe["base_model"] == {"name": "maintainer/base", "revision": gated}
    asked_now = asked(hub)[before:]
    assert asked_now.count("/api/models/maintainer/base/revision/main") == 2, "both processes ask this Hub"


def asked(hub: LocalHub) -> list[str]:
    """The paths that the Hub was asked for, in order."""
    return [json.loads(line)["path"] for line in (hub.root / "access.jsonl").read_text().splitlines()]


@pytest.mark.long
def test_fsdp_takes_the_steps_of_one_process_across_a_kill(
    config: ReleaseConfig, alone: Workspace, tmp_path: Path
) -> None:
    together = fill_workspace(tmp_path / "together", train=8, validate=4, test=0)
    running = subprocess.Popen(**command(config, together, tmp_path, split=True), stderr=subprocess.DEVNULL)
    while running.poll() is None and not list(together.root.glob(f"partial/*/*/checkpoint-2/{WHOLE}")):
        time.sleep(0.02)
    assert running.poll() is None, "it ended before it could be killed"
    # The launcher takes its processes down with it.
    running.terminate()
    running.wait()

    (folder,) = together.root.glob("partial/*/run-001")
    with pytest.raises(HubkitError, match="was written under FSDP"):
        last_checkpoint(folder)
    done = subprocess.run(**command(config, together, tmp_path, split=True), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_takes_the_steps_of(alone, together)
