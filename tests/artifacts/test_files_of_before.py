"""Files that an earlier hubkit wrote are read, and written again they have the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.artifacts.manifest import read_manifest, write_manifest
from hubkit.artifacts.recipe import (
    RECIPE,
    PreparedImages,
    read_decoding,
    read_recipe,
    write_decoding,
    write_recipe,
)
from hubkit.artifacts.thoughts import read_thoughts, write_thoughts
from hubkit.artifacts.verification import read_verification, write_verification
from hubkit.config import parse_config
from hubkit.record import release_record
from hubkit.workspace import Workspace

DECODING: dict[str, Any] = {
    "quantization": "nf4",
    "dtype": "bfloat16",
    "quantization_config": {"load_in_4bit": True, "llm_int8_skip_modules": ["lm_head"]},
    "generation_config": {"do_sample": False, "max_new_tokens": 192},
    "batches": {
        "size": None,
        "others": {"lora": [[50000001], [50000002, 50000003]]},
        "order": "number of images, then study_id",
        "padding_side": "left",
    },
    "seed": 42,
}
THINKING: dict[str, Any] = {
    "thought_markers": [["<unused94>", "<unused95>"]],
    "thinking_tokens": 512,
    "thoughts": {"lora": {"thoughts": 3, "tokens": 40, "unfinished": 1}},
    "devices": ["cuda:0"],
}
IMAGES = {"max": 2, "size": 896, "fit": "stretch", "jpeg_quality": 95}
RECIPE_VALUES: dict[str, Any] = {
    "format": 1,
    "base_model": {"name": "google/medgemma-4b-it", "revision": None},
    "prompt": "Descreva os achados.",
    "few_shot_study_ids": [50000001],
    "reference": "findings_impression",
    **DECODING,
    "images": IMAGES,
    **THINKING,
    "salt": "ab" * 32,
}
MANIFEST: dict[str, Any] = {
    "format": 1,
    "stage": "read",
    "key": "0" * 64,
    "settings": "1" * 64,
    "outputs": {"studies/studies.parquet": "2" * 64},
    "models": {"translation": "3" * 64},
    "seed": 42,
    "versions": {"hubkit": "0.1.0", "torch": "2.9.0"},
    "hardware": {"name": "CPU core", "count": 2, "watts": None},
    "started": "2026-11-01T10:00:00Z",
    "seconds": 12.5,
}
VERIFICATION: dict[str, Any] = {
    "format": 2,
    "release": "release-1.0.0",
    "repos": {"dataset": {"id": "lab/mimic-cxr-ptbr", "commit": "4" * 40}},
    "endpoint": "https://huggingface.co",
    "counts": {"passed": 1, "failed": 0, "not run": 1},
    "readers": [
        {
            "reader": "granted",
            "checks": [{"check": "loads", "result": "passed", "detail": "4 tables"}],
            "python": "3.11.7",
            "endpoint": "https://huggingface.co",
            "versions": {"datasets": "4.0.0"},
        },
        {"reader": "stranger", "checks": [{"check": "gate", "result": "not run", "detail": "no token"}]},
    ],
    "ended": "the verification was interrupted",
}

FILES: dict[str, tuple[dict[str, Any], str, Callable[[Workspace], Any]]] = {
    "manifest": (
        MANIFEST,
        "manifests/read.json",
        lambda work: write_manifest(work, read_manifest(work, "read") or pytest.fail("no manifest")),
    ),
    "manifest of an older hubkit": (
        {name: value for name, value in MANIFEST.items() if name not in ("models", "hardware")},
        "manifests/read.json",
        lambda work: write_manifest(work, read_manifest(work, "read") or pytest.fail("no manifest")),
    ),
    "recipe": (
        RECIPE_VALUES,
        f"adapter/{RECIPE}",
        lambda work: write_recipe(work.adapter, read_recipe(work.adapter)),
    ),
    "recipe made with the same": (
        RECIPE_VALUES,
        f"adapter/{RECIPE}",
        lambda work: write_recipe(
            work.adapter, read_recipe(work.adapter).made_with(read_decoding(work), PreparedImages(**IMAGES))
        ),
    ),
    "decoding": (
        {**DECODING, **THINKING},
        "generations/decoding.json",
        lambda work: write_decoding(work, read_decoding(work)),
    ),
    "verification": (
        VERIFICATION,
        "verification.json",
        lambda work: write_verification(work.verification, read_verification(work)),
    ),
    "thoughts": (
        {"thoughts": 3, "tokens": 40, "unfinished": 1},
        "translations/thoughts.json",
        lambda work: write_thoughts(work, read_thoughts(work) or pytest.fail("no thoughts")),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_before_keeps_its_bytes(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path)
    for values, relative, _ in FILES.values():
        path = tmp_path / relative
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    values, relative, again = FILES[name]
    path = tmp_path / relative
    assert path in (workspace.manifest("read"), workspace.adapter / RECIPE, workspace.decoding, *_others(workspace))
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    before = path.read_bytes()
    again(workspace)
    assert path.read_bytes() == before


def _others(workspace: Workspace) -> tuple[Path, ...]:
    return workspace.verification, workspace.thoughts


@pytest.mark.parametrize("text", ["", "{", "[]", '{"outputs": []}', '{"seconds": "long"}'])
def test_a_damaged_manifest_is_none_and_its_stage_runs_again(tmp_path: Path, text: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.manifest("read").parent.mkdir()
    workspace.manifest("read").write_text(text)
    assert read_manifest(workspace, "read") is None


def test_the_record_of_a_release_is_as_programs_know_it() -> None:
    from hubkit.artifacts.model import to_json

    values = to_json(release_record(parse_config({"hub": {"namespace": "lab"}})))
    assert list(values) == ["hubkit", "version", "tag", "repos", "custody", "scoring"]
    assert list(values["scoring"]) == ["dtype", "idf", "setups"]
    assert list(values["scoring"]["setups"]["bertimbau"]) == ["model", "layer", "revision"]
