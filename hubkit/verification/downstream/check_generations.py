"""Base and adapter, with the recipe that the release carries, give the published reports again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from task import Task, expect, fetched, own, published, repo, skip, table


def reports_regenerated(task: Task) -> str:
    """Base and adapter give at least 20 published reports again, word by word, and the base alone gives others. Needs
    the dataset, the adapter, and `--images`.
    """
    published(task, "adapter")
    adapter, tag, root = repo(task, "adapter"), task["tag"], Path(own(task, "images"))
    # After what may skip the check: to import these takes seconds.
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor, BitsAndBytesConfig

    rows, reports = table(task, "generations"), table(task, "default")
    recipe, settings = (fetched(task, "adapter", name) for name in (task["recipe"], "adapter_config.json"))
    said = {row["study_id"]: row["generated"] for row in rows if row["condition"] == "lora"}
    images = {row["study_id"]: row["images"] for row in reports if row["study_id"] in said}
    made = recipe["batches"]
    taken = batches(images, made["size"], made.get("others", {}).get("lora", []), task["sample"], root)
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
    same = other = asked = 0
    for batch in taken:
        shown = [[prepared(root / path, recipe["images"]) for path in images[study]] for study in batch]
        again = answers(model, processor, shown, recipe)
        with model.disable_adapter():
            without = answers(model, processor, shown, recipe)
        asked += len(batch)
        same += sum(text == said[study] for text, study in zip(again, batch, strict=True))
        other += sum(text != said[study] for text, study in zip(without, batch, strict=True))
    expect(same == asked, f"{asked - same} of {asked} reports are not the published ones")
    expect(other > 0, "the base alone gives the same reports")
    return f"{asked} reports the same with the adapter, {other} of them others without it"


def batches(
    images: dict[int, list[str]], size: int, others: list[list[int]], sample: int, root: Path
) -> list[list[int]]:
    """The first batches of the study ids as they were generated, until at least `sample` studies are in them.

    A batch of which the reader lacks an image is passed over: its other reports would not be the same without it.

    Args:
        others: the batches that are not of this size.
    """
    odd = {study for batch in others for study in batch}
    groups: dict[int, list[int]] = {}
    for study in sorted(images):
        groups.setdefault(len(images[study]), []).append(study)
    split = [group[at : at + size] for _, group in sorted(groups.items()) for at in range(0, len(group), size)]
    made = [*(batch for batch in split if odd.isdisjoint(batch)), *others]
    whole = [batch for batch in made if all((root / path).is_file() for study in batch for path in images[study])]
    if not whole:
        skip(f"{root} has the images of no batch of {size} studies")
    taken: list[list[int]] = []
    while whole and sum(map(len, taken)) < sample:
        taken.append(whole.pop(0))
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
    new = output[:, inputs["input_ids"].shape[1] :].tolist()
    return [report(processor.tokenizer, tokens, recipe) for tokens in new]


def report(tokenizer: Any, written: list[int], recipe: dict[str, Any]) -> str:
    """An answer without what the model thought aloud before it: "" where it thought to the end.

    A recipe of an earlier version names no markers: its base was not known to think.
    """
    markers = recipe.get("thought_markers", [])
    starts, ends = ({tokenizer.convert_tokens_to_ids(pair[side]) for pair in markers} for side in (0, 1))
    budget = recipe.get("thinking_tokens", 0)
    limit = recipe["generation_config"]["max_new_tokens"] - budget
    begin, thinks, answer = 0, False, written
    for count, token in enumerate(written):
        # The budget of a thought is no room for an answer that came without one.
        if count >= limit + (budget if thinks else min(budget, begin)):
            answer = written[:count]
            break
        if token in ends:
            begin, thinks = count + 1, False
        thinks = thinks or token in starts
    text: str = "" if thinks else tokenizer.decode(answer[begin:], skip_special_tokens=True)
    return text.strip()
