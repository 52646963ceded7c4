"""`hubkit finetune`: studies and translations -> adapter."""

from __future__ import annotations

import shlex

import click

from hubkit.cli._options import CONFIG_PATH, config_option, run_stage, workspace_option
from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace


@click.command(name="finetune")
@config_option
@workspace_option
@click.option("--launch", is_flag=True, help="Print the commands that train on several GPUs, and do nothing else.")
@click.option("--processes", type=click.IntRange(2), default=2, show_default=True, help="GPUs, with --launch.")
@click.pass_context
def command(context: click.Context, config: ReleaseConfig, workspace: Workspace, launch: bool, processes: int) -> None:
    """Train the adapter on the translated studies."""
    from hubkit.finetuning.processes import is_first, join, launch_command
    from hubkit.hub.endpoint import use_endpoint

    if launch:
        path = context.meta[CONFIG_PATH]
        click.echo("# DDP: a copy of the base on each GPU")
        click.echo(shlex.join(launch_command(path, workspace.root, processes)))
        click.echo("# FSDP: the base split over the GPUs")
        click.echo(shlex.join(launch_command(path, workspace.root, processes, split=True)))
    elif is_first():
        run_stage("finetune", config, workspace)
    else:
        use_endpoint(config.hub.endpoint)
        join(config, workspace)
