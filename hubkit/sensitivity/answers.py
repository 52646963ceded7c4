"""What the models answer in every combination: kept batch by batch, so that a rerun asks for what is missing alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubkit.artifacts.generation_part import rows_of
from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.recipe import read_base
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest, value_digest
from hubkit.generation.generate import Conditions, answer_all, check_base
from hubkit.models.folders import content_digests, public_name
from hubkit.models.quiet import quiet
from hubkit.sensitivity.design import Cell, Design
from hubkit.workspace import Workspace

ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
"""The files that decide what an adapter answers."""


@quiet()
def answer_design(config: ReleaseConfig, workspace: Workspace, design: Design) -> dict[Cell, list[str]]:
    """The reports of every combination, in the order of the design's studies.

    Raises:
        HubkitError: the base is not that of the adapter, a model cannot be loaded or an image not be read.
    """
    # Also without lora: `Conditions` loads the base at the revision that the adapter was trained on.
    if workspace.adapter.exists():
        check_base(config, workspace)
    conditions, cells = Conditions(config, workspace), design.all_cells()
    common = _common(config, workspace)
    answered = {}
    for number, cell in enumerate(cells, start=1):
        with_prompt = config.model_copy(
            update={"generation": config.generation.model_copy(update={"prompt": cell.prompt.text})}
        )
        parts = answer_all(
            with_prompt,
            conditions,
            cell.condition,
            design.samples,
            cell.examples,
            _folder(workspace, cell, common),
            title=f"sensitivity: combination {number} of {len(cells)}, studies",
        )
        texts = {row.study_id: row.generated for row in rows_of(parts)}
        answered[cell] = [texts[sample.study_id] for sample in design.samples]
    return answered


def base_name(config: ReleaseConfig, workspace: Workspace) -> str:
    """The base as it may be published, with its revision where it has one."""
    settings = config.finetuning
    if workspace.adapter.exists():
        base = read_base(workspace.adapter)
        name, revision = base.name, base.revision
    else:
        name, revision = public_name(settings.model, settings.model_id), settings.revision
    return f"{name}@{revision}" if revision else name


def _common(config: ReleaseConfig, workspace: Workspace) -> dict[str, Any]:
    """What decides the answers of all combinations: the base, how it decodes, and the images."""
    read = read_manifest(workspace, "read")
    decoding = config.generation.deciding()
    return {
        "base": base_name(config, workspace),
        "files": content_digests(config, ("finetuning",)),
        "quantization": config.finetuning.quantization,
        "generation": {name: value for name, value in decoding.items() if name not in ("prompt", "shots")},
        "seed": config.release.seed,
        "read": read.key if read else None,
    }


def _folder(workspace: Workspace, cell: Cell, common: dict[str, Any]) -> Path:
    """Where the answers of a combination are: another folder where anything that decides them is other.

    Next to it `answer_all` keeps the batch size that fitted, which is of this combination alone.
    """
    adapter = [file_digest(workspace.adapter / name) for name in ADAPTER] if cell.condition == "lora" else None
    parts = {
        **common,
        "condition": cell.condition,
        "prompt": cell.prompt.text,
        "examples": [[sample.study_id, sample.reference] for sample in cell.examples],
        "adapter": adapter,
    }
    key = value_digest(parts)
    return workspace.sensitivity / "answers" / key[:16] / "parts"
