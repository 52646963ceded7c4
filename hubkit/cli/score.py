"""`hubkit score`: generations -> scores, statistics, plots; and the summary as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, run_stage, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig
    from hubkit.scoring.table import Format


@click.command(name="score", short_help="Score the reports; with --table, print the tables.")
@config_option
@workspace_option
@click.option("--table", "form", type=click.Choice(["md", "latex", "json"]), help="Print the scores of the last run.")
def command(config: ReleaseConfig, workspace: Workspace, form: Format | None) -> None:
    """Score the generated reports: BERTScore in both setups, chrF++, BLEU, findings; with intervals and tests.

    With --table nothing is scored: the summary of the last run is printed, next to the original study's figures.
    """
    if form is None:
        run_stage("score", config, workspace)
    else:
        from hubkit.artifacts.scores import read_summary
        from hubkit.artifacts.subgroups import read_subgroups
        from hubkit.scoring.table import render
        from hubkit.terms.exposure import configured_statements

        found = read_summary(workspace), form, configured_statements(config), read_subgroups(workspace)
        click.echo(render(*found))
