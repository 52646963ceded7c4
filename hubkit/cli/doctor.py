"""`hubkit doctor`: can this machine do the configured release?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="doctor", short_help="Check that this machine can run the release.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding: check, status, what, hint.")
@config_option
@workspace_option
@click.pass_context
def command(context: click.Context, as_json: bool, config: ReleaseConfig, workspace: Workspace) -> None:
    """Say before hours are spent whether this machine can do the configured release; exit code 1 where it cannot."""
    from hubkit.doctor.examine import examine

    stopped = False
    for finding in examine(config, workspace):
        if as_json:
            click.echo(json.dumps(finding._asdict(), ensure_ascii=False))
        else:
            show(finding.line(), indent=9)
        stopped |= finding.status == "failed"
    context.exit(1 if stopped else 0)
