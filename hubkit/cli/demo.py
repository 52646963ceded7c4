"""`hubkit demo`: what the demo left."""

from __future__ import annotations

import contextlib
import time

import click

from hubkit.cli._options import workspace_option_of
from hubkit.workspace import Workspace


@click.group(name="demo", short_help="Serve the Hub of a demo that was released.")
def command() -> None:
    """Use what `hubkit release --demo` left."""


@command.command()
@workspace_option_of("work/demo", "Where the demo was released.")
def serve(workspace: Workspace) -> None:
    """Start the Hub of the demo again, and print what a researcher types there, complete. Ctrl-C stops it."""
    from hubkit.cli.hub import print_variables
    from hubkit.demo.release import serve_again
    from hubkit.report.summary import near

    with serve_again(workspace) as (hub, lines):
        click.echo(f"The demo's Hub is up: {hub.url}\n\nIn another terminal, as a reader who was granted access:\n")
        print_variables(hub, hub.tokens["granted"], near(workspace.root / "demo" / "hf-home"))
        click.echo("\nThen in Python:\n")
        for line in lines:
            click.echo(f"    {line}".rstrip())
        click.echo(f"\nAs the owner (hubkit access list):  export HF_TOKEN={hub.tokens['owner']}")
        click.echo("\nCtrl-C stops the Hub.")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
