"""`hubkit corrections`: translations that people correct, as a file for a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.group(name="corrections", short_help="Let people correct translations.")
def command() -> None:
    """Write the translations that a person should read into a file, take it back, and say what came of it.

    The file holds text of the corpus: it is for your eyes alone, and no part of a release.
    """


@command.command(name="export", short_help="Write flagged translations, and corrections so far, into a file.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help=".csv, .jsonl, .parquet or .xlsx."
)
@click.option("--all", "everything", is_flag=True, help="Every section, not the flagged ones alone.")
@config_option
@workspace_option
def export(output: Path, everything: bool, config: ReleaseConfig, workspace: Workspace) -> None:
    """Write a row a section, with empty columns for what a person decides.

    Fill in `decision` (accept, replace or leave_out), `translation` for replace, `by` and `date`.
    """
    from hubkit.translation.correcting import export_corrections

    count = export_corrections(config, workspace, output, everything)
    click.echo(f"{count} sections written to {output}")


@command.command(name="import", short_help="Take a filled-in file into [translation] corrections.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
@workspace_option
def import_(file: Path, config: ReleaseConfig, workspace: Workspace) -> None:
    """Check the rows of FILE that were filled in, and put them into the file that [translation] corrections names."""
    from hubkit.report.forecast import taken
    from hubkit.screen import counted
    from hubkit.translation.correcting import import_corrections

    done = import_corrections(config, workspace, file)
    click.echo(f"{counted(done.added, 'correction')} added, {done.replaced} replaced, {done.total} in {done.path}")
    tag = config.release.tag
    version = f"set another [release] version, since {tag} is on the Hub; then " if taken(config, workspace) else ""
    click.echo(f"next: hubkit corrections status; {version}hubkit release")


@command.command(name="status", short_help="Say which corrections hold, which are stale, and what is still flagged.")
@config_option
@workspace_option
def status(config: ReleaseConfig, workspace: Workspace) -> None:
    """Say what the corrections come to; nothing is changed."""
    from hubkit.translation.correcting import correction_status

    for line in correction_status(config, workspace):
        click.echo(line)
