"""The references of test studies that are not the machine's any more."""

from __future__ import annotations

from hubkit.artifacts.revision import read_revision
from hubkit.reports import Reference, reference, sections_of
from hubkit.study_batches import study_batches
from hubkit.workspace import Workspace


def revised_references(workspace: Workspace, kind: Reference) -> dict[int, str | None]:
    """The references of test studies that were revised after the reports were generated; None where there is none now.

    The generated tables hold the machine's references, since a new reference generates nothing again.
    """
    import numpy as np

    studies = read_revision(workspace).test_studies
    if not studies:
        return {}
    columns = ["study_id", "section", "translation", "status"]
    batches = study_batches(workspace.translations, columns, np.array(studies))
    sections = sections_of(row for batch in batches for row in batch.to_pylist())
    return {study: reference(sections.get(study, {}), kind) or None for study in studies}
