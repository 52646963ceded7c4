"""The files of an adapter have the form that older libraries read; `test_adapter_versions.py` loads them with these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubkit.finetuning.portable import make_portable, portable_name, portable_settings

IMAGES = {"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 112, "width": 112}}
SPECIAL = {"boi_token": "<start_of_image>", "image_token": "<image_soft_token>"}


@pytest.mark.parametrize(
    ("model_type", "name", "expected"),
    [
        (
            "gemma3",
            "base_model.model.model.language_model.layers.0.mlp.up_proj.lora_B.weight",
            "base_model.model.language_model.model.layers.0.mlp.up_proj.lora_B.weight",
        ),
        ("gemma3", "base_model.model.lm_head.lora_A.weight", "base_model.model.lm_head.lora_A.weight"),
        (
            "qwen2_vl",
            "base_model.model.model.language_model.layers.0.mlp.up_proj.lora_B.weight",
            "base_model.model.model.language_model.layers.0.mlp.up_proj.lora_B.weight",
        ),
    ],
)
def test_tensors_have_their_older_names(model_type: str, name: str, expected: str) -> None:
    assert portable_name(model_type, name) == expected


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
