"""`hubkit fetch`: the corpus from PhysioNet, or proof that this account has access to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="fetch", short_help="Get the corpus from PhysioNet.")
@click.option("--check", is_flag=True, help="Get one small credentialed file, and record that this account has access.")
@config_option
@workspace_option
def command(check: bool, config: ReleaseConfig, workspace: Workspace) -> None:
    """Get the reports, the tables and the images that the selection needs from PhysioNet.

    The account comes from PHYSIONET_USERNAME and PHYSIONET_PASSWORD, ~/.netrc or the keyring.
    """
    from hubkit.corpus.fetch import check_access, fetch
    from hubkit.terms.access_check import OFFICIAL

    if check:
        record = check_access(config, workspace)
        click.echo(f"{record.user} has access to {record.project}: recorded in {workspace.access_check}")
        if record.url != OFFICIAL:
            click.echo(f"note: translate and push take no check but one at {OFFICIAL}")
    else:
        fetch(config)
        click.echo(f"{config.corpus.root} is complete; now: hubkit doctor, then hubkit release")
