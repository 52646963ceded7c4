"""Whether generated reports name the findings that the study's CheXpert labels name.

A finding that is named as present or as uncertain counts as found, one that is negated or unmentioned does not: the
convention of the field's F1 over CheXpert labels. This is the measure that sees a flipped negation.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hubkit.artifacts.scores import Rules
from hubkit.metrics.measure import Measure
from hubkit.tables import CHEXPERT_LABELS

ACCURACY = Path(__file__).parents[1] / "clinical" / "accuracy.toml"
"""How well the rules read texts whose labels are known; benchmarks/labels.py writes it."""


class Agreement(NamedTuple):
    """Counts of one system: studies x labels x (both name it, only the report, only the label)."""

    counts: np.ndarray

    @property
    def micro(self) -> Measure:
        """F1 over all findings of all studies."""
        return Measure(self.counts.sum(axis=1), f1)

    @property
    def macro(self) -> Measure:
        """Mean of the labels' F1, over those that some study has: the same labels in every resample."""
        whole = self.counts.sum(axis=0)
        return Measure(
            self.counts.reshape(len(self.counts), -1),
            lambda sums: macro(sums.reshape(*sums.shape[:-1], *whole.shape), whole),
        )

    def by_label(self) -> dict[str, dict[str, float]]:
        """F1 and the number of studies that have the finding, by label; labels that no study has are left out."""
        added = self.counts.sum(axis=0)
        return {
            label: {"f1": float(f1(added[at])), "studies": int(added[at, 0] + added[at, 2])}
            for at, label in enumerate(CHEXPERT_LABELS)
            if added[at, 0] + added[at, 2]
        }


def agreement(texts: Sequence[str], labels: Sequence[Mapping[str, int | None]]) -> Agreement:
    """Compare what Portuguese `texts` say with the `labels` of their studies."""
    from hubkit.clinical.labels import labels as labels_of

    named = {text: labels_of(text, "pt") for text in dict.fromkeys(texts)}
    said = present([named[text] for text in texts])
    true = present(labels)
    return Agreement(np.stack([said & true, said & ~true, ~said & true], axis=2).astype(np.float64))


def present(labels: Sequence[Mapping[str, int | None]]) -> np.ndarray:
    """Studies x labels: whether a finding is present or uncertain."""
    rows = [[study.get(label) in (1, -1) for label in CHEXPERT_LABELS] for study in labels]
    return np.array(rows, dtype=bool).reshape(len(labels), len(CHEXPERT_LABELS))


@functools.cache
def accuracy_of_rules() -> Rules:
    """The rules' own accuracy."""
    return Rules.model_validate(tomllib.loads(ACCURACY.read_text(encoding="utf-8")))


def macro(sums: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Mean F1 over the labels that a study of the whole split has; 0 without any.

    A resample may hold no study with a rare label. To leave the label out there would change the terms of the mean:
    over 60 patients the 95 % interval then held the true value three times in four. Where a resample neither has nor
    names the label, its F1 is undefined, and that of the whole split stands in.

    Args:
        sums: added counts (..., labels, 3) of the split or of resamples of it.
        whole: added counts (labels, 3) of the split.
    """
    kept = whole[:, 0] + whole[:, 2] > 0
    values = np.where(sums.sum(axis=-1) > 0, f1(sums), f1(whole))
    mean: np.ndarray = (values * kept).sum(axis=-1) / max(kept.sum(), 1)
    return mean


def f1(sums: np.ndarray) -> np.ndarray:
    """F1 from added counts (..., 3); 0 where there is nothing to find and nothing was found."""
    both, only_said, only_true = sums[..., 0], sums[..., 1], sums[..., 2]
    below = 2 * both + only_said + only_true
    values: np.ndarray = np.divide(2 * both, below, out=np.zeros_like(both, dtype=np.float64), where=below > 0)
    return values
