"""Whether losses tell the studies that an adapter was trained on from others.

An attacker guesses that a study was in the training split from a score of it. The area under the
ROC curve is the share of pairs of a training study and another one in which the first has the
higher score: .5 where the score tells nothing, 1 where it tells all.

Sources: Yeom et al., "Privacy Risk in Machine Learning" (2018) for the loss; Carlini et al.,
"Membership Inference Attacks From First Principles" (2022) for the ratio to a reference model and
for the share found at a low rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hubkit.artifacts.memorisation import Attack, Membership
from hubkit.scoring.statistics import interval

RATES = (0.001, 0.01, 0.1)
"""Rates of false alarms at which the share of training studies that are found is given."""

ENOUGH = 10
"""Studies that the false alarms at a rate have to come to: with fewer the share found hangs on one or two."""

CELLS_AT_ONCE = 1 << 22
"""Weights of resamples that are held at once: 32 MiB."""


class Losses(NamedTuple):
    """The loss of each study of one split, (studies,): the mean over the tokens of its report.

    Attributes:
        patients: the patient of each study.
        base: under the base alone.
        adapter: under base and adapter.
        reference: under base and an adapter that was trained on other studies; None where there is none.
    """

    patients: np.ndarray
    base: np.ndarray
    adapter: np.ndarray
    reference: np.ndarray | None = None

    def take(self, wanted: np.ndarray) -> Losses:
        """The studies at which `wanted` is true."""
        reference = None if self.reference is None else self.reference[wanted]
        return Losses(self.patients[wanted], self.base[wanted], self.adapter[wanted], reference)

    def scores(self) -> dict[str, np.ndarray]:
        """What an attacker may go by, by name; higher for studies that the adapter knows."""
        found = {
            "base": -self.base,
            "loss": -self.adapter,
            "ratio": self.base / self.adapter,
            "difference": self.base - self.adapter,
        }
        return found if self.reference is None else found | {"reference": self.reference - self.adapter}


def attack(members: Losses, others: Losses, resamples: int, confidence: float, seed: int) -> dict[str, Attack]:
    """How well each score tells members from others.

    Args:
        members: of studies that the adapter was trained on.
        others: of studies that it was not trained on.
        resamples: draws of patients for the intervals.
        confidence: level of the intervals.

    Returns:
        By score.
    """
    theirs = others.scores()
    return {
        name: _measured(score, members.patients, theirs[name], others.patients, resamples, confidence, seed)
        for name, score in members.scores().items()
    }


def _measured(
    score: np.ndarray,
    patients: np.ndarray,
    other: np.ndarray,
    other_patients: np.ndarray,
    resamples: int,
    confidence: float,
    seed: int,
) -> Attack:
    drawn = resampled_auc(score, patients, other, other_patients, resamples, seed)
    low, high = interval(drawn, confidence)
    found = {str(rate): found_at(score, other, rate) for rate in RATES}
    return Attack(value=auc(score, other), low=low, high=high, found=found)


def auc(members: np.ndarray, others: np.ndarray) -> float:
    """The share of pairs in which the member has the higher score; ties count half."""
    return float(_wins(members, others).mean())


def found_at(members: np.ndarray, others: np.ndarray, rate: float) -> float | None:
    """The share of members above the score that `rate` of the others reach; None where that is fewer than ENOUGH."""
    if rate * len(others) < ENOUGH:
        return None
    alarms = int(rate * len(others))
    border = np.sort(others)[::-1][alarms]
    return float((members > border).mean())


def resampled_auc(
    members: np.ndarray,
    patients: np.ndarray,
    others: np.ndarray,
    other_patients: np.ndarray,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """The AUC in draws of as many patients as there are, of either side, with replacement; (resamples,)."""
    row, rows = _numbered(patients)
    column, columns = _numbered(other_patients)
    wins = np.zeros((rows, columns))
    np.add.at(wins, (row[:, None], column[None, :]), _wins(members, others))
    pairs = np.outer(np.bincount(row), np.bincount(column)).astype(np.float64)
    generator = np.random.default_rng(seed)
    step = max(1, CELLS_AT_ONCE // max(rows, columns))
    found = []
    for at in range(0, resamples, step):
        size = min(step, resamples - at)
        left = generator.multinomial(rows, np.full(rows, 1 / rows), size=size)
        right = generator.multinomial(columns, np.full(columns, 1 / columns), size=size)
        found.append(((left @ wins) * right).sum(axis=1) / ((left @ pairs) * right).sum(axis=1))
    return np.concatenate(found)


def shared(texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Which of `texts` stand among `others` too, but for case and white space: (texts,), bool."""
    known = {_plain(text) for text in others}
    return np.array([_plain(text) in known for text in texts], dtype=bool)


def compare(
    splits: Mapping[str, Losses], templates: Mapping[str, np.ndarray], resamples: int, confidence: float, seed: int
) -> Membership:
    """Train against test, and train against validate: all studies, and those whose text stands in one split alone.

    Args:
        splits: by name; a split without studies is left out.
        templates: by split, which studies have a text that the other side has too.
    """

    def attacked(members: Losses, others: Losses) -> dict[str, Attack]:
        return attack(members, others, resamples, confidence, seed)

    train, test, validate = splits["train"], splits["test"], splits.get("validate")
    own, others = train.take(~templates["train"]), test.take(~templates["test"])
    enough = min(len(own.base), len(others.base)) >= ENOUGH
    return Membership(
        studies={name: len(losses.base) for name, losses in splits.items()},
        shared_texts={name: int(which.sum()) for name, which in templates.items()},
        train_test=attacked(train, test),
        train_validate=None if validate is None else attacked(train, validate),
        own_texts=attacked(own, others) if enough else None,
    )


def _wins(members: np.ndarray, others: np.ndarray) -> np.ndarray:
    higher = members[:, None] > others[None, :]
    wins: np.ndarray = higher + 0.5 * (members[:, None] == others[None, :])
    return wins


def _numbered(patients: np.ndarray) -> tuple[np.ndarray, int]:
    known, numbers = np.unique(patients, return_inverse=True)
    return numbers.ravel(), len(known)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
