"""A sealed release opens as it is read, with the reader that it carries and nothing of hubkit."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from task import Task, downloaded, expect, own, repo, skip, table

READER = "loader/sealed.py"


def opened_as_read(task: Task) -> str:
    """The release's reader gives what `hubkit unseal` wrote, streamed from the Hub too. Needs the dataset and
    `--corpus`.
    """
    from datasets import get_dataset_config_names, load_dataset

    if not task["sealed"]:
        skip("the release is not sealed")
    repo(task, "dataset")
    corpus, name = own(task, "corpus"), str(downloaded(task, "dataset"))
    expected = {config: list(table(task, config)) for config in get_dataset_config_names(name)}
    sealed = _reader(name)
    for config, rows in expected.items():
        streamed = load_dataset(name, config, split="test", streaming=True)
        expect(list(sealed.open_sealed(streamed, corpus)) == rows, f"open_sealed gives other rows of {config}")
    opened = f"open_sealed {sum(map(len, expected.values()))} rows"
    reports = load_dataset(name, split="test", streaming=True)
    try:
        column = [row["report"] for row in reports.cast_column("report", sealed.Sealed(corpus))]
    except sealed.SealedError as error:
        return f"{opened}; not Sealed(): {error.what}"
    expect(column == [row["report"] for row in expected["default"]], "Sealed() gives other reports")
    return f"{opened}, Sealed() {len(column)}"


def _reader(release: str) -> ModuleType:
    """`loader/sealed.py` of the release, loaded as its card says."""
    spec = importlib.util.spec_from_file_location("sealed", f"{release}/{READER}")
    assert spec is not None
    assert spec.loader is not None
    reader = sys.modules["sealed"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    return reader
