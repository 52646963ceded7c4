"""What a reader does with releases, by stock libraries: `python load_from_hub.py TAG CORPUS REPO...`.

Every config and split by tag and by main, streamed and not; of a release in clear the loader's views as well: from the
branch `script` where datasets runs scripts, and by import. What was found in each repo is written to found.json.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import datasets
from datasets import get_dataset_config_names, load_dataset
from huggingface_hub import snapshot_download

assert importlib.util.find_spec("hubkit") is None

# The Hub on loopback has no viewer beside it; datasets 2.21 would ask for it at each load, thrice with pauses.
datasets.config.USE_PARQUET_EXPORT = False

VIEWS = ("text", "images", "chat")
tag, corpus, *repos = sys.argv[1:]


def rows(loaded: Any) -> dict[str, list[dict[str, Any]]]:
    return {split: [readable(row) for row in part] for split, part in loaded.items()}


def readable(value: Any) -> Any:
    """JSON of a row: of bytes and pictures it says enough to compare them."""
    if isinstance(value, dict):
        return {name: readable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [readable(part) for part in value]
    if isinstance(value, bytes):
        return value.hex()
    return [*value.size, value.getpixel((0, 0))] if hasattr(value, "getpixel") else value


def released(repo: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for revision in (tag, "main"):
        for config in get_dataset_config_names(repo, revision=revision):
            plain = rows(load_dataset(repo, config, revision=revision))
            assert rows(load_dataset(repo, config, revision=revision, streaming=True)) == plain
            assert found.setdefault(config, plain) == plain
    return found


def by_script(repo: str) -> dict[str, Any]:
    found = {}
    for view in VIEWS:
        options = {"revision": "script", "trust_remote_code": True, "mimic_cxr": corpus}
        found[view] = rows(load_dataset(repo, view, **options))
        assert rows(load_dataset(repo, view, streaming=True, **options)) == found[view]
    return found


def by_import(repo: str) -> dict[str, Any]:
    folder = snapshot_download(repo, repo_type="dataset", revision=tag)
    spec = importlib.util.spec_from_file_location("mimic_cxr_ptbr", f"{folder}/loader/mimic_cxr_ptbr.py")
    assert spec is not None
    assert spec.loader is not None
    loader = sys.modules["mimic_cxr_ptbr"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    found = {view: rows(loader.load(view, folder, mimic_cxr=corpus)) for view in VIEWS}
    assert rows(loader.load("text", repo, mimic_cxr=corpus, num_proc=2)) == found["text"]
    return found


def read(repo: str) -> dict[str, Any]:
    found: dict[str, Any] = {"versions": [datasets.__version__], "released": released(repo)}
    if not isinstance(load_dataset(repo, split="test")[0]["report"], bytes):
        found["import"] = by_import(repo)
        if datasets.__version__ < "4":
            found["script"] = by_script(repo)
    return found


Path("found.json").write_text(json.dumps({repo: read(repo) for repo in repos}))
