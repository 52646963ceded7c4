"""chrF++ and BLEU of generated reports, from sacrebleu's counts, so that they can be resampled.

Formulas: Popović, "chrF++: words helping character n-grams" (WMT 2017); Papineni et al., "BLEU: a Method for Automatic
Evaluation of Machine Translation" (ACL 2002), both as sacrebleu computes them (Post, WMT 2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hubkit.metrics.measure import Measure

BETA_SQUARED = 4.0
"""chrF weighs recall beta = 2 times as much as precision."""


def chrf(generated: Sequence[str], references: Sequence[str]) -> Measure:
    """chrF++ (6 character and 2 word orders) of a system; its sums are prediction, reference and match counts."""
    from sacrebleu.metrics import CHRF

    counts = CHRF(word_order=2)._extract_corpus_statistics(list(generated), [list(references)])
    return Measure(np.array(counts, dtype=np.float64), chrf_value)


def bleu(generated: Sequence[str], references: Sequence[str]) -> Measure:
    """BLEU of a system; its sums are the two lengths, then matches and totals of the four orders."""
    from sacrebleu.metrics import BLEU

    # `force` silences a warning about tokenised text that counts full stops after a space.
    counts = BLEU(force=True)._extract_corpus_statistics(list(generated), [list(references)])
    return Measure(np.array(counts, dtype=np.float64), _bleu_value)


def signatures() -> dict[str, str]:
    """sacrebleu's signatures of the two."""
    from sacrebleu.metrics import BLEU, CHRF

    found = {"chrf++": CHRF(word_order=2), "bleu": BLEU()}
    for metric in found.values():
        metric.corpus_score(["a"], [["a"]])
    return {name: str(metric.get_signature()) for name, metric in found.items()}


def chrf_value(sums: np.ndarray) -> np.ndarray:
    """chrF++ in percent from added sums (..., 24) of `chrf`."""
    predicted, wanted, matched = (sums[..., at::3] for at in range(3))
    both = (predicted > 0) & (wanted > 0)
    orders = np.maximum(both.sum(axis=-1), 1)
    precision = np.divide(matched, predicted, out=np.zeros_like(matched), where=both).sum(axis=-1) / orders
    recall = np.divide(matched, wanted, out=np.zeros_like(matched), where=both).sum(axis=-1) / orders
    below = BETA_SQUARED * precision + recall
    value = (1 + BETA_SQUARED) * precision * recall
    percent: np.ndarray = 100 * np.divide(value, below, out=np.zeros_like(value), where=below > 0)
    return percent


def _bleu_value(sums: np.ndarray) -> np.ndarray:
    predicted, wanted, matched, total = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:10]
    # "exp" smoothing: the n-th order without a match counts as 1 / 2^n matches.
    smoothed = np.where(matched > 0, matched, 0.5 ** np.cumsum(matched == 0, axis=-1))
    logarithm = np.log(smoothed / np.maximum(total, 1)).mean(axis=-1)
    brevity = np.minimum(0.0, 1 - wanted / np.maximum(predicted, 1e-9))
    scored = (matched.sum(axis=-1) > 0) & (total > 0).all(axis=-1)
    return 100 * np.where(scored, np.exp(np.maximum(brevity, -700) + logarithm), 0.0)
