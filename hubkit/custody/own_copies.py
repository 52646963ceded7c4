"""A sealed release opens with a reader's own copy of the corpus: its reports have to be those that readers have."""

from __future__ import annotations

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.sources.mimic_cxr import as_distributed
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace


def check_own_copies(config: ReleaseConfig, workspace: Workspace) -> None:
    """As `require_own_copies`, by what is known of the reports so far.

    Raises:
        UsageError: see there.
    """
    if config.custody.mode == "sealed":
        require_own_copies(config, read_selection(workspace).headers if workspace.selection.exists() else None)


def require_own_copies(config: ReleaseConfig, headers: str | None) -> None:
    """Refuse to seal with reports of another form than readers have: nobody could open the release.

    Args:
        headers: as in selection.json: how headers were found, where not by the corpus's own rule.

    Raises:
        UsageError: the reports are in a CSV, or lost the blank before their headers.
    """
    corpus = config.corpus
    if config.custody.mode != "sealed":
        return
    if corpus.kind == "csv":
        raise UsageError(
            "a corpus of kind csv cannot be sealed: the reader of a sealed release knows no such file",
            where="[custody] mode",
            hint='set mode = "gated"',
        )
    if not terms_of(corpus).joined:
        return
    if headers == "flush_left" or not as_distributed(corpus.root):
        raise UsageError(
            "keys come from the reports byte by byte, and these are not as PhysioNet hands them out",
            where=corpus.root,
            hint='set [corpus] root to mimic-cxr-reports.zip or files/, or [custody] mode = "gated"',
        )
