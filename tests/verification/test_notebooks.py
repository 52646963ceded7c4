"""The notebooks run as a whole on a release that was pushed: a researcher's machine, and the maintainer's."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_files import FOLDER, printed, program

from hubkit.artifacts.manifest import Manifest, write_manifest
from hubkit.config import ReleaseConfig
from hubkit.localhub import LocalHub
from hubkit.verification.clean_env import Access, clean_env
from hubkit.workspace import Workspace

RESEARCHER, MAINTAINER = FOLDER / "researcher.ipynb", FOLDER / "maintainer.ipynb"

# A release is trained and pushed, and each notebook loads its libraries in a process of its own.
pytestmark = pytest.mark.long


def run_researcher(hub: LocalHub, token: str, folder: Path, **settings: str) -> tuple[int, str]:
    """Exit status and output of the notebook in a process without hubkit, with an empty home."""
    script, log = folder / "notebook.py", folder / "log"
    script.write_text(program(RESEARCHER, NAMESPACE="maintainer", **settings), encoding="utf-8")
    with clean_env(folder) as process:
        status = process.run(script, [], Access(hub.url, hub.tokens[token]), log)
    return status, log.read_text(encoding="utf-8")


def test_a_researcher_loads_looks_scores_and_generates(
    pushed: list[str], packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, tmp_path: Path
) -> None:
    status, output = run_researcher(hub, "granted", tmp_path, IMAGES=str(packaged[0].corpus.root))
    assert status == 0, output
    cells = printed(output)
    assert re.search(r"^test +\d+ studies$", cells["load"], re.M)
    assert "ACHADOS:" in cells["look"]
    # Three conditions in two setups.
    assert len(re.findall(r"F1 0\.\d{4} of \d+ reports", cells["published"])) == 6
    (largest,) = re.findall(r"largest difference from a published score: (\S+)", cells["again"])
    assert float(largest) < 1e-4
    assert len(re.findall(r"^F1 0\.\d{4}  .*pneumotórax\.$", cells["negation"], re.M)) == 2
    assert cells["answer"].endswith("the same as published: True\n")


@pytest.mark.parametrize(
    ("token", "cell", "message"),
    [
        ("ungranted", "load", "DatasetNotFoundError: Dataset 'maintainer/mimic-cxr-ptbr' is a gated dataset"),
        ("granted", "study", "has the images of no test study: set IMAGES above"),
    ],
)
def test_a_researcher_without_a_grant_or_without_images_learns_why(
    pushed: list[str], hub: LocalHub, tmp_path: Path, token: str, cell: str, message: str
) -> None:
    status, output = run_researcher(hub, token, tmp_path, IMAGES=str(tmp_path / "nowhere"))
    assert status == 1
    assert list(printed(output))[-1] == cell
    assert message in output.splitlines()[-1]


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def run_maintainer(folder: Path) -> tuple[int, str]:
    """Exit status and output of the notebook in the folder of hubkit.toml, where nothing can be sent."""
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "MPLBACKEND": "agg"}
    environment.pop("HF_TOKEN", None)
    command = [sys.executable, "-c", program(MAINTAINER)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_maintainer_reads_the_workspace_and_changes_nothing(
    pushed: list[str], packaged: tuple[ReleaseConfig, Workspace]
) -> None:
    workspace = packaged[1]
    # The stages ran without `hubkit release`, which writes the manifests and the settings' file.
    started = {"score": "2026-11-02T08:00:00+00:00", "read": "2026-11-01T08:00:00+00:00"}
    for stage, when in started.items():
        write_manifest(workspace, Manifest(stage=stage, started=when, seconds=2.5, outputs={"file": "0" * 64}))
    home = workspace.root.parent
    (home / "hubkit.toml").write_text('[corpus]\nkind = "demo"\nroot = "corpus"\n[hub]\nnamespace = "maintainer"\n')
    before = digests(workspace.root)

    status, output = run_maintainer(home)
    assert status == 0, output
    assert digests(workspace.root) == before
    cells = printed(output)
    assert "namespace:  maintainer" in cells["config"]
    assert [line.split()[0] for line in cells["stages"].splitlines()] == ["read", "score"]
    assert re.search(r"^Cardiomegaly( +\d+){3}$", cells["studies"], re.M)
    assert re.search(r"^findings +60$", cells["translations"], re.M)
    sections, flags = map(int, re.findall(r"\d+", cells["check"].splitlines()[0]))
    assert sections > 10
    # The translations are invented: the checks find much.
    assert flags > sections / 2
    assert cells["pair"].count("points at:") == 3
    assert "translation alone" in cells["labels"]
    assert re.search(r"^last step: \d+$", cells["training"], re.M)
    # A line for each setup, over the 13 test studies.
    assert len(re.findall(r" lora +13\.0 ", cells["scores"])) == 2
    assert cells["lowest"].count("generated:") == 3
    assert re.search(rf"^dataset +{pushed[0]} release-1\.0\.0 [0-9a-f]{{12}}$", cells["hub"], re.M)


def test_a_folder_that_is_not_a_workspace_is_named(tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text('[corpus]\nkind = "demo"\nroot = "corpus"\n')
    status, output = run_maintainer(tmp_path)
    assert status == 1
    assert output.splitlines()[-1].endswith("work is not a workspace: set WORKSPACE, or run hubkit release")
