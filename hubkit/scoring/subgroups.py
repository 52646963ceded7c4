"""Scores of groups of studies, and how they differ from the rest: by the bootstrap over patients of all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hubkit.artifacts.scores import Interval
from hubkit.artifacts.subgroups import Division, Subgroup, SubgroupFigure, Subgroups
from hubkit.config import ReleaseConfig
from hubkit.disclosure import large_enough, publishable
from hubkit.metrics.agreement import present
from hubkit.metrics.error_counts import FINDINGS
from hubkit.metrics.measure import Measure
from hubkit.metrics.registry import METRICS, System
from hubkit.scoring import statistics
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.groups import DIVISIONS, Study, memberships
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.summary import systems_of
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS

SHOWN = ("bertimbau f1", "clinical micro", "errors per report")
"""Metrics of a group: one of each sort, since every further test makes Holm's adjustment stricter."""

Key = tuple[str, str]
"""A division and a group of it."""


def score_subgroups(
    config: ReleaseConfig, evaluation: Evaluation, setups: Mapping[str, SetupScores], studies: Sequence[Study]
) -> Subgroups:
    """The figures of every group that may be published.

    Args:
        studies: what is known of the scored studies, in their order.
    """
    scoring, subjects = config.scoring, evaluation.subjects
    masks: dict[Key, np.ndarray] = {
        (name, group): mask
        for name in scoring.subgroups
        for group, mask in memberships(studies, DIVISIONS[name]).items()
    }
    shown = {key: masks[key] for key in _publishable(masks, subjects, scoring.subgroup_minimum)}
    systems = systems_of(evaluation, setups)
    measures = _measures(config, systems)
    figures = {key: _figures(config, measures, key, shown, subjects) for key in shown}
    adjusted = _adjusted(figures)
    divisions = []
    for name in scoring.subgroups:
        groups = [
            Subgroup(
                name=group,
                studies=int(mask.sum()),
                patients=len(np.unique(subjects[mask])),
                figures=adjusted[division, group],
            )
            for (division, group), mask in shown.items()
            if division == name
        ]
        divisions.append(
            Division(
                name=name,
                title=DIVISIONS[name].title,
                note=DIVISIONS[name].note,
                groups=tuple(groups),
                withheld=tuple(group for group in DIVISIONS[name].groups if (name, group) not in shown),
            )
        )
    return Subgroups(
        n=len(subjects),
        patients=len(np.unique(subjects)),
        minimum=scoring.subgroup_minimum,
        confidence=scoring.confidence,
        resamples=scoring.resamples,
        seed=config.release.seed,
        tests=sum(one.difference is not None for those in adjusted.values() for one in those),
        divisions=tuple(divisions),
        cautions=_cautions(shown, subjects),
        findings=_large_findings(CHEXPERT_LABELS, present(evaluation.labels), subjects, scoring.subgroup_minimum),
        findings_of_errors=_findings_of_errors(config, systems, subjects),
    )


def _findings_of_errors(config: ReleaseConfig, systems: Mapping[str, System], subjects: np.ndarray) -> tuple[str, ...]:
    if not config.scoring.error_profile:
        return ()
    # All systems have the same references.
    references = systems[CONDITIONS[0]].error_counts.references
    return _large_findings(FINDINGS, references, subjects, config.scoring.subgroup_minimum)


def _large_findings(names: Sequence[str], masks: np.ndarray, subjects: np.ndarray, minimum: int) -> tuple[str, ...]:
    """The findings that enough studies have.

    Args:
        masks: studies x findings.
    """
    return tuple(large_enough(dict(zip(names, masks.T, strict=True)), subjects, minimum))


def _cautions(shown: Mapping[Key, np.ndarray], subjects: np.ndarray) -> tuple[str, ...]:
    """What to know where a group, or the rest that it is compared with, has few patients."""
    few = [
        f"{group} ({division})"
        for (division, group), mask in shown.items()
        if min(len(np.unique(subjects[side])) for side in (mask, ~mask)) < statistics.ENOUGH_PATIENTS
    ]
    if not few:
        return ()
    return (
        f"Fewer than {statistics.ENOUGH_PATIENTS} patients are in these groups or in the rest, so that their "
        f"intervals are too narrow and their p values too small: {', '.join(few)}",
    )


def _publishable(masks: Mapping[Key, np.ndarray], subjects: np.ndarray, minimum: int) -> list[Key]:
    """Of all divisions together: a group of one may differ by a few studies from a group of another."""
    keys = {f"{division}: {group}": (division, group) for division, group in masks}
    named = {name: masks[key] for name, key in keys.items()}
    return [keys[name] for name in publishable(named, subjects, minimum)]


def _measures(config: ReleaseConfig, systems: Mapping[str, System]) -> dict[tuple[str, str], Measure]:
    """The figures by condition and metric, as sums over studies."""
    metrics = [METRICS[name] for name in SHOWN]
    asked = [metric for metric in metrics if not metric.switch or getattr(config.scoring, metric.switch)]
    return {
        (condition, metric.name): metric.compute(systems[condition]) for condition in CONDITIONS for metric in asked
    }


def _within(measure: Measure, mask: np.ndarray) -> Measure:
    """A measure over some of the studies; not a number in a resample that has none of them."""

    def value(sums: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            values = measure.value(sums[..., :-1])
        # F1 takes counts of nothing for 0, which here is neither.
        found: np.ndarray = np.where(sums[..., -1] > 0, values, np.nan)
        return found

    return Measure(np.column_stack([measure.sums * mask[:, None], mask.astype(float)]), value)


def _figures(
    config: ReleaseConfig,
    measures: Mapping[tuple[str, str], Measure],
    key: Key,
    shown: Mapping[Key, np.ndarray],
    subjects: np.ndarray,
) -> list[SubgroupFigure]:
    """The figures of a group, with the differences from the rest as they were tested."""
    scoring, mask = config.scoring, shown[key]
    sides = {
        f"{condition} {metric} {side}": _within(measure, those)
        for (condition, metric), measure in measures.items()
        for side, those in (("in", mask), ("out", ~mask))
    }
    resampled = statistics.bootstrap(sides, subjects, scoring.resamples, config.release.seed)
    mirrored = any(np.array_equal(~mask, shown[earlier]) for earlier in list(shown)[: list(shown).index(key)])
    found = []
    for condition, metric in measures:
        inside, outside = f"{condition} {metric} in", f"{condition} {metric} out"
        value, rest = sides[inside].over_all(), sides[outside].over_all()
        figure = _interval(value, resampled[inside], scoring.confidence)
        one = SubgroupFigure(condition=condition, measure=metric, figure=figure)
        if not mirrored:
            moved = resampled[inside] - resampled[outside]
            tested = {
                "difference": _interval(value - rest, moved, scoring.confidence),
                "p_bootstrap": statistics.p_of_zero(moved[~np.isnan(moved)]),
            }
            one = one.model_copy(update=tested)
        found.append(one)
    return found


def _interval(value: float, resampled: np.ndarray, confidence: float) -> Interval:
    """Over the resamples in which the group has a study."""
    return statistics.with_interval(value, resampled[~np.isnan(resampled)], confidence)


def _adjusted(figures: Mapping[Key, Sequence[SubgroupFigure]]) -> dict[Key, tuple[SubgroupFigure, ...]]:
    """The same figures with p values adjusted for the number of all that were tested."""
    tested = {
        f"{key} {at}": one.p_bootstrap
        for key, those in figures.items()
        for at, one in enumerate(those)
        if one.p_bootstrap is not None
    }
    adjusted = statistics.holm(tested)
    return {
        key: tuple(
            one.model_copy(update={"p_holm": adjusted[f"{key} {at}"]}) if f"{key} {at}" in adjusted else one
            for at, one in enumerate(those)
        )
        for key, those in figures.items()
    }
