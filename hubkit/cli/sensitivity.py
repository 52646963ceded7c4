"""`hubkit sensitivity`: how far the scores hang on the prompt and on the examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="sensitivity", short_help="Measure what other prompts and examples would score.")
@config_option
@workspace_option
def command(config: ReleaseConfig, workspace: Workspace) -> None:
    """Try several prompts and draws of few-shot examples on validation studies, and say what each changes.

    It needs the extra [evidence], and what `hubkit translate` wrote; with an adapter it tries that as well. The test
    split is never read. What was answered is kept: the same command continues there.
    """
    from hubkit.sensitivity.screen import result_lines
    from hubkit.sensitivity.sensitivity import measure_sensitivity

    for line in result_lines(measure_sensitivity(config, workspace)):
        click.echo(line)
    click.echo(f"written: {workspace.sensitivity} (sensitivity.json, plots)")
