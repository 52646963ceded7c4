"""What the metric does where bert-score breaks, and how it is loaded."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoders import sentences

from hubkit.published import published

SCRIPT = published("bertscore_ptbr") / "bertscore_ptbr.py"
MEASURES = ("precision", "recall", "f1")


def compute(metric, encoder, predictions, references, **settings):
    model, layer = encoder
    return metric.compute(
        predictions=predictions, references=references, model_type=model, num_layers=layer, device="cpu", **settings
    )


@pytest.mark.parametrize("name", ["bert", "xlm-roberta", "no length"])
@pytest.mark.parametrize(
    ("prediction", "reference"), [("", "Sem derrame."), ("Sem derrame.", ""), ("", ""), (" \n ", "Sem derrame.")]
)
def test_an_empty_text_scores_0(metric, encoders, name, prediction, reference):
    result = compute(metric, encoders[name], [prediction, "Normal"], [reference, "Normal"])
    assert [result[measure][0] for measure in MEASURES] == [0, 0, 0]
    assert result["f1"][1] == pytest.approx(1, abs=1e-5)
    assert result["empty"] == [True, False]


def test_long_texts_are_cut_and_counted(metric, encoders):
    long = "derrame pleural à direita " * 400
    for name in ("bert", "xlm-roberta", "no length"):
        result = compute(metric, encoders[name], [long, "Normal"], [long + "e fratura", "Normal"])
        assert result["truncated"] == [True, False]
        assert result["f1"] == pytest.approx([1, 1], abs=1e-5)
        assert "|max_length:512|" in result["signature"]


@pytest.mark.parametrize("max_length", [512, 4000])
def test_an_encoder_gets_no_more_text_than_it_has_positions(metric, encoders, tmp_path, max_length):
    """XLM-R has 514 positions, of which texts begin at the third; here its tokenizer knows of no limit."""
    folder, layer = encoders["xlm-roberta"]
    shutil.copytree(folder, tmp_path / "xlm-roberta")
    settings = json.loads((tmp_path / "xlm-roberta" / "tokenizer_config.json").read_text())
    del settings["model_max_length"]
    (tmp_path / "xlm-roberta" / "tokenizer_config.json").write_text(json.dumps(settings))
    long = "derrame pleural à direita " * 400
    encoder = (str(tmp_path / "xlm-roberta"), layer)
    result = compute(metric, encoder, [long, "Normal", "Normal"], ["Normal", long, "Normal"], max_length=max_length)
    assert result["truncated"] == [True, True, False]
    assert "|max_length:512|" in result["signature"]


@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
def test_a_text_is_cut_after_its_first_tokens_and_not_before(metric, encoders, name):
    text = "Há derrame pleural à direita, sem pneumotórax."
    encoder = type(metric)._compute.__globals__["load_encoder"](*encoders[name], None, "cpu")
    (whole,) = encoder.tokenize([text], 512)
    count = len(whole.ids)
    (fits,), (cut,) = (list(encoder.tokenize([text], length)) for length in (count, count - 1))
    assert (fits.ids.tolist(), fits.truncated) == (whole.ids.tolist(), False)
    assert (cut.ids.tolist(), cut.truncated) == ([*whole.ids[: count - 2].tolist(), whole.ids[-1]], True)
    pairs = [text, "Normal", "Normal"], ["Normal", text, "Normal"]
    assert compute(metric, encoders[name], *pairs, max_length=count)["truncated"] == [False] * 3
    assert compute(metric, encoders[name], *pairs, max_length=count - 1)["truncated"] == [True, True, False]
    assert compute(metric, encoders[name], *pairs, max_length=count - 1, aggregate="mean")["truncated"] == 2


@pytest.mark.parametrize(
    ("predictions", "references", "kind", "says"),
    [
        (["a segredo", None], ["b segredo", "c"], TypeError, "predictions[1] is a NoneType"),
        (["a segredo"], [3], TypeError, "references[0] is a int"),
        (["a segredo"], [["b segredo", None]], TypeError, "references[0] is a NoneType"),
        (["a segredo"], [[]], TypeError, "references[0] is a list"),
        (["a segredo", "b"], ["b segredo", ["c"]], TypeError, "references are either all a str or all a list of str"),
        (["a segredo"], ["b segredo", "c"], ValueError, "there are 1 predictions and 2 references"),
        ([], [], ValueError, "there are 0 predictions and 0 references"),
        ("a segredo", "b segredo", TypeError, "predictions is a str, and has to be a list of texts"),
    ],
)
def test_what_is_no_text_is_refused_without_showing_any(metric, predictions, references, kind, says):
    with pytest.raises(kind) as caught:
        metric.compute(predictions=predictions, references=references)
    assert says in str(caught.value)
    assert "segredo" not in str(caught.value)


def test_idf_counts_in_texts_alone(metric):
    for idf, says in (
        ({7: 1.0}, "idf is a dict, and has to be a list of texts"),
        (["segredo", None], r"idf\[1\] is a"),
    ):
        with pytest.raises(TypeError, match=says) as caught:
            metric.compute(predictions=["a segredo"], references=["b segredo"], idf=idf)
        assert "segredo" not in str(caught.value)


@pytest.mark.parametrize("content", ["LAYER,P,R,F\n0,0.1,0.1,0.1\n", "LAYER,P,R,F\n3,0.1,0.1\n", "nonsense\nfor,all\n"])
def test_a_baseline_that_does_not_fit(metric, encoders, tmp_path, content):
    path = tmp_path / "baseline.tsv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"no line LAYER,P,R,F for each of the layers \[3\]"):
        compute(metric, encoders["bert"], ["a"], ["a"], rescale_with_baseline=True, baseline_path=str(path))


def test_what_evaluates_own_bertscore_takes(metric, encoders, tmp_path):
    """The call of someone who changes the metric's name and nothing else."""
    theirs = {"lang": "en", "verbose": True, "idf": False, "device": "cpu", "batch_size": 64, "nthreads": 4}
    theirs |= {"all_layers": False, "rescale_with_baseline": False, "baseline_path": None, "use_fast_tokenizer": False}
    model, layer = encoders["bert"]
    texts = {"predictions": sentences(9, seed=1), "references": sentences(9, seed=2)}
    found = metric.compute(**texts, model_type=model, num_layers=layer, **theirs)
    assert found == metric.compute(**texts, model_type=model, num_layers=layer, device="cpu")


def test_the_signature_tells_baselines_apart(metric, encoders, tmp_path):
    signatures = set()
    for value in (0.1, 0.2):
        path = tmp_path / "baseline.tsv"
        path.write_text(f"LAYER,P,R,F\n3,{value},{value},{value}\n")
        found = compute(metric, encoders["bert"], ["a"], ["a"], rescale_with_baseline=True, baseline_path=str(path))
        signatures.add(found["signature"])
    assert len(signatures) == 2


def test_all_layers_in_small_chunks(metric, encoders, monkeypatch):
    texts = sentences(30, seed=1), sentences(30, seed=2)
    whole = compute(metric, encoders["bert"], *texts, all_layers=True, aggregate="mean")
    monkeypatch.setitem(type(metric)._compute.__globals__, "CHUNK_TOKENS", 400)
    parts = compute(metric, encoders["bert"], *texts, all_layers=True, aggregate="mean", batch_size=2)
    assert len(whole["f1"]) == 5
    assert parts["f1"] == pytest.approx(whole["f1"], abs=2e-6)
    assert "|layer:all|" in whole["signature"]


def test_a_refused_call_leaves_the_metric_usable(metric, encoders):
    with pytest.raises(TypeError):
        metric.compute(predictions=[None], references=["a"])
    assert len(compute(metric, encoders["bert"], ["a"], ["a"])["f1"]) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"setup": "bert"}, "setup is 'bert', and may be 'bertimbau', 'xlm-roberta'"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"aggregate": "sum"}, "aggregate is 'sum'"),
        ({"lang": "de", "model_type": None}, "lang is 'de', and may be 'pt', 'pt-br'"),
        ({"rescale_with_baseline": True}, "rescale_with_baseline needs a baseline_path"),
        ({"baseline_path": "b.tsv"}, "rescale_with_baseline needs a baseline_path"),
        ({"num_layers": None}, "num_layers is missing: which layer of bert"),
        ({"num_layers": 5}, "num_layers is 5, and bert has 4 layers"),
        ({"num_layers": -1}, "num_layers is -1, and bert has 4 layers"),
        ({"max_length": 0}, "max_length is 0, and has to be 1 or more"),
        ({"batch_size": -1}, "batch_size is -1, and has to be 1 or more"),
    ],
)
def test_wrong_settings(metric, encoders, given, says):
    model, layer = encoders["bert"]
    with pytest.raises(ValueError, match=re.escape(says)):
        metric.compute(predictions=["a"], references=["a"], **{"model_type": model, "num_layers": layer, **given})


def test_the_signature_names_all_that_the_numbers_depend_on(metric, encoders):
    import torch
    import transformers

    assert compute(metric, encoders["bert"], ["a", "b"], ["a", "b"])["signature"] == (
        "bertscore_ptbr|model:bert|revision:local|layer:3|idf:no|rescaled:no|dtype:float32|max_length:512"
        f"|version:1.0.0|transformers:{transformers.__version__}|torch:{torch.__version__}|n:2"
    )


@pytest.mark.parametrize(
    ("aggregate", "function"), [("mean", np.mean), ("median", np.median), ("min", min), ("max", max)]
)
def test_aggregate(metric, encoders, aggregate, function):
    texts = sentences(9, seed=1), sentences(9, seed=2)
    each = compute(metric, encoders["bert"], *texts)
    one = compute(metric, encoders["bert"], *texts, aggregate=aggregate)
    for measure in MEASURES:
        assert one[measure] == pytest.approx(function(each[measure]))
    assert (one["truncated"], one["empty"]) == (0, 0)


def test_idf_may_be_counted_in_other_texts(metric, encoders):
    predictions, references = sentences(30, seed=1), sentences(30, seed=2)
    own = compute(metric, encoders["bert"], predictions, references, idf=True)
    same = compute(metric, encoders["bert"], predictions[:4], references[:4], idf=references)
    assert same["f1"] == pytest.approx(own["f1"][:4], abs=1e-6)
    assert compute(metric, encoders["bert"], predictions[:1], references[:1], idf=True)["f1"][0] > 0


@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
def test_plan_of_batches_and_chunks_does_not_move_the_scores(metric, encoders, name, monkeypatch):
    predictions, references = sentences(80, seed=1) * 2, sentences(80, seed=2) + sentences(80, seed=3)
    whole = compute(metric, encoders[name], predictions, references)
    monkeypatch.setitem(type(metric)._compute.__globals__, "CHUNK_TOKENS", 200)
    seen = []
    parts = compute(
        metric, encoders[name], predictions, references, batch_tokens=64, batch_size=3, progress=seen.append
    )
    assert sum(seen) == len(predictions)
    for measure in MEASURES:
        np.testing.assert_allclose(parts[measure], whole[measure], atol=2e-6)


def test_no_more_than_a_chunk_is_held(metric, encoders, monkeypatch):
    """Short references against long predictions: what is held is counted in tokens, not in texts."""
    script = type(metric)._compute.__globals__
    monkeypatch.setitem(script, "CHUNK_TOKENS", 600)
    held = []
    release = script["Scorer"]._release

    def watch(scorer, kept, needed):
        held.append(sum(len(scorer.texts[text].ids) for text in kept))
        release(scorer, kept, needed)

    monkeypatch.setattr(script["Scorer"], "_release", watch)
    predictions = [f"{'derrame ' * 60}{at}" for at in range(20)]
    compute(metric, encoders["bert"], predictions, ["Normal", "Sem derrame."] * 10)
    assert len(held) > 2
    assert max(held) <= 2 * 600


def test_each_distinct_text_is_embedded_once(metric, encoders):
    script = type(metric)._compute.__globals__
    encoder = script["load_encoder"](*encoders["bert"], None, "cpu")
    rows = []
    hook = encoder.model.register_forward_hook(lambda module, args, output: rows.append(len(output.last_hidden_state)))
    references = sentences(40, seed=1)
    predictions = [*sentences(40, seed=2), *references]
    compute(metric, encoders["bert"], predictions, references * 2)
    hook.remove()
    assert sum(rows) == len({*predictions, *references})


def test_layers_above_are_not_loaded(metric, encoders):
    script = type(metric)._compute.__globals__
    assert len(script["load_encoder"](encoders["bert"][0], 2, None, "cpu").model.encoder.layer) == 2


def test_bfloat16_is_close(metric, encoders):
    texts = sentences(40, seed=1), sentences(40, seed=2)
    half, full = (compute(metric, encoders["bert"], *texts, dtype=dtype) for dtype in ("bfloat16", "float32"))
    np.testing.assert_allclose(half["f1"], full["f1"], atol=0.02)
    assert "dtype:bfloat16" in half["signature"]


def test_nothing_that_is_scored_is_written(metric, encoders, tmp_path):
    import evaluate

    metric = evaluate.load(str(SCRIPT), cache_dir=str(tmp_path))
    compute(metric, encoders["bert"], ["segredo um"], ["segredo dois"])
    with pytest.raises(ValueError, match="dtype"):
        compute(metric, encoders["bert"], ["segredo um"], ["segredo dois"], dtype="?")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_add_and_compute(metric, encoders):
    metric.add(prediction="Sem derrame.", reference="Sem derrame.")
    metric.add_batch(predictions=["Normal"], references=["Derrame"])
    model, layer = encoders["bert"]
    result = metric.compute(model_type=model, num_layers=layer)
    assert len(result["f1"]) == 2
    assert result["f1"][0] == pytest.approx(1, abs=1e-5)


def test_columns_of_a_dataset_are_taken_as_they_are(metric, encoders):
    import datasets

    rows = datasets.Dataset.from_dict({"generated": ["Normal", "a"], "reference": ["Normal", "b"]})
    found = compute(metric, encoders["bert"], rows["generated"], rows["reference"])
    assert found["f1"][0] == pytest.approx(1, abs=1e-5)


def test_align_shows_where_a_score_comes_from(metric, encoders):
    model, layer = encoders["bert"]
    pair = "Há derrame.", "Sem derrame pleural."
    shown = metric.align(*pair, model_type=model, num_layers=layer)
    assert shown["cosine"].shape == (len(shown["prediction"]), len(shown["reference"]))
    score = compute(metric, encoders["bert"], [pair[0]], [pair[1]])
    assert shown["cosine"][1:-1].max(axis=1).mean() == pytest.approx(score["precision"][0], abs=1e-6)
    assert shown["cosine"][:, 1:-1].max(axis=0).mean() == pytest.approx(score["recall"][0], abs=1e-6)


@settings(max_examples=settings().max_examples * 2 // 5)
@given(pairs=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), min_size=1, max_size=6))
def test_any_text_gets_a_finite_score_that_turns_with_the_pair(metric, encoders, pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    there = compute(metric, encoders["no length"], predictions, references)
    back = compute(metric, encoders["no length"], references, predictions)
    for measure in MEASURES:
        assert all(-1 <= score <= 1 + 1e-5 for score in there[measure])
    np.testing.assert_allclose(there["precision"], back["recall"], atol=1e-5)
    np.testing.assert_allclose(there["f1"], back["f1"], atol=1e-5)
