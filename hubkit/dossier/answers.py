"""Answers the items of a guideline from the evidence of a workspace, and says of each how far that goes."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hubkit.dossier.evidence import Evidence, Row
from hubkit.dossier.guidelines import Guideline, Item

Extent = Literal["answered", "answered in part", "not certain", "only the authors know", "not done in this release"]
EXTENTS: tuple[Extent, ...] = (
    "answered",
    "answered in part",
    "not certain",
    "only the authors know",
    "not done in this release",
)


class Answer(NamedTuple):
    """An item with what its pointers came to."""

    item: Item
    rows: list[Row]
    extent: Extent


class AnsweredGuideline(NamedTuple):
    """A guideline with an answer to each of its items."""

    guideline: Guideline
    answers: list[Answer]

    def counts(self) -> dict[Extent, int]:
        """How many items are answered how far."""
        extents = [answer.extent for answer in self.answers]
        return {extent: extents.count(extent) for extent in EXTENTS}


def answer_all(guideline: Guideline, evidence: Evidence) -> AnsweredGuideline:
    """Answer every item of a guideline.

    Raises:
        HubkitError: a file that a pointer names is damaged.
    """
    answers = []
    for item in guideline.items:
        rows = [evidence.follow(pointer) for pointer in item.evidence]
        answers.append(Answer(item, rows, _extent(item, rows)))
    return AnsweredGuideline(guideline, answers)


def _extent(item: Item, rows: list[Row]) -> Extent:
    if not rows:
        return "only the authors know" if item.authors else "not done in this release"
    if all(row.value is None for row in rows):
        lacks = {row.lacks for row in rows}
        if "certainty" in lacks:
            return "not certain"
        return "only the authors know" if "authors" in lacks else "not done in this release"
    # A value with a remark is one that a reader has to look into.
    whole = all(row.value is not None and not row.remark for row in rows)
    return "answered" if whole and not item.authors else "answered in part"
