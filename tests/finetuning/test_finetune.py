"""The stage `finetune` on a random tiny model: what it writes, and that it can be carried elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_vision import fill_workspace, tiny_config

from hubkit.errors import HubkitError
from hubkit.finetuning.finetune import finetune
from hubkit.workspace import Workspace


@pytest.fixture(scope="module")
def trained(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("trained"), train=7, validate=3, test=5, failed=(2, 9))
    finetune(tiny_config(vision_model), workspace.running("finetune", "key"))
    return workspace


def test_writes_what_a_reader_needs(trained: Workspace) -> None:
    names = {path.name for path in trained.adapter.iterdir()}
    assert names >= {
        *("adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "processor_config.json"),
        *("tokenizer.json", "hubkit_generation.json", "log_history.jsonl", "training.json"),
    }
    assert "README.md" not in names


def test_studies_whose_translation_failed_are_left_out_and_named(trained: Workspace) -> None:
    training = json.loads((trained.adapter / "training.json").read_text())
    assert training["studies"] == {"train": 6, "validate": 2}
    assert training["left_out"] == {"train": [2], "validate": [9]}
    assert training["steps"] == 6


def test_curves_hold_loss_entropy_and_accuracy(trained: Workspace) -> None:
    entries = [json.loads(line) for line in trained.log_history.read_text().splitlines()]
    steps = [entry for entry in entries if "loss" in entry]
    evaluations = [entry for entry in entries if "eval_loss" in entry]
    assert [entry["step"] for entry in steps] == [1, 2, 3, 4, 5, 6]
    assert [entry["step"] for entry in evaluations] == [2, 4, 6]
    assert all({"entropy", "mean_token_accuracy"} <= entry.keys() for entry in steps)
    assert all({"eval_entropy", "eval_mean_token_accuracy"} <= entry.keys() for entry in evaluations)
    assert evaluations[-1]["eval_loss"] < evaluations[0]["eval_loss"]


def test_no_file_names_a_path_of_this_machine(trained: Workspace, vision_model: Path) -> None:
    for path in trained.adapter.iterdir():
        content = path.read_bytes()
        assert str(vision_model).encode() not in content, path.name
        assert str(trained.root).encode() not in content, path.name
    settings = json.loads((trained.adapter / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == vision_model.name


def test_no_file_holds_text_of_a_report(trained: Workspace) -> None:
    for name in ("hubkit_generation.json", "training.json", "log_history.jsonl", "adapter_config.json"):
        text = (trained.adapter / name).read_text(encoding="utf-8")
        assert "Derrame" not in text
        assert "ACHADOS" not in text


def test_without_a_translated_study_there_is_nothing_to_train_on(vision_model: Path, tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=1, validate=0, test=1, failed=(1,))
    with pytest.raises(HubkitError, match="only 0 of 1 train studies have a translated reference"):
        finetune(tiny_config(vision_model), workspace.running("finetune", "key"))
