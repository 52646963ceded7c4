"""The dataset loads: from the Hub, as a folder of its name, and joined with the reader's own corpus."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from typing import Any

from task import Task, described, downloaded, expect, fetched, folder, loader, repo, skip


def one_release(task: Task) -> str:
    """The repos say the same of the release, and name one another and its tag."""
    said = described(task)
    for artifact in task["repos"]:
        expect(fetched(task, artifact, task["record"]) == said, f"the {artifact} says another thing of the release")
    expect(said["tag"] == task["tag"], f"the repos call it {said['tag']}")
    others = {artifact: name for artifact, name in task["repos"].items() if said["repos"].get(artifact) != name}
    expect(not others, f"the release names other repos than {', '.join(others.values())}")
    return f"version {said['version']} of one release: {', '.join(task['repos'])}"


def datasets_load(task: Task) -> str:
    """Every config and split loads, by tag and by main, streamed or not, with as many rows. Needs the dataset."""
    from datasets import get_dataset_config_names, load_dataset

    name, counted = repo(task, "dataset"), 0
    for revision in dict.fromkeys((task["tag"], "main")):
        for config in get_dataset_config_names(name, revision=revision):
            plain = load_dataset(name, config, revision=revision)
            streamed = load_dataset(name, config, revision=revision, streaming=True)
            for split, rows in plain.items():
                expect(len(rows) > 0, f"{config}/{split} at {revision} has no rows")
                expect(len(rows) == sum(1 for _ in streamed[split]), f"{config}/{split} streams other rows")
                counted += 1
    return f"{counted} splits by tag and main, plain and streamed{', as sealed bytes' if task['sealed'] else ''}"


def literal_load(task: Task) -> str:
    """`load_dataset("mimic-cxr-ptbr")` works in the folder above the downloaded (or opened) one. Needs the dataset."""
    from datasets import load_dataset

    repo_id = repo(task, "dataset")
    name = repo_id.split("/")[1]
    with tempfile.TemporaryDirectory() as above, contextlib.chdir(above):
        if task["opened"]:
            shutil.copytree(task["opened"], name)
        else:
            shutil.copytree(downloaded(task, "dataset"), name)
        loaded = load_dataset(name)
    rows = ", ".join(f"{split} {len(part)}" for split, part in loaded.items())
    how = ("opened with the corpus" if task["opened"] else "sealed bytes") if task["sealed"] else "downloaded"
    return f'load_dataset("{name}"), {how}: {rows}'


def loader_joins(task: Task) -> str:
    """The loader joins the release with the reader's own corpus: English text, images, and messages. It runs from the
    branch `script` up to datasets 3, by import after it. Needs the dataset, and `--corpus` or `--images`.
    """
    views = {"text": "corpus", "images": "images", "chat": "images"}
    given = {view: task[needs] for view, needs in views.items() if task[needs]} or skip("needs --corpus or --images")
    if "images" in given and importlib.util.find_spec("PIL") is None:
        given = {"text": given["text"]} if "text" in given else skip("Pillow is not installed there")
    found = {}
    for view, root in given.items():
        rows, how = _view(task, view, {"mimic_cxr" if view == "text" else "mimic_cxr_jpg": root})
        counts = {split: len(part) for split, part in rows.items()}
        expect(sum(counts.values()) > 0, f"{view} has no rows")
        found[view] = f"{view} {sum(counts.values())}"
    return f"{', '.join(found.values())} rows, {how}"


def _view(task: Task, view: str, root: dict[str, str]) -> tuple[Any, str]:
    """A view of the loader by the branch `script` where datasets runs scripts, else by import."""
    import datasets

    if task["script"] and not task["sealed"] and int(datasets.__version__.split(".")[0]) < 4:
        script = downloaded(task, "script") / f"{repo(task, 'dataset').split('/')[1]}.py"
        # Offline, the script reads the downloaded release; on the Hub it would download the same files.
        loaded = datasets.load_dataset(str(script), view, data_dir=folder(task), trust_remote_code=True, **root)
        return loaded, "from the branch script"
    release = folder(task)
    return loader(release).load(view, release, **root), "by import"
