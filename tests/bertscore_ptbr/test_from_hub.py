"""The metric as a researcher loads it: by name from a Hub, with an encoder that lies there at a commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from huggingface_hub import HfApi
from loopback import hub

from hubkit.published import published

__all__ = ["hub"]

LOAD = """
import json, sys, evaluate
sys.modules["hubkit"] = None
metric = evaluate.load(sys.argv[1], revision="release-1.0.0")
texts = {"predictions": ["Há derrame."], "references": ["Sem derrame."]}
print(json.dumps([metric.compute(**texts, **settings) for settings in json.loads(sys.argv[2])]))
script, encoder = sys.argv[3], json.loads(sys.argv[4])
print(round(evaluate.load(script).compute(predictions=["a"], references=["a"], **encoder)["f1"][0], 4))
"""


def test_load_by_name(hub, encoders, metric, tmp_path):
    """With an encoder that is named by its commit, with one of no revision, and the script alone in a folder.

    hubkit cannot be imported there.
    """
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    space, models = f"{hub.owner}/bertscore_ptbr", [f"{hub.owner}/tiny-bert-{number}" for number in range(2)]
    folder, layer = encoders["bert"]
    api.create_repo(space, repo_type="space", space_sdk="static")
    api.upload_folder(repo_id=space, repo_type="space", folder_path=published("bertscore_ptbr"))
    api.create_tag(space, repo_type="space", tag="release-1.0.0")
    commits = []
    for model in models:
        api.create_repo(model)
        commits.append(api.upload_folder(repo_id=model, folder_path=folder).oid)
    alone = tmp_path / "bertscore_ptbr" / "bertscore_ptbr.py"
    alone.parent.mkdir()
    alone.write_bytes((published("bertscore_ptbr") / alone.name).read_bytes())
    encoder = json.dumps({"model_type": folder, "num_layers": layer})
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    settings = [{"model_type": model, "num_layers": layer, "device": "cpu"} for model in models]
    settings[0]["revision"] = commits[0]
    found = subprocess.run(
        [sys.executable, "-c", LOAD, space, json.dumps(settings), str(alone.parent), encoder],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    *_, answers, same = found.stdout.splitlines()
    assert same == "1.0"
    results = json.loads(answers)
    local = metric.compute(
        predictions=["Há derrame."], references=["Sem derrame."], model_type=folder, num_layers=layer
    )
    for result, model, commit in zip(results, models, commits, strict=True):
        assert result["f1"] == pytest.approx(local["f1"], abs=1e-6)
        assert f"model:{model}|revision:{commit}|layer:{layer}|" in result["signature"]
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [path for path in written if "derrame" in path.read_bytes().decode(errors="ignore")]
