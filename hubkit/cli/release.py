"""`hubkit release`: all stages in order, those that are done skipped."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from hubkit.cli._options import (
    complete_stage,
    discard_option,
    print_plan,
    print_start,
    print_step,
    read_config,
    workspace_option,
)
from hubkit.screen import show
from hubkit.workspace import Workspace


class _Release(click.Command):
    """Its help names the stages as the code has them; they are imported only where that help is shown."""

    @property
    def help(self) -> str:
        from hubkit.stages import STAGES

        *names, last = (stage.name for stage in STAGES)
        return (
            f"Run the stages {', '.join(names)} and {last}. What is up to date is skipped. "
            "The stage push publishes on the Hub: `--until package` stops before it."
        )

    @help.setter
    def help(self, text: str | None) -> None:
        """click sets the function's docstring, which the text above replaces."""


@click.command(name="release", cls=_Release, short_help="Run all stages that are not done, and publish.")
@click.option("--demo", is_flag=True, help="Release the synthetic corpus with the tiny models to a Hub on loopback.")
@click.option("--dry-run", is_flag=True, help="Say what would run and why, and do nothing.")
@click.option(
    "--from",
    "first",
    metavar="STAGE",
    shell_complete=complete_stage,
    help="Start at this stage, even where it is up to date.",
)
@click.option("--until", "last", metavar="STAGE", shell_complete=complete_stage, help="Stop after this stage.")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("hubkit.toml"),
    show_default=True,
    help="The settings of the release.",
)
@discard_option
@workspace_option
def command(
    demo: bool,
    dry_run: bool,
    first: str | None,
    last: str | None,
    path: Path,
    discard_edits: bool,
    workspace: Workspace,
) -> None:
    """Release the corpus of `--config`, or the demo."""
    if demo:
        from hubkit.demo.release import demo_release

        say = partial(click.echo, err=True)
        demo_release(workspace, dry_run, first, last, print_plan, partial(print_step, workspace), print_start, say)
    else:
        _release(path, workspace, dry_run, first, last, discard_edits)


def _release(
    path: Path, workspace: Workspace, dry_run: bool, first: str | None, last: str | None, discard_edits: bool
) -> None:
    from hubkit.finetuning.check import check_settings
    from hubkit.release import plan, run
    from hubkit.stages import STAGES
    from hubkit.terms.policy import check_public_names
    from hubkit.translation.correction_files import check_format
    from hubkit.translation.revise import corrections_digest

    config = read_config(path)
    # Without this they would be reported when finetune or revise start, after hours of translation.
    check_settings(config.finetuning)
    check_public_names(config)
    if config.translation.corrections:
        check_format(Path(config.translation.corrections))
        corrections_digest(config)
    if dry_run:
        from hubkit.report.forecast import forecast

        steps = plan(config, workspace, first, last)
        print_plan(steps)
        click.echo()
        for line in forecast(config, workspace, steps):
            show(line, indent=11)
        return
    steps = run(config, workspace, first, last, partial(print_step, workspace), print_start, discard_edits)
    if steps[-1].stage is STAGES[-1]:
        from hubkit.report.page import write_page
        from hubkit.report.summary import print_summary

        print_summary(config, workspace, path, write_page(config, workspace))
