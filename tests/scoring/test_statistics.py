from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.metrics.measure import mean
from hubkit.scoring import statistics
from hubkit.scoring.statistics import bootstrap, cautions, compare, holm, interval, randomise


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        # The example of Holm's procedure with four tests.
        ({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}, {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}),
        ({"a": 0.2}, {"a": 0.2}),
        ({"a": 0.6, "b": 0.5}, {"a": 1.0, "b": 1.0}),
        # The third is multiplied by 2 and stays below the second times 3, whose figure it takes over.
        ({"a": 0.001, "b": 0.02, "c": 0.025, "d": 0.5}, {"a": 0.004, "b": 0.06, "c": 0.06, "d": 0.5}),
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
    values, patients = np.random.default_rng(4).normal(size=(2, 60)), np.arange(60) // 2
    pair = {"d": (mean(values[0] + 0.2), mean(values[1]))}
    whole = compare(pair, patients, 500, seed=5, confidence=0.95)
    assert 0.05 < whole["d"].p_randomisation < 0.95
    monkeypatch.setattr(statistics, "CELLS_AT_ONCE", 1000)
    assert compare(pair, patients, 500, seed=5, confidence=0.95)["d"] == pytest.approx(whole["d"])
    assert len(bootstrap({"m": mean(values[0])}, patients, 500, seed=5)["m"]) == 500


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


@settings(max_examples=settings().max_examples * 3 // 10)
@given(values=st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_anything_gets_an_interval_and_a_p_value(values, seed):
    one, other = np.array(values).T
    patients = np.arange(len(values)) // 2
    found = compare({"d": (mean(one), mean(other))}, patients, 50, seed, 0.9)["d"]
    assert found.low <= found.high
    assert found.difference == pytest.approx(one.mean() - other.mean())
    assert 1 / 51 <= found.p_bootstrap <= 1
    assert 1 / 51 <= found.p_randomisation <= 1


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.9, (5, 95)), (0.5, (25, 75)), (0.95, (2.5, 97.5)), (0.0, (50, 50))]
)
def test_an_interval_leaves_as_much_below_it_as_above(confidence, expected):
    shuffled = np.random.default_rng(1).permutation(np.arange(101.0))
    assert interval(shuffled, confidence) == pytest.approx(expected)


PATIENTS = np.array([7, 3, 7, 3, 3, 9])
"""Three patients with two, three and one study, in no order."""


def test_resamples_are_all_draws_of_patients_in_their_proportions():
    """Of three patients there are 27 draws, all as likely: the share of each value is counted among them."""
    values = np.array([0.5, 3.0, 1.5, 0.0, 6.0, 10.0])
    exact = Counter()
    for draw in itertools.product((3, 7, 9), repeat=3):
        drawn = np.concatenate([values[patient == PATIENTS] for patient in draw])
        exact[round(drawn.mean(), 9)] += 1 / 27
    found = Counter(np.round(bootstrap({"m": mean(values)}, PATIENTS, 20_000, seed=2)["m"], 9).tolist())
    assert found.keys() == exact.keys()
    assert {value: count / 20_000 for value, count in found.items()} == pytest.approx(exact, abs=0.012)


def test_p_of_randomisation_is_that_of_the_exact_paired_test_over_patients():
    """scipy goes through all assignments of ten patients, whose reports keep together."""
    draw = np.random.default_rng(8)
    patients = draw.permutation(np.repeat(np.arange(10), [1, 2, 3, 1, 2, 3, 1, 2, 3, 4]))
    one, other = draw.normal(0.35, 1, size=22), draw.normal(size=22)
    sides = [[values[patients == patient].sum() for patient in range(10)] for values in (one, other)]
    exact = scipy.stats.permutation_test(
        sides, lambda left, right: np.sum(left) - np.sum(right), permutation_type="samples", n_resamples=np.inf
    )
    assert 0.1 < exact.pvalue < 0.5
    sides = {"better": (mean(one), mean(other)), "worse": (mean(other), mean(one))}
    found = randomise(sides, patients, 20_000, seed=3)
    assert found == pytest.approx(dict.fromkeys(sides, exact.pvalue), abs=0.012)


def test_p_is_never_below_one_in_the_resamples_and_the_observed():
    """Forty patients that all differ alike: no assignment but the observed one and its reverse reaches them."""
    found = compare({"d": (mean(np.full(40, 1.0)), mean(np.zeros(40)))}, np.arange(40), 99, 1, 0.95)["d"]
    assert (found.difference, found.low, found.high) == (1, 1, 1)
    assert found.p_randomisation == pytest.approx(1 / 100)
    assert found.p_bootstrap == pytest.approx(2 / 100)


def test_p_of_the_bootstrap_counts_the_resamples_beyond_zero_twice():
    draw = np.random.default_rng(12)
    one, other = draw.normal(0.2, 1, size=30), draw.normal(size=30)
    patients = np.arange(30) // 2
    for left, right in ((one, other), (other, one)):
        found = compare({"d": (mean(left), mean(right))}, patients, 400, seed=7, confidence=0.8)["d"]
        drawn = bootstrap({"left": mean(left), "right": mean(right)}, patients, 400, seed=7)
        differences = sorted(drawn["left"] - drawn["right"])
        beyond = min(sum(value <= 0 for value in differences), sum(value >= 0 for value in differences))
        assert 5 < beyond < 195
        assert found.p_bootstrap == pytest.approx(2 * (beyond + 1) / 401)
        assert found.p_randomisation == randomise({"d": (mean(left), mean(right))}, patients, 400, seed=7)["d"]
        assert (found.low, found.high) == pytest.approx(
            scipy.stats.mstats.mquantiles(differences, [0.1, 0.9], alphap=1, betap=1)
        )


def test_pairs_that_are_compared_together_get_what_each_gets_alone():
    draw = np.random.default_rng(10)
    one, two, three = (mean(values) for values in draw.normal(0.1, 1, size=(3, 24)))
    pairs = {"a": (one, two), "b": (three, two), "c": (one, three)}
    together = compare(pairs, np.arange(24) // 3, 200, seed=4, confidence=0.9)
    assert list(together) == ["a", "b", "c"]
    for name, pair in pairs.items():
        alone = compare({name: pair}, np.arange(24) // 3, 200, seed=4, confidence=0.9)[name]
        assert together[name] == pytest.approx(alone)


def test_a_seed_gives_its_own_draws():
    values = np.random.default_rng(11).normal(size=30)
    first, same, other = (bootstrap({"m": mean(values)}, np.arange(30), 50, seed)["m"] for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()
    pair = {"d": (mean(values), mean(np.zeros(30)))}
    p_values = [randomise(pair, np.arange(30), 50, seed)["d"] for seed in (1, 1, 2, 3, 4)]
    assert p_values[0] == p_values[1]
    assert len(set(p_values)) > 1


@pytest.mark.parametrize(
    ("patients", "warned"),
    [
        (1, ["bootstrap intervals", "macro F1"]),
        (29, ["bootstrap intervals", "macro F1"]),
        (30, ["macro F1"]),
        (99, ["macro F1"]),
        (100, []),
    ],
)
def test_few_patients_are_warned_of(patients, warned):
    found = cautions(patients)
    assert len(found) == len(warned)
    assert all(f"With {patients} patients" in said and words in said for said, words in zip(found, warned, strict=True))
