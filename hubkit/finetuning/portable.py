"""An adapter as transformers 4.51 and PEFT 0.15 read it too, and not only the versions that it was trained with.

The names of modules and the layout of a processor's files changed between transformers 4 and 5. The older forms are
those that every version since 4.51 reads; each was tried with 4.51, 4.57 and 5.23 (`make long`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hubkit.workspace import write_json

NESTED = ("base_model.model.model.language_model.", "base_model.model.language_model.model.")
"""How the layers of Gemma 3's language model are called since transformers 4.52, and before.

PEFT translates the older names to those of the model. It loads no newer name into an older model: it warns once, and
the adapter does nothing.
"""

NAMED = {
    *("peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode"),
    *("r", "lora_alpha", "lora_dropout", "bias", "target_modules", "modules_to_save"),
}
"""Settings that are always written; the others where they differ from PEFT's default."""


def portable_names(model_type: str, names: Iterable[str]) -> dict[str, str]:
    """The names under which the tensors of an adapter are found by every version, by the names that they have.

    They stay as they are where it sits on more than the layers of the language model: the vision tower was renamed as
    well, and PEFT translates no name of a module that is saved whole.
    """
    names = list(names)
    portable = model_type == "gemma3" and all(name.startswith(NESTED[0]) and ".lora_" in name for name in names)
    return {name: name.replace(*NESTED, 1) if portable else name for name in names}


def portable_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """An adapter's settings without those that say nothing: an older PEFT refuses or warns of what it does not know."""
    from peft import LoraConfig

    defaults = json.loads(json.dumps(LoraConfig().to_dict(), default=str))
    kept = {name: value for name, value in settings.items() if name in NAMED or value != defaults.get(name)}
    kept.pop("peft_version", None)
    return kept


def make_portable(folder: Path) -> None:
    """Write the tokenizer's and the processor's files of `folder` again in the form that every version reads."""
    tokenizer, processor = folder / "tokenizer_config.json", folder / "processor_config.json"
    if tokenizer.exists():
        settings = _read(tokenizer)
        if special := settings.pop("model_specific_special_tokens", None):
            # Version 4 takes names and tokens here, and fails at version 5's list of tokens without names.
            settings["extra_special_tokens"] = special
        elif settings.get("extra_special_tokens") == []:
            del settings["extra_special_tokens"]
        write_json(tokenizer, settings)
    if processor.exists():
        settings = _read(processor)
        if images := settings.pop("image_processor", None):
            write_json(
                folder / "preprocessor_config.json", images | {"processor_class": settings.get("processor_class")}
            )
        write_json(processor, settings)


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
