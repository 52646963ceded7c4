"""A repo that has shown a release in clear takes no sealed one: what was readable stays so."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from small_dist import small_config, small_dist

from hubkit.config import Custody, ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.withdraw import withdraw
from hubkit.localhub import LocalHub
from hubkit.workspace import Workspace


def sealed_dist(root: Path, config: ReleaseConfig) -> Workspace:
    """dist/ of a sealed release: what tells it from one in clear is its roster."""
    workspace = small_dist(root, config, rows=5)
    roster = workspace.dist / "dataset" / "custody" / "groups.parquet"
    roster.parent.mkdir()
    roster.write_bytes(b"PAR1")
    return workspace


def sealed(config: ReleaseConfig, adapter: str | None) -> ReleaseConfig:
    return config.model_copy(update={"custody": Custody(mode="sealed", adapter_custody=adapter)})


def commits(api: HfApi, config: ReleaseConfig) -> dict[str, list[str]]:
    """All commits of main, and all tags, of both gated repos."""
    found = {}
    for repo, kind in ((config.hub.repo("dataset"), "dataset"), (config.hub.repo("adapter"), "model")):
        found[repo] = [commit.commit_id for commit in api.list_repo_commits(repo, repo_type=kind)]
        found[f"{repo} tags"] = [tag.name for tag in api.list_repo_refs(repo, repo_type=kind).tags]
    return found


def test_a_sealed_release_is_not_pushed_over_one_in_clear(hub: LocalHub, tmp_path: Path) -> None:
    clear = small_config("turned", collection=False)
    push(clear, small_dist(tmp_path / "clear", clear))
    config = sealed(small_config("turned", "1.1.0", collection=False), "gated")
    workspace = sealed_dist(tmp_path / "sealed", config)
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    before = commits(api, config)
    dataset, adapter = config.hub.repo("dataset"), config.hub.repo("adapter")
    said = (
        f"{dataset}: holds reports in clear, which stays readable to whoever has access: release-1.0.0 (use a new repo,"
        " which is safest, or take it back first: hubkit withdraw --tag release-1.0.0 ([hub] dataset))"
    )
    with pytest.raises(HubkitError) as error:
        push(config, workspace)
    assert str(error.value) == said
    assert said in map(str, plan_push(config, workspace).obstacles)
    assert commits(api, config) == before
    # Back in main's history alone, it is as readable.
    api.delete_tag(dataset, tag="release-1.0.0", repo_type="dataset")
    api.delete_folder("data", dataset, repo_type="dataset")
    with pytest.raises(
        HubkitError, match=r"holds reports in clear, .*: commit [0-9a-f]{8} .*delete the repo on the Hub"
    ):
        push(config, workspace)
    # The adapter alone would give away what the reports say.
    alone = sealed(small_config("turned", "1.1.0", dataset="turned-new", collection=False), None)
    with pytest.raises(
        HubkitError, match=rf"{adapter}: holds an adapter, .*: release-1\.0\.0 .*withdraw --tag release-1\.0\.0"
    ):
        push(alone, workspace)
    assert not api.repo_exists(alone.hub.repo("dataset"), repo_type="dataset")


@pytest.mark.long
def test_after_a_withdrawal_it_is_pushed_and_pushed_again(hub: LocalHub, tmp_path: Path) -> None:
    clear = small_config("taken-back", collection=False)
    push(clear, small_dist(tmp_path / "clear", clear))
    config = sealed(small_config("taken-back", "1.1.0", collection=False), "gated")
    workspace = sealed_dist(tmp_path / "sealed", config)
    withdraw(config, "release-1.0.0", "Sealed from now on.")
    push(config, workspace)
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    before = commits(api, config)
    push(config, workspace)
    assert commits(api, config) == before
