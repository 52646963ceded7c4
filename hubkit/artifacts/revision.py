"""revised/revision.json: how people and settings revised the translations."""

from __future__ import annotations

from hubkit.artifacts.model import Model, read_model, to_json
from hubkit.workspace import Workspace, write_json


class Revision(Model):
    """How the translations were revised; the defaults are those of a workspace from before there was a revision.

    Attributes:
        corrected: sections that people decided about.
        stale: corrections of texts that changed since.
        flagged: what became of flagged sections: leave_out, stop or publish.
        left_out: sections whose text was left out.
        test_studies: ids of test studies whose reference is not the machine's any more.
    """

    corrected: int = 0
    stale: int = 0
    flagged: str = "publish"
    left_out: int = 0
    test_studies: tuple[int, ...] = ()


def read_revision(workspace: Workspace) -> Revision:
    """How the translations were revised.

    Raises:
        HubkitError: the file is not whole, incomplete, or of another format.
    """
    if not workspace.revision.exists():
        return Revision()
    return read_model(Revision, "revision", workspace.revision, "hubkit revise")


def write_revision(workspace: Workspace, revision: Revision) -> None:
    """Write what `read_revision` reads.

    The file has no number, which stands for format 1: `score` would run again for one, where nothing else changed.
    """
    write_json(workspace.revision, to_json(revision))
