"""The recipe: what a reader is told, and that it follows the settings of generation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubkit.artifacts.model import to_json
from hubkit.artifacts.recipe import RECIPE, read_recipe, write_decoding, write_recipe
from hubkit.config import Corpus, parse_config
from hubkit.errors import HubkitError
from hubkit.formats import FORMATS
from hubkit.models.recipe import decoding, recipe, refresh_recipe
from hubkit.models.samples import Sample
from hubkit.workspace import Workspace

EXAMPLE = Sample(10, 7, (), "ACHADOS: Pulmões limpos.")


def test_names_base_prompt_and_examples_and_holds_no_report(tmp_path: Path) -> None:
    config = parse_config({"generation": {"prompt": "Descreva", "max_new_tokens": 64}, "corpus": {"image_size": 112}})
    write_recipe(tmp_path, recipe(config, "abc123", [EXAMPLE]))
    found = json.loads((tmp_path / RECIPE).read_text())
    assert next(iter(found.items())) == ("format", FORMATS["recipe"])
    assert found == {"format": 1, **to_json(read_recipe(tmp_path))}
    assert found["base_model"] == {"name": "google/medgemma-4b-it", "revision": "abc123"}
    assert found["prompt"] == "Descreva"
    assert found["few_shot_study_ids"] == [7]
    assert found["generation_config"] == {"do_sample": False, "max_new_tokens": 64}
    assert found["images"] == {"max": 2, "size": 112, "fit": "stretch", "jpeg_quality": 95}
    assert "Pulmões" not in (tmp_path / "hubkit_generation.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("quantization", "dtype"), [("nf4", "bfloat16"), ("bf16", "bfloat16"), ("fp32", "float32")])
def test_quantisation_can_be_rebuilt(tmp_path: Path, quantization: str, dtype: str) -> None:
    from transformers import BitsAndBytesConfig

    config = parse_config({"finetuning": {"quantization": quantization}})
    write_recipe(tmp_path, recipe(config, None, [EXAMPLE]))
    found = read_recipe(tmp_path)
    assert found.dtype == dtype
    if quantization != "nf4":
        assert found.quantization_config is None
        return
    rebuilt = BitsAndBytesConfig(**(found.quantization_config or {}))
    assert rebuilt.load_in_4bit
    assert rebuilt.bnb_4bit_use_double_quant
    assert rebuilt.llm_int8_skip_modules == ["model.vision_tower", "model.multi_modal_projector", "lm_head"]


def test_follows_what_was_generated_with(tmp_path: Path) -> None:
    write_recipe(tmp_path, recipe(parse_config({}), "abc123", [EXAMPLE]))
    before = json.loads((tmp_path / RECIPE).read_text())
    changed = {"finetuning": {"quantization": "fp32"}, "generation": {"max_new_tokens": 99}}
    made = decoding(parse_config(changed), 3, {"lora": [[1], [2, 3]]}).model_copy(update={"devices": ["cpu"]})
    write_decoding(Workspace(tmp_path), made)
    refresh_recipe(tmp_path, Workspace(tmp_path), Corpus(max_images=3, fit="pad"))
    after = json.loads((tmp_path / RECIPE).read_text())
    # The order that the file has always had: what was known first, then what `generate` found out.
    assert list(after) == [*before, "devices"]
    assert after["images"] == {"max": 3, "size": 896, "fit": "pad", "jpeg_quality": 95}
    assert after["generation_config"]["max_new_tokens"] == 99
    assert (after["batches"]["size"], after["batches"]["others"]) == (3, {"lora": [[1], [2, 3]]})
    assert (after["dtype"], after["devices"]) == ("float32", ["cpu"])
    changed = {"generation_config", "batches", "quantization", "dtype", "quantization_config", "devices", "images"}
    assert {name: after[name] for name in after if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }


def test_a_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(HubkitError, match="run: hubkit finetune"):
        read_recipe(tmp_path)


def test_generations_of_which_nobody_knows_how_they_were_made(tmp_path: Path) -> None:
    write_recipe(tmp_path, recipe(parse_config({}), None, [EXAMPLE]))
    with pytest.raises(HubkitError, match="run: hubkit release --from generate"):
        refresh_recipe(tmp_path, Workspace(tmp_path), Corpus())
