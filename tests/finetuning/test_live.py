"""Curves while it trains: what TensorBoard and trackio show, and that nothing of it leaves this machine."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from forked import exit_code, start
from tiny_vision import fill_workspace, tiny_config

from hubkit.cli import main
from hubkit.config import Finetuning, write_config
from hubkit.errors import UsageError
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.live import SENDS_DATA_OUT, check_live
from hubkit.workspace import Workspace


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """End this process where it asks for the network."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("asked for the network:", arguments, file=sys.stderr, flush=True)
        os._exit(8)


def run_until(opened: str, arguments: list[str]) -> int:
    """Run `hubkit` until it opens a file of that name, before trackio writes; this process ends there."""

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and str(given[0]).endswith(opened):
            os._exit(7)
        if event == "open" and "trackio.run" in sys.modules:
            sys.modules["trackio.run"].BATCH_SEND_INTERVAL = 60

    sys.addaudithook(watch)
    sys.argv = ["hubkit", *arguments]
    return main()


def run_without_network(files: list[str], arguments: list[str]) -> int:
    """Run `hubkit` once for each file named. gradio, most of what trackio imports, is imported for all of them."""
    sys.addaudithook(refuse_network)
    # It reads its settings when it is imported, and an earlier test may have trained.
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackio"]:
        del sys.modules[name]
    import gradio  # noqa: F401

    for opened in files:
        print("ended with", exit_code(start(partial(run_until, opened, arguments))), flush=True)
    return 0


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
    files, output = ["checkpoint-4/trainer_state.json", "nothing"], tmp_path / "output"
    assert exit_code(start(partial(run_without_network, files, arguments), output)) == 0
    said = output.read_text(encoding="utf-8")
    ends = [line for line in said.splitlines() if line.startswith("ended with")]
    assert ends == ["ended with 7", "ended with 0"], said[-3000:]
    assert f"TRACKIO_DIR={workspace.root}/live trackio show --project hubkit" in said

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
