"""`hubkit hub`: the Hub on loopback."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hubkit.localhub import LocalHub


root_option = click.option(
    "--root", type=click.Path(path_type=Path), default=Path("hub"), show_default=True, help="Its folder."
)


@click.group(name="hub", short_help="Run a Hub of your own, on loopback.")
def command() -> None:
    """Rehearse on a Hub of your own, on loopback."""


@command.command()
@root_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="Its port; 0 takes a free one."
)
@click.option("--owner", default="maintainer", show_default=True, help="The account that may create repos.")
@click.option("--organisation", help="An organisation in which the owner may create repos, too.")
@click.option("--quota", type=click.IntRange(0), help="Bytes that a namespace may store. [default: no limit]")
def serve(root: Path, port: int, owner: str, organisation: str | None, quota: int | None) -> None:
    """Serve a Hub until it is interrupted, and print a token each of its owner, a reader and an outsider.

    Repos stay in the folder; tokens are shown this once, and each start makes new ones.
    """
    from hubkit.localhub.server import Cast, run

    with contextlib.suppress(KeyboardInterrupt):
        run(root, port, Cast(owner, organisation, quota), _announce)


@command.command()
@click.argument("name")
@root_option
@click.option("--read-only", is_flag=True, help="A token that may not write.")
@click.option("--seconds", type=click.IntRange(1), help="How long it is valid. [default: for ever]")
def token(name: str, root: Path, read_only: bool, seconds: int | None) -> None:
    """Make another token of the account NAME, or a new account, on the Hub in a folder; it may be running."""
    from hubkit.localhub.accounts import Accounts

    if not (root / "accounts.json").is_file():
        raise click.UsageError(f"there is no Hub in {root}")
    expires = None if seconds is None else time.time() + seconds
    click.echo(Accounts(root).mint(name, "read" if read_only else "write", expires))


def _announce(hub: LocalHub) -> None:
    click.echo(f"Hub on {hub.url}, repos of {hub.owner} in {hub.root}\n")
    click.echo(f"export HF_ENDPOINT={hub.url}")
    click.echo(f"export HF_TOKEN={hub.tokens['owner']}  # {hub.owner}, owns the repos")
    click.echo(f"export HUBKIT_GRANTED_TOKEN={hub.tokens['granted']}  # was granted access to gated repos")
    click.echo(f"export HUBKIT_UNGRANTED_TOKEN={hub.tokens['ungranted']}  # was not")
