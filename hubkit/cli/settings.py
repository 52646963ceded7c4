"""`hubkit settings`: the reference of hubkit.toml, printed."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from hubkit.errors import UsageError


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from hubkit.config import ReleaseConfig

    return [CompletionItem(name) for name in ReleaseConfig.model_fields if name.startswith(incomplete)]


@click.command(name="settings", short_help="Print every setting of hubkit.toml and its default.")
@click.argument("table", required=False, shell_complete=_complete)
def command(table: str | None) -> None:
    """Print every setting of hubkit.toml with its meaning, its choices and its default; or those of one TABLE."""
    from hubkit.config import ReleaseConfig, template

    if table is not None and table not in ReleaseConfig.model_fields:
        tables = ", ".join(ReleaseConfig.model_fields)
        raise UsageError(f"there is no table {table}", where="hubkit.toml", hint=f"tables: {tables}")
    click.echo(template({}, table), nl=False)
