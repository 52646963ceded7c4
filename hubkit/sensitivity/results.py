"""From the scores of all combinations to what is reported: shares of variance, and the prompt that would win."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from hubkit.artifacts.sensitivity import (
    Choice,
    ConditionSensitivity,
    MeasureSensitivity,
    SensitivityResults,
    TriedPrompt,
)
from hubkit.config import ReleaseConfig
from hubkit.metrics.measure import mean
from hubkit.scoring.statistics import bootstrap, interval_cautions, with_interval
from hubkit.sensitivity.design import SPLIT, Design
from hubkit.sensitivity.scores import LOWER_IS_BETTER, Scores
from hubkit.sensitivity.variance import components


def summarise(config: ReleaseConfig, design: Design, scores: Scores, base: str) -> SensitivityResults:
    """What the scores of a design say.

    Args:
        base: the model that answered, as it may be published.
    """
    conditions = {
        condition: ConditionSensitivity(
            combinations=len(design.cells(condition)),
            measures={
                name: _of_measure(config, design, _cube(design, condition, scores, name), name in LOWER_IS_BETTER)
                for name in scores
            },
        )
        for condition in design.conditions
    }
    return SensitivityResults(
        split=SPLIT,
        test_split="not read",
        studies=len(design.samples),
        patients=design.patients,
        fraction=config.sensitivity.fraction,
        base=base,
        prompts=[TriedPrompt(name=prompt.name, text=prompt.text) for prompt in design.prompts],
        set_prompt=_set_prompt(design),
        shots=config.generation.shots,
        draw_seeds=[draw.seed for draw in design.draws],
        left_out=design.left_out,
        seed=config.release.seed,
        resamples=config.scoring.resamples,
        confidence=config.scoring.confidence,
        cautions=tuple(interval_cautions(len(design.samples))),
        versions={name: version(name) for name in ("statsmodels", "transformers")},
        conditions=conditions,
    )


def _set_prompt(design: Design) -> str:
    return next(prompt.name for prompt in design.prompts if prompt.is_set)


def _cube(design: Design, condition: str, scores: Scores, measure: str) -> np.ndarray:
    """Scores of a condition, prompts x draws x patients."""
    # Scores are kept in float32, in which a mean of thousands is off in the sixth digit.
    rows = np.stack([scores[measure][cell] for cell in design.cells(condition)]).astype(np.float64)
    return rows.reshape(len(design.prompts), -1, len(design.samples))


def _of_measure(config: ReleaseConfig, design: Design, cube: np.ndarray, lower: bool) -> MeasureSensitivity:
    names = [prompt.name for prompt in design.prompts]
    by_patient = cube.mean(axis=1)
    patients = np.array([sample.subject_id for sample in design.samples])
    measures = {name: mean(row) for name, row in zip(names, by_patient, strict=True)}
    resampled = bootstrap(measures, patients, config.scoring.resamples, config.release.seed)
    of_set = names.index(_set_prompt(design))
    best = int(best_prompts(by_patient.sum(axis=1), of_set, lower))
    level = config.scoring.confidence
    moved = resampled[names[best]] - resampled[names[of_set]]
    return MeasureSensitivity(
        components=components(cube),
        prompts={
            name: with_interval(row.mean(), resampled[name], level) for name, row in zip(names, by_patient, strict=True)
        },
        draws={name: [float(value) for value in row] for name, row in zip(names, cube.mean(axis=2), strict=True)},
        choice=Choice(
            prompt=names[best],
            lead=with_interval(by_patient[best].mean() - by_patient[of_set].mean(), moved, level),
            lead_on_others=lead_on_others(by_patient, of_set, lower),
        ),
    )


def lead_on_others(by_patient: np.ndarray, of_set: int, lower: bool) -> float:
    """The mean lead over the set prompt where each patient has the prompt that is best on all other patients.

    Args:
        by_patient: prompts x patients.
        of_set: the row of the set prompt.
        lower: whether less is better.
    """
    others = by_patient.sum(axis=1, keepdims=True) - by_patient
    chosen = best_prompts(others, of_set, lower)
    return float(np.mean(by_patient[chosen, np.arange(by_patient.shape[1])] - by_patient[of_set]))


def best_prompts(totals: np.ndarray, of_set: int, lower: bool) -> np.ndarray:
    """The best prompt of each column; where the set one is as good, that stays.

    Args:
        totals: prompts x anything, or (prompts,).
    """
    better = -totals if lower else totals
    best: np.ndarray = better.argmax(axis=0)
    # A hair less counts as equal: sums of floats in another order differ by that much.
    return np.where(better[of_set] >= better.max(axis=0) - 1e-9, of_set, best)
