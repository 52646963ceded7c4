"""Curves while it trains: what TensorBoard and trackio show, and that nothing of it leaves this machine."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_vision import fill_workspace, tiny_config

from hubkit.config import Finetuning, write_config
from hubkit.errors import UsageError
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.live import SENDS_DATA_OUT, check_live
from hubkit.workspace import Workspace

HUBKIT = """
import os, sys

from hubkit.cli import main
from hubkit.endpoint import use_endpoint

# As every command does before its imports. PyTorch, TRL and gradio are imported once for all runs: that takes seconds.
use_endpoint(None)

def refuse_network(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("asked for the network:", arguments, file=sys.stderr)
        os._exit(8)

sys.addaudithook(refuse_network)
import gradio  # most of what trackio imports; trackio itself reads its settings at import
import hubkit.finetuning.trainer

files = sys.argv.pop(1).split(",")

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith(cut_at):
        os._exit(7)
    if event == "open" and "trackio.run" in sys.modules:
        sys.modules["trackio.run"].BATCH_SEND_INTERVAL = 60

for cut_at in files:
    child = os.fork()
    if child == 0:
        sys.addaudithook(watch)
        sys.exit(main())
    print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs `hubkit` without a network, once for each file named: killed when it opens it, and before trackio writes."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `finetune` writes into the environment is taken back."""
    for name in ("TENSORBOARD_LOGGING_DIR", "TRACKIO_DIR"):
        monkeypatch.setenv(name, "")


def logged(workspace: Workspace, key: str) -> list[tuple[int, float]]:
    entries = [json.loads(line) for line in workspace.log_history.read_text().splitlines()]
    return [(entry["step"], entry[key]) for entry in entries if key in entry]


def test_tensorboard_has_a_folder_a_run(environment: None, vision_model: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    workspace = fill_workspace(tmp_path, train=4, validate=2, test=0)
    config = tiny_config(
        vision_model, epochs=1, eval_steps=1, live="tensorboard", sweep={"learning_rate": [1e-5, 1e-2]}
    )
    finetune(config, workspace.running("finetune", "key"))
    runs = sorted(path.name for path in (workspace.root / "live").iterdir())
    assert runs == ["finetune-key-run-001", "finetune-key-run-002"]
    shown = EventAccumulator(str(workspace.root / "live" / runs[1])).Reload()
    for key in ("loss", "entropy", "mean_token_accuracy"):
        for name, tag in ((key, f"train/{key}"), (f"eval_{key}", f"eval/{key}")):
            values = [(event.step, event.value) for event in shown.Scalars(tag)]
            assert values == [(step, pytest.approx(value)) for step, value in logged(workspace, name)], tag


def test_trackio_has_one_run_across_a_kill_and_asks_for_no_network(vision_model: Path, tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path / "work", train=6, validate=2, test=0)
    path = tmp_path / "hubkit.toml"
    path.write_text(write_config(tiny_config(vision_model, live="trackio")), encoding="utf-8")
    arguments = ["finetune", f"--config={path}", f"--workspace={workspace.root}"]
    done = subprocess.run(
        [sys.executable, "-c", HUBKIT, "checkpoint-4/trainer_state.json,nothing", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended with")]
    assert ends == ["ended with 7", "ended with 0"], done.stderr[-3000:]
    assert f"TRACKIO_DIR={workspace.root}/live trackio show --project hubkit" in done.stderr

    with sqlite3.connect(workspace.root / "live" / "hubkit.db") as database:
        rows = database.execute("select run_name, metrics from metrics order by id").fetchall()
    assert len({run for run, _ in rows}) == 1
    shown = [json.loads(metrics) for _, metrics in rows]
    for name, tag in (("loss", "train/loss"), ("eval_loss", "eval/loss"), ("entropy", "train/entropy")):
        values = {entry["train/global_step"]: entry[tag] for entry in shown if tag in entry}
        assert values == dict(logged(workspace, name)), tag


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    with pytest.raises(UsageError, match=r"pip install trackio\)$"):
        check_live(Finetuning(live="trackio"))


@pytest.mark.parametrize("name", SENDS_DATA_OUT)
def test_trackio_shows_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "someone/curves")
    with pytest.raises(UsageError, match=f"unset {name}"):
        check_live(Finetuning(live="trackio"))
    check_live(Finetuning(live="tensorboard"))
