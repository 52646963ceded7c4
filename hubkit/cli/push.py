"""`hubkit push`: put a release on a Hub, gated first."""

from __future__ import annotations

import click

from hubkit.cli._options import config_option, run_stage, workspace_option
from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace


@click.command(name="push")
@click.option("--dry-run", is_flag=True, help="Say what would change on the Hub, file by file, and change nothing.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace, dry_run: bool) -> None:
    """Put dist/ on the Hub: the gate is set and proven before any data goes up, then tags and a collection."""
    if dry_run:
        _show_plan(config, workspace)
    else:
        run_stage("push", config, workspace)


def _show_plan(config: ReleaseConfig, workspace: Workspace) -> None:
    from hubkit.hub.endpoint import use_endpoint

    use_endpoint(config.hub.endpoint)
    from hubkit.hub.push import plan_push

    for repo, changes in plan_push(config, workspace).items():
        click.echo(repo)
        for change in changes:
            click.echo(f"  {change.action:<7}{change.size:>13,} B  {change.path}  ({change.reason})")
