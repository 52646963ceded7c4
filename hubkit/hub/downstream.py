"""What a researcher does with a release: `python downstream.py TASK REPORT`, with stock libraries alone.

hubkit is not imported here and is not on the path: whatever works here works for everyone. TASK is a JSON file that
names the repos; REPORT is written as JSON: library versions, and of each check its name, whether it passed and details.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Task = dict[str, Any]

LARGEST_DIFFERENCE = 1e-4
LIBRARIES = ("datasets", "evaluate", "huggingface_hub", "peft", "transformers", "torch")


def datasets_load(task: Task) -> str:
    """Every config and split loads, by tag and by main, streamed or not, with as many rows."""
    from datasets import get_dataset_config_names, load_dataset

    counted = 0
    for revision in (task["tag"], "main"):
        for config in get_dataset_config_names(task["dataset"], revision=revision):
            plain = load_dataset(task["dataset"], config, revision=revision)
            streamed = load_dataset(task["dataset"], config, revision=revision, streaming=True)
            for split, rows in plain.items():
                expect(len(rows) > 0, f"{config}/{split} at {revision} has no rows")
                expect(len(rows) == sum(1 for _ in streamed[split]), f"{config}/{split} streams other rows")
                counted += 1
    return f"{counted} splits by tag and main, plain and streamed"


def literal_load(task: Task) -> str:
    """`load_dataset("mimic-cxr-ptbr")` works in the folder above the downloaded release."""
    from datasets import load_dataset
    from huggingface_hub import snapshot_download

    name = task["dataset"].split("/")[1]
    with tempfile.TemporaryDirectory() as above, contextlib.chdir(above):
        snapshot_download(task["dataset"], repo_type="dataset", revision=task["tag"], local_dir=name)
        loaded = load_dataset(name)
    return f'load_dataset("{name}"): ' + ", ".join(f"{split} {len(rows)}" for split, rows in loaded.items())


def table_recomputed(task: Task) -> str:
    """The metric's BERTimbau table, from the published generations, is the published one."""
    import evaluate
    from datasets import load_dataset

    metric = evaluate.load(task["metric"], revision=task["tag"], keep_in_memory=True)
    generations = load_dataset(task["dataset"], "generations", split="test", revision=task["tag"])
    scores = load_dataset(task["dataset"], "scores", split="test", revision=task["tag"])
    published = {(row["condition"], row["study_id"]): row for row in scores if row["setup"] == "bertimbau"}
    expect(len(published) == len(generations), "generations and scores have other rows")
    found = metric.compute(
        predictions=generations["generated"],
        references=generations["reference"],
        setup="bertimbau",
        model_type=task["encoder"]["model"],
        num_layers=task["encoder"]["layer"],
        revision=task["encoder"]["revision"],
        idf=task["idf"] and first_of_each(generations),
        dtype=task["dtype"],
    )
    largest = 0.0
    for at, row in enumerate(generations):
        there = published[row["condition"], row["study_id"]]
        largest = max(largest, *(abs(found[name][at] - there[name]) for name in ("precision", "recall", "f1")))
    expect(largest <= LARGEST_DIFFERENCE, f"scores differ by up to {largest:.2g}")
    return f"{len(generations)} scores, largest difference {largest:.1e}"


def reports_regenerated(task: Task) -> str:
    """Base and adapter give the published reports again, and the base alone gives others."""
    import torch
    from datasets import load_dataset
    from huggingface_hub import hf_hub_download
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor, BitsAndBytesConfig

    adapter, tag = task["adapter"], task["tag"]
    recipe = json.loads(Path(hf_hub_download(adapter, task["recipe"], revision=tag)).read_text(encoding="utf-8"))
    settings = json.loads(Path(hf_hub_download(adapter, "adapter_config.json", revision=tag)).read_text("utf-8"))
    base, pinned = settings["base_model_name_or_path"], settings["revision"]
    quantized = recipe["quantization_config"]
    plain = AutoModelForImageTextToText.from_pretrained(
        base,
        revision=pinned,
        dtype=getattr(torch, recipe["dtype"]),
        device_map={"": "cuda" if torch.cuda.is_available() else "cpu"},
        quantization_config=BitsAndBytesConfig(**quantized) if quantized else None,
    )
    model: Any = PeftModel.from_pretrained(plain, adapter, revision=tag).eval()
    processor = AutoProcessor.from_pretrained(adapter, revision=tag)
    rows = load_dataset(task["dataset"], "generations", split="test", revision=tag)
    said = {row["study_id"]: row["generated"] for row in rows if row["condition"] == "lora"}
    reports = load_dataset(task["dataset"], split="test", revision=tag)
    images = {row["study_id"]: row["images"] for row in reports if row["study_id"] in said}
    same = other = asked = 0
    for batch in batches(images, recipe["batches"]["size"], task["sample"]):
        shown = [[prepared(Path(task["images"]) / path, recipe["images"]) for path in images[study]] for study in batch]
        again = answers(model, processor, shown, recipe)
        with model.disable_adapter():
            without = answers(model, processor, shown, recipe)
        asked += len(batch)
        same += sum(text == said[study] for text, study in zip(again, batch, strict=True))
        other += sum(text != said[study] for text, study in zip(without, batch, strict=True))
    expect(same == asked, f"{asked - same} of {asked} reports are not the published ones")
    expect(other > 0, "the base alone gives the same reports")
    return f"{asked} reports the same with the adapter, {other} of them others without it"


def refused(task: Task) -> str:
    """Someone who was not granted access is turned away at the gates of dataset and adapter."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError

    with contextlib.suppress(DatasetNotFoundError):
        load_dataset(task["dataset"], revision=task["tag"])
        raise AssertionError("the dataset was loaded")
    gated = [(task["dataset"], "dataset", task["data_file"])]
    if task["adapter"]:
        gated.append((task["adapter"], "model", "adapter_model.safetensors"))
    for repo, kind, file in gated:
        with contextlib.suppress(GatedRepoError):
            hf_hub_download(repo, file, repo_type=kind, revision=task["tag"])
            raise AssertionError(f"{file} was downloaded")
    return f"{' and '.join(repo for repo, _, _ in gated)}: gated"


def batches(images: dict[int, list[str]], size: int, sample: int) -> list[list[int]]:
    """The first batches of the study ids as they were generated, until at least `sample` studies are in them."""
    groups: dict[int, list[int]] = {}
    for study in sorted(images):
        groups.setdefault(len(images[study]), []).append(study)
    split = [group[at : at + size] for _, group in sorted(groups.items()) for at in range(0, len(group), size)]
    taken: list[list[int]] = []
    while split and sum(map(len, taken)) < sample:
        taken.append(split.pop(0))
    return taken


def prepared(path: Path, how: dict[str, Any]) -> Any:
    """An image of the researcher's own MIMIC-CXR-JPG as the adapter was shown it: square, and once through JPEG."""
    from PIL import Image, ImageOps

    square = (how["size"], how["size"])
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    if how["fit"] == "stretch":
        fitted = rgb.resize(square, Image.Resampling.LANCZOS, reducing_gap=3.0)
    else:
        fitted = ImageOps.pad(rgb, square, Image.Resampling.LANCZOS)
    stored = io.BytesIO()
    fitted.save(stored, "JPEG", quality=how["jpeg_quality"])
    return Image.open(stored).convert("RGB")


def answers(model: Any, processor: Any, shown: list[list[Any]], recipe: dict[str, Any]) -> list[str]:
    """What the model answers the recipe's prompt, for each study's images."""
    import torch
    from transformers import GenerationConfig

    asked = [{"type": "text", "text": recipe["prompt"]}]
    conversations = [
        [{"role": "user", "content": [*({"type": "image", "image": image} for image in images), *asked]}]
        for images in shown
    ]
    inputs = processor.apply_chat_template(
        conversations,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": recipe["batches"]["padding_side"]},
    ).to(model.device, dtype=getattr(torch, recipe["dtype"]))
    own = model.generation_config
    ends = {name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(recipe["seed"])
    with torch.inference_mode():
        output = model.generate(**inputs, generation_config=GenerationConfig(**ends, **recipe["generation_config"]))
    new = output[:, inputs["input_ids"].shape[1] :]
    return [processor.tokenizer.decode(tokens, skip_special_tokens=True).strip() for tokens in new]


def first_of_each(generations: Any) -> list[str]:
    """The reference of each study once, for weights by rarity."""
    return list({row["study_id"]: row["reference"] for row in generations}.values())


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


CHECKS: dict[str, Callable[[Task], str]] = {
    check.__name__: check for check in (datasets_load, literal_load, table_recomputed, reports_regenerated, refused)
}


def main(task_file: str, report_file: str) -> None:
    """Run the checks that the task names; one that fails does not keep the others from running."""
    expect(importlib.util.find_spec("hubkit") is None, "hubkit can be imported here")
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    report: dict[str, Any] = {"python": sys.version.split()[0], "endpoint": os.environ.get("HF_ENDPOINT")}
    report["versions"] = {
        name: importlib.metadata.version(name) for name in LIBRARIES if importlib.util.find_spec(name)
    }
    report["checks"] = []
    Path(report_file).write_text(json.dumps(report), encoding="utf-8")
    for name in task["checks"]:
        try:
            passed, detail = True, CHECKS[name](task)
        except AssertionError as difference:
            passed, detail = False, str(difference)
        report["checks"].append({"check": name, "passed": passed, "detail": detail})
        Path(report_file).write_text(json.dumps(report, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
