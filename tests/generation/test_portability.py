"""The adapter elsewhere: stock transformers and peft, and nothing but what lies in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_vision import fill_workspace, tiny_config

from hubkit.finetuning.finetune import finetune
from hubkit.generation.generate import generate
from hubkit.workspace import Workspace, read_table


@pytest.fixture(scope="module")
def released(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("released"), train=4, validate=2, test=4)
    config = tiny_config(vision_model, learning_rate=2e-2)
    finetune(config, workspace.running("finetune", "key"))
    generate(config, workspace.running("generate", "key"))
    return workspace


def load(adapter: Path, base: Path, quantised: bool):
    from peft import PeftModel
    from transformers import AutoProcessor, BitsAndBytesConfig, Gemma3ForConditionalGeneration

    recipe = json.loads((adapter / "hubkit_generation.json").read_text())
    assert recipe["base_model"]["name"] == base.name
    options = {"dtype": recipe["dtype"], "device_map": {"": "cpu"}}
    if quantised:
        options["quantization_config"] = BitsAndBytesConfig(**recipe["quantization_config"])
    model = Gemma3ForConditionalGeneration.from_pretrained(base, **options)
    return recipe, PeftModel.from_pretrained(model, adapter).eval(), AutoProcessor.from_pretrained(adapter)


def ask(recipe, model, processor, rows: list[dict[str, object]]) -> list[str]:
    questions = [
        [
            {
                "role": "user",
                "content": [{"type": "image", "image": image} for image in row["images"]]
                + [{"type": "text", "text": recipe["prompt"]}],
            }
        ]
        for row in rows
    ]
    inputs = processor.apply_chat_template(
        questions,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": "left"},
    ).to(dtype=model.dtype)
    output = model.generate(**inputs, **recipe["generation_config"])
    return processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def rows_of(workspace: Workspace) -> list[dict[str, object]]:
    from PIL import Image

    studies = {row["study_id"]: row for row in read_table(workspace.studies).to_pylist()}
    rows = read_table(workspace.generations("lora")).to_pylist()
    for row in rows:
        names = [image["dicom_id"] for image in studies[row["study_id"]]["images"]]
        row["images"] = [Image.open(workspace.images / f"{name}.jpg").convert("RGB") for name in names]
    return rows


def test_same_answers_on_the_same_device_and_quantisation(released: Workspace, vision_model: Path) -> None:
    recipe, model, processor = load(released.adapter, vision_model, quantised=True)
    rows = rows_of(released)
    said: dict[int, str] = {}
    for count in (1, 2):
        group = [row for row in rows if len(row["images"]) == count]
        for at in range(0, len(group), recipe["batches"]["size"]):
            batch = group[at : at + recipe["batches"]["size"]]
            answers = ask(recipe, model, processor, batch)
            said |= {row["study_id"]: answer.strip() for row, answer in zip(batch, answers, strict=True)}
    assert said == {row["study_id"]: row["generated"] for row in rows}
    with model.disable_adapter():
        without = ask(recipe, model, processor, group[:1])
    assert without[0].strip() != said[group[0]["study_id"]]


def test_loss_on_a_base_that_is_not_quantised(released: Workspace, vision_model: Path) -> None:
    losses = []
    for quantised in (True, False):
        _, model, processor = load(released.adapter, vision_model, quantised)
        encoded = processor(
            text="<bos><start_of_turn>model\nACHADOS: Pulmões limpos.", return_tensors="pt", add_special_tokens=False
        )
        with torch.no_grad():
            losses.append(model(**encoded, labels=encoded["input_ids"]).loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_few_shot_examples_are_named_by_id_and_come_from_the_train_split(released: Workspace) -> None:
    recipe = json.loads((released.adapter / "hubkit_generation.json").read_text())
    splits = {row["study_id"]: row["split"] for row in read_table(released.studies).to_pylist()}
    assert [splits[study] for study in recipe["few_shot_study_ids"]] == ["train"]
