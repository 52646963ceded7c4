"""What a user is told when a Hub refuses a model: the Hub on loopback answers as the real one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi
from loopback import hub

from hubkit.localhub import LocalHub

__all__ = ["hub"]

LOAD = """
import sys
from hubkit.errors import HubkitError
from hubkit.models.loading import load_vision_model
for asked in sys.argv[1:]:
    repo, _, revision = asked.partition("@")
    try:
        load_vision_model(f"maintainer/{repo}", revision or None, "fp32", "cpu")
    except HubkitError as error:
        print(error)
"""


def test_what_the_hub_refuses(hub: LocalHub, tmp_path: Path) -> None:
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    for name in ("gated", "old"):
        owner.create_repo(f"maintainer/{name}")
    owner.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="maintainer/gated")
    owner.update_repo_settings("maintainer/gated", gated="manual")
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": hub.tokens["ungranted"]}
    assert _load(["gated", "missing", "old@v1"], **own) == [
        "maintainer/gated: is gated (accept its terms on the Hub (maintainer/gated), then: hf auth login)",
        "maintainer/missing: is no model that can be seen (check the name; for a private repo: hf auth login)",
        "maintainer/old@v1: has no such revision (set revision to a commit, a tag or a branch of the repo)",
    ]


def test_a_hub_that_cannot_be_asked(tmp_path: Path) -> None:
    assert _load(["gated"], HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path)) == [
        "maintainer/gated: is not on this machine, and the Hub does not answer (check the network and HF_ENDPOINT)"
    ]


def _load(repos: list[str], **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *repos],
        env={**os.environ, "HF_TOKEN": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
