"""What revision.json says to the stages after it: which references of test studies are not the machine's any more."""

from __future__ import annotations

import json
from typing import Any

from hubkit.reports import Reference, reference, sections_of
from hubkit.workspace import Workspace, read_table


def read_revision(workspace: Workspace) -> dict[str, Any]:
    """How the translations were revised: `corrected`, `stale`, `left_out`, `flagged` and `test_studies`."""
    if not workspace.revision.exists():
        return {"corrected": 0, "stale": 0, "left_out": 0, "flagged": "publish", "test_studies": []}
    found: dict[str, Any] = json.loads(workspace.revision.read_text(encoding="utf-8"))
    return found


def revised_references(workspace: Workspace, kind: Reference) -> dict[int, str | None]:
    """The references of test studies that were revised after the reports were generated; None where there is none now.

    The generated tables hold the machine's references, since a new reference generates nothing again.
    """
    studies = set(read_revision(workspace)["test_studies"])
    if not studies:
        return {}
    columns = ["study_id", "section", "translation", "status"]
    rows = read_table(workspace.translations, columns).to_pylist()
    sections = sections_of(row for row in rows if row["study_id"] in studies)
    return {study: reference(sections.get(study, {}), kind) or None for study in studies}
