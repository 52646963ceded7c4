"""A release that the stages made, pushed and then used by processes without hubkit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_release import read_release

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.bystander import bystander
from hubkit.hub.push import push
from hubkit.hub.verify import verify
from hubkit.localhub import LocalHub
from hubkit.workspace import Workspace


@pytest.fixture(scope="module")
def packaged(
    hub: LocalHub, vision_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ReleaseConfig, Workspace]:
    home = tmp_path_factory.mktemp("release")
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "HF_HOME": str(home / "huggingface")}
    script = Path(__file__).with_name("tiny_release.py")
    done = subprocess.run(
        [sys.executable, str(script), str(home), str(vision_model)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return read_release(home)


def test_what_researchers_do_works(
    packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, capfd: pytest.CaptureFixture[str]
) -> None:
    config, workspace = packaged
    push(config, workspace)
    verify(config, workspace)
    report = json.loads((workspace.root / "verification.json").read_text())
    checks = {(reader["reader"], check["check"]) for reader in report["readers"] for check in reader["checks"]}
    assert checks == {
        ("granted", "datasets_load"),
        ("granted", "literal_load"),
        ("granted", "table_recomputed"),
        ("granted", "reports_regenerated"),
        ("stranger", "refused"),
        ("ungranted", "refused"),
    }
    assert all(check["passed"] for reader in report["readers"] for check in reader["checks"])
    assert report["readers"][0]["versions"]["datasets"]
    shown = capfd.readouterr().err
    assert "granted          table_recomputed     passed" in shown
    assert not [path for path in workspace.root.iterdir() if path.name.startswith("bystander-")]


def test_a_difference_fails_the_verification(
    packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = packaged
    monkeypatch.setattr("hubkit.hub.verify.READER_CHECKS", ["table_recomputed"])
    monkeypatch.setattr("hubkit.hub.verify.TEXT_CHECKS", [])
    changed = Workspace(tmp_path / "work")
    shutil.copytree(workspace.dist, changed.dist)
    (path,) = changed.dist.glob("dataset/data/scores/*.parquet")
    table = pq.read_table(path)
    moved = pa.array([value + 0.001 for value in table["f1"].to_pylist()], pa.float32())
    pq.write_table(table.set_column(table.schema.get_field_index("f1"), "f1", moved), path)
    names = {"dataset": "changed", "adapter": "changed-lora", "metric": config.hub.metric}
    later = config.model_copy(update={"hub": config.hub.model_copy(update=names)})
    push(later, changed)
    with pytest.raises(HubkitError, match=r"table_recomputed: scores differ by up to 0\.001"):
        verify(later, changed)


def test_a_reader_who_gets_in_without_a_grant_fails_the_verification(
    packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = packaged
    push(config, workspace)
    monkeypatch.setattr("hubkit.hub.verify.READER_CHECKS", [])
    monkeypatch.setattr("hubkit.hub.verify.TEXT_CHECKS", [])
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["granted"])
    with pytest.raises(HubkitError, match="refused: the dataset was loaded"):
        verify(config, workspace)


def test_nothing_was_pushed(tmp_path: Path, packaged: tuple[ReleaseConfig, Workspace]) -> None:
    with pytest.raises(HubkitError, match="nothing was pushed yet"):
        verify(packaged[0], Workspace(tmp_path))


def test_a_bystander_cannot_import_hubkit(tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text("import os, datasets\nassert 'HF_TOKEN' not in os.environ\nimport hubkit\n")
    with bystander(tmp_path) as process, pytest.raises(HubkitError, match=r"script\.py ended with status 1"):
        process.run(script, [], None, os.environ["HF_ENDPOINT"], log)
    assert "No module named 'hubkit'" in log.read_text()
