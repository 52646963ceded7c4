"""Metrics of generated reports against readers: does a metric put reports in the order in which readers do?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from hubkit.artifacts.review import Review
from hubkit.artifacts.review_results import Coefficient, MetricFigures
from hubkit.config import ReleaseConfig
from hubkit.metrics.registry import METRICS, System
from hubkit.review.agreement import RESAMPLES
from hubkit.review.estimates import samples
from hubkit.review.intervals import share_interval
from hubkit.review.readings import Judgement, Preference
from hubkit.tables import CONDITIONS, MEASURES, SETUPS
from hubkit.workspace import Workspace, read_table

OF_MANY_TEXTS = frozenset({"bleu", "clinical macro", "reports without error"})
"""Metrics that say little of a single report: BLEU is 0 without a common run of four words, macro F1 is
a mean over labels of a whole split, and a share of reports is yes or no of one."""

LOWER_IS_BETTER = frozenset({"errors per report"})
"""Metrics whose sign is turned, so that every tau is positive where the metric is right."""

LEAST_TEXTS = 10
"""Reports for a tau: of fewer, its interval is as wide as its range."""

Text = tuple[int, str]
"""A study and the condition that wrote its report."""


Scores = Mapping[str, Mapping[Text, float]]
"""For each metric by its label, the value of each report."""


def report_scores(config: ReleaseConfig, workspace: Workspace, studies: Sequence[int]) -> Scores:
    """Every metric of the reports of `studies`; studies without a reference are left out.

    Raises:
        HubkitError: a table is missing.
    """
    from hubkit.scoring.inputs import read_evaluation

    evaluation = read_evaluation(config, workspace)
    places = np.flatnonzero(np.isin(evaluation.studies, np.array(studies)))
    bertscore = _bertscore(workspace)
    found: dict[str, dict[Text, float]] = defaultdict(dict)
    for condition in CONDITIONS:
        known = [int(at) for at in places if (int(evaluation.studies[at]), condition, SETUPS[0]) in bertscore]
        if not known:
            continue
        ids = [int(evaluation.studies[at]) for at in known]
        system = System(
            [evaluation.generated[condition][at] for at in known],
            [evaluation.references[at] for at in known],
            [evaluation.originals[at] for at in known],
            [evaluation.labels[at] for at in known],
            {setup: np.array([bertscore[study, condition, setup] for study in ids]) for setup in SETUPS},
        )
        for metric in METRICS.values():
            if {"measures", "left_out"} & set(metric.shown) and metric.name not in OF_MANY_TEXTS:
                measure = metric.compute(system)
                values = measure.value(measure.sums) * (-1 if metric.name in LOWER_IS_BETTER else 1)
                found[metric.label] |= {
                    (study, condition): float(value) for study, value in zip(ids, values, strict=True)
                }
    return dict(found)


def _bertscore(workspace: Workspace) -> dict[tuple[int, str, str], list[float]]:
    rows = read_table(workspace.scores / "scores.parquet").to_pylist()
    return {(row["study_id"], row["condition"], row["setup"]): [row[measure] for measure in MEASURES] for row in rows}


def metric_figures(
    review: Review,
    judgements: Sequence[Judgement],
    preferences: Sequence[Preference],
    scores: Scores,
    seed: int,
    confidence: float,
) -> list[MetricFigures]:
    """Each metric against the readers' penalties and preferences; those of too few reports are left out."""
    study_of = {item.id: item.study_id for item in review.items}
    penalties: dict[Text, list[float]] = defaultdict(list)
    for row in judgements:
        if not row.repeat and row.condition:
            penalties[study_of[row.item], row.condition].append(row.penalty)
    found = []
    for label, values in scores.items():
        texts = [text for text in penalties if text in values]
        if len(texts) < LEAST_TEXTS:
            continue
        better = np.array([-np.mean(penalties[text]) for text in texts])
        tau = tau_with_interval(
            np.array([values[text] for text in texts]), better, np.array([text[0] for text in texts]), seed, confidence
        )
        agreeing = _agreeing(preferences, study_of, values)
        preferred = share_interval(samples(review, agreeing), confidence) if agreeing else None
        found.append(
            MetricFigures(metric=label, texts=len(texts), tau=tau, compared=len(agreeing), preferred=preferred)
        )
    return found


def _agreeing(
    preferences: Sequence[Preference], study_of: Mapping[str, int], values: Mapping[Text, float]
) -> dict[str, float]:
    """By item of which readers prefer one report, the share of readers with whom the metric agrees; half where it finds
    both the same."""
    answers: dict[str, list[float]] = defaultdict(list)
    for row in preferences:
        texts = [(study_of[row.item], condition) for condition in row.pair]
        if not row.repeat and row.better and all(text in values for text in texts):
            one, other = (values[text] for text in texts)
            prefers = 0.5 if one == other else float(row.pair[one < other] == row.better)
            answers[row.item].append(prefers)
    return {item: sum(those) / len(those) for item, those in answers.items()}


def tau_with_interval(
    one: np.ndarray, other: np.ndarray, groups: np.ndarray, seed: int, confidence: float
) -> Coefficient:
    """Kendall's tau-b of two rankings, with an interval by bootstrap over `groups`; None where one ranks nothing."""
    signs = np.sign(np.subtract.outer(one, one)), np.sign(np.subtract.outer(other, other))
    together, untied = signs[0] * signs[1], [np.abs(sign) for sign in signs]

    def tau(weights: np.ndarray) -> np.ndarray:
        sums = [((weights @ pairs) * weights).sum(axis=-1) for pairs in (together, *untied)]
        below = np.sqrt(sums[1] * sums[2])
        value: np.ndarray = np.divide(sums[0], below, out=np.full(below.shape, np.nan), where=below > 0)
        return value

    distinct, places = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(
        len(distinct), np.full(len(distinct), 1 / len(distinct)), size=RESAMPLES
    )
    whole, resampled = float(tau(np.ones((1, len(one))))[0]), tau(drawn[:, places].astype(np.float64))
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(whole) or 2 * len(resampled) <= RESAMPLES:
        return Coefficient(value=whole if np.isfinite(whole) else None, low=None, high=None)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Coefficient(value=whole, low=float(low), high=float(high))
