"""benchmarks/gpu.py runs with tiny shapes on a CPU, so that it is whole when a GPU is at hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/gpu.py"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--small", "--out", str(out)], capture_output=True, text=True, timeout=500
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.long
def test_the_cache(figures: dict[str, Any]) -> None:
    part = figures["cache"]
    assert {name: part[name]["answered"] for name in ("defaults", "hubkit")} == {"defaults": 6, "hubkit": 6}
    assert part["hubkit"]["in_flight"] == 6
    assert part["hubkit"]["tokens"] == 24
    assert set(part["ms_per_token"]) == {"2", "4"}


@pytest.mark.long
def test_the_faults(figures: dict[str, Any]) -> None:
    part = figures["faults"]
    assert (part["out_of_memory"]["answered"], part["out_of_memory"]["of"]) == (6, 6)
    assert part["out_of_memory"]["cache"]["max_batch_tokens"] == "512"
    assert "the GPU accessed memory illegally" in part["cuda_error"]["told"]


@pytest.mark.long
def test_the_training(figures: dict[str, Any]) -> None:
    for name in ("checkpointing", "kept"):
        part = figures["training"][name]
        assert part["tower_has_graph"] is False
        assert part["samples_per_second"] > 0
        assert part["evaluated_per_second"] > 0
        assert part["doctor_gib"] > 1.5


@pytest.mark.long
def test_the_environment(figures: dict[str, Any]) -> None:
    assert figures["environment"]["device"] == "cpu"
    assert {"torch", "transformers", "peft", "trl"} <= figures["environment"]["versions"].keys()


@pytest.mark.long
def test_without_a_gpu_it_says_what_to_do() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=500)
    assert run.returncode == 2
    assert "there is no GPU; --small runs tiny shapes on a CPU" in run.stderr
