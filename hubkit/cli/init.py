"""`hubkit init`: write a hubkit.toml in which every setting stands with its default and its meaning."""

from __future__ import annotations

from pathlib import Path

import click

from hubkit.config import template
from hubkit.errors import UsageError
from hubkit.workspace import write_text


@click.command(name="init", short_help="Write a hubkit.toml.")
@click.argument("path", type=click.Path(path_type=Path), default=Path("hubkit.toml"))
@click.option("--namespace", default="your-name", show_default=True, help="The user or organisation on the Hub.")
@click.option("--corpus", default="mimic-cxr", show_default=True, help="The folder of MIMIC-CXR.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(path: Path, namespace: str, corpus: str, force: bool) -> None:
    """Write a hubkit.toml with every setting at its default."""
    if path.exists() and not force:
        hint = "see every setting: hubkit settings; or replace the file and all that is set in it: --force"
        raise UsageError("is there already", where=path, hint=hint)
    write_text(path, template({"hub.namespace": namespace, "corpus.root": corpus}))
    click.echo(f"{path} written; see what this machine can do with it: hubkit doctor --config {path}")
