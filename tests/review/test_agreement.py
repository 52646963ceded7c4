"""Coefficients of agreement, held to 1e-9 to libraries that compute them in their own way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubkit.review.agreement import (
    alpha,
    coefficients,
    gwet,
    kappa,
    linear_weights,
    measures_of,
    percent,
    readings_table,
)

FROZEN: dict[str, Any] = json.loads(Path(__file__).with_name("agreement_values.json").read_text(encoding="utf-8"))
"""Values of irrCAC 0.4.4, krippendorff 0.9.0 and statsmodels 0.15.0 with 12 digits; the file says how to print them."""

CASES = FROZEN["cases"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weights", ["identity", "linear"])
def test_gwet_and_percent_are_those_of_irrcac(name: str, weights: str) -> None:
    case = CASES[name]
    ratings, size = readings_table(case["ratings"]), case["categories"]
    counts = (ratings[:, :, None] == np.arange(size)).sum(axis=1).astype(float)
    matrix = np.eye(size) if weights == "identity" else linear_weights(size)
    assert gwet(counts, matrix).over_all() == pytest.approx(case[f"gwet {weights}"], abs=1e-9)
    assert percent(counts, matrix).over_all() == pytest.approx(case[f"percent {weights}"], abs=1e-9)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
def test_alpha_is_that_of_krippendorff(name: str, scale: Any) -> None:
    case = CASES[name]
    ratings, size = readings_table(case["ratings"]), case["categories"]
    counts = (ratings[:, :, None] == np.arange(size)).sum(axis=1).astype(float)
    assert alpha(counts, scale).over_all() == pytest.approx(case[f"alpha {scale}"], abs=1e-9)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "kappa identity" in case])
@pytest.mark.parametrize("weights", ["identity", "linear"])
def test_kappa_is_that_of_statsmodels_and_irrcac(name: str, weights: str) -> None:
    case = CASES[name]
    matrix = np.eye(case["categories"]) if weights == "identity" else linear_weights(case["categories"])
    value = kappa(readings_table(case["ratings"]), case["categories"], matrix).over_all()
    assert value == pytest.approx(case[f"kappa {weights}"], abs=1e-9)
    assert value == pytest.approx(case[f"conger {weights}"], abs=1e-9)


def test_kappa_of_three_readers_is_the_mean_of_their_pairs() -> None:
    ratings = readings_table(CASES["three readers, five grades, missing"]["ratings"])
    pairs = [kappa(ratings[:, [one, other]], 5, np.eye(5)).over_all() for one, other in ((0, 1), (0, 2), (1, 2))]
    assert kappa(ratings, 5, np.eye(5)).over_all() == pytest.approx(np.mean(pairs), abs=1e-12)


def test_what_everybody_calls_the_same() -> None:
    found = {row.name: row for row in coefficients(np.zeros((12, 2), dtype=int), 2, "nominal", resamples=50)}
    assert (found["percent"].value, found["AC1"].value) == (1.0, 1.0)
    assert (found["AC1"].low, found["AC1"].high) == (1.0, 1.0)
    # What chance would give is 1 as well: there is nothing to measure.
    assert found["kappa"] == ("kappa", None, None, None)
    assert found["alpha"] == ("alpha", None, None, None)


def test_one_reader_alone_agrees_with_nobody() -> None:
    found = coefficients(np.zeros((5, 1), dtype=int), 2, "nominal", resamples=20)
    assert [row.value for row in found] == [None] * len(found)


@pytest.mark.long
def test_intervals_hold_the_coefficient_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    true = measures_of(_readings(rng, 200_000), 4, "ordinal")
    held = dict.fromkeys(true, 0)
    for seed in range(200):
        for row in coefficients(_readings(rng, 80), 4, "ordinal", seed=seed, resamples=300):
            assert row.low is not None
            assert row.high is not None
            held[row.name] += row.low <= true[row.name].over_all() <= row.high
    # 95 % of 200 are 190, with a standard deviation of 3.
    assert all(178 <= count <= 199 for count in held.values()), held


def _readings(rng: np.random.Generator, items: int) -> np.ndarray:
    """Four grades, most of them the lowest; three readers who take another one fifth of the time, and skip a tenth."""
    grades = rng.choice(4, size=items, p=[0.6, 0.2, 0.1, 0.1])
    read = np.repeat(grades[:, None], 3, axis=1)
    read = np.where(rng.random(read.shape) < 0.2, rng.integers(0, 4, read.shape), read)
    return np.where(rng.random(read.shape) < 0.1, -1, read)
