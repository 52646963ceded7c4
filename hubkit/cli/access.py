"""`hubkit access`: people who ask for the gated repos."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace


@click.group(name="access", short_help="List who asks for the gated repos; grant or reject.")
def command() -> None:
    """See who asks for the gated repos, and grant or reject it."""


@command.command(name="list")
@config_option
@click.option(
    "--status",
    type=click.Choice(["pending", "accepted", "rejected", "all"]),
    default="pending",
    show_default=True,
    help="Which requests to list.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listing(config: ReleaseConfig, status: str, as_json: bool) -> None:
    """List requests with what people wrote in the form."""
    from hubkit.hub.access import STATUSES, plain, requests

    found = requests(config, STATUSES if status == "all" else (status,))  # type: ignore[arg-type]
    for asked in found:
        if as_json:
            click.echo(json.dumps(asked._asdict()))
        else:
            person = ", ".join(filter(None, (asked.user, asked.name, asked.email)))
            click.echo(f"{asked.status:<9} {plain(person)}  {asked.repo}  {asked.time[:10]}")
            for question, answer in asked.fields.items():
                click.echo(f"          {plain(question)}: {plain(answer)}")
    if not found and not as_json:
        click.echo("no requests")


@command.command()
@config_option
@click.argument("user")
def grant(config: ReleaseConfig, user: str) -> None:
    """Let USER read the gated repos, whether they asked or not."""
    from hubkit.hub.access import grant as grant_access

    changed = grant_access(config, user)
    click.echo(f"{user} may read {', '.join(changed)}" if changed else f"{user} could read them before")


@command.command()
@config_option
@click.argument("user")
@workspace_option
@click.option("--reason", help="What the Hub tells them; compared with the corpus first.")
def reject(config: ReleaseConfig, user: str, workspace: Workspace, reason: str | None) -> None:
    """Turn USER down for good: they cannot ask again. To take a grant back, use revoke."""
    if reason:
        from hubkit.leakguard.guard import guard_text

        guard_text(reason, config, workspace)
    from hubkit.hub.access import reject as reject_access

    changed = reject_access(config, user, reason)
    click.echo(f"{user} may not read {', '.join(changed)}" if changed else f"{user} was turned down before")


@command.command()
@config_option
@click.argument("user")
def revoke(config: ReleaseConfig, user: str) -> None:
    """Take USER's grant back; their request is pending again."""
    from hubkit.hub.access import revoke as revoke_access

    changed = revoke_access(config, user)
    click.echo(
        f"{user} may not read {', '.join(changed)} any more; their request is pending again"
        if changed
        else f"{user} had no grant"
    )


@command.command()
@config_option
@click.argument("path", type=click.Path(path_type=Path))
def export(config: ReleaseConfig, path: Path) -> None:
    """Write all requests to a CSV file."""
    from hubkit.hub.access import export as export_requests

    click.echo(f"{export_requests(config, path)} requests in {path}")
