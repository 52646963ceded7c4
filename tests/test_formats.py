"""Files that cross a stage or a release carry a number, and a file with another number is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.artifacts.revision import read_revision
from hubkit.artifacts.scores import read_summary
from hubkit.artifacts.training import TRAINING, read_training
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.formats import FORMATS
from hubkit.models.recipe import RECIPE, read_recipe, recipe
from hubkit.release import plan, read_manifest, record
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
"""Of verification.json hubkit reads nothing back."""


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
    path.write_text(json.dumps({"stage": "read"} | number))
    assert read(Workspace(tmp_path)) == {"stage": "read"} | number


def test_a_stage_of_a_newer_hubkit_does_not_run_again(tmp_path: Path) -> None:
    workspace, config = Workspace(tmp_path), ReleaseConfig()
    record(STAGES[0], config, workspace, "key", 0.0)
    manifest = json.loads(workspace.manifest("read").read_text())
    assert next(iter(manifest.items())) == ("format", FORMATS["manifest"])
    workspace.manifest("read").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(HubkitError, match="is a manifest of format 2"):
        plan(config, workspace)


def test_the_published_recipe_has_a_number() -> None:
    assert recipe(ReleaseConfig(), None, [])["format"] == FORMATS["recipe"]
