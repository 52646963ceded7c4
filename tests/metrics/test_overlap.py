from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from tiny_encoders import sentences

from hubkit.metrics.overlap import bleu, chrf, signatures

CASES = {
    "sentences": (sentences(60, seed=1), sentences(60, seed=2)),
    "the same": (sentences(5, seed=1), sentences(5, seed=1)),
    "nothing in common": (["abc"], ["xyz"]),
    "an empty prediction": (["", "há derrame pleural à direita hoje"], ["sem derrame", "há derrame à direita hoje"]),
    "all empty": (["", ""], ["sem derrame", "normal"]),
    "short": (["normal"], ["normal hoje"]),
    "longer than the reference": (["há derrame pleural à direita e à esquerda"], ["há derrame pleural à direita"]),
    "a reference of two letters": (["normal hoje"], ["no"]),
    "a prediction of two letters": (["no"], ["normal hoje"]),
    "one word in common": (["há um derrame aqui sim"], ["não vi nem derrame nem nada"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_value_is_sacrebleus(case):
    generated, references = CASES[case]
    assert chrf(generated, references).over_all() == pytest.approx(
        CHRF(word_order=2).corpus_score(generated, [references]).score
    )
    assert bleu(generated, references).over_all() == pytest.approx(BLEU().corpus_score(generated, [references]).score)


def test_many_sums_at_once():
    generated, references = CASES["sentences"]
    for measure, metric in ((chrf(generated, references), CHRF(word_order=2)), (bleu(generated, references), BLEU())):
        halves = measure.value(np.stack([measure.sums[:30].sum(0), measure.sums[30:].sum(0)]))
        expected = [
            metric.corpus_score(generated[part], [references[part]]).score for part in (slice(30), slice(30, 60))
        ]
        assert halves == pytest.approx(expected)


def test_signatures():
    found = signatures()
    assert "nw:2" in found["chrf++"]
    assert "tok:13a" in found["bleu"]
