"""The adapter and its processor load, and the adapter does something."""

from __future__ import annotations

import importlib.util

from task import Task, expect, fetched, published, repo, skip


def adapter_loads(task: Task) -> str:
    """Every layer of the adapter is found in its base. Where names differ, PEFT warns, and the base alone answers.
    Needs the adapter.
    """
    if any(importlib.util.find_spec(name) is None for name in ("torch", "peft", "transformers")):
        skip("torch, peft or transformers is not in this set of versions")
    import peft
    import transformers
    from transformers import AutoModelForImageTextToText, AutoProcessor

    published(task, "adapter")
    adapter, tag = repo(task, "adapter"), task["tag"]
    settings = fetched(task, "adapter", "adapter_config.json")
    base = AutoModelForImageTextToText.from_pretrained(
        settings["base_model_name_or_path"], revision=settings["revision"]
    )
    model = peft.PeftModel.from_pretrained(base, adapter, revision=tag)
    weights = [weight for name, weight in model.named_parameters() if "lora_B" in name]
    empty = sum(not weight.any() for weight in weights)
    expect(bool(weights), "the base has none of the adapter's layers")
    expect(not empty, f"{empty} of {len(weights)} layers of the adapter were not loaded")
    processor = AutoProcessor.from_pretrained(adapter, revision=tag)
    asked = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "text", "text": "?"}]}], add_generation_prompt=True
    )
    expect(bool(asked), "its chat template gives nothing")
    return f"{len(weights)} layers with transformers {transformers.__version__}, peft {peft.__version__}"
