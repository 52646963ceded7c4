"""Two processes train what one trains: the printed command, run on CPU over gloo."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_vision import fill_workspace, tiny_config

from hubkit.cli import cli
from hubkit.config import write_config
from hubkit.finetuning.finetune import finetune
from hubkit.workspace import Workspace


def measured(workspace: Workspace, key: str) -> list[float]:
    entries = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
    return [entry[key] for entry in entries if key in entry]


def test_two_processes_take_the_steps_of_one(vision_model: Path, tmp_path: Path) -> None:
    # Each process draws its own dropout masks; without dropout the two runs differ by rounding alone.
    config = tiny_config(vision_model, dropout=0.0, learning_rate=1e-2)
    path = tmp_path / "hubkit.toml"
    path.write_text(write_config(config), encoding="utf-8")
    alone = fill_workspace(tmp_path / "alone", train=8, validate=4, test=0)
    together = fill_workspace(tmp_path / "together", train=8, validate=4, test=0)
    finetune(config, alone.running("finetune", "key"))

    printed = CliRunner().invoke(
        cli, ["finetune", "--config", str(path), "--workspace", str(together.root), "--launch"], catch_exceptions=False
    )
    command = shlex.split(printed.output.splitlines()[1])
    assert command[:5] == ["accelerate", "launch", "--multi_gpu", "--num_processes", "2"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("done in") == 1, "the first process alone reports"

    # bf16 keeps 8 bits: sums of the same numbers in another order differ by about 2**-8.
    for key, tolerance in (("loss", 5e-3), ("eval_loss", 5e-3), ("grad_norm", 5e-2)):
        assert measured(together, key) == pytest.approx(measured(alone, key), rel=tolerance), key
    assert measured(together, "num_tokens") == measured(alone, "num_tokens")
    assert (together.adapter / "adapter_model.safetensors").exists()
