"""`hubkit dossier`: the items of reporting guidelines, with the evidence of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="dossier", short_help="Fill in reporting guidelines from the workspace.")
@click.option("--docx", is_flag=True, help="Write dossier.docx as well; needs the extra [evidence].")
@config_option
@workspace_option
def command(docx: bool, config: ReleaseConfig, workspace: Workspace) -> None:
    """Write dossier.md: every item of MI-CLEAR-LLM, REFINE, TRIPOD-LLM and CLAIM, with its evidence.

    Evidence is a value with its file and key. Where there is none, the dossier says that only the authors know, or that
    it was not done in this release. It has no text of the corpus.
    """
    from hubkit.dossier.dossier import counts_line, make_dossier
    from hubkit.dossier.markdown import write_markdown
    from hubkit.dossier.word import write_word

    dossier = make_dossier(config, workspace)
    click.echo(write_markdown(dossier, workspace))
    if docx:
        click.echo(write_word(dossier, workspace))
    for answered in dossier.guidelines:
        click.echo(f"{answered.guideline.name}: {counts_line(answered)}")
    if dossier.open_stages:
        click.echo(f"not run yet, and open in the dossier: {', '.join(dossier.open_stages)} (run: hubkit release)")
