"""`hubkit hub`: the Hub on loopback."""

from __future__ import annotations

import contextlib
import shlex
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
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME:SETTINGS",
    help="What an account has paid for and set, as in lab:plan=team,tokens=approval,hide-requesters.",
)
@click.option(
    "--window",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="Seconds in which requests are counted; 0 sets no limit.",
)
def serve(
    root: Path,
    port: int,
    owner: str,
    organisation: str | None,
    quota: int | None,
    accounts: tuple[str, ...],
    window: int,
) -> None:
    """Serve a Hub until it is interrupted, and print a token each of its owner, a reader and an outsider.

    Repos stay in the folder; tokens are shown this once, and each start makes new ones.
    """
    from hubkit.localhub.plans import parse_account
    from hubkit.localhub.server import Cast, run

    settings = dict(map(parse_account, accounts))
    with contextlib.suppress(KeyboardInterrupt):
        run(root, port, Cast(owner, organisation, quota, accounts=settings, window=window or None), _announce)


@command.command()
@click.argument("name")
@root_option
@click.option("--read-only", is_flag=True, help="A token that may not write.")
@click.option("--fine-grained", is_flag=True, help="A token that may do what --scope and --gated say, and no more.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="ENTITY=PERMISSIONS",
    help="What it may do there, as in lab=repo.content.read,repo.write or datasets/lab/reports=repo.content.read.",
)
@click.option("--gated", is_flag=True, help="It may read public gated repos.")
@click.option("--approve", metavar="ORGANISATION", help="The organisation approves it.")
@click.option("--seconds", type=click.IntRange(1), help="How long it is valid. [default: for ever]")
def token(
    name: str,
    root: Path,
    read_only: bool,
    fine_grained: bool,
    scopes: tuple[str, ...],
    gated: bool,
    approve: str | None,
    seconds: int | None,
) -> None:
    """Make another token of the account NAME, or a new account, on the Hub in a folder; it may be running."""
    from hubkit.localhub.accounts import Accounts
    from hubkit.localhub.scopes import Scopes, parse_scope

    if not (root / "accounts.json").is_file():
        raise click.UsageError(f"there is no Hub in {root}")
    if (scopes or gated or approve) and not fine_grained:
        raise click.UsageError("--scope, --gated and --approve are for a token that is --fine-grained")
    accounts, expires = Accounts(root), None if seconds is None else time.time() + seconds
    granted = Scopes(gated, dict(map(parse_scope, scopes))) if fine_grained else None
    made = accounts.mint(name, "read" if read_only else "write", expires, scopes=granted)
    if approve:
        accounts.approve(made, approve)
    click.echo(made)


def _proxy_of(url: str) -> str | None:
    """What NO_PROXY has to be where the environment sends requests for `url` to a proxy; None where it does not."""
    import urllib.request
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    proxies = urllib.request.getproxies()
    if not proxies.keys() & {"http", "https", "all"} or urllib.request.proxy_bypass(host):
        return None
    return ",".join(filter(None, (proxies.get("no"), host)))


def print_variables(hub: LocalHub, token: str, home: str | None = None) -> None:
    """Print the lines that point the Hub's clients in a shell at `hub`.

    Args:
        token: of the account that they are.
        home: a folder for what they download; None leaves it where it is.
    """
    if (proxy := _proxy_of(hub.url)) is not None:
        click.echo(f"export NO_PROXY={proxy}  # a proxy is set, which clients would ask for this address")
    click.echo(f"export HF_ENDPOINT={hub.url}")
    click.echo(f"export HF_TOKEN={token}")
    if home is not None:
        click.echo(f"export HF_HOME={shlex.quote(home)}")


def _announce(hub: LocalHub) -> None:
    click.echo(f"Hub on {hub.url}, repos of {hub.owner} in {hub.root}\n")
    print_variables(hub, f"{hub.tokens['owner']}  # {hub.owner}, owns the repos")
    click.echo(f"export HUBKIT_GRANTED_TOKEN={hub.tokens['granted']}  # was granted access to gated repos")
    click.echo(f"export HUBKIT_UNGRANTED_TOKEN={hub.tokens['ungranted']}  # was not")
