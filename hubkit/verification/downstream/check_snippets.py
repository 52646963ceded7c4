"""The code on the cards, pasted as it stands there by a reader with a fresh home, the corpus and two images.

hubkit gives a snippet to be run only where it is hubkit's own to the byte, as is the code that it runs:
this process has the reader's token.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from pathlib import Path
from typing import Any

from task import Task, fetched, own, repo, skip, table

LACKING = ("GatedRepoError", "RepositoryNotFoundError", "OutOfMemoryError", "MemoryError")
"""Errors for want of a model or of memory. The release cannot help that, unless it is the release's own repo."""

_SHEETS: dict[str, dict[str, Any]] = {}
"""By card, the names that its snippets have made so far: a reader pastes them one after the other."""


def snippet_open(task: Task) -> str:
    """The code on the card that opens a sealed release works. Needs the dataset and `--corpus`."""
    _corpus(task)
    return _paste(task, "dataset", "snippet_open")


def snippet_load(task: Task) -> str:
    """The code on the dataset's card loads the tables. Needs the dataset."""
    if task["sealed"]:
        _need("dataset", "sealed", "the snippet that opens the release")
    return _paste(task, "dataset", "snippet_load")


def snippet_join(task: Task) -> str:
    """The code on the dataset's card joins the release with the reader's corpus. Needs the dataset and `--corpus`."""
    _corpus(task)
    if task["sealed"]:
        _link(Path(task["opened"] or skip("the text is sealed: give --corpus")), Path(repo(task, "dataset")).name)
    return _paste(task, "dataset", "snippet_join")


def snippet_metric(task: Task) -> str:
    """The code on the dataset's card computes a row of the table of scores. Needs the dataset and the metric."""
    _need("dataset", "generations", "the snippet that loads the tables")
    return _paste(task, "dataset", "snippet_metric")


def snippet_generate(task: Task) -> str:
    """The code on the adapter's card generates the published report of a test study with two images. Needs the adapter
    and `--images`, and runs only where `reports_regenerated` passed.
    """
    images = Path(own(task, "images"))
    said = {row["study_id"]: row["generated"] for row in table(task, "generations") if row["condition"] == "lora"}
    shown = {row["study_id"]: row["images"] for row in table(task, "default") if row["study_id"] in said}
    at_most = fetched(task, "adapter", task["recipe"])["images"]["max"]
    chosen = next(
        (
            study
            for study, paths in sorted(shown.items())
            # The snippet has two paths, and takes as many of them as the adapter was shown.
            if len(paths) == 2 <= at_most and all((images / path).is_file() for path in paths)
        ),
        None,
    )
    if chosen is None:
        skip("no test study has two images, both in the reader's own")
    for path, name in zip(shown[chosen], ("frontal.jpg", "lateral.jpg"), strict=True):
        shutil.copyfile(images / path, name)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        ran = _paste(task, "adapter", "snippet_generate")
    same = printed.getvalue().strip() == said[chosen].strip()
    return f"{ran}; it prints {'the published report' if same else 'another report than the published one'}"


def snippet_space(task: Task) -> str:
    """The code on the metric's card computes a score. Needs the metric."""
    return _paste(task, "metric", "snippet_space")


def snippet_space_scores(task: Task) -> str:
    """The code on the metric's card scores the release. Needs the metric."""
    _need("metric", "metric", "the snippet before it")
    return _paste(task, "metric", "snippet_space_scores")


def _paste(task: Task, card: str, name: str) -> str:
    sheet = _SHEETS.setdefault(card, {"__name__": "__main__"})
    try:
        # S102: it is hubkit's own code, to the byte.
        exec(compile(task["snippets"][name], f"the card of the {card}", "exec"), sheet)
    except Exception as error:
        _excuse(task, error)
        raise
    return "runs as pasted"


def _excuse(task: Task, error: BaseException | None) -> None:
    """Skip where the error, or one behind it, is for want of something outside the release."""
    while error is not None:
        said = str(error)
        if type(error).__name__ in LACKING and not any(name in said for name in task["repos"].values()):
            if "RepoError" in type(error).__name__ or "NotFound" in type(error).__name__:
                skip("a model that it loads is not on this Hub, or not granted to this account")
            skip("this machine has not the memory for it")
        if isinstance(error, ImportError) and "bitsandbytes" in said:
            skip("bitsandbytes is not installed there, which the precision of the base needs")
        error = error.__cause__ or error.__context__


def _need(card: str, name: str, made_by: str) -> None:
    if name not in _SHEETS.get(card, {}):
        skip(f"{made_by} did not run")


def _corpus(task: Task) -> None:
    """Put the reader's corpus where the snippets look for it."""
    corpus = Path(own(task, "corpus"))
    os.environ["MIMIC_CXR_ROOT"] = str(corpus)
    _link(corpus, Path.home() / "mimic-cxr")


def _link(target: Path, name: str | Path) -> None:
    if not Path(name).exists():
        Path(name).symlink_to(target)
