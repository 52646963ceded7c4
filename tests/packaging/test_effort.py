"""What a release took: only what was recorded is printed, and an estimate is called one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from invented_release import build_release, release_config

import hubkit.models.hardware as module
from hubkit.artifacts.manifest import Hardware
from hubkit.artifacts.translator import Served, Translator, write_translator
from hubkit.models.hardware import hardware
from hubkit.packaging.card_data import gather
from hubkit.packaging.cards import render
from hubkit.packaging.effort import Effort, efforts
from hubkit.packaging.provenance import translation_precision
from hubkit.published import published
from hubkit.release import record
from hubkit.stages import STAGES
from hubkit.workspace import Workspace, write_json

GPU = {"name": "GPU X", "count": 2, "watts": 350.0}
CPU = {"name": "CPU Y", "count": 8, "watts": None}


@pytest.mark.parametrize(
    ("tables", "stage", "manifest", "expected"),
    [
        ({}, "finetune", {"seconds": 7200, "hardware": GPU}, Effort("fine-tuning", "2 x GPU X", 2, 1.4, None)),
        (
            {"packaging": {"grams_per_kwh": 100}},
            "finetune",
            {"seconds": 7200, "hardware": GPU},
            Effort("fine-tuning", "2 x GPU X", 2, 1.4, 140),
        ),
        (
            {"packaging": {"watts": 100, "grams_per_kwh": 50}},
            "score",
            {"seconds": 3600, "hardware": CPU},
            Effort("scores", "8 x CPU Y", 1, 0.1, 5),
        ),
        ({}, "score", {"seconds": 3600, "hardware": CPU}, Effort("scores", "8 x CPU Y", 1, None, None)),
        # A manifest of an earlier version.
        ({}, "generate", {"versions": {}}, Effort("generated reports", None, None, None, None)),
        (
            {"translation": {"engine": "openai"}},
            "translate",
            {"seconds": 3600, "hardware": GPU},
            Effort("translation", None, 1, None, None, "a server computed it"),
        ),
        (
            {"translation": {"executor": "slurm"}},
            "translate",
            {"seconds": 3600, "hardware": GPU},
            Effort("translation", None, 1, None, None, "a cluster computed it"),
        ),
    ],
)
def test_what_a_stage_took(
    tmp_path: Path, tables: dict[str, Any], stage: str, manifest: dict[str, Any], expected: Effort
) -> None:
    workspace = Workspace(tmp_path)
    write_json(workspace.manifest(stage), manifest)
    (found,) = efforts(release_config(tmp_path, **tables), workspace)
    assert found == pytest.approx(expected)


def test_a_stage_records_what_it_ran_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    stage = next(stage for stage in STAGES if stage.name == "push")
    write_json(workspace.receipt, {})
    record(stage, release_config(tmp_path), workspace, "key", 0.0)
    found = json.loads(workspace.manifest("push").read_text(encoding="utf-8"))["hardware"]
    assert found == hardware("cpu", 1).model_dump()
    assert found["count"] >= 1
    assert found["name"].strip()


class Cuda:
    """The part of torch that is asked."""

    class cuda:
        @staticmethod
        def is_available() -> bool:
            return True

        @staticmethod
        def get_device_name() -> str:
            return "GPU X"


@pytest.mark.parametrize(
    ("said", "watts"),
    [("350.00\n350.00\n", 350.0), ("[N/A]\n", None), ("", None), (None, None)],
    ids=["two GPUs", "not told", "nothing", "no driver"],
)
def test_the_power_of_a_gpu_is_what_its_driver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, watts: float | None
) -> None:
    monkeypatch.setitem(module.sys.modules, "torch", Cuda)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WORLD_SIZE", "2")
    if said is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\necho '{said.strip()}'\n", encoding="utf-8")
        program.chmod(0o755)
    assert hardware("auto", 1) == Hardware(name="GPU X", count=2, watts=watts)
    assert hardware("cpu", 1).name != "GPU X"


@pytest.mark.parametrize(
    ("engine", "served", "expected"),
    [
        ("transformers", None, "nf4"),
        ("transformers", ["bf16"], "bf16"),
        ("openai", None, "unknown, as the server was started"),
        ("openai", ["fp8"], "fp8"),
        ("openai", [None], "unknown, as the server was started"),
        ("openai", ["fp8", None], "fp8, then unknown, as the server was started"),
    ],
)
def test_the_setting_says_nothing_of_a_servers_precision(
    tmp_path: Path, engine: str, served: list[str | None] | None, expected: str
) -> None:
    workspace = build_release(tmp_path)
    if served is not None:
        answers = tuple(Served(precision=precision) for precision in served)
        write_translator(workspace, Translator(engine=engine, served=answers))
    config = release_config(tmp_path / "corpus", translation={"engine": engine})
    assert translation_precision(config, workspace) == expected
    card = render(published("dataset_card") / "README.md.jinja", gather(config, workspace).variables())
    assert f"| precision of its weights, decoding | {expected}, greedy |" in card


def test_the_card_calls_energy_an_estimate(tmp_path: Path) -> None:
    config = release_config(tmp_path, packaging={"grams_per_kwh": 100, "location": "own machines, Brazil"})
    rows = [Effort("fine-tuning", "2 x GPU X", 2, 1.4, 140), Effort("translation", None, 0.0123, None, None, "why")]
    text = render(published("dataset_card") / "_impact.md.jinja", {"config": config, "efforts": rows})
    assert "Energy is an estimate: hours\ntimes the power limit of the devices." in text
    assert "| fine-tuning | 2 x GPU X | 2.0 h | 1.4 kWh | 140 g |" in text
    assert "| translation | unknown: why | 0.012 h | unknown | unknown |" in text
    assert "Cloud provider and region: own machines, Brazil." in text
