"""`hubkit push`: put a release on a Hub, gated first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, run_stage, workspace_option
from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="push", short_help="Put the release on the Hub, gated first.")
@click.option("--dry-run", is_flag=True, help="Say what would change on the Hub, file by file, and change nothing.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace, dry_run: bool) -> None:
    """Put dist/ on the Hub: the gate is set and proven before any data goes up, then tags and a collection.

    It looks at the Hub each time, and changes what is not there yet.
    """
    if dry_run:
        _show_plan(config, workspace)
    else:
        run_stage("push", config, workspace, always=True)


def _show_plan(config: ReleaseConfig, workspace: Workspace) -> None:
    from hubkit.hub.plan import plan_push, raised
    from hubkit.release import check_before
    from hubkit.terms.policy import name_warning

    repos, obstacles, warnings = plan_push(config, workspace)
    obstacles += raised(partial(check_before, "push", config, workspace))
    for planned in repos:
        click.echo(f"{planned.where} {planned.now}")
        for change in planned.changes:
            show(f"  {change.action:<7}{change.size:>13,} B  {change.path}  ({change.reason})", indent=4)
        show(f"  {', '.join(planned.totals()) or 'nothing'}", indent=4)
    click.echo(f"then the tag {config.release.tag} on each" + (", and a collection" if config.hub.collection else ""))
    if config.hub.pull_request:
        click.echo("data goes up as pull requests, which a person merges")
    for warning in filter(None, (name_warning(config, chosen=False), *warnings)):
        click.echo(f"warning: {warning}", err=True)
    for obstacle in obstacles:
        click.echo(f"would be refused: {obstacle}", err=True)
    if obstacles:
        raise SystemExit(1)
