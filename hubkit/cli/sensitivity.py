"""`hubkit sensitivity`: how far scores hang on the prompt and on the examples, or translations on their prompt."""

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
@click.option(
    "--translation",
    is_flag=True,
    help="Try the translation prompt instead: with and without rules and context, by section and whole report.",
)
def command(config: ReleaseConfig, workspace: Workspace, translation: bool) -> None:
    """Try several prompts and draws of few-shot examples on validation studies, and say what each changes.

    It needs the extra [evidence], and what `hubkit translate` and `hubkit revise` wrote; with an adapter it tries that
    as well. With --translation it needs what `hubkit read` wrote. The test split is never read. What was answered is
    kept: the same command continues there.
    """
    if translation:
        _translation(config, workspace)
        return
    from hubkit.sensitivity.screen import result_lines
    from hubkit.sensitivity.sensitivity import measure_sensitivity

    for line in result_lines(measure_sensitivity(config, workspace)):
        click.echo(line)
    click.echo(f"written: {workspace.sensitivity} (sensitivity.json, plots)")


def _translation(config: ReleaseConfig, workspace: Workspace) -> None:
    from hubkit.artifacts.translation_sensitivity import translation_results_path
    from hubkit.sensitivity.translation.measure import measure_translation
    from hubkit.sensitivity.translation.screen import translation_lines

    for line in translation_lines(measure_translation(config, workspace)):
        click.echo(line)
    click.echo(f"written: {translation_results_path(workspace)}")
