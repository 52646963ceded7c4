"""`hubkit finetune`: studies and translations -> adapter."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import CONFIG_PATH, config_option, run_stage, workspace_option
from hubkit.errors import UsageError
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="finetune", short_help="Train the adapter.")
@config_option
@workspace_option
@click.option("--launch", is_flag=True, help="Print the commands that train on several GPUs, and do nothing else.")
@click.option("--processes", type=click.IntRange(2), show_default="2", help="GPUs, with --launch.")
@click.pass_context
def command(
    context: click.Context, config: ReleaseConfig, workspace: Workspace, launch: bool, processes: int | None
) -> None:
    """Train the adapter on the translated studies."""
    from hubkit.finetuning.processes import is_first
    from hubkit.launch import join

    if launch:
        _print_commands(context.meta[CONFIG_PATH], config, workspace, processes or 2)
    elif processes is not None:
        raise UsageError("starts no process by itself", where="--processes", hint="give it with --launch")
    elif is_first():
        run_stage("finetune", config, workspace)
    else:
        join(config, workspace)


def _print_commands(path: Path, config: ReleaseConfig, workspace: Workspace, processes: int) -> None:
    from hubkit.finetuning.arguments import accumulation
    from hubkit.launch import launch_command

    accumulation(config.finetuning, processes)
    click.echo("# DDP: a copy of the base on each GPU")
    click.echo(shlex.join(launch_command(path, workspace.root, processes)))
    click.echo("# FSDP: the base split over the GPUs")
    click.echo(shlex.join(launch_command(path, workspace.root, processes, split=True)))
