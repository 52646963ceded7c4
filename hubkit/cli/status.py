"""`hubkit status`: where the release stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="status", short_help="Say where the release stands.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace) -> None:
    """Say which stages are done or stale and why, what is flagged, which jobs run, and what is on the Hub."""
    from hubkit.report.status import status

    for line in status(config, workspace):
        show(line, indent=11)
