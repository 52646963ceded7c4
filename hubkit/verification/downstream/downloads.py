"""What checks that run code of a release need, downloaded by a process that runs none, with the reader's token."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from task import KINDS, Task

OTHER_WEIGHTS = ("*.h5", "*.msgpack", "*.ot", "*.onnx", "*.tflite", "onnx/*", "openvino/*", "coreml/*")


def needed(task: Task) -> list[str]:
    """The parts of the release, its `script`, and ids of encoders, in the order in which they are downloaded."""
    checks = task["download"]
    if not checks or "dataset" not in task["repos"]:
        return []
    items = ["dataset"]
    if any(check["script"] for check in checks) and task["script"] and not task["sealed"] and _runs_scripts():
        items.append("script")
    if any(check["setup"] for check in checks) and "metric" in task["repos"]:
        items.append("metric")
    return items


def fetch(task: Task, item: str) -> Path:
    """Download one part of the release; its folder."""
    from huggingface_hub import snapshot_download

    artifact, revision = ("dataset", "script") if item == "script" else (item, task["tag"])
    target = Path(task["downloads"]) / item
    name = task["repos"][artifact]
    snapshot_download(name, repo_type=KINDS[artifact], revision=revision, local_dir=target)
    return target


def encoders(task: Task, metric: Path) -> list[tuple[str, str | None]]:
    """The encoders of the tables that are computed again, with their revisions, as the release names them."""
    try:
        record = json.loads((metric / task["record"]).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []  # then the check says that there is no record
    setups = [record["scoring"]["setups"][check["setup"]] for check in task["download"] if check["setup"]]
    return [(setup["model"], setup["revision"]) for setup in setups if not Path(setup["model"]).is_dir()]


def fetch_encoder(task: Task, model: str, revision: str | None) -> Path:
    """Download an encoder into the cache of the process that will use it: its weights in one format."""
    from huggingface_hub import HfApi, snapshot_download

    names = HfApi().list_repo_files(model, revision=revision)
    other = (*OTHER_WEIGHTS, *(["*.bin"] if any(name.endswith(".safetensors") for name in names) else []))
    cache = Path(task["downloads"]) / "hub"
    return Path(snapshot_download(model, revision=revision, cache_dir=cache, ignore_patterns=list(other)))


def _runs_scripts() -> bool:
    # Its metadata, since to import it takes seconds.
    return int(importlib.metadata.version("datasets").split(".")[0]) < 4
