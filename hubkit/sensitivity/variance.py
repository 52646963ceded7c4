"""How the variance of a score is shared out among its sources, by an analysis of variance (statsmodels).

Prompts, draws and patients are taken for samples of all that there could be: random effects. So is
what a draw does for one prompt and not for another (`prompt:draw`): it is in the mean squares of
prompts and of draws, and is subtracted from both. Where every combination is there once, the
estimates by mean squares are those of a mixed model fitted by REML, unless one of them is negative,
which is then 0. Source: Searle, Casella and McCulloch,
"Variance Components" (1992), chapter 4.
"""

from __future__ import annotations

import numpy as np

from hubkit.artifacts.sensitivity import Component

INTERACTION = "prompt:draw"

SOURCES = ("prompt", "draw", INTERACTION, "patient", "residual")


def components(scores: np.ndarray) -> dict[str, Component]:
    """Share out the variance of a single score.

    Args:
        scores: prompts x draws x patients; with one draw there is no component of draws nor of prompt:draw.

    Returns:
        By source. The residual is what remains: that a prompt or a draw suits one patient more than another.
    """
    squares = mean_squares(scores)
    prompts, draws, patients = scores.shape
    # How many scores each level of a source has.
    repeats = {"prompt": draws * patients, "draw": prompts * patients, "patient": prompts * draws}
    repeats[INTERACTION] = patients
    rest = squares["residual"]
    # What the mean square of a source would be if the source itself did nothing.
    without = dict.fromkeys(("prompt", "draw"), squares.get(INTERACTION, rest))
    variances = {
        name: max(0.0, (squares[name] - without.get(name, rest)) / repeats[name])
        for name in squares
        if name != "residual"
    }
    variances["residual"] = rest
    if np.ptp(scores) == 0:  # the estimates are those of rounding then
        return {name: Component(variance=0.0, share=0.0) for name in variances}
    total = sum(variances.values())
    return {name: Component(variance=value, share=value / total) for name, value in variances.items()}


def mean_squares(scores: np.ndarray) -> dict[str, float]:
    """The mean square of each source that has two levels or more, of prompt:draw where both do, and the residual's."""
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    levels = dict(zip(("prompt", "draw", "patient"), np.indices(scores.shape).reshape(3, -1), strict=True))
    present = [name for name, size in zip(levels, scores.shape, strict=True) if size > 1]
    frame = pd.DataFrame({**levels, "score": scores.reshape(-1).astype(np.float64)})
    terms = {name: f"C({name})" for name in present}
    if {"prompt", "draw"} <= terms.keys():
        terms[INTERACTION] = "C(prompt):C(draw)"
    fitted = ols("score ~ " + " + ".join(terms.values()), frame).fit(method="qr")
    with np.errstate(divide="ignore", invalid="ignore"):  # of its F values, where all scores are the same
        table = anova_lm(fitted, typ=1)
    named = {name: float(table.loc[term, "mean_sq"]) for name, term in terms.items()}
    return {**named, "residual": float(table.loc["Residual", "mean_sq"])}
