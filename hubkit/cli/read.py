"""`hubkit read`: the stage that takes a corpus on disk into the workspace, and what it found there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, run_stage, workspace_option
from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="read", short_help="Read the corpus and select the studies.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace) -> None:
    """Read the corpus: studies, their sections and labels, and their images."""
    from hubkit.corpus.summary import selection_lines

    run_stage("read", config, workspace)
    for line in selection_lines(workspace):
        show(line)
