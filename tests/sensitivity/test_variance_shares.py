"""Variance components against values that were worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("statsmodels", reason="needs the extra [evidence]")

from hubkit.sensitivity.variance import components, mean_squares

# Two prompts by three patients: rows 2 and 5, columns 2, 3 and 5.5, all of them 3.5. Sums of squares: prompts
# 3 x 2 x 1.5² = 13.5, patients 2 x (1.5² + .5² + 2²) = 13, all 29.5, so that 3 remain with 2 degrees of freedom.
UNEVEN = [[[1, 2, 3]], [[3, 4, 8]]]

# Each score is the sum of 2 for the second prompt, 4 for the second draw and 6 for the second patient.
ADDED = [[[0, 6], [4, 10]], [[2, 8], [6, 12]]]

# Means of prompt and draw are 0 and 2, 2 and 8, for both patients; of prompts and of draws 1 and 5, of all scores 3.
# Sums of squares: prompts 4 x (2² + 2²) = 32, draws the same, and both together 2 x 4 x 1² = 8 since each mean is 1
# away from what prompt and draw add. E(MS prompt) = rest + 2 x prompt:draw + 4 x prompt, of which the first two are
# E(MS prompt:draw): (32 - 8) / 4 = 6 for prompt and for draw, and (8 - 0) / 2 = 4 for both together.
TOGETHER = [[[0, 0], [2, 2]], [[2, 2], [8, 8]]]


@pytest.mark.parametrize(
    ("scores", "squares"),
    [
        (UNEVEN, {"prompt": 13.5, "patient": 6.5, "residual": 1.5}),
        (ADDED, {"prompt": 8.0, "draw": 32.0, "prompt:draw": 0.0, "patient": 72.0, "residual": 0.0}),
        (TOGETHER, {"prompt": 32.0, "draw": 32.0, "prompt:draw": 8.0, "patient": 0.0, "residual": 0.0}),
    ],
)
def test_mean_squares(scores: list, squares: dict[str, float]) -> None:
    assert mean_squares(np.array(scores)) == pytest.approx(squares, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "variances", "shares"),
    [
        (
            UNEVEN,
            {"prompt": 4, "patient": 2.5, "residual": 1.5},
            {"prompt": 0.5, "patient": 0.3125, "residual": 0.1875},
        ),
        (
            ADDED,
            {"prompt": 2, "draw": 8, "prompt:draw": 0, "patient": 18, "residual": 0},
            {"prompt": 2 / 28, "draw": 8 / 28, "prompt:draw": 0, "patient": 18 / 28, "residual": 0},
        ),
        (
            TOGETHER,
            {"prompt": 6, "draw": 6, "prompt:draw": 4, "patient": 0, "residual": 0},
            {"prompt": 0.375, "draw": 0.375, "prompt:draw": 0.25, "patient": 0, "residual": 0},
        ),
        # Prompts and patients agree in their means: what the estimates say is negative, and stands as 0.
        ([[[1, 2]], [[2, 1]]], {"prompt": 0, "patient": 0, "residual": 1}, {"prompt": 0, "patient": 0, "residual": 1}),
        # All scores are the same: there is nothing to share out.
        ([[[3, 3]], [[3, 3]]], {"prompt": 0, "patient": 0, "residual": 0}, {"prompt": 0, "patient": 0, "residual": 0}),
    ],
)  # fmt: skip
def test_components(scores: list, variances: dict[str, float], shares: dict[str, float]) -> None:
    found = components(np.array(scores))
    assert {name: one.variance for name, one in found.items()} == pytest.approx(variances, abs=1e-9)
    assert {name: one.share for name, one in found.items()} == pytest.approx(shares, abs=1e-9)


def test_the_estimates_are_those_of_a_mixed_model_fitted_by_reml() -> None:
    import warnings

    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(0)
    scores = rng.normal(0, 0.05, (4, 1, 1)) + rng.normal(0, 0.03, (1, 3, 1)) + rng.normal(0, 0.1, (1, 1, 15))
    scores = scores + rng.normal(0, 0.04, (4, 3, 1)) + rng.normal(0, 0.07, (4, 3, 15))
    sources = ("prompt", "draw", "patient")
    levels = dict(zip(sources, np.indices(scores.shape).reshape(3, -1), strict=True))
    frame = pd.DataFrame({**levels, "score": scores.reshape(-1), "all": 1})
    formulas = {name: f"0 + C({name})" for name in sources} | {"prompt:draw": "0 + C(prompt):C(draw)"}
    model = MixedLM.from_formula("score ~ 1", groups="all", re_formula="0", vc_formula=formulas, data=frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a small variance for one at the boundary
        fitted = model.fit(reml=True)
    reml = dict(zip(model.exog_vc.names, fitted.vcomp, strict=True)) | {"residual": fitted.scale}
    found = {name: one.variance for name, one in components(scores).items()}
    assert min(found.values()) > 0
    assert found == pytest.approx(reml, rel=0.01)
