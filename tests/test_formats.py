"""Files that cross a stage or a release carry a number, and a file with another number is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.model import to_json
from hubkit.artifacts.recipe import RECIPE, read_decoding, read_recipe
from hubkit.artifacts.revision import read_revision
from hubkit.artifacts.scores import read_summary
from hubkit.artifacts.training import TRAINING, read_training
from hubkit.artifacts.verification import read_verification
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.formats import FORMATS
from hubkit.release import plan, record
from hubkit.stages import STAGES
from hubkit.verification.verify import verify
from hubkit.workspace import Workspace

READERS: dict[str, tuple[str, Callable[[Workspace], Any]]] = {
    "manifest": ("manifests/read.json", lambda work: read_manifest(work, "read")),
    "receipt": ("receipt.json", lambda work: verify(ReleaseConfig(), work)),
    "recipe": (f"adapter/{RECIPE}", lambda work: read_recipe(work.adapter)),
    "training": (f"adapter/{TRAINING}", lambda work: read_training(work.adapter)),
    "summary": ("scores/summary.json", read_summary),
    "revision": ("revised/revision.json", read_revision),
}

BASE = {"base_model": {"name": "base", "revision": None}}
WHOLE: dict[str, dict[str, Any]] = {"manifest": {"stage": "read", "versions": {"hubkit": "0.1.0"}}, "recipe": BASE}


@pytest.mark.parametrize("kind", READERS)
def test_another_format_is_refused(tmp_path: Path, kind: str) -> None:
    name, read = READERS[kind]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": 2}))
    with pytest.raises(HubkitError) as refused:
        read(Workspace(tmp_path))
    assert str(refused.value) == (
        f"{path}: is a {kind} of format 2, and this version of hubkit reads format 1 "
        "(use the version of hubkit that wrote it)"
    )


@pytest.mark.parametrize("kind", ["manifest", "recipe"])
@pytest.mark.parametrize("number", [{}, {"format": 1}], ids=["0.1.0", "now"])
def test_files_of_0_1_0_have_no_number(tmp_path: Path, kind: str, number: dict[str, int]) -> None:
    name, read = READERS[kind]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(WHOLE[kind] | number))
    found = to_json(read(Workspace(tmp_path)))
    assert {name: found[name] for name in WHOLE[kind]} == WHOLE[kind]


def test_a_stage_of_a_newer_hubkit_does_not_run_again(tmp_path: Path) -> None:
    workspace, config = Workspace(tmp_path), ReleaseConfig()
    record(STAGES[0], config, workspace, "key", 0.0)
    manifest = json.loads(workspace.manifest("read").read_text())
    assert next(iter(manifest.items())) == ("format", FORMATS["manifest"])
    workspace.manifest("read").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(HubkitError, match="is a manifest of format 2"):
        plan(config, workspace)


def test_a_verification_of_another_format_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.verification.write_text(json.dumps({"counts": {}}))
    with pytest.raises(HubkitError, match="is a verification of format 1, and this version of hubkit reads format 2"):
        read_verification(workspace)


def test_a_decoding_of_before_is_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.decoding.parent.mkdir()
    batches = {"size": 8, "others": {}, "order": "number of images, then study_id", "padding_side": "left"}
    values = {"quantization": "nf4", "dtype": "bfloat16", "quantization_config": None, "seed": 7, "batches": batches}
    workspace.decoding.write_text(
        json.dumps({**values, "generation_config": {"do_sample": False, "max_new_tokens": 9}})
    )
    assert (read_decoding(workspace).quantization, read_decoding(workspace).thoughts) == ("nf4", {})
    workspace.decoding.write_text(json.dumps(values))
    with pytest.raises(HubkitError, match=r"is incomplete: generation_config: .* --from generate"):
        read_decoding(workspace)
