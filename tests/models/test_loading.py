"""Loading a model: what is quantised, and what a user is told when it cannot be loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hubkit.errors import HubkitError, UsageError
from hubkit.models.devices import pick_device
from hubkit.models.folders import public_name
from hubkit.models.loading import load_language_model, load_vision_model


def test_nf4_leaves_tower_projector_and_head_alone(vision_model: Path) -> None:
    from bitsandbytes.nn import Linear4bit

    model, processor = load_vision_model(str(vision_model), None, "nf4", "cpu")
    quantised = {name for name, module in model.named_modules() if isinstance(module, Linear4bit)}
    assert len(quantised) == 2 * 7
    assert all(name.startswith("model.language_model.layers.") for name in quantised)
    assert processor.tokenizer.padding_side == "left"
    assert not model.training


@pytest.mark.parametrize(("quantization", "dtype"), [("nf4", "bfloat16"), ("bf16", "bfloat16"), ("fp32", "float32")])
def test_dtype_of_what_is_not_quantised(vision_model: Path, quantization, dtype: str) -> None:
    model, _ = load_vision_model(str(vision_model), None, quantization, "cpu")
    assert str(model.lm_head.weight.dtype) == f"torch.{dtype}"


def test_cuda_that_is_not_there() -> None:
    assert pick_device("auto") in {"cpu", "cuda", "cuda:0"}
    with pytest.raises(UsageError, match="is not there"):
        pick_device("cuda:7")


def test_a_folder_is_published_under_its_name(vision_model: Path) -> None:
    assert public_name(str(vision_model)) == vision_model.name
    assert public_name("google/medgemma-4b-it") == "google/medgemma-4b-it"


def test_a_text_model_has_no_image_token(vision_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vision_model, tmp_path / "text")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config["text_config"]))
    with pytest.raises(UsageError, match="has no image token"):
        load_vision_model(str(folder), None, "fp32", "cpu")


def test_a_tokenizer_without_image_token(vision_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vision_model, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"image_token_index": 3}))
    with pytest.raises(UsageError, match="no image token"):
        load_vision_model(str(folder), None, "fp32", "cpu")


def test_damaged_weights(vision_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vision_model, tmp_path / "damaged")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(HubkitError, match="cannot be loaded"):
        load_vision_model(str(folder), None, "fp32", "cpu")


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "models/of/mine"])
def test_a_folder_that_is_not_there(name: str) -> None:
    with pytest.raises(HubkitError, match=f"^{name}: there is no such folder "):
        load_language_model(name, None, "fp32", "cpu")
