"""What a user is told when a Hub refuses a model: the Hub on loopback answers as the real one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants
from loopback import hub, own_home, point_clients

from hubkit.errors import HubkitError
from hubkit.localhub import LocalHub
from hubkit.models.loading import load_vision_model

__all__ = ["hub", "own_home"]


@pytest.fixture
def refusing(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repos that a user without a grant asks for: this process is theirs."""
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    for name in ("gated", "old"):
        owner.create_repo(f"maintainer/{name}", exist_ok=True)
    owner.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="maintainer/gated")
    owner.update_repo_settings("maintainer/gated", gated="manual")
    point_clients(monkeypatch, hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["ungranted"])


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        (
            "gated",
            None,
            "maintainer/gated: is gated (accept its terms on the Hub (maintainer/gated), then: hf auth login)",
        ),
        (
            "missing",
            None,
            "maintainer/missing: is no model that can be seen (check the name; for a private repo: hf auth login)",
        ),
        (
            "old",
            "v1",
            "maintainer/old@v1: has no such revision (set revision to a commit, a tag or a branch of the repo)",
        ),
    ],
)
@pytest.mark.usefixtures("refusing")
def test_what_the_hub_refuses(name: str, revision: str | None, said: str) -> None:
    with pytest.raises(HubkitError) as refused:
        load_vision_model(f"maintainer/{name}", revision, "fp32", "cpu")
    assert str(refused.value) == said


def test_a_hub_that_cannot_be_asked(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubkitError) as refused:
        load_vision_model("maintainer/gated", None, "fp32", "cpu")
    assert str(refused.value) == (
        "maintainer/gated: is not on this machine, and the Hub does not answer (check the network and HF_ENDPOINT)"
    )
