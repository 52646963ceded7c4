"""What a stranger finds out of small files behind a gate, by the size and digest that a Hub shows."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile
from small_dist import small_config

from hubkit.artifacts.model import to_json
from hubkit.artifacts.recipe import RECIPE, write_recipe
from hubkit.formats import numbered
from hubkit.leakguard.salt import is_salted, salt_files
from hubkit.localhub import LocalHub
from hubkit.models.recipe import recipe
from hubkit.models.samples import Sample
from hubkit.workspace import Workspace

STUDY = 50_012_345
CANDIDATES = range(50_012_000, 50_013_000)
"""As many as are tried here; ten thousand times as many are a matter of minutes."""


def recovered(shown: RepoFile, known: dict[str, object]) -> list[int]:
    """The ids with which a file, of which all else is `known`, has the size and the SHA-1 that a Hub shows."""
    found = []
    for study in CANDIDATES:
        guess = (json.dumps({**known, "few_shot_study_ids": [study]}, indent=2, ensure_ascii=False) + "\n").encode()
        digest = hashlib.sha1(b"blob %d\0" % len(guess) + guess).hexdigest()
        if (len(guess), digest) == (shown.size, shown.blob_id):
            found.append(study)
    return found


@pytest.mark.parametrize(("salted", "ids"), [(False, [STUDY]), (True, [])], ids=["clear", "salted"])
def test_ids_are_recovered_by_a_stranger_unless_salted(
    hub: LocalHub, direct: HfApi, tmp_path: Path, salted: bool, ids: list[int]
) -> None:
    config = small_config(f"guessed-{salted}".lower())
    folder, workspace = tmp_path / "adapter", Workspace(tmp_path / "work")
    folder.mkdir()
    write_recipe(folder, recipe(config, "abc123", [Sample(10, STUDY, (), "")]))
    if salted:
        salt_files(folder, workspace)
    repo = config.hub.repo("adapter")
    direct.create_repo(repo, private=True)
    direct.update_repo_settings(repo, gated="manual", private=False)
    direct.upload_folder(folder_path=folder, repo_id=repo)
    (shown,) = HfApi(endpoint=hub.url, token=False).get_paths_info(repo, [RECIPE])
    assert isinstance(shown, RepoFile)
    assert recovered(shown, numbered("recipe", to_json(recipe(config, "abc123", [])))) == ids


def test_a_salt_stays_in_its_workspace_and_the_same(tmp_path: Path) -> None:
    config = small_config("salts")
    written: list[bytes] = []
    for work in ("one", "one", "other"):
        folder, workspace = tmp_path / f"adapter{len(written)}", Workspace(tmp_path / work)
        folder.mkdir()
        write_recipe(folder, recipe(config, "abc123", [Sample(10, STUDY, (), "")]))
        assert not is_salted(folder / RECIPE)
        salt_files(folder, workspace)
        assert is_salted(folder / RECIPE)
        assert stat.S_IMODE(workspace.salt.stat().st_mode) == 0o600
        written.append((folder / RECIPE).read_bytes())
    assert written[0] == written[1] != written[2]
