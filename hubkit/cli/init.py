"""`hubkit init`: write a hubkit.toml in which every setting stands with its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from hubkit.errors import UsageError
from hubkit.workspace import write_text


class _Preset(click.ParamType[str]):
    """A preset's name. The names are read when they are needed: `hubkit --help` does not build the settings' models."""

    name = "preset"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from hubkit.config.presets import NAMES

        return click.Choice(NAMES).convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        from hubkit.config.presets import NAMES

        return f"[{'|'.join(NAMES)}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from hubkit.config.presets import NAMES

        return [CompletionItem(name) for name in NAMES if name.startswith(incomplete)]


@click.command(name="init", short_help="Write a hubkit.toml.")
@click.argument("path", type=click.Path(path_type=Path), default=Path("hubkit.toml"))
@click.option("--namespace", default="your-name", show_default=True, help="The user or organisation on the Hub.")
@click.option("--corpus", default="mimic-cxr", show_default=True, help="The folder of MIMIC-CXR.")
@click.option("--preset", "machine", type=_Preset(), help="Settings for a kind of machine.")
@click.option(
    "--dataset-name",
    metavar="NAME",
    help="Name of the dataset repo; the adapter's follows it. [default: as `hubkit settings hub` shows]",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(
    path: Path, namespace: str, corpus: str, machine: str | None, dataset_name: str | None, force: bool
) -> None:
    """Write a hubkit.toml with every setting at its default, but for those that a preset or an option sets."""
    from hubkit.config import load_config, template
    from hubkit.config.presets import preset
    from hubkit.terms.policy import name_warning

    if path.exists() and not force:
        hint = "for a list of the settings: hubkit settings; to replace the file: --force"
        raise UsageError("exists already", where=path, hint=hint)
    values: dict[str, Any] = preset(machine) if machine else {}
    values |= {"hub.namespace": namespace, "corpus.root": corpus}
    if dataset_name is not None:
        _check_name(dataset_name)
        values |= {"hub.dataset": dataset_name, "hub.adapter": f"medgemma-4b-it-{dataset_name}-lora"}
    write_text(path, template(values))
    click.echo(f"{path} written; see what this machine can do with it: hubkit doctor --config {path}")
    if dataset_name is None and (warning := name_warning(load_config(path))):
        click.echo(f"note: {warning}; set other names there, or: hubkit init --force --dataset-name mimic-cxr-ext-ptbr")


def _check_name(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        # With the longest prefix and suffix that it gets, in the adapter's name; a namespace in it is refused too.
        validate_repo_id(f"n/medgemma-4b-it-{name}-lora")
        validate_repo_id(f"n/{name}")
    except HFValidationError:
        raise UsageError(
            f"{name!r} cannot be the name of a repo",
            where="--dataset-name",
            hint="letters, digits, . _ and -, without the namespace: mimic-cxr-ext-ptbr",
        ) from None
