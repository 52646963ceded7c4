"""The check of docs/extending.md is made by a process without hubkit, and stands in the report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubkit.errors import HubkitError
from hubkit.localhub import LocalHub
from hubkit.verification import checks, examination, verify

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
REPO = "maintainer/with-a-licence"


def test_an_added_check_is_made(hub: LocalHub, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## A verification check")[2]
    function, entry = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    folder = tmp_path / "downstream"
    shutil.copytree(examination.SCRIPT, folder)
    (folder / "check_licence.py").write_text(function)
    monkeypatch.setattr(examination, "SCRIPT", folder)
    monkeypatch.setattr(checks, "CHECKS", dict(checks.CHECKS))
    for module in (verify, examination):
        monkeypatch.setattr(module, "CHECKS", checks.CHECKS)
    exec(compile(entry, str(PAGE), "exec"), {})
    assert checks.names_for("granted")[-1] == "licence_there"
    monkeypatch.setattr(verify, "READER_CHECKS", ["licence_there"])
    monkeypatch.setenv("HF_TOKEN", hub.tokens["granted"])
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO, repo_type="dataset")
    found = []
    for name in ("data/default/test-00000-of-00001.parquet", "LICENSE"):
        api.upload_file(path_or_fileobj=b"of a test", path_in_repo=name, repo_id=REPO, repo_type="dataset")
        report = tmp_path / "verification.json"
        with pytest.raises(HubkitError, match="checks failed"):  # the repo is not gated
            verify.verify_repos([f"datasets/{REPO}"], "main", examination.Own(), [], report)
        granted = next(reader for reader in json.loads(report.read_text())["readers"] if reader["reader"] == "granted")
        found += [(check["check"], check["result"], check["detail"]) for check in granted["checks"]]
    assert found == [
        ("licence_there", "failed", "there is no LICENSE"),
        ("licence_there", "passed", "LICENSE is there"),
    ]
