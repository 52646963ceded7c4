"""What the demo shows at its end: what ran, what is on the Hub, what the numbers are, and what a researcher types."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from hubkit.config import ReleaseConfig
from hubkit.release import Step
from hubkit.scoring.table import read_summary
from hubkit.scoring.tables import Grid, bertscore_grid, others_grid
from hubkit.workspace import Workspace

WIDTH = 116
"""Characters a line at the least: a table that is cut says nothing."""

COLUMNS = ("condition", "setup", "precision", "recall", "F1")


def print_summary(config: ReleaseConfig, workspace: Workspace, steps: list[Step]) -> None:
    """Print what the demo's release came to, from the files of `workspace`."""
    console = Console(highlight=False, width=max(WIDTH, Console().width))
    console.print()
    console.print(_table("The plan", ("stage", "", "why"), [(s.stage.name, s.action, s.reason) for s in steps]))
    summary = read_summary(workspace)
    for grid in (bertscore_grid(summary), others_grid(summary)):
        console.print()
        console.print(_grid(grid))
    console.print()
    console.print(_table("On the Hub", ("repo", "tag", "what"), _repos(config)))
    console.print(f"\nPlots: {workspace.scores}")
    console.print("\nWhat a researcher types:\n")
    for line in _lines(config):
        console.print(f"    {line}", markup=False)
    address = urlsplit(config.hub.endpoint or "")
    again = f"hubkit hub serve --root {workspace.root / 'demo' / 'hub'} --port {address.port}"
    console.print(f"\nThe Hub again, with new tokens:  {again}")


def _repos(config: ReleaseConfig) -> list[tuple[str, str, str]]:
    hub = config.hub
    return [
        (hub.repo("dataset"), config.release.tag, "gated dataset with its loader"),
        (hub.repo("adapter"), config.release.tag, "gated LoRA adapter"),
        (hub.repo("metric"), config.release.tag, "BERTScore metric (a Space)"),
    ]


def _lines(config: ReleaseConfig) -> list[str]:
    hub, tag = config.hub, config.release.tag
    return [
        f'load_dataset("{hub.repo("dataset")}", revision="{tag}")',
        f'PeftModel.from_pretrained(base, "{hub.repo("adapter")}", revision="{tag}")',
        f'evaluate.load("{hub.repo("metric")}", revision="{tag}")',
    ]


def _grid(grid: Grid) -> Table:
    shown = [index for index, name in enumerate(grid.header) if name in COLUMNS or len(grid.header) <= len(COLUMNS)]
    rows = [tuple(row[index] for index in shown) for row in grid.rows]
    return _table(grid.caption, tuple(grid.header[index] for index in shown), rows)


def _table(title: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in header:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table
