"""Scores for the Hub's leaderboards come last, in a commit of their own, and hold up nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from interposed import Interposed, answers
from small_dist import small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.withdraw import withdraw
from hubkit.workspace import Workspace

RESULTS = ".eval_results/bertscore.yaml"


def scored_dist(root: Path, config: ReleaseConfig, score: float = 0.5) -> Workspace:
    workspace = small_dist(root, config)
    path = workspace.dist / "adapter" / RESULTS
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"- value: {score}\n")
    return workspace


def titles(api: HfApi, config: ReleaseConfig) -> list[str]:
    return [commit.title for commit in api.list_repo_commits(config.hub.repo("adapter"))]


def files(api: HfApi, config: ReleaseConfig, revision: str) -> set[str]:
    return set(api.list_repo_files(config.hub.repo("adapter"), revision=revision))


def test_they_come_after_the_weights_and_under_the_tag(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("results", collection=False)
    workspace = scored_dist(tmp_path, config)
    push(config, workspace)
    assert titles(direct, config)[:2] == ["Results of release 1.0.0", "Release 1.0.0"]
    weights = direct.list_repo_commits(config.hub.repo("adapter"))[1].commit_id
    assert files(direct, config, "main") - files(direct, config, weights) == {RESULTS}
    assert RESULTS in files(direct, config, "release-1.0.0")
    assert RESULTS in json.loads(workspace.receipt.read_text())["repos"]["adapter"]["files"]
    before = titles(direct, config)
    assert {change.action for planned in plan_push(config, workspace).repos for change in planned.changes} == {"keep"}
    push(config, workspace)
    assert titles(direct, config) == before
    later = small_config("results", "1.1.0", collection=False)
    push(later, scored_dist(tmp_path / "later", later, score=0.75))
    assert titles(direct, config)[0] == "Results of release 1.1.0"
    assert len(titles(direct, config)) == len(before) + 2


def test_a_hub_that_refuses_them_has_the_weights(
    front: Interposed, direct: HfApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config("refused-results", collection=False)
    workspace = scored_dist(tmp_path, config)
    refuse = front.on("POST", "/commit/main", answers(400), holds=RESULTS.encode())
    push(config, workspace)
    assert len(refuse.seen) == 1
    assert (
        "the results for the Hub's leaderboards are left out: maintainer/refused-results-lora"
        in capsys.readouterr().err
    )
    assert titles(direct, config)[0] == "Release 1.0.0"
    receipt = json.loads(workspace.receipt.read_text())["repos"]["adapter"]
    assert "adapter_model.safetensors" in receipt["files"]
    assert RESULTS not in receipt["files"]
    # The next push brings them to main, and leaves the tag where it is.
    push(config, workspace)
    assert titles(direct, config)[:2] == ["Results of release 1.0.0", "Release 1.0.0"]
    assert RESULTS not in files(direct, config, "release-1.0.0")
    assert json.loads(workspace.receipt.read_text())["repos"]["adapter"] == receipt
    # Withdrawn with the version, although its tag does not name them.
    withdraw(config, "release-1.0.0", "For a test.")
    assert RESULTS not in files(direct, config, "main")
