"""What a check is given: the release and the reader's own files, and how it says that it fails or cannot be made."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

KINDS = {"dataset": "dataset", "adapter": "model", "metric": "space"}
"""The Hub's type of each part of a release."""

RUNS_OFFLINE = ("dataset", "metric")
"""The parts of a release that hold code."""

Task = dict[str, Any]
"""The JSON object that hubkit writes: `repos` by artifact (those to be checked), `tag`, and

- `sealed`, whether the dataset is, and `opened`, the folder in which hubkit opened it, or null;
- `script`, whether there is a branch with the loader; `files`, a file behind the gate of each gated repo;
- `checks`, those to be made now: of each its `name`, the `module` with its function, and what it needs;
- `download`, those that will run code of the release later, so that what they need is downloaded now;
  `downloads`, the folder for it; `downloaded`, what came of it, for a process that is offline, or null;
- `corpus` and `images`, the reader's own, or null; `sample`, how many reports to generate again;
- `record` and `recipe`, the names of the release's own descriptions in its repos.
"""


class Skipped(Exception):
    """The check cannot be made, for the reason given."""


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def skip(reason: str) -> NoReturn:
    raise Skipped(reason)


def repo(task: Task, artifact: str) -> str:
    """The id of a part of the release, where it should be checked."""
    found: str = task["repos"].get(artifact) or skip(f"no {artifact} was named")
    return found


def published(task: Task, artifact: str) -> None:
    """Skip a check of a part that the release, as it says itself, does not have on the Hub."""
    try:
        parts = described(task)["repos"]
    except Skipped:
        return
    if artifact not in parts:
        skip(f"{artifact} not published: the release has no repo for it")


def own(task: Task, what: str) -> str:
    """The reader's own `corpus` or `images`, where given."""
    found: str = task[what] or skip(f"needs the reader's own {what}: give --{what}")
    return found


def described(task: Task) -> dict[str, Any]:
    """What the release says of itself, from the first of its repos that does."""
    from huggingface_hub.errors import EntryNotFoundError

    for artifact in task["repos"] if task["downloaded"] is None else RUNS_OFFLINE:
        try:
            record: dict[str, Any] = fetched(task, artifact, task["record"])
            return record
        except (EntryNotFoundError, FileNotFoundError):
            continue
    skip(f"no repo holds {task['record']}, which says how it was scored")


def fetched(task: Task, artifact: str, name: str) -> Any:
    """A JSON file of a repo, by tag."""
    from huggingface_hub import hf_hub_download

    if task["downloaded"] is not None:
        return json.loads((downloaded(task, artifact) / name).read_text(encoding="utf-8"))
    path = hf_hub_download(repo(task, artifact), name, repo_type=KINDS[artifact], revision=task["tag"])
    return json.loads(Path(path).read_text(encoding="utf-8"))


def table(task: Task, config: str, split: str = "test") -> Any:
    """A split of the dataset with its text: from the Hub, or from where it was opened."""
    from datasets import load_dataset

    name = repo(task, "dataset")
    if task["downloaded"] is not None:
        return load_dataset(folder(task), config, split=split)
    if not task["sealed"]:
        return load_dataset(name, config, split=split, revision=task["tag"])
    return load_dataset(task["opened"] or skip("the text is sealed: give --corpus"), config, split=split)


def folder(task: Task) -> str:
    """The folder of the dataset with its text: downloaded, or where it was opened."""
    repo(task, "dataset")
    if task["sealed"]:
        opened: str = task["opened"] or skip("the text is sealed: give --corpus")
        return opened
    return str(downloaded(task, "dataset"))


def downloaded(task: Task, item: str) -> Path:
    """What was downloaded before this process, which is offline: a part of the release, or its `script`."""
    entry: dict[str, str] = task["downloaded"].get(item) or skip(f"no {item} was named")
    expect("path" in entry, f"{item} could not be downloaded: {entry.get('error')}")
    return Path(entry["path"])


@functools.cache
def loader(release: str) -> ModuleType:
    """The loader that the release in the folder `release` carries."""
    path = Path(release) / "loader" / "mimic_cxr_ptbr.py"
    spec = importlib.util.spec_from_file_location("mimic_cxr_ptbr", path)
    if spec is None or spec.loader is None or not path.is_file():
        skip("the release carries no loader")
    # datasets looks the builder's module up there.
    module = sys.modules["mimic_cxr_ptbr"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
