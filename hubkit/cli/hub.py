"""`hubkit hub`: the Hub on loopback."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hubkit.localhub import LocalHub


@click.group(name="hub")
def command() -> None:
    """Rehearse on a Hub of your own, on loopback."""


@command.command()
@click.option("--root", type=click.Path(path_type=Path), default=Path("hub"), show_default=True, help="Its folder.")
@click.option("--port", type=int, default=8081, show_default=True, help="Its port; 0 takes a free one.")
@click.option("--owner", default="maintainer", show_default=True, help="The account that may create repos.")
def serve(root: Path, port: int, owner: str) -> None:
    """Serve a Hub until it is interrupted, and print a token each of its owner, a reader and an outsider.

    Repos stay in the folder; tokens are shown this once, and each start makes new ones.
    """
    from hubkit.localhub.server import run

    with contextlib.suppress(KeyboardInterrupt):
        run(root, port, owner, _announce)


def _announce(hub: LocalHub) -> None:
    click.echo(f"Hub on {hub.url}, repos of {hub.owner} in {hub.root}\n")
    click.echo(f"export HF_ENDPOINT={hub.url}")
    click.echo(f"export HF_TOKEN={hub.tokens['owner']}  # {hub.owner}, owns the repos")
    click.echo(f"export HUBKIT_GRANTED_TOKEN={hub.tokens['granted']}  # was granted access to gated repos")
    click.echo(f"export HUBKIT_UNGRANTED_TOKEN={hub.tokens['ungranted']}  # was not")
