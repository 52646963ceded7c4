"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    # The models of all settings take longer to build than everything else that `hubkit --help` imports.
    from hubkit.config import ReleaseConfig
    from hubkit.release import Step

Command = Callable[..., Any]

CONFIG_PATH = "hubkit.config_path"
"""Where a command finds the path of its --config in the context's `meta`."""

INSTALL = "hubkit.install"
"""Where the context's `meta` has `[release] install`, once a configuration was read."""


def config_option(function: Command) -> Command:
    """`--config`, read and checked, as the argument `config`."""
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path),
        default=Path("hubkit.toml"),
        show_default=True,
        callback=_read_config,
        help="The settings of the release.",
    )(function)


def _read_config(context: click.Context, parameter: click.Parameter, value: Path) -> ReleaseConfig:
    context.meta[CONFIG_PATH] = value
    return read_config(value)


def read_config(path: Path) -> ReleaseConfig:
    """Read the settings, and point the Hub's clients at the configured Hub before any of them is imported."""
    from hubkit.config import load_config
    from hubkit.endpoint import use_endpoint

    config = load_config(path)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[INSTALL] = config.release.install
    use_endpoint(config.hub.endpoint)
    return config


def workspace_option(function: Command) -> Command:
    """`--workspace`, as the argument `workspace`."""
    return workspace_option_of("work", "The run directory: everything that the stages write.")(function)


def workspace_option_of(default: str, about: str) -> Callable[[Command], Command]:
    """The same with another folder where none is given, and another help text."""
    return click.option(
        "--workspace",
        "workspace",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        callback=lambda context, parameter, value: Workspace(value),
        help=about,
    )


def stage_command(name: str, help_text: str, short_help: str) -> click.Command:
    """A command `hubkit NAME` that runs one stage and nothing else, unless it is up to date."""

    @click.command(name=name, help=help_text, short_help=short_help)
    @discard_option
    @config_option
    @workspace_option
    def command(discard_edits: bool, config: ReleaseConfig, workspace: Workspace) -> None:
        run_stage(name, config, workspace, discard_edits=discard_edits)

    return command


def discard_option(function: Command) -> Command:
    """`--discard-edits`, as the argument `discard_edits`."""
    return click.option(
        "--discard-edits", "discard_edits", is_flag=True, help="Write over outputs that were changed by hand."
    )(function)


def run_stage(
    name: str, config: ReleaseConfig, workspace: Workspace, always: bool = False, discard_edits: bool = False
) -> None:
    """Run one stage where it is not done, or `always`, and print its line."""
    from hubkit.release import run_one

    run_one(
        name,
        config,
        workspace,
        partial(print_step, workspace),
        asked_for=always,
        announce=print_start,
        discard_edits=discard_edits,
    )


def complete_stage(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The stages whose names begin so, for the completion of a shell."""
    from hubkit.stages import STAGES

    return [CompletionItem(stage.name) for stage in STAGES if stage.name.startswith(incomplete)]


def print_plan(steps: list[Step]) -> None:
    for step in steps:
        show(f"{step.stage.name:<10} {step.action:<5} {step.reason}", indent=17)


def print_start(step: Step) -> None:
    """Say that a stage begins, and why; with the progress that follows, on standard error."""
    click.echo(f"{step.stage.name}: starts ({step.reason})", err=True)


def print_step(workspace: Workspace, step: Step, seconds: float) -> None:
    """Say in one line what a stage made, or why it was skipped."""
    from hubkit.progress import duration
    from hubkit.report.outcomes import outcome

    if step.action == "skip":
        more = _not_passed(workspace) if step.stage.name == "verify" else ""
        show(f"{step.stage.name}: {step.reason}{more}")
    else:
        show(f"{step.stage.name}: {outcome(step.stage.name, workspace) or 'done'} in {duration(seconds)}")


def _not_passed(workspace: Workspace) -> str:
    """What failed or was not run in the last verification: "up to date" alone would hide that."""
    from hubkit.artifacts.verification import read_verification
    from hubkit.report.outcomes import outcome

    made = outcome("verify", workspace)
    if made is None:
        return ""
    checks = [check for reader in read_verification(workspace).readers for check in reader.checks]
    if failed := ", ".join(check.check for check in checks if check.result == "failed"):
        # The stage ends in an error where a check of its own fails: this one was entered afterwards, with a key.
        return f"; {made}; failed: {failed} (to check it again: hubkit verify --public-key KEY)"
    return f"; {made} (to repeat: hubkit release --from verify)" if "not run" in made else ""
