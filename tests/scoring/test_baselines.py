from __future__ import annotations

import pytest

from hubkit.scoring.baselines import commonest, flip_negations, yardsticks


@pytest.mark.parametrize(
    ("text", "flipped"),
    [
        ("Não há pneumotórax.", "Há pneumotórax."),
        ("Há derrame pleural, sem desvio.", "Não há derrame pleural, com desvio."),
        ("Coração normal; não se observa opacidade.", "Coração normal; se observa opacidade."),
        ("Nota-se opacidade.", "Não nota-se opacidade."),
        ("Ausência de consolidação.", "Presença de consolidação."),
        ("SEM derrame.", "Com derrame."),
        ("Assim como antes.", "Assim como antes."),
        ("", ""),
    ],
)
def test_flip_negations(text, flipped):
    assert flip_negations(text) == flipped


@pytest.mark.parametrize(
    ("texts", "expected"), [(["b", "a", "b", ""], "b"), (["b", "a"], "a"), (["", ""], None), ([], None)]
)
def test_commonest(texts, expected):
    assert commonest(texts) == expected


def test_without_a_train_split_there_is_no_commonest_report():
    assert list(yardsticks([], ["Há derrame."])) == ["reference", "flipped"]
    assert yardsticks(["Normal."], ["a", "b"])["commonest"] == ["Normal.", "Normal."]
