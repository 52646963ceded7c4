"""Scores for the Hub's leaderboards come last, in a commit of their own, and hold up nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from interposed import Interposed, answers
from small_dist import small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.withdraw import withdraw
from hubkit.pins import commits
from hubkit.workspace import Workspace

RESULTS = ".eval_results/bertscore.yaml"

BENCHMARK = "name: Reports\ndescription: Invented.\nevaluation_framework: hubkit\ntasks:\n- id: bertscore\n"


def scored_dist(root: Path, config: ReleaseConfig, score: float = 0.5) -> Workspace:
    workspace = small_dist(root, config)
    path = workspace.dist / "adapter" / RESULTS
    path.parent.mkdir(exist_ok=True)
    dataset = config.hub.repo("dataset")
    path.write_text(f"- dataset:\n    id: {dataset}\n    task_id: bertscore\n  value: {score}\n")
    (workspace.dist / "dataset" / "eval.yaml").write_text(BENCHMARK)
    return workspace


PINS = """
<!-- hubkit:begin pins (written by hubkit; edit outside of the marks) -->
| part | repository | commit |
|---|---|---|
| `dataset` | `{dataset}` | named by `hubkit push` |
| `adapter` | `{adapter}` | named by `hubkit push` |
<!-- hubkit:end pins -->
"""


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
        "the results are left out of the Hub's leaderboards: maintainer/refused-results-lora" in capsys.readouterr().err
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


def test_the_benchmark_comes_after_the_data_and_before_the_results(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("benchmark", collection=False)
    workspace = scored_dist(tmp_path, config)
    push(config, workspace)
    commits = direct.list_repo_commits(config.hub.repo("dataset"), repo_type="dataset")
    assert [commit.title for commit in commits][:2] == ["Benchmark of release 1.0.0", "Release 1.0.0"]
    assert "eval.yaml" in json.loads(workspace.receipt.read_text())["repos"]["dataset"]["files"]
    assert direct.file_exists(config.hub.repo("dataset"), "eval.yaml", repo_type="dataset", revision=config.release.tag)


def test_results_name_the_commit_of_the_dataset(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("pinned-results", collection=False)
    workspace = scored_dist(tmp_path, config)
    card = workspace.dist / "adapter" / "README.md"
    repos = {name: config.hub.repo(name) for name in ("dataset", "adapter")}
    card.write_text(card.read_text() + PINS.format(**repos))
    push(config, workspace)
    fetched = direct.hf_hub_download(config.hub.repo("adapter"), RESULTS, revision=config.release.tag)
    (entry,) = yaml.safe_load(Path(fetched).read_text())
    revision = entry["dataset"]["revision"]
    assert commits(card_on_hub(direct, config))["dataset"] == revision
    rows = direct.list_repo_files(config.hub.repo("dataset"), repo_type="dataset", revision=revision)
    assert any(path.endswith(".parquet") for path in rows)
    before = titles(direct, config)
    assert {change.action for planned in plan_push(config, workspace).repos for change in planned.changes} == {"keep"}
    push(config, workspace)
    assert titles(direct, config) == before


def test_a_release_of_an_older_hubkit_can_be_pushed(direct: HfApi, tmp_path: Path) -> None:
    """It names its tag where a commit belongs, and its dataset defines no tasks."""
    config = small_config("older-results", collection=False)
    workspace = scored_dist(tmp_path, config)
    (workspace.dist / "dataset" / "eval.yaml").unlink()
    results = workspace.dist / "adapter" / RESULTS
    results.write_text(results.read_text().replace("  value", "    revision: release-1.0.0\n  value"))
    card = workspace.dist / "adapter" / "README.md"
    card.write_text(card.read_text() + PINS.format(**{name: config.hub.repo(name) for name in ("dataset", "adapter")}))
    push(config, workspace)
    fetched = direct.hf_hub_download(config.hub.repo("adapter"), RESULTS)
    (entry,) = yaml.safe_load(Path(fetched).read_text())
    assert entry["dataset"]["revision"] == commits(card_on_hub(direct, config))["dataset"]


def card_on_hub(api: HfApi, config: ReleaseConfig) -> str:
    return Path(api.hf_hub_download(config.hub.repo("adapter"), "README.md")).read_text()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (f"adapter/{RESULTS}", "- value: 0.5\n", "the Hub would refuse it: 0.dataset: Field required"),
        (
            f"adapter/{RESULTS}",
            "- dataset: {id: maintainer/malformed-mimic-ext, task_id: other}\n  value: 1\n",
            "names the task 'other', which eval.yaml of the dataset does not define",
        ),
        ("dataset/eval.yaml", "name: x\n", "the Hub would refuse it: description: Field required"),
    ],
)
def test_a_malformed_file_stops_the_push_before_it_begins(
    direct: HfApi, tmp_path: Path, file: str, text: str, message: str
) -> None:
    config = small_config("malformed", collection=False)
    workspace = scored_dist(tmp_path, config)
    (workspace.dist / file).write_text(text)
    with pytest.raises(HubkitError, match=re.escape(message)):
        push(config, workspace)
    assert [message in str(obstacle) for obstacle in plan_push(config, workspace).obstacles].count(True) == 1
    assert not direct.repo_exists(config.hub.repo("adapter"))


def test_the_hub_on_loopback_refuses_a_malformed_file(direct: HfApi) -> None:
    repo = direct.create_repo("maintainer/loose-results", exist_ok=True).repo_id
    with pytest.raises(HfHubHTTPError, match=r"Invalid .eval_results/x.yaml: .*0.dataset: Field required"):
        direct.upload_file(path_or_fileobj=b"- value: 1\n", path_in_repo=".eval_results/x.yaml", repo_id=repo)


def test_a_hub_that_refuses_the_framework_has_the_data(
    front: Interposed, direct: HfApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config("refused-benchmark", collection=False)
    workspace = scored_dist(tmp_path, config)
    front.on("POST", "/commit/main", answers(400), holds=b"eval.yaml")
    push(config, workspace)
    said = capsys.readouterr().err
    assert "the definition of the benchmark is left out of the Hub's leaderboards" in said
    assert "the Hub lists no evaluation framework 'hubkit': docs/packaging.md" in said
    assert "eval.yaml" not in json.loads(workspace.receipt.read_text())["repos"]["dataset"]["files"]
