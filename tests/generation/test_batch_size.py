"""How many studies are answered at a time where nobody says it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_vision import fill_workspace, tiny_config
from transformers import Gemma3Config

import hubkit.generation.generate as stage
from hubkit.config import Generation, ReleaseConfig
from hubkit.finetuning.finetune import finetune
from hubkit.generation.batch_size import ON_CPU, batch_size, fitting_size, study_bytes
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace, read_table

GIB = 2**30

MEDGEMMA_4B = Gemma3Config(
    text_config={
        "vocab_size": 262208,
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
    },
    vision_config={
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 896,
        "patch_size": 14,
    },
    mm_tokens_per_image=256,
)
WEIGHTS = 3.6 + 0.5
"""GiB of its weights in NF4, and of CUDA's context."""


@pytest.mark.parametrize(
    ("card", "shown", "images", "expected"),
    [
        (15.7, 0, 2, 16),
        (23.6, 0, 2, 32),
        (44.4, 0, 2, 64),
        (79.2, 0, 2, 64),
        (15.7, 1, 2, 8),
        (23.6, 1, 2, 16),
        (79.2, 1, 2, 64),
        (23.6, 0, 1, 64),
        (23.6, 4, 2, 8),
        (4.2, 0, 2, 1),
    ],
)
def test_the_batch_of_medgemma_4b_by_card(card: float, shown: int, images: int, expected: int) -> None:
    study = study_bytes(MEDGEMMA_4B, images, shown, 512)
    assert fitting_size(int((card - WEIGHTS) * GIB), study) == expected


def test_what_a_study_takes() -> None:
    # Keys and values of 1,536 tokens, pixels, and a layer of the tower with 8,192 patches.
    expected = 1536 * 139264 + 2 * 3 * 896**2 * 6 + 8192 * 2 * (1152 + 4304) * 2 + 262208 * 6
    assert study_bytes(MEDGEMMA_4B, 2, 0, 512) == expected


def test_the_configured_size_is_not_measured(tmp_path: Path) -> None:
    def never() -> int:
        raise AssertionError

    assert batch_size(Generation(batch_size=5), tmp_path / "size.json", never) == 5
    assert list(tmp_path.iterdir()) == []


def test_the_first_process_decides_for_all_and_for_later_runs(tmp_path: Path) -> None:
    """Processes with other free memory would split the studies otherwise, and answer some twice and some not."""
    record, begun = tmp_path / "run" / "size.json", threading.Barrier(8)
    sizes: list[int] = []

    def decide(size: int) -> None:
        def measure() -> int:
            begun.wait()
            return size

        sizes.append(batch_size(Generation(), record, measure))

    threads = [threading.Thread(target=decide, args=(size,)) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 8
    assert len(set(sizes)) == 1
    assert batch_size(Generation(), record, lambda: 99) == sizes[0]
    assert [path.name for path in record.parent.iterdir()] == ["size.json"]


@pytest.fixture(scope="module")
def trained(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("sized"), train=2, validate=1, test=7)
    finetune(tiny_config(vision_model, epochs=1), workspace.running("finetune", "key"))
    return workspace


def unset(vision_model: Path) -> ReleaseConfig:
    config = tiny_config(vision_model)
    return config.model_copy(update={"generation": config.generation.model_copy(update={"batch_size": None})})


def test_the_size_that_memory_gave_is_recorded_and_kept_by_a_run_that_goes_on(
    trained: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"zero_shot": 3, "few_shot": 1, "lora": 3}
    asked: list[str] = []

    def fits(self: Any, condition: str, *arguments: Any) -> int:
        asked.append(condition)
        return free[condition]

    monkeypatch.setattr(stage.Conditions, "fitting_size", fits)
    config, running = unset(vision_model), trained.running("generate", "sized")
    real, calls = stage.answer, []

    def cut(*arguments: Any) -> Any:
        calls.append(len(arguments[2]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(stage, "answer", cut)
    with pytest.raises(KeyboardInterrupt):
        stage.generate(config, running)
    free["zero_shot"] = 99  # another card: the run goes on as it began
    stage.generate(config, running)
    assert asked == list(CONDITIONS)
    made = json.loads(trained.decoding.read_text())["batches"]
    # Studies 4 to 10, of which 6 and 9 have one image.
    assert (made["size"], made["others"]) == (3, {"few_shot": [[4], [5], [6], [7], [8], [9], [10]]})
    texts = {name: read_table(trained.generations(name))["generated"].to_pylist() for name in CONDITIONS}
    named = config.model_copy(update={"generation": config.generation.model_copy(update={"batch_size": 3})})
    stage.generate(named, trained.running("generate", "named"))
    assert read_table(trained.generations("lora"))["generated"].to_pylist() == texts["lora"]
    assert read_table(trained.generations("zero_shot"))["generated"].to_pylist() == texts["zero_shot"]


def test_on_a_gpu_the_model_is_loaded_and_what_it_leaves_counts(
    trained: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(18.5 * GIB), 24 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 6 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 5 * GIB)
    conditions = stage.Conditions(unset(vision_model), trained)
    loaded = SimpleNamespace(model=SimpleNamespace(config=MEDGEMMA_4B, device=torch.device("cuda", 0)))
    monkeypatch.setattr(conditions, "model", lambda condition: loaded)
    assert conditions.fitting_size("lora", 2, 0, 500) == 32
    # The room of a thought is planned for.
    assert conditions.fitting_size("lora", 2, 0, 4096) == 16


def test_on_a_cpu_it_is_as_before(trained: Workspace, vision_model: Path) -> None:
    conditions = stage.Conditions(unset(vision_model), trained)
    assert conditions.fitting_size("lora", 2, 0, 0) == ON_CPU == 8
