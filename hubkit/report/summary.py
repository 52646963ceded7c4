"""The end of a release: its scores, where its repos are, what a researcher types, and what comes next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.recipe import read_base
from hubkit.artifacts.scores import Interval, Summary, read_summary
from hubkit.config import ReleaseConfig
from hubkit.endpoint import current_endpoint
from hubkit.tables import SETUP_NAMES
from hubkit.terms.exposure import configured_statements
from hubkit.workspace import Workspace

WHAT = {
    "dataset": "gated dataset with its loader",
    "adapter": "gated LoRA adapter",
    "metric": "BERTScore metric (a Space)",
}

WIDTH = 80
"""Characters of a line."""

DEFAULTS = (Path("hubkit.toml"), Path("work"))
"""The --config and --workspace that a command takes where none is given."""


def program() -> str:
    """How hubkit is called from the current folder: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    found = shutil.which("hubkit")
    if called.name != "hubkit" or (found and Path(found).resolve() == called.resolve()):
        return "hubkit"
    return shlex.quote(near(called))


def near(path: Path) -> str:
    """A path as short as it can be typed: from the current folder where it lies below it."""
    here = os.path.relpath(path)
    return str(path) if here.startswith(os.pardir) else here


def print_summary(config: ReleaseConfig, workspace: Workspace, settings: Path, page: Path) -> None:
    """Print what a finished release came to, from the files of `workspace`, in lines of at most 80 characters.

    Only an address or a path that is longer than that is longer.

    Args:
        settings: where `config` was read from, for the commands that come next.
        page: the report, which is linked.
    """
    console = Console(highlight=False, soft_wrap=True)
    summary = read_summary(workspace)
    console.print(f"\n[bold]Scores[/bold] of {summary.n} test studies of {summary.patients} patients,")
    console.print(f"with {summary.confidence:.0%} intervals (all tables: {program()} score --table md)\n")
    seen = configured_statements(config)
    console.print(_scores(summary, seen.systems))
    for sentence in seen.sentences:
        console.print("\n" + textwrap.fill(sentence.replace("`", ""), WIDTH), markup=False)
    console.print(f"\n[bold]On the Hub[/bold], tag {config.release.tag}\n")
    for artifact, url in _addresses(config, workspace):
        console.print(f"    {WHAT[artifact]}\n      {url}", markup=False)
    console.print("\n[bold]What a researcher types[/bold]\n")
    for line in researcher_lines(config, workspace):
        console.print(f"    {line}".rstrip(), markup=False)
    console.print("\n[bold]Next[/bold]\n")
    for line in next_lines(workspace, settings):
        console.print(f"    {line}", markup=False)
    console.print(f"\n[bold]Report[/bold], for those who may read the corpus:\n\n    {page.as_uri()}")


def researcher_lines(config: ReleaseConfig, workspace: Workspace) -> list[str]:
    """Python with which a reader who was granted access uses each part; complete, so that it can be pasted."""
    hub, tag = config.hub, config.release.tag
    lines = ["from datasets import load_dataset", ""]
    if config.custody.mode == "sealed":
        # Stock libraries show bytes until the reader's own corpus has opened them.
        lines = [f"# first: hubkit unseal {hub.repo('dataset')} --revision {tag}", *lines]
        lines += [f'reports = load_dataset("{hub.dataset}")']
    else:
        lines += [f'reports = load_dataset("{hub.repo("dataset")}", revision="{tag}")']
    if config.custody.adapter_on_hub:
        base = read_base(workspace.adapter)
        lines += [
            *("", "from peft import PeftModel", "from transformers import AutoModelForImageTextToText", ""),
            "base = AutoModelForImageTextToText.from_pretrained(",
            f'    "{base.name}",',
            *([f'    revision="{base.revision}",'] if base.revision else []),
            '    dtype="auto",',
            ")",
            "model = PeftModel.from_pretrained(",
            f'    base, "{hub.repo("adapter")}", revision="{tag}"',
            ")",
        ]
    if "metric" in config.repos():
        lines += ["", "import evaluate", "", f'metric = evaluate.load("{hub.repo("metric")}", revision="{tag}")']
    return lines


def next_lines(workspace: Workspace, settings: Path) -> list[str]:
    """What a maintainer does with a release that is out: commands with the options that they need, and what for."""
    where = "" if settings == DEFAULTS[0] else f" --config {shlex.quote(near(settings))}"
    both = where
    if workspace.root != DEFAULTS[1].absolute():
        both += f" --workspace {shlex.quote(near(workspace.root))}"
    return [
        "# who asks for the gated repos; then: access grant USER",
        f"{program()} access list{where}",
        "# what is stale, and what is on the Hub",
        f"{program()} status{both}",
    ]


def _addresses(config: ReleaseConfig, workspace: Workspace) -> Iterator[tuple[str, str]]:
    receipt = read_receipt(workspace)
    for artifact, repo in receipt.repos.items() if receipt else ():
        yield artifact, repo.url or f"{current_endpoint()}/{repo.id}"


def _scores(summary: Summary, names: Mapping[str, str]) -> Table:
    """F1 of every system in both setups, and of the findings: what fits into 80 characters."""
    shown = {**{f"{setup} f1": f"F1, {name}" for setup, name in SETUP_NAMES.items()}, "clinical micro": "findings"}
    rows = [
        (names[system], *[_figure(found.figure(name)) for name in shown])
        for system, found in summary.conditions.items()
    ]
    return _table(("system", *shown.values()), rows, first=17)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for at, name in enumerate(header):
        table.add_column(name, width=first if at == 0 else None)
    for row in rows:
        table.add_row(*row)
    return table


def _figure(found: Interval) -> str:
    return f"{found.value:.3f} \\[{found.low:.3f}, {found.high:.3f}]"
