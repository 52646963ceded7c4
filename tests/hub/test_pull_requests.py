"""Data in a pull request: which one counts as waiting to be merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from small_dist import lean_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.push import push
from hubkit.hub.targets import LFS_PROBE
from hubkit.localhub import LocalHub
from hubkit.workspace import Workspace

TITLE = "Release 1.0.0"


@pytest.fixture
def waiting(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[ReleaseConfig, Workspace, str]:
    """A dataset whose first pull request was just opened."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    config = lean_config(name, pull_request=True)
    workspace = small_dist(tmp_path, config)
    assert number(config, workspace) == 1
    return config, workspace, config.hub.repo("dataset")


def number(config: ReleaseConfig, workspace: Workspace) -> int:
    """The pull request that a push says is to be merged."""
    with pytest.raises(HubkitError, match=r"waits to be merged \(merge it on the Hub, then push again\)") as proposed:
        push(config, workspace)
    return int(str(proposed.value.where).rpartition("/")[2])


def test_one_that_was_closed_does_not_count(
    waiting: tuple[ReleaseConfig, Workspace, str], hub: LocalHub, direct: HfApi
) -> None:
    config, workspace, repo = waiting
    direct.change_discussion_status(repo, 1, "closed", repo_type="dataset")
    before = len(hub.log())
    assert [number(config, workspace) for _ in range(2)] == [2, 2]
    # The gate is tried before and after each of the two pushes, by a stranger and by a user without a grant.
    tried = [line["user"] for line in hub.log()[before:] if str(line["path"]).endswith(LFS_PROBE)]
    assert tried == [None, "outsider"] * 4
    assert direct.list_repo_refs(repo, repo_type="dataset").tags == []


def test_one_that_was_merged_does_not_count(waiting: tuple[ReleaseConfig, Workspace, str], direct: HfApi) -> None:
    config, workspace, repo = waiting
    direct.merge_pull_request(repo, 1, repo_type="dataset")
    direct.delete_file("LICENSE", repo, repo_type="dataset")
    assert number(config, workspace) == 2


def test_one_that_holds_something_else_does_not_count(
    waiting: tuple[ReleaseConfig, Workspace, str], direct: HfApi
) -> None:
    config, workspace, repo = waiting
    later = small_dist(workspace.root.with_name("later"), config, rows=6)
    assert number(config, later) == 2
    direct.upload_file(
        path_or_fileobj=b"more", path_in_repo="more.csv", repo_id=repo, repo_type="dataset", revision="refs/pr/2"
    )
    assert number(config, later) == 3
    assert number(config, workspace) == 1


def test_a_draft_counts_and_another_title_does_not(
    waiting: tuple[ReleaseConfig, Workspace, str], direct: HfApi
) -> None:
    config, workspace, repo = waiting
    direct.change_discussion_status(repo, 1, "closed", repo_type="dataset")
    for place, title in ((2, "Another"), (3, TITLE)):
        assert direct.create_pull_request(repo, title, repo_type="dataset").num == place
        direct.upload_folder(
            folder_path=workspace.dist / "dataset", repo_id=repo, repo_type="dataset", revision=f"refs/pr/{place}"
        )
    assert number(config, workspace) == 3
    direct.merge_pull_request(repo, 3, repo_type="dataset")
    push(config, workspace)
    assert list(json.loads(workspace.receipt.read_text())["repos"]) == ["dataset", "metric"]
