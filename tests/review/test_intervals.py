"""Intervals of shares in strata: the values of textbooks, finite populations, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.review.intervals import Sample, jeffreys, part_interval, share_interval


def test_jeffreys_has_the_quantiles_of_beta() -> None:
    # The quantiles of Beta(x + 1/2, n - x + 1/2), as scipy.stats.beta gives them.
    assert jeffreys(5 / 20, 20) == pytest.approx((0.102398, 0.464195), abs=1e-6)
    assert jeffreys(0, 20) == pytest.approx((0.0, 0.116639), abs=1e-6)
    assert jeffreys(1, 20) == pytest.approx((0.883361, 1.0), abs=1e-6)


@pytest.mark.parametrize(
    ("samples", "interval"),
    [
        pytest.param([Sample(100, 100, 0.07)], (0.07, 0.07, 0.07), id="everything was read"),
        pytest.param([Sample(1e12, 20, 0.25)], (0.25, 0.102398, 0.464195), id="no end of rows"),
        # Half of 40 rows were read: as sure as 39 of endless ones.
        pytest.param([Sample(40, 20, 0.25)], (0.25, 0.135232, 0.400319), id="a small stratum"),
        pytest.param(
            [Sample(100, 50, 0.1), Sample(300, 300, 0.02)], (0.04, 0.028100, 0.057633), id="one stratum is known"
        ),
        pytest.param([Sample(100, 50, 0.1), Sample(100, 0, 0.0)], (0.1, 0.044625, 0.551380), id="one was not read"),
    ],
)
def test_shares_of_strata(samples: list[Sample], interval: tuple[float, float, float]) -> None:
    found = share_interval(samples)
    assert (found.value, found.low, found.high) == pytest.approx(interval, abs=1e-6)


def test_a_stratum_without_errors_still_widens_the_interval() -> None:
    found = share_interval([Sample(50, 50, 0.4), Sample(5000, 200, 0.0)])
    assert found.value == pytest.approx(20 / 5050)
    assert found.high > 0.01


@pytest.mark.parametrize(
    ("part", "rest", "value", "low", "high"),
    [
        ([Sample(1000, 100, 0.3)], [Sample(1000, 100, 0.1)], 0.75, 0.6, 0.87),
        ([Sample(1000, 100, 0.3)], [Sample(1000, 100, 0.0)], 1.0, 0.9, 1.0),
        ([Sample(1000, 100, 0.0)], [Sample(1000, 100, 0.3)], 0.0, 0.0, 0.1),
    ],
)
def test_part_of_a_whole(part: list[Sample], rest: list[Sample], value: float, low: float, high: float) -> None:
    found = part_interval(part, rest)
    assert found is not None
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)


def test_part_of_nothing() -> None:
    assert part_interval([Sample(9, 5, 0.0)], [Sample(9, 5, 0.0)]) is None


@pytest.mark.parametrize(
    ("sizes", "wrong", "read"),
    [((250, 4750), (70, 30), (100, 200)), ((250, 4750), (60, 40), (150, 450)), ((5000,), (100,), (300,))],
)
def test_intervals_hold_the_rate_as_often_as_they_say(
    sizes: tuple[int, ...], wrong: tuple[int, ...], read: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(5)
    true, held = sum(wrong) / sum(sizes), 0
    for _ in range(2000):
        drawn = [rng.hypergeometric(bad, size - bad, n) for size, bad, n in zip(sizes, wrong, read, strict=True)]
        found = share_interval([Sample(size, n, x / n) for size, n, x in zip(sizes, read, drawn, strict=True)])
        held += found.low <= true <= found.high
    # 2,000 draws have a standard deviation of 0.5 points around 95 %; the method itself may be a point off.
    assert 0.93 <= held / 2000 <= 0.98
