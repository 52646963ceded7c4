"""How often generated reports make each clinical error, against their Portuguese references.

A flipped word costs BERTScore little and a patient much. These are counts of what a report gets wrong of
findings, as rules read it (`hubkit.error_profile`), and no judge model has a part in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hubkit.clinical.lexicon import Language
from hubkit.error_profile.profile import DIMENSIONS, has, profile
from hubkit.metrics.measure import Measure, mean
from hubkit.tables import CHEXPERT_LABELS

OTHER = "Other"
"""What has no CheXpert label: a hernia, a scoliosis, a granuloma."""

FINDINGS = (*(label for label in CHEXPERT_LABELS if label != "No Finding"), OTHER)

ERRORS_NOTE = (
    "An error counts once a finding and kind. A finding that only one of the two has is missed or invented; "
    "of one that both have, a value is wrong where both speak of it. Silence about a value is no error."
)
"""What a reader of the figures has to know."""


class ErrorCounts(NamedTuple):
    """Errors of one system.

    Attributes:
        errors: studies x findings x dimensions, counts.
        references: studies x findings, whether the reference has such a finding.
    """

    errors: np.ndarray
    references: np.ndarray

    @property
    def by_report(self) -> np.ndarray:
        """(studies,): errors of all dimensions."""
        errors: np.ndarray = self.errors.sum(axis=(1, 2))
        return errors

    @property
    def per_report(self) -> Measure:
        """Errors of all dimensions in a report."""
        return mean(self.by_report)

    @property
    def without(self) -> Measure:
        """The share of reports without an error."""
        return mean(self.by_report == 0)

    def of_dimension(self, name: str) -> Measure:
        """Errors of one dimension in a report."""
        return mean(self.errors[:, :, DIMENSIONS.index(name)].sum(axis=1))

    def of_finding(self, name: str) -> Measure:
        """Errors about one finding in a report."""
        return mean(self.errors[:, FINDINGS.index(name)].sum(axis=1))


def error_counts(generated: Sequence[str], references: Sequence[str], language: Language = "pt") -> ErrorCounts:
    """Count the errors of generated reports, both in one language."""
    errors = np.zeros((len(generated), len(FINDINGS), len(DIMENSIONS)))
    there = np.zeros((len(generated), len(FINDINGS)), dtype=bool)
    for at, (report, reference) in enumerate(zip(generated, references, strict=True)):
        for error in profile(reference, report, language):
            errors[at, FINDINGS.index(error.label or OTHER), DIMENSIONS.index(error.dimension)] += 1
        for label in has(reference, language):
            there[at, FINDINGS.index(label or OTHER)] = True
    return ErrorCounts(errors, there)
