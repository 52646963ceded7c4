"""How far readers agree: percent, Gwet's AC1 and AC2, Krippendorff's alpha and Cohen's kappa, with intervals.

Every coefficient is a function of sums over items (`hubkit.metrics.measure`), so that resampling the
items is one matrix product, and readings may be missing. Each is held to 1e-9 to the libraries
`krippendorff` and `irrCAC`, and kappa to `statsmodels`, in tests/review/test_agreement.py.

Sources: Gwet, "Handbook of Inter-Rater Reliability", 4th edition (2014); Krippendorff, "Computing Krippendorff's
Alpha-Reliability" (2011); Cohen, "Weighted kappa" (1968); Light, "Measures of response agreement for qualitative data"
(1971) for the mean kappa over pairs of readers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from hubkit.metrics.measure import Measure

Scale = Literal["nominal", "ordinal"]

MISSING = -1
"""Stands in a table of ratings where a reader did not read an item."""

RESAMPLES = 1000
"""Draws of items for an interval: the limits of 95 % move by about 0.01 from seed to seed."""

CHUNK = 1 << 22
"""Cells of drawn counts that are held at once: 32 MiB."""


class Coefficient(NamedTuple):
    """One coefficient over items that at least two readers read.

    Attributes:
        value: None where it is not defined, as kappa and alpha are where everybody always says the same.
        low, high: the interval from resampled items; None where too few resamples have a value.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None


def coefficients(
    ratings: np.ndarray,
    categories: int,
    scale: Scale,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> list[Coefficient]:
    """Every coefficient of a table of ratings, with its interval by bootstrap over items.

    Args:
        ratings: items x readers; the number of a category from 0, or MISSING.
        categories: how many there are, used or not. Alpha and kappa do not depend on it; AC1 and AC2 do.
        scale: "ordinal" adds AC2 with linear weights, and weighs alpha and kappa too.
    """
    measures = measures_of(ratings, categories, scale)
    generator = np.random.default_rng(seed)
    sums = np.concatenate([measure.sums for measure in measures.values()], axis=1)
    widths = np.cumsum([measure.sums.shape[1] for measure in measures.values()])[:-1]
    drawn = np.concatenate([counts @ sums for counts in _draws(generator, len(ratings), resamples)])
    parts = np.split(drawn, widths, axis=1)
    found = []
    for (name, measure), part in zip(measures.items(), parts, strict=True):
        value = measure.over_all()
        low, high = _interval(measure.value(part), confidence)
        found.append(Coefficient(name, value if np.isfinite(value) else None, low, high))
    return found


def measures_of(ratings: np.ndarray, categories: int, scale: Scale) -> dict[str, Measure]:
    """The coefficients of a table of ratings, by name; as in `coefficients`."""
    counts = (ratings[:, :, None] == np.arange(categories)).sum(axis=1).astype(np.float64)
    identity, linear = np.eye(categories), linear_weights(categories)
    found = {"percent": percent(counts, identity), "AC1": gwet(counts, identity)}
    if scale == "ordinal":
        found["AC2"] = gwet(counts, linear)
    found["alpha"] = alpha(counts, scale)
    found["kappa"] = kappa(ratings, categories, linear if scale == "ordinal" else identity)
    return found


def linear_weights(categories: int) -> np.ndarray:
    """1 for the same category, 0 for the two ends, and in between by the distance: a step counts the same anywhere."""
    steps = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories)))
    return 1 - steps / max(categories - 1, 1)


def percent(counts: np.ndarray, weights: np.ndarray) -> Measure:
    """The share of pairs of readings of an item that agree, as a mean over items.

    Args:
        counts: items x categories: how many readers chose each.
        weights: categories x categories: how much each pair of categories agrees.
    """
    shares, paired = _agreeing(counts, weights)
    return Measure(np.stack([shares, paired], axis=1), lambda sums: _divide(sums[..., 0], sums[..., 1]))


def gwet(counts: np.ndarray, weights: np.ndarray) -> Measure:
    """Gwet's AC1 with the weights of identity, AC2 with others; arguments as in `percent`."""
    shares, paired = _agreeing(counts, weights)
    readings = counts.sum(axis=1)
    popularity = _divide(counts, readings[:, None], 0.0)
    sums = np.concatenate([np.stack([shares, paired, readings > 0], axis=1), popularity], axis=1)
    size = len(weights)
    scale = weights.sum() / (size * max(size - 1, 1))

    def value(added: np.ndarray) -> np.ndarray:
        observed = _divide(added[..., 0], added[..., 1])
        prevalence = _divide(added[..., 3:], added[..., 2:3])
        by_chance = scale * (prevalence * (1 - prevalence)).sum(axis=-1)
        return _divide(observed - by_chance, 1 - by_chance)

    return Measure(sums, value)


def alpha(counts: np.ndarray, scale: Scale) -> Measure:
    """Krippendorff's alpha from coincidences within items; `counts` as in `percent`."""
    size = counts.shape[1]
    readings = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(size)
    coincidences = _divide(pairs, (readings - 1)[:, None, None], 0.0) * (readings > 1)[:, None, None]

    def value(added: np.ndarray) -> np.ndarray:
        observed = added.reshape(*added.shape[:-1], size, size)
        totals = observed.sum(axis=-1)
        distances = _distances(totals, scale)
        expected = totals[..., :, None] * totals[..., None, :]
        disagreement = (observed * distances).sum(axis=(-2, -1)) * (totals.sum(axis=-1) - 1)
        return 1 - _divide(disagreement, (expected * distances).sum(axis=(-2, -1)))

    return Measure(coincidences.reshape(len(counts), -1), value)


def kappa(ratings: np.ndarray, categories: int, weights: np.ndarray) -> Measure:
    """Cohen's kappa, and with more than two readers its mean over pairs of them that share items (Light)."""
    tables = []
    for one, other in itertools.combinations(range(ratings.shape[1]), 2):
        both = (ratings[:, one] != MISSING) & (ratings[:, other] != MISSING)
        if both.any():
            cells = ratings[:, one] * categories + ratings[:, other]
            tables.append((cells[:, None] == np.arange(categories**2)) & both[:, None])
    sums = np.concatenate(tables, axis=1).astype(np.float64) if tables else np.zeros((len(ratings), 0))

    def value(added: np.ndarray) -> np.ndarray:
        table = added.reshape(*added.shape[:-1], -1, categories, categories)
        shares = _divide(table, table.sum(axis=(-2, -1), keepdims=True))
        by_chance = (shares.sum(axis=-1)[..., :, None] * shares.sum(axis=-2)[..., None, :] * weights).sum(axis=(-2, -1))
        kappas = _divide((shares * weights).sum(axis=(-2, -1)) - by_chance, 1 - by_chance)
        defined = np.isfinite(kappas)
        return _divide(np.where(defined, kappas, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64))

    return Measure(sums, value)


def readings_table(readings: Sequence[Sequence[int | None]]) -> np.ndarray:
    """Items x readers as an array, with MISSING where there is no reading."""
    return np.array([[MISSING if value is None else value for value in row] for row in readings], dtype=np.int64)


def _agreeing(counts: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each item, the share of its pairs of readings that agree, and whether it has such pairs."""
    readings = counts.sum(axis=1)
    agreeing = (counts * (counts @ weights - 1)).sum(axis=1)
    paired = (readings > 1).astype(np.float64)
    return _divide(agreeing, readings * (readings - 1), 0.0) * paired, paired


def _distances(totals: np.ndarray, scale: Scale) -> np.ndarray:
    """Squared distances of categories; ordinal ones grow with the readings that lie between two categories."""
    size = totals.shape[-1]
    if scale == "nominal":
        return np.ones((size, size)) - np.eye(size)
    up_to = np.cumsum(totals, axis=-1)
    middle = up_to - totals / 2
    distance: np.ndarray = (middle[..., :, None] - middle[..., None, :]) ** 2
    return distance


def _divide(above: np.ndarray, below: np.ndarray, otherwise: float = np.nan) -> np.ndarray:
    """The quotient; `otherwise` where there is nothing, or a hair, to divide by."""
    shape = np.broadcast(above, below).shape
    below = np.broadcast_to(below, shape)
    kept = np.abs(below) > 1e-12
    quotient: np.ndarray = np.divide(above, below, out=np.full(shape, otherwise), where=kept)
    return quotient


def _draws(generator: np.random.Generator, items: int, resamples: int) -> list[np.ndarray]:
    size = max(1, CHUNK // max(items, 1))
    shares = np.full(items, 1 / items)
    return [
        generator.multinomial(items, shares, size=min(size, resamples - start)) for start in range(0, resamples, size)
    ]


def _interval(values: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """The percentile interval of the resamples that have a value; none where over half have none."""
    defined = values[np.isfinite(values)]
    if 2 * len(defined) <= len(values):
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
