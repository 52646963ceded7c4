"""A release on the Hub, in clear and sealed, is read by every version of `datasets` that it promises to load with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from invented_release import build_release, release_config

import hubkit
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.push import push
from hubkit.localhub import LocalHub
from hubkit.packaging.package import package
from hubkit.scoring.inputs import original
from hubkit.verification.versions import environment, expand, version_sets
from hubkit.workspace import Workspace, read_table

TESTS = Path(__file__).parents[1]
KEPT = Path(sys.prefix).resolve() / "versions"
"""Where the environments stay from one run to the next: beside the libraries of the one that runs the tests."""

SEALED = {"dataset": "sealed-ptbr", "adapter": "sealed-lora", "metric": "bertscore_sealed"}


class Published(NamedTuple):
    """What was pushed: the workspace, the corpus, and the folder of the dataset in clear."""

    workspace: Workspace
    corpus: Path
    clear: Path

    def rows(self, config: str) -> dict[str, list[dict[str, Any]]]:
        files = sorted((self.clear / "data" / config).glob("*.parquet"))
        return {path.name.partition("-")[0]: pq.read_table(path).to_pylist() for path in files}


@pytest.fixture(scope="module")
def published(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("published")
    workspace = build_release(root, studies=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"]}.items():
            patch.setenv(name, value)
        patch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
        for names, custody in (({}, {}), (SEALED, {"mode": "sealed", "adapter_custody": "gated"})):
            config = release_config(root / "corpus", hub={"namespace": hub.owner, **names}, custody=custody)
            package(config, workspace)
            push(config, workspace)
            if not names:
                workspace.dist.rename(root / "clear")
    return Published(workspace, root / "corpus", root / "clear" / "dataset")


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.long) for name in version_sets()])
def python(package_index: None, request: pytest.FixtureRequest) -> Path:
    """The interpreter of a set of versions; the first run installs them."""
    return environment(request.param, KEPT)


def run(python: Path, script: Path, home: Path, hub: LocalHub, *arguments: str, **more: str) -> dict[str, Any]:
    """What a script found as a granted reader, in a home of its own."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "HF_HOME": str(home / "huggingface"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.tokens["granted"],
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        **more,
    }
    command = [str(python), str(script), *arguments]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads((home / "found.json").read_text())
    return found


@pytest.fixture(scope="module")
def read(python: Path, hub: LocalHub, published: Published, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process without hubkit read of the release in clear, and of the sealed one."""
    script, home = TESTS / "loading_script" / "load_from_hub.py", tmp_path_factory.mktemp("stock")
    repos = {name: f"{hub.owner}/{name}" for name in ("mimic-cxr-ptbr", SEALED["dataset"])}
    found = run(python, script, home, hub, "release-1.0.0", str(published.corpus), *repos.values())
    return {name: found[repo] for name, repo in repos.items()}


def test_a_release_in_clear_is_read_by_all_versions(python: Path, read: dict[str, Any], published: Published) -> None:
    found = read["mimic-cxr-ptbr"]
    home = python.parents[1].name
    if home.startswith("datasets-"):
        assert home.startswith(f"datasets-{'.'.join(found['versions'][0].split('.')[:2])}-")
    assert found["released"] == {name: published.rows(name) for name in ("default", "spans", "generations", "scores")}
    check_views(found["import"], published)
    runs_scripts = int(found["versions"][0].split(".")[0]) < 4
    assert found.get("script") == (found["import"] if runs_scripts else None)


def check_views(views: dict[str, dict[str, list[dict[str, Any]]]], published: Published) -> None:
    """Hold the loader's views to the release and to the corpus."""
    released = {row["study_id"]: row for part in published.rows("default").values() for row in part}
    studies = {study["study_id"]: study for study in read_table(published.workspace.studies).to_pylist()}
    for view, splits in views.items():
        assert list(splits) == ["train", "validation", "test"]
        rows = [row for part in splits.values() for row in part]
        # The translation of the first study failed, so that there is nothing to say in a chat.
        expected = {study for study, row in released.items() if view != "chat" or row["report"]}
        assert [row["study_id"] for row in rows] == sorted(expected)
        for row in rows:
            study, ours = studies[row["study_id"]], released[row["study_id"]]
            pixels = [[16, 16, row["study_id"] % 256]] * len(ours["images"])
            if view == "text":
                assert {name: row[name] for name in ours} == ours
                assert row["report_en"] == study["report"]
                assert row["reference_en"] == original(study, "findings_impression")
            elif view == "images":
                assert (row["report"], row["labels"], row["images"]) == (ours["report"], ours["labels"], pixels)
            else:
                assert row["images"] == pixels
                assert row["messages"][1]["content"][0]["text"] in ours["report"]


def test_a_sealed_release_is_opened_in_all_versions(
    python: Path, hub: LocalHub, read: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    repo, corpus = f"{hub.owner}/{SEALED['dataset']}", str(published.corpus)
    bytes_alone = read[SEALED["dataset"]]["released"]
    counts = {name: {split: len(part) for split, part in splits.items()} for name, splits in bytes_alone.items()}
    # Sealed, all spans of a study are one cell.
    assert counts == {
        name: {
            split: len({row["study_id"] for row in part}) if name == "spans" else len(part)
            for split, part in published.rows(name).items()
        }
        for name in ("default", "spans", "generations", "scores")
    }
    # The light install of hubkit lies in no environment: what was read above could not prove anything otherwise.
    light = str(Path(hubkit.__file__).parents[1])
    where = {"PYTHONPATH": light, "MIMIC_CXR_ROOT": corpus, "XDG_CACHE_HOME": str(tmp_path)}
    found = run(python, TESTS / "custody" / "read_from_hub.py", tmp_path, hub, repo, **where)
    rows = published.rows("default")
    assert found["open_sealed"] == found["streamed"] == found["literal"] == rows
    assert found["generations"] == published.rows("generations")["test"]
    if "no cast" in found:
        assert "datasets-2.21" in str(python)
        assert "datasets 2.21.0 opens no columns but its own (use open_sealed(dataset)" in found["no cast"]
    else:
        assert found["cast"] == found["cast streamed"] == [row["report"] for row in rows["test"]]
    studies = {study["study_id"]: study for study in read_table(published.workspace.studies).to_pylist()}
    assert found["english"] == [original(studies[row["study_id"]], "findings_impression") for row in rows["test"]]


def test_the_light_install_of_hubkit_goes_with_all_versions(python: Path) -> None:
    code = (
        "import sys, importlib.metadata as installed\n"
        "from packaging.requirements import Requirement\n"
        "for requirement in map(Requirement, sys.argv[1:]):\n"
        "    version = installed.version(requirement.name)\n"
        "    assert version in requirement.specifier, (str(requirement), version)\n"
    )
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    light = [*project["dependencies"], *project["optional-dependencies"]["reader"]]
    done = subprocess.run([str(python), "-I", "-c", code, *light], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("names", "expanded"),
    [
        ((), []),
        (
            ("all",),
            [
                *("datasets-2.21", "datasets-3.6", "datasets-4.8", "datasets-5.2"),
                *("transformers-4.51", "transformers-4.57", "transformers-5.23"),
            ],
        ),
        (("datasets-3.6", "datasets==4.0.0", "datasets-3.6"), ["datasets-3.6", "datasets==4.0.0"]),
    ],
)
def test_all_stands_for_the_pinned_sets(names: tuple[str, ...], expanded: list[str]) -> None:
    assert expand(names) == expanded


@pytest.mark.parametrize("name", ["datasets", "datasets-9.9", "--index-url=http://127.0.0.1", "git+https://host/x", ""])
def test_a_name_that_is_no_version_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a pinned set of versions nor a requirement"):
        environment(name, tmp_path)


def test_versions_that_cannot_be_installed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(HubkitError, match=r"datasets==3\.6\.0: cannot be installed: .*see whether PyPI can be reached"):
        environment("datasets==3.6.0", tmp_path)
    assert not list(tmp_path.glob("*/.ready"))
