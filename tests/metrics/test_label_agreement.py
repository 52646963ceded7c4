from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hubkit.metrics.agreement import ACCURACY, accuracy_of_rules, agreement, macro
from hubkit.scoring.statistics import bootstrap, interval

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_present_and_uncertain_count_as_named():
    texts = ["Há derrame pleural.", "Possível derrame pleural.", "Sem derrame pleural.", "Há derrame pleural."]
    labels = [{"Pleural Effusion": value} for value in (1, -1, 0, None)]
    found = agreement(texts, labels)
    effusion = found.by_label()["Pleural Effusion"]
    assert effusion == {"f1": pytest.approx(0.8), "studies": 2}  # two named rightly, one without need


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([[1, 0, 0], [0, 0, 1]], 0.5),
        ([[1, 0, 0], [0, 0, 0]], 1.0),  # the second label is not there to be found
        ([[1, 0, 0], [0, 3, 0]], 1.0),
        ([[0, 0, 0], [0, 0, 0]], 0.0),
    ],
)
def test_macro_is_over_labels_that_are_there(sums, expected):
    assert macro(np.array(sums, dtype=float), np.array(sums, dtype=float)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("resample", "expected"),
    [
        ([[1, 0, 0], [1, 0, 0]], 1.0),
        ([[1, 0, 0], [0, 0, 1]], 0.5),
        ([[1, 0, 0], [0, 1, 0]], 0.5),  # absent from the resample and named there: a false alarm, and no right to leave
        ([[1, 0, 0], [0, 0, 0]], (1 + 2 / 3) / 2),  # neither had nor named: as in the whole split
    ],
)
def test_every_resample_has_the_labels_of_the_split(resample, expected):
    whole = np.array([[3, 0, 0], [1, 1, 0]], dtype=float)
    assert macro(np.array(resample, dtype=float), whole) == pytest.approx(expected)
    extra = np.array([[0, 9, 0]], dtype=float)  # a label that no study of the split has counts nowhere
    assert macro(np.concatenate([resample, extra]), np.concatenate([whole, extra])) == pytest.approx(expected)


def test_a_resample_without_a_rare_label_does_not_count_it_as_missed():
    """All is named rightly, and one study of thirty has the second label: macro F1 is 1 in every resample."""
    texts = ["Há derrame pleural."] * 29 + ["Há pneumotórax."]
    labels = [{"Pleural Effusion": 1}] * 29 + [{"Pneumothorax": 1}]
    drawn = bootstrap({"macro": agreement(texts, labels).macro}, np.arange(30), 300, seed=1)["macro"]
    assert interval(drawn, 0.95) == (1.0, 1.0)


def test_the_accuracy_of_the_rules_is_what_they_reach(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("rules_accuracy", BENCHMARKS / "labels.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "rules_accuracy", module)
    spec.loader.exec_module(module)
    rows = [json.loads(line) for line in module.DATA.read_text(encoding="utf-8").splitlines()]
    again = module.as_toml(module.accuracy(rows))
    assert ACCURACY.read_text(encoding="utf-8") == again, "the rules changed; run: python benchmarks/labels.py"
    assert accuracy_of_rules().texts == len(rows)
