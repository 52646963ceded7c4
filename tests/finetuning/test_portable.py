"""The files of an adapter have the form that older libraries read; `test_adapter_versions.py` loads them with these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubkit.finetuning.portable import make_portable, portable_names, portable_settings

IMAGES = {"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 112, "width": 112}}
SPECIAL = {"boi_token": "<start_of_image>", "image_token": "<image_soft_token>"}


NEWER = "base_model.model.model.language_model.layers.0.mlp.up_proj.lora_B.weight"
OLDER = "base_model.model.language_model.model.layers.0.mlp.up_proj.lora_B.weight"
TOWER = "base_model.model.model.vision_tower.encoder.layers.0.mlp.fc1.lora_A.weight"
WHOLE = "base_model.model.model.language_model.embed_tokens.weight"


@pytest.mark.parametrize(
    ("model_type", "names", "expected"),
    [
        ("gemma3", [NEWER], [OLDER]),
        ("gemma3", [NEWER, TOWER], [NEWER, TOWER]),
        ("gemma3", [NEWER, WHOLE], [NEWER, WHOLE]),
        ("qwen2_vl", [NEWER], [NEWER]),
    ],
)
def test_tensors_have_their_older_names_where_all_can(model_type: str, names: list[str], expected: list[str]) -> None:
    assert portable_names(model_type, names) == dict(zip(names, expected, strict=True))


def test_settings_that_say_nothing_are_left_out() -> None:
    from peft import LoraConfig

    settings = json.loads(json.dumps(LoraConfig(r=16, use_rslora=True, target_modules="q").to_dict(), default=str))
    kept = portable_settings(settings | {"peft_version": "0.21.2", "base_model_name_or_path": "o/base"})
    assert kept["r"] == 16
    assert kept["use_rslora"]
    assert kept["base_model_name_or_path"] == "o/base"
    # What PEFT 0.15 does not know, and what is as it is by default there.
    assert not kept.keys() & {
        "peft_version",
        "alora_invocation_tokens",
        "arrow_config",
        "use_dora",
        "qalora_group_size",
    }


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        ({"extra_special_tokens": [], "model_specific_special_tokens": SPECIAL}, {"extra_special_tokens": SPECIAL}),
        ({"extra_special_tokens": [], "eos_token": "<eos>"}, {"eos_token": "<eos>"}),
        ({"extra_special_tokens": SPECIAL}, {"extra_special_tokens": SPECIAL}),
    ],
)
def test_tokenizer_and_processor_are_written_as_before(
    tmp_path: Path, tokenizer: dict[str, object], expected: dict[str, object]
) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    processor = {"processor_class": "Gemma3Processor", "image_seq_length": 16}
    (tmp_path / "processor_config.json").write_text(json.dumps(processor | {"image_processor": IMAGES}))
    make_portable(tmp_path)
    make_portable(tmp_path)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text()) == expected
    assert json.loads((tmp_path / "processor_config.json").read_text()) == processor
    assert json.loads((tmp_path / "preprocessor_config.json").read_text()) == IMAGES | {
        "processor_class": "Gemma3Processor"
    }
