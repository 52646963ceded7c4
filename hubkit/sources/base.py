"""What every kind of corpus offers: its reports by study, as bytes and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol


class Listing(NamedTuple):
    """The reports of a source.

    Attributes:
        names: name of each report by (subject_id, study_id).
        strange: names of text files that are not the report of a study.
        subjects: whether subjects are known; else a study's own id stands for its subject.
    """

    names: dict[tuple[int, int], str]
    strange: list[str]
    subjects: bool = True


class Source(Protocol):
    """Where the reports of a corpus are on this machine: an archive, or a folder in which a name is a relative path."""

    @property
    def path(self) -> Path:
        """The archive or the folder."""
        ...

    def listing(self) -> Listing:
        """List all reports."""
        ...

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        """Yield the reports of these names, in this order, as they lie on disk."""
        ...

    def texts(self, names: Iterable[str]) -> Iterator[str]:
        """Yield what these reports say, in this order, without the markup of their files."""
        ...
