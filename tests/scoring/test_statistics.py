from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.scoring import statistics
from hubkit.scoring.statistics import bootstrap, compare, holm, interval, mean, randomise


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        # The example of Holm's procedure with four tests.
        ({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}, {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}),
        ({"a": 0.2}, {"a": 0.2}),
        ({"a": 0.6, "b": 0.5}, {"a": 1.0, "b": 1.0}),
        ({}, {}),
    ],
)
def test_holm(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    ordered = sorted(p_values, key=p_values.__getitem__)
    assert [adjusted[name] for name in ordered] == sorted(adjusted.values())


def test_the_interval_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(1).normal(0.6, 0.1, size=400)
    low, high = interval(bootstrap({"f1": mean(values)}, np.arange(400), 4000, seed=3)["f1"], 0.95)
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_reports_of_one_patient_are_drawn_together():
    """Ten equal reports a patient say no more than one: the interval is that of 40 values, not of 400."""
    values = np.random.default_rng(2).normal(size=40)
    alone = interval(bootstrap({"m": mean(values)}, np.arange(40), 2000, seed=1)["m"], 0.95)
    ten = interval(bootstrap({"m": mean(np.repeat(values, 10))}, np.repeat(np.arange(40), 10), 2000, seed=1)["m"], 0.95)
    assert ten == pytest.approx(alone)


def test_all_systems_see_the_same_draws():
    values = np.random.default_rng(3).normal(size=50)
    drawn = bootstrap({"a": mean(values), "b": mean(values + 1)}, np.arange(50), 100, seed=1)
    np.testing.assert_allclose(drawn["b"] - drawn["a"], 1)


def test_chunks_of_the_index_matrix_change_nothing(monkeypatch):
    values, patients = np.random.default_rng(4).normal(size=60), np.arange(60) // 2
    pair = {"d": (mean(values), mean(values[::-1]))}
    whole = compare(pair, patients, 500, seed=5, confidence=0.95)
    monkeypatch.setattr(statistics, "CELLS_AT_ONCE", 1000)
    assert compare(pair, patients, 500, seed=5, confidence=0.95)["d"] == pytest.approx(whole["d"])


def test_exact_randomisation_of_three_patients():
    """With differences 1, 2 and 3 two of the eight assignments reach the observed difference: p tends to 1/4."""
    found = randomise({"d": (mean(np.array([1.0, 2, 3])), mean(np.zeros(3)))}, np.arange(3), 40000, seed=1)
    assert found["d"] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("shift", "significant"), [(0.0, False), (0.05, True)])
def test_both_tests_find_a_difference_that_is_there_and_no_other(shift, significant):
    generator = np.random.default_rng(6)
    other = generator.normal(0.6, 0.1, size=300)
    found = compare(
        {"d": (mean(other + shift + generator.normal(0, 0.1, size=300)), mean(other))}, np.arange(300), 2000, 1, 0.95
    )["d"]
    assert (found.p_bootstrap < 0.01) == significant
    assert (found.p_randomisation < 0.01) == significant
    assert found.low < found.difference < found.high
    assert (found.low > 0) == significant


def test_a_system_does_not_differ_from_itself():
    values = np.random.default_rng(7).normal(size=30)
    found = compare({"d": (mean(values), mean(values))}, np.arange(30), 200, seed=1, confidence=0.95)["d"]
    assert found == (0, 0, 0, 1, 1)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_anything_gets_an_interval_and_a_p_value(values, seed):
    one, other = np.array(values), np.array(values[::-1])
    patients = np.arange(len(values)) // 2
    found = compare({"d": (mean(one), mean(other))}, patients, 50, seed, 0.9)["d"]
    assert found.low <= found.high
    assert 0 < found.p_bootstrap <= 1
    assert 0 < found.p_randomisation <= 1
