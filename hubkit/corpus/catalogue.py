"""What a corpus kind tells of a corpus: its studies without their text, and the reports on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubkit.artifacts.selection import Listed
from hubkit.corpus.sections import Report

if TYPE_CHECKING:
    import pyarrow as pa


class Headers(NamedTuple):
    """The rule by which headers are found, and in a sentence why."""

    rule: str
    reason: str


class Catalogue(NamedTuple):
    """Every study of a corpus that has a report, without its text.

    Attributes:
        studies: subject_id, study_id, split, images (all of them, the preferred ones first) and labels as in
            hubkit.tables.STUDIES, and `source`, the name under which the reader finds the report; sorted by study_id.
        image_root: the folder that `images[].path` is relative to; None for a corpus without images.
        notes: what does not fit together, for selection.json.
        headers: how the headers of reports are found, where not as MIMIC-CXR's own parser does.
    """

    studies: pa.Table
    image_root: Path | None
    notes: Listed = Listed()
    headers: Headers | None = None


class Reader(Protocol):
    """Reads a corpus of one kind; it is handed to other processes by pickle."""

    def fingerprint(self) -> str:
        """A cheap digest of everything that is read."""
        ...

    def catalogue(self) -> Catalogue:
        """List the studies."""
        ...

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        """Yield the reports of these studies, in this order."""
        ...
