"""`hubkit report`: the whole workspace on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="report", short_help="Write the report of the workspace.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace) -> None:
    """Write report.html into the workspace: plots, tables, flagged pairs, samples with images, timings, versions.

    The page holds text of the corpus. It is for you alone, makes no connection, and is never packaged.
    """
    from hubkit.report.page import write_page

    click.echo(f"{write_page(config, workspace).as_uri()} (holds text of the corpus: keep it here)")
