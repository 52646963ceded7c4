"""A sealed release opens as it is read. The one check that needs hubkit, in its light install."""

from __future__ import annotations

from task import Task, expect, own, repo, skip, table


def opened_as_read(task: Task) -> str:
    """`open_sealed` and `Sealed()` give, streamed from the Hub, what `hubkit unseal` wrote."""
    from datasets import get_dataset_config_names, load_dataset

    if not task["sealed"]:
        skip("the release is not sealed")
    corpus, name, tag = own(task, "corpus"), repo(task, "dataset"), task["tag"]
    expected = {config: list(table(task, config)) for config in get_dataset_config_names(name, revision=tag)}
    from hubkit import Sealed, open_sealed
    from hubkit.errors import HubkitError

    for config, rows in expected.items():
        streamed = load_dataset(name, config, split="test", revision=tag, streaming=True)
        expect(list(open_sealed(streamed, corpus)) == rows, f"open_sealed gives other rows of {config}")
    opened = f"open_sealed {sum(map(len, expected.values()))} rows"
    reports = load_dataset(name, split="test", revision=tag, streaming=True)
    try:
        column = [row["report"] for row in reports.cast_column("report", Sealed(corpus))]
    except HubkitError as error:
        return f"{opened}; not Sealed(): {error.what}"
    expect(column == [row["report"] for row in expected["default"]], "Sealed() gives other reports")
    return f"{opened}, Sealed() {len(column)}"
