"""The gate is shut to those who were not granted access."""

from __future__ import annotations

import contextlib
import importlib.util

from task import KINDS, Task, skip


def refused(task: Task) -> str:
    """No file behind a gate is handed out, and the dataset does not load."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError

    gated = {artifact: file for artifact, file in task["files"].items() if artifact in task["repos"]}
    if not gated:
        skip("no gated repo was named")
    for artifact, file in gated.items():
        with contextlib.suppress(GatedRepoError):
            hf_hub_download(task["repos"][artifact], file, repo_type=KINDS[artifact], revision=task["tag"])
            raise AssertionError(f"{file} was downloaded")
    if "dataset" in gated and importlib.util.find_spec("datasets"):
        _not_loaded(task)
    return f"{' and '.join(gated)} gated"


def _not_loaded(task: Task) -> None:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    with contextlib.suppress(DatasetNotFoundError):
        load_dataset(task["repos"]["dataset"], revision=task["tag"])
        raise AssertionError("the dataset was loaded")
