"""The command line: one module per command; a body parses, calls one function, prints."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

import click

from hubkit.cli._options import INSTALL
from hubkit.disk import HINT, full_disk_error, is_full
from hubkit.distribution import install_hint
from hubkit.errors import HubkitError, Interrupted, UsageError
from hubkit.privacy import tighten_umask

COMMANDS = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


SECTIONS = {
    "The release": ("init", "settings", "doctor", "release", "status", "report", "dossier"),
    "Its stages, in order": (
        *(
            "fetch",
            "read",
            "translate",
            "revise",
            "finetune",
            "generate",
            "score",
            "audit",
            "package",
            "push",
            "verify",
        ),
    ),
    "Access and publication": ("access", "sign", "unseal", "physionet", "withdraw"),
    "Checks and rehearsal": ("check", "compare", "corrections", "review", "sensitivity", "hub", "demo", "rehearse"),
}
"""The commands by what they are for, as `hubkit --help` shows them."""


CONTINUES = frozenset(("release", "sensitivity", *SECTIONS["Its stages, in order"]))
"""Commands that continue where they were interrupted; the others begin again."""


EXTRAS = {
    "ray": "ray",
    "openpyxl": "review",
    "docx": "evidence",
    "model_signing": "evidence",
    "statsmodels": "evidence",
}
"""Packages that come with an extra of their own; all others with [release]."""


class _Commands(click.Group):
    """Finds `hubkit NAME` in `hubkit/cli/NAME.py`, in a function called `command`, when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return COMMANDS

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            message = f"No such command {args[0]!r}. Did you mean {near[0]!r}?"
            raise click.UsageError(message, error.ctx) from None

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] == "hubkit":
                raise
            extra = EXTRAS.get(error.name.split(".")[0], "release")
            hint = install_hint(extra, context.meta.get(INSTALL))
            raise UsageError(f"the package {error.name} is missing", hint=hint) from None
        except KeyboardInterrupt:
            raise Interrupted("interrupted", hint=_again(context.invoked_subcommand)) from None
        except OSError as error:
            # A stage says where and how much it needs; this is for every other command.
            if not is_full(error):
                raise
            if error.filename is None:
                raise HubkitError("a disk is full", hint=HINT) from None
            raise full_disk_error(Path(os.fsdecode(error.filename))) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        placed = {name for names in SECTIONS.values() for name in names}
        others = {"Others": tuple(name for name in COMMANDS if name not in placed)}
        for title, names in (SECTIONS | others).items():
            commands = ((name, self.get_command(context, name)) for name in names)
            rows = [(name, command.get_short_help_str(limit=120)) for name, command in commands if command]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _again(name: str | None) -> str:
    if name in CONTINUES:
        return "what is finished is kept: the same command continues there"
    return "run the same command again"


@click.command(
    cls=_Commands,
    invoke_without_command=True,
    no_args_is_help=True,
    epilog="""Complete commands, options and stages with the tab key (bash; zsh_source and fish_source likewise):

    \b
    eval "$(_HUBKIT_COMPLETE=bash_source hubkit)"
    """,
    context_settings={"auto_envvar_prefix": "HUBKIT", "help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, help="Print the version; with --verbose, what a bug report needs.")
@click.option("--verbose", is_flag=True, help="With --version: Python, platform and dependencies as well.")
@click.pass_context
def cli(context: click.Context, version: bool, verbose: bool) -> None:
    """Take a credentialed radiology corpus to a reproducible, gated release on the Hugging Face Hub."""
    if version:
        from hubkit.cli._versions import print_version

        print_version(verbose)
        context.exit()
    if verbose:
        raise click.UsageError("--verbose works only with --version: hubkit --version --verbose")


def main() -> Any:
    """Run the command line; a HubkitError is one line on standard error."""
    # Threads that spin while they wait take the cores from those they wait for, where other work shares the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Before anything is written: on a cluster the usual umask lets every account read the corpus.
    tighten_umask()
    try:
        return cli()
    except HubkitError as error:
        click.echo(f"hubkit: {error}", err=True)
        sys.exit(error.exit_code)
