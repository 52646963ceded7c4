"""A trained adapter and its processor load with the oldest, a middle and the newest version of their libraries."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from test_versions import KEPT

from hubkit.finetuning.lora import trained_tensors, write_adapter
from hubkit.finetuning.portable import make_portable
from hubkit.verification.versions import environment, version_sets

BASE = Path(__file__).parents[2] / "hubkit" / "demo" / "models" / "vision"

LOAD = """
import json, sys, warnings
sys.path.insert(0, sys.argv[3])
import task, torch
from huggingface_hub import constants
answers = {"adapter_config.json": json.load(open(sys.argv[2] + "/adapter_config.json"))}
import check_adapter
check_adapter.published = lambda task, artifact: None
check_adapter.repo = lambda task, artifact: sys.argv[2]
check_adapter.fetched = lambda task, artifact, name: answers[name] | {"base_model_name_or_path": sys.argv[1]}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    found = check_adapter.adapter_loads({"tag": None})
about = [str(one.message) for one in said if "adapter" in str(one.message).lower() or "Unexpected" in str(one.message)]
print(json.dumps({"found": found, "warnings": about, "hubkit": __import__("importlib.util").util.find_spec("hubkit") is not None}))
"""  # noqa: E501


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of the demo's base with weights that are not zero, written as `finetune` writes one."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from hubkit.config import Finetuning
    from hubkit.finetuning.lora import lora_config

    folder = tmp_path_factory.mktemp("adapter")
    model: Any = get_peft_model(AutoModelForImageTextToText.from_pretrained(BASE), lora_config(Finetuning(), None))
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_()
    write_adapter(model, trained_tensors(model), folder, "base")
    AutoProcessor.from_pretrained(BASE).save_pretrained(folder)
    make_portable(folder)
    return folder


@pytest.fixture(scope="module")
def older_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's base with the names of the real one, which is from before transformers 5."""
    folder = tmp_path_factory.mktemp("base")
    for path in BASE.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    weights = load_file(BASE / "model.safetensors")
    older = {name.replace("vision_tower.", "vision_tower.vision_model.", 1): one for name, one in weights.items()}
    save_file(older, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in version_sets() if name.startswith("transformers-")])
def test_the_adapter_does_something_in_every_version(
    package_index: None, name: str, adapter: Path, older_base: Path
) -> None:
    python = environment(name, KEPT)
    checks = Path(__file__).parents[2] / "hubkit" / "verification" / "downstream"
    command = [str(python), "-I", "-c", LOAD, str(older_base), str(adapter), str(checks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["found"].startswith("28 layers with transformers " + name.removeprefix("transformers-"))
    assert found["warnings"] == []
    assert not found["hubkit"]


def test_an_adapter_under_other_names_is_noticed(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "hubkit" / "verification" / "downstream"))
    import check_adapter

    for path in adapter.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({f"other.{name}": one for name, one in weights.items()}, tmp_path / "adapter_model.safetensors")
    settings = json.loads((adapter / "adapter_config.json").read_text())
    monkeypatch.setattr(check_adapter, "published", lambda task, artifact: None)
    monkeypatch.setattr(check_adapter, "repo", lambda task, artifact: str(tmp_path))
    monkeypatch.setattr(check_adapter, "fetched", lambda *_: settings | {"base_model_name_or_path": str(BASE)})
    with pytest.raises(AssertionError, match="28 of 28 layers of the adapter were not loaded"):
        check_adapter.adapter_loads({"tag": None})
    for module in ("check_adapter", "task"):
        sys.modules.pop(module, None)
