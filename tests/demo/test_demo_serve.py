"""`hubkit demo serve`: the Hub of a released demo is back, and what it prints is all that a reader needs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubkit.artifacts.receipt import Receipt, write_receipt
from hubkit.config import write_config
from hubkit.demo.config import MODELS, demo_config
from hubkit.demo.release import serve_again
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub import serve
from hubkit.workspace import Workspace, write_json


@pytest.fixture
def released(tmp_path: Path) -> Workspace:
    """A workspace with what serving the demo again reads, and a gated dataset on its Hub."""
    workspace = Workspace(tmp_path / "demo run")
    home = workspace.root / "demo"
    with serve(home / "hub") as hub:
        api = HfApi(hub.url, hub.tokens["owner"])
        repo = api.create_repo("maintainer/mimic-cxr-ptbr", repo_type="dataset").repo_id
        api.update_repo_settings(repo, repo_type="dataset", gated="manual")
        api.upload_file(path_or_fileobj=b"laudo", path_in_repo="data.txt", repo_id=repo, repo_type="dataset")
        config = demo_config(home / "corpus", hub.url, hub.owner, dict.fromkeys(MODELS, ("maintainer/vision", "")))
    (home / "hubkit.toml").write_text(write_config(config))
    write_json(workspace.adapter / "hubkit_generation.json", {"base_model": {"name": "lab/base", "revision": "0" * 40}})
    write_receipt(workspace, Receipt(endpoint=hub.url, repos={}))
    return workspace


def test_a_reader_gets_the_gated_files_with_what_is_printed(released: Workspace) -> None:
    command = [sys.executable, "-m", "hubkit", "demo", "serve", "--workspace", str(released.root)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # A shell lets what runs in its background ignore Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        said = "".join(iter(process.stdout.readline, "Ctrl-C stops the Hub.\n"))
        variables = dict(re.findall(r"^export (\w+)=(.*)$", said, re.MULTILINE))
        assert variables["HF_HOME"] == f"'{released.root}/demo/hf-home'"
        api = HfApi(variables["HF_ENDPOINT"], variables["HF_TOKEN"])
        assert api.auth_check("maintainer/mimic-cxr-ptbr", repo_type="dataset") is None
        assert 'load_dataset("maintainer/mimic-cxr-ptbr", revision="release-1.0.0")' in said
        assert "PeftModel.from_pretrained(" in said
        assert 'evaluate.load("maintainer/bertscore_ptbr", revision="release-1.0.0")' in said
        owner = said.split("export HF_TOKEN=")[-1].split()[0]
        assert HfApi(variables["HF_ENDPOINT"], owner).whoami()["name"] == "maintainer"
        with pytest.raises(HubkitError, match="runs"), serve_again(released):
            pass
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_without_a_released_demo_it_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no demo was released here .*make demo"), serve_again(Workspace(tmp_path)):
        pass
