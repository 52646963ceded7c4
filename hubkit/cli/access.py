"""`hubkit access`: people who ask for the gated repos."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig
    from hubkit.hub.access import Asked


@click.group(name="access", short_help="List who requests access to the gated repos; grant or reject.")
def command() -> None:
    """See who requests access to the gated repos, and grant or reject it."""


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
    from hubkit.hub.access import STATUSES, requests

    found = requests(config, STATUSES if status == "all" else (status,))  # type: ignore[arg-type]
    if as_json:
        for asked in found:
            click.echo(json.dumps(asked._asdict()))
        return
    for line in _by_person(found):
        click.echo(line)
    if not found:
        click.echo("no requests")


def _by_person(found: list[Asked]) -> Iterator[str]:
    """Each person once; below, a line for what they asked alike (same status, day and answers), with its repos."""
    from hubkit.hub.access import plain

    people: dict[str, dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]]] = {}
    for asked in found:
        person = plain(", ".join(filter(None, (asked.user, asked.name, asked.email))))
        alike = (asked.status, asked.time[:10], tuple(asked.fields.items()))
        people.setdefault(person, {}).setdefault(alike, []).append(asked.repo)
    for person, requested in people.items():
        yield person
        for (status, day, answers), repos in requested.items():
            yield f"  {status:<9} {day}  {repos[0]}"
            yield from (f"{'':24}{repo}" for repo in repos[1:])
            yield from (f"{'':12}{plain(question)}: {plain(answer)}" for question, answer in answers)


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
