"""`[hub] space = "none"`: a release without a Space is pushed, verified, granted and taken back like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from invented_release import build_release, release_config
from small_dist import small_config, small_dist

from hubkit.cli import cli
from hubkit.config import ReleaseConfig, write_config
from hubkit.hub.access import grant, requests
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import targets
from hubkit.localhub import LocalHub
from hubkit.packaging.package import package
from hubkit.report.summary import researcher_lines
from hubkit.verification.verify import verify
from hubkit.workspace import Workspace

METRIC_CHECKS = ["bertimbau_table", "xlm_roberta_table"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spaceless")


@pytest.fixture(scope="module")
def config(root: Path) -> ReleaseConfig:
    names = {"dataset": "spaceless-mimic-cxr-ext", "adapter": "spaceless-lora", "metric": "spaceless_metric"}
    title = {"title": "Without a Space"}
    hub = {"namespace": "maintainer", "space": "none", "waive_ungranted_probe": "one account is enough here", **names}
    return release_config(root / "corpus", hub=hub, release=title)


@pytest.fixture(scope="module")
def packaged(config: ReleaseConfig, root: Path) -> Workspace:
    workspace = build_release(root)
    package(config, workspace)
    return workspace


def test_no_card_names_a_space(config: ReleaseConfig, packaged: Workspace) -> None:
    assert {path.name for path in packaged.dist.iterdir()} == {"dataset", "dataset-script", "adapter"}
    naming = [
        path.relative_to(packaged.dist).as_posix()
        for path in packaged.dist.rglob("*")
        if path.is_file() and (b"spaceless_metric" in path.read_bytes() or b"/spaces/" in path.read_bytes())
    ]
    assert naming == []
    card = (packaged.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    assert "The metric is not published with this release." in card
    assert 'evaluate.load("bertscore_ptbr/bertscore_ptbr.py")' in card
    assert [target.artifact for target in targets(config, packaged)] == ["dataset", "adapter"]
    assert "evaluate" not in "\n".join(researcher_lines(config, packaged))


def test_it_is_pushed_verified_granted_and_withdrawn(
    hub: LocalHub,
    direct: HfApi,
    config: ReleaseConfig,
    packaged: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    assert [planned.where.partition(",")[0] for planned in plan_push(config, packaged).repos] == [
        *("datasets/maintainer/spaceless-mimic-cxr-ext", "maintainer/spaceless-lora"),
        "datasets/maintainer/spaceless-mimic-cxr-ext",
    ]
    push(config, packaged)
    assert not direct.repo_exists("maintainer/spaceless_metric", repo_type="space")
    receipt = json.loads(packaged.receipt.read_text())
    repos = {artifact: repo["id"] for artifact, repo in receipt["repos"].items()}
    assert repos == {"dataset": "maintainer/spaceless-mimic-cxr-ext", "adapter": "maintainer/spaceless-lora"}
    assert set(receipt["pins"]["commits"]) == {"dataset", "adapter", "script"}
    assert [item.item_id for item in direct.get_collection(receipt["collection"]).items] == [*repos.values()]

    monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", ["one_release", *METRIC_CHECKS])
    verify(config, packaged)
    report = json.loads((packaged.root / "verification.json").read_text())
    found = {check["check"]: check for check in report["readers"][0]["checks"]}
    assert found["one_release"]["result"] == "passed"
    assert {name: (found[name]["result"], found[name]["detail"]) for name in METRIC_CHECKS} == dict.fromkeys(
        METRIC_CHECKS, ("not run", "metric not published: the release has no repo for it")
    )

    assert set(grant(config, "outsider")) == set(repos.values())
    assert {asked.repo for asked in requests(config, ("accepted",)) if asked.user == "outsider"} == {*repos.values()}
    settings = tmp_path / "hubkit.toml"
    settings.write_text(write_config(config))
    where = ["--config", str(settings), "--workspace", str(packaged.root)]
    done = CliRunner().invoke(cli, ["withdraw", *where, "--confirm", "release-1.0.0"])
    assert done.exception is None, done.output
    assert "release-1.0.0 was withdrawn.\n" in done.output
    assert "Space" not in done.output
    for repo, kind in zip(repos.values(), ("dataset", "model"), strict=True):
        assert direct.list_repo_refs(repo, repo_type=kind).tags == []


def test_a_space_of_an_earlier_release_is_left_alone(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("earlier", collection=False)
    push(config, small_dist(tmp_path / "first", config))
    before = direct.space_info(config.hub.repo("metric")).sha
    later = small_config("earlier", "1.1.0", collection=False, space="none")
    workspace = small_dist(tmp_path / "second", later, rows=5)
    push(later, workspace)
    assert direct.space_info(config.hub.repo("metric")).sha == before
    assert set(json.loads(workspace.receipt.read_text())["repos"]) == {"dataset", "adapter"}
