"""The report: one page without a connection or a script, for the maintainer alone; it holds text of the corpus."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.artifacts.receipt import PushedRepo, read_receipt
from hubkit.config import ReleaseConfig
from hubkit.report import contents
from hubkit.report.renderings import workspace_renderings
from hubkit.tables import SPLITS
from hubkit.terms.exposure import configured_statements
from hubkit.workspace import Workspace, write_text

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent


def write_page(config: ReleaseConfig, workspace: Workspace) -> Path:
    """Write the report into the workspace, readable by its owner, and return its path.

    A part whose stage has not run says so. Text of the corpus and of models is put in as text, never as HTML.

    Raises:
        HubkitError: a file of the workspace is damaged, or the report cannot be written.
    """
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    divided, by_group = contents.subgroups(config, workspace)
    pairs, doubtful = contents.flagged(workspace)
    environment = _environment()
    page = environment.get_template("page.html.jinja").render(
        config=config,
        hubkit=__version__,
        style=style,
        policy=content_policy(style),
        splits=SPLITS,
        stages=contents.stages(workspace),
        versions=contents.versions(workspace),
        selection=contents.selection(workspace),
        checks=contents.checks(workspace),
        renderings=workspace_renderings(workspace),
        pairs=pairs,
        doubtful=doubtful,
        translated=workspace.translations.exists(),
        tables=contents.tables(config, workspace),
        divided=divided,
        by_group=by_group,
        seen=configured_statements(config).sentences,
        plots=contents.plots(workspace.scores),
        training=contents.training(workspace),
        curves=contents.plots(workspace.adapter),
        reviews=contents.reviews(workspace),
        samples=contents.samples(workspace),
        repos=_repos(workspace),
    )
    write_text(workspace.report, page)
    return workspace.report


@cache
def _environment() -> Environment:
    """For the page's templates: each is compiled once, which takes longer than to fill it in."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def content_policy(style: str) -> str:
    """The policy of the page: it loads nothing, runs nothing, sends nothing; pictures and style lie in it."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _repos(workspace: Workspace) -> list[PushedRepo]:
    receipt = read_receipt(workspace)
    return list(receipt.repos.values()) if receipt else []
