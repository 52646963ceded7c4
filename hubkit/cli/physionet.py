"""`hubkit physionet`: the release as a submission to PhysioNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, run_stage, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="physionet", short_help="Write the release as a submission to PhysioNet.")
@config_option
@workspace_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write.  [default: physionet/SLUG in the workspace]",
)
def command(config: ReleaseConfig, workspace: Workspace, output: Path | None) -> None:
    """Write the release as a submission to PhysioNet: data in clear, adapter, README, licence and checksums.

    It is checked by the leak guard and by PhysioNet's own validator. Nothing is sent: a person uploads it.
    """
    from hubkit.packaging.physionet import write_submission

    run_stage("package", config, workspace)
    with workspace.lock():
        folder = output or workspace.physionet / config.packaging.physionet.slug
        written = write_submission(config, workspace, folder)
        workspace.close(config.workspace.group)
    click.echo(f"{written.folder}: {written.files} files, no errors by PhysioNet's validator")
    for warning in written.warnings:
        click.echo(f"  warns  {warning}")
    for setting in written.left:
        click.echo(f"  yours  {setting}: to be filled in before you submit it")
