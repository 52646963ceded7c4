"""What of the settings enters a stage's digest, so that a new version of hubkit makes no stage run again.

A stage whose digest changed runs again, and a translation takes a 27B model for days. So the rules are:

- Every setting that 0.1.0 put into its digests stays in them, under the name it had (`RELEASED`).
- A later setting enters only where it differs from the default that it came with (`ADDED`). That
  default has to leave the outcome as it was without the setting.
- A default that changes does change digests, because it changes what comes out.
- A setting of `RELEASED` that was removed, or that became `Runtime`, enters with its 0.1.0 default.
- A renamed setting is marked `Formerly("old_name")` and enters under its old name.
- A setting that only decides about finished rows (max_flagged, the use of flagged rows, corrections)
  never enters the digest of `translate`. It belongs to a step after it: mark the setting `Runtime`,
  which keeps it out of its table's identity, and let that step name it ("translation.max_flagged").
  A setting that a stage names counts, `Runtime` or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from hubkit.config.values import Formerly, Runtime, Table

RELEASED: dict[str, dict[str, Any]] = {
    "release": {"version": "1.0.0", "title": "MIMIC-CXR PT-BR", "seed": 42, "contact": None},
    "corpus": {
        "kind": "mimic-cxr",
        "root": "mimic-cxr",
        "images": None,
        "subset": {"train": 960, "validate": 473, "test": 965},
        "max_images": 2,
        "image_size": 896,
        "jpeg_quality": 95,
        "fit": "stretch",
        "version": "2.1.0",
    },
    "translation": {
        "engine": "transformers",
        "model": "google/medgemma-27b-text-it",
        "revision": None,
        "quantization": "nf4",
        "prompt": "Você é um assistente médico que traduz relatórios de raio-x para o português.",
        "rules": True,
        "units": "sections",
        "context": False,
        "max_new_tokens": 1024,
        "memory": True,
        "retries": 2,
    },
    "finetuning": {
        "model": "google/medgemma-4b-it",
        "revision": None,
        "quantization": "nf4",
        "r": 16,
        "alpha": 16,
        "dropout": 0.05,
        "target_modules": "language",
        "modules_to_save": [],
        "epochs": 4.0,
        "learning_rate": 0.0002,
        "schedule": "linear",
        "warmup_ratio": 0.03,
        "batch_size": 1,
        "gradient_accumulation": 16,
        "max_grad_norm": 0.3,
        "gradient_checkpointing": True,
        "eval_steps": 20,
        "patience": 5,
        "max_length": None,
        "trainer": {},
        "sweep": {},
    },
    "generation": {
        "prompt": "Dê o diagnóstico das imagens apresentadas",
        "shots": 1,
        "max_new_tokens": 512,
        "reference": "findings_impression",
        "do_sample": False,
    },
    "scoring": {
        "bertimbau": {"model": "neuralmind/bert-base-portuguese-cased", "layer": 12, "revision": None},
        "xlm_roberta": {"model": "xlm-roberta-large", "layer": 17, "revision": None},
        "idf": False,
        "dtype": "float32",
        "resamples": 10000,
        "confidence": 0.95,
    },
    "packaging": {"include_source": False, "authors": [], "license": "other", "rows_per_file": 100000},
    "hub": {
        "namespace": "",
        "endpoint": None,
        "dataset": "mimic-cxr-ptbr",
        "adapter": "medgemma-4b-it-mimic-cxr-ptbr-lora",
        "metric": "bertscore_ptbr",
        "collection": True,
        "pull_request": False,
        "physionet_consent": None,
        "waive_ungranted_probe": None,
        "verify_with": [],
    },
    "custody": {"mode": "gated", "adapter_custody": None},
}
"""The settings in the digests of 0.1.0, with its defaults. Never changed: workspaces of 0.1.0 hold these digests."""

ADDED: dict[str, dict[str, Any]] = {
    "audit": {"studies": 200, "completions": 32, "first_words": 8, "reference_adapter": None},
    "corpus": {
        "headers": "auto",
        "terms": {"url": "", "derivatives": False, "synthetic": False, "deidentified": None},
    },
    "finetuning": {"model_id": None, "select": "eval_loss"},
    "translation": {"model_id": None, "thinking_tokens": None, "curb_thinking": False, "template": "system"},
    "generation": {"thinking_tokens": None},
    "scoring": {
        "bertimbau": {"model_id": None},
        "xlm_roberta": {"model_id": None},
        "error_profile": False,
        "subgroups": [],
        "subgroup_minimum": 20,
    },
    "release": {"install": None},
    "packaging": {
        "funding": "",
        "location": "",
        "watts": None,
        "grams_per_kwh": None,
        "evaluation_framework": "hubkit",
    },
    "sensitivity": {
        "prompts": None,
        "draws": 3,
        "conditions": ["zero_shot", "few_shot", "lora"],
        "fraction": 0.2,
        "back_translation": {
            "model_id": None,
            "revision": None,
            "quantization": "nf4",
            "engine": "transformers",
            "prompt": (
                "You are a medical translator. Translate the chest X-ray report from Brazilian Portuguese into English."
                " Answer with the translation alone. Keep every number, side, negation and degree of certainty."
            ),
            "template": "system",
        },
    },
    # 0.1.0 had the Gradio Space alone: what came with it leaves the outcome as it was, and the default does not.
    "hub": {"space": "gradio"},
}
"""The settings that came after 0.1.0, each with the default that it came with: {"translation": {"glossary": None}}.

An entry is never changed either: a workspace that was made with this default does not hold it in its
digests, so that a later default put here would pass for it.
"""

_MISSING = object()


def identity(table: Table, released: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a table that enters a digest, as plain JSON values.

    Args:
        released: the table's part of `RELEASED`.
        added: the table's part of `ADDED`.
    """
    fields = {_released_name(name, field): name for name, field in type(table).model_fields.items()}
    dumped = _dump(table, released, added)
    values = dict(released)
    for key, name in fields.items():
        field = type(table).model_fields[name]
        if Runtime in field.metadata:
            continue
        if key in released or not _same(dumped[key], _first_default(key, field, added)):
            values[key] = dumped[key]
    # A folder that says which public model it holds is that model, wherever it lies and whatever it is called.
    if values.get("model_id"):
        values["model"] = values.pop("model_id")
    return values


def named_setting(table: Table, key: str, released: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """One setting that a stage names, `{key: value}`; empty where it came after 0.1.0 and has its first default."""
    (field,) = (field for name, field in type(table).model_fields.items() if _released_name(name, field) == key)
    value = _dump(table, released, added)[key]
    if key not in released and _same(value, _first_default(key, field, added)):
        return {}
    return {key: value}


def _dump(table: Table, released: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    plain = table.model_dump(mode="json", by_alias=False)
    values = {}
    for name, field in type(table).model_fields.items():
        key, value = _released_name(name, field), getattr(table, name)
        if isinstance(value, Table):
            values[key] = identity(value, _part(released, key), _part(added, key))
        else:
            values[key] = plain[name]
    return values


def _released_name(name: str, field: FieldInfo) -> str:
    former = [mark.name for mark in field.metadata if isinstance(mark, Formerly)]
    return former[0] if former else field.serialization_alias or name


def _first_default(key: str, field: FieldInfo, added: Mapping[str, Any]) -> Any:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Table):
        return {}
    if default is None and isinstance(added.get(key), Mapping):
        # A table that is left out has no settings; those of one that is there have entries of their own.
        return None
    if key in added:
        return added[key]
    return _MISSING if field.is_required() else default


def _part(tables: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = tables.get(key)
    return part if isinstance(part, Mapping) else {}


def _same(value: Any, default: Any) -> bool:
    # As JSON, since a digest is made of JSON: there a tuple is a list, and 1 is neither True nor 1.0.
    return default is not _MISSING and _json(value) == _json(default)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
