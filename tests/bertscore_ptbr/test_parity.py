"""The same numbers as bert-score 0.3.13 on everything that one can score."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_encoders import sentences

TOLERANCE = 1e-5


def theirs(predictions, references, encoder, **settings):
    # Here, so that only the worker that runs these tests imports it.
    import bert_score

    model, layer = encoder
    scores = bert_score.score(predictions, references, model_type=model, num_layers=layer, device="cpu", **settings)
    return np.stack([score.numpy() for score in scores], axis=-1)


def ours(metric, predictions, references, encoder, **settings):
    model, layer = encoder
    result = metric.compute(
        predictions=predictions, references=references, model_type=model, num_layers=layer, device="cpu", **settings
    )
    return np.stack([result["precision"], result["recall"], result["f1"]], axis=-1)


AWKWARD = [
    "Normal",
    "🫁 derrame 🙂",
    "  espaços   em volta \n e quebras\tde linha ",
    "[SEP] dentro do texto [CLS]",
    "derrame pleural " * 300,
    "ßøĸ 漢字 ਪੰਜਾਬੀ",
    "e\u0301 composto",
]


@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("idf", [False, True])
def test_sentences(metric, encoders, name, idf):
    predictions, references = sentences(120, seed=1), sentences(120, seed=2)
    expected = theirs(predictions, references, encoders[name], idf=idf, nthreads=0)
    found = ours(metric, predictions, references, encoders[name], idf=idf, batch_tokens=300)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("idf", [False, True])
def test_awkward_texts(metric, encoders, name, idf):
    pairs = [(left, right) for left in AWKWARD for right in [*AWKWARD, "Sem derrame pleural."]]
    predictions, references = map(list, zip(*pairs, strict=True))
    expected = theirs(predictions, references, encoders[name], idf=idf, nthreads=0, batch_size=1)
    found = ours(metric, predictions, references, encoders[name], idf=idf)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_several_references(metric, encoders):
    predictions = sentences(20, seed=3)
    texts = iter(sentences(60, seed=4))
    references = [[next(texts) for _ in range(1 + at % 3)] for at in range(20)]
    expected = theirs(predictions, references, encoders["bert"], idf=True, nthreads=0)
    np.testing.assert_allclose(
        ours(metric, predictions, references, encoders["bert"], idf=True), expected, atol=TOLERANCE
    )


@pytest.mark.parametrize("layer", [0, 1, 2, 3, 4])
def test_every_layer(metric, encoders, layer):
    encoder = (encoders["bert"][0], layer)
    predictions, references = sentences(10, seed=5), sentences(10, seed=6)
    np.testing.assert_allclose(
        ours(metric, predictions, references, encoder), theirs(predictions, references, encoder), atol=TOLERANCE
    )


# Precision, recall and F1 of two unrelated texts, for the layers 0 to 4.
BASELINE = np.array([[0.55, 0.5, 0.53]]) + np.arange(5)[:, None] / 10


@pytest.fixture
def baseline(tmp_path):
    """A file of `BASELINE`, as bert-score keeps them."""
    path = tmp_path / "baseline.tsv"
    rows = [",".join([str(layer), *map(str, scores)]) for layer, scores in enumerate(BASELINE)]
    path.write_text("\n".join(["LAYER,P,R,F", *rows, ""]))
    return str(path)


@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("idf", [False, True])
def test_all_layers(metric, encoders, name, idf):
    predictions, references = sentences(40, seed=7), sentences(40, seed=8)
    encoder = (encoders[name][0], 3)
    expected = theirs(predictions, references, encoder, all_layers=True, idf=idf, nthreads=0, batch_size=1)
    found = ours(metric, predictions, references, encoder, all_layers=True, idf=idf, batch_tokens=300)
    assert found.shape == ({"bert": 5, "xlm-roberta": 4}[name], 40, 3)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


@pytest.mark.parametrize("all_layers", [False, True])
def test_rescaling(metric, encoders, baseline, all_layers):
    predictions = sentences(20, seed=9)
    references = [sentences(1 + at % 2, seed=at) for at in range(20)]
    settings = {"rescale_with_baseline": True, "baseline_path": baseline, "all_layers": all_layers, "lang": "pt"}
    if all_layers:  # bert-score takes the best of several references over layers instead of pairs
        references = [group[0] for group in references]
    # One pair a batch: beside a longer text bert-score takes padding for the best match where all cosines are negative.
    expected = theirs(predictions, references, encoders["bert"], batch_size=1, **settings)
    found = ours(metric, predictions, references, encoders["bert"], **settings)
    raw = ours(metric, predictions, references, encoders["bert"], all_layers=all_layers)
    assert np.abs(found - raw).max() > 0.1
    # Rescaling divides by what the baseline leaves of 1, and so makes up to 20 times of a kernel's rounding.
    left = 1 - (BASELINE[:, None] if all_layers else BASELINE[encoders["bert"][1]])
    np.testing.assert_allclose(found * left, expected * left, atol=TOLERANCE)
