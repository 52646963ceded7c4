"""The figures of every system, and how sure one can be of them, from the scores and the reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hubkit.artifacts.scores import (
    BertScore,
    Difference,
    FindingErrors,
    Interval,
    LabelF1,
    Spread,
    Summary,
    SystemFigures,
    WithLeftOut,
)
from hubkit.config import ReleaseConfig
from hubkit.error_profile.profile import DIMENSIONS
from hubkit.metrics.agreement import accuracy_of_rules
from hubkit.metrics.error_counts import FINDINGS
from hubkit.metrics.measure import Measure
from hubkit.metrics.registry import METRICS, Metric, System
from hubkit.scoring import statistics
from hubkit.scoring.baselines import COMMONEST
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.tables import MEASURES

COMPARED = (("few_shot", "zero_shot"), ("lora", "zero_shot"), ("lora", COMMONEST))
"""Which system is compared with which: with the tested metrics of a family, what Holm adjusts together."""

FINDING = "errors about "
"""Begins the name of a measure by finding among those that are resampled."""

Measures = Mapping[str, Mapping[str, Measure]]
"""The figures by system and metric, as sums that can be resampled."""


def summarise(config: ReleaseConfig, evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> Summary:
    """Put all figures together.

    Args:
        config: for the number of resamples, the level of the intervals and the seed.
        evaluation: what was scored.
        setups: BERTScore by setup.
    """
    settings = {"resamples": config.scoring.resamples, "seed": config.release.seed}
    confidence = config.scoring.confidence
    systems = systems_of(evaluation, setups)
    metrics = _asked(config)
    measures = _measures(systems, metrics)
    named = {f"{system} {name}": measure for system, those in measures.items() for name, measure in those.items()}
    named |= _by_finding(systems) if config.scoring.error_profile else {}
    resampled = statistics.bootstrap(named, evaluation.subjects, **settings)
    figures = {
        name: statistics.with_interval(measure.over_all(), resampled[name], confidence)
        for name, measure in named.items()
    }
    n, patients = len(evaluation.studies), len(np.unique(evaluation.subjects))
    sample = f"n:{n}|patients:{patients}|resamples:{settings['resamples']}|seed:{settings['seed']}"
    return Summary(
        n=n,
        patients=patients,
        cautions=tuple(statistics.cautions(patients)),
        of=evaluation.tested,
        confidence=confidence,
        **settings,
        signatures={name: f"{signature}|{sample}" for name, signature in _signatures(setups, metrics).items()},
        conditions={
            name: SystemFigures(
                bertscore={setup: _bertscore(name, setup, scores, figures) for setup, scores in setups.items()},
                metrics={
                    metric: figures[f"{name} {metric}"] for metric in metrics if not _is_bertscore(metric, setups)
                },
                findings={label: LabelF1(**found) for label, found in system.agreement.by_label().items()},
                errors=_errors(name, system, figures) if config.scoring.error_profile else {},
            )
            for name, system in systems.items()
        },
        rules=accuracy_of_rules(),
        differences=_differences(measures, evaluation, confidence, **settings),
    )


def means(config: ReleaseConfig, evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> WithLeftOut:
    """The bare figures of every system over more studies, such as those whose reference is flagged."""
    measures = _measures(systems_of(evaluation, setups), _asked(config))
    return WithLeftOut(
        n=len(evaluation.studies),
        conditions={
            system: {name: float(measure.over_all()) for name, measure in those.items()}
            for system, those in measures.items()
        },
    )


def systems_of(evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> dict[str, System]:
    """Return by name what the metrics read of each system."""
    return {
        system: System(
            generated,
            evaluation.references,
            evaluation.originals,
            evaluation.labels,
            {setup: scores.scores[system] for setup, scores in setups.items()},
        )
        for system, generated in evaluation.generated.items()
    }


def _asked(config: ReleaseConfig) -> dict[str, Metric]:
    """The metrics that are computed; some are only where a setting asks for them."""
    return {
        name: metric for name, metric in METRICS.items() if not metric.switch or getattr(config.scoring, metric.switch)
    }


def _measures(systems: Mapping[str, System], metrics: Mapping[str, Metric]) -> Measures:
    return {name: {metric.name: metric.compute(of) for metric in metrics.values()} for name, of in systems.items()}


def _by_finding(systems: Mapping[str, System]) -> dict[str, Measure]:
    """Errors in a report by system and finding, without what no reference has and no system errs about."""
    counts = {name: system.error_counts for name, system in systems.items()}
    shown = [
        finding
        for at, finding in enumerate(FINDINGS)
        if any(of.references[:, at].any() or of.errors[:, at].any() for of in counts.values())
    ]
    return {f"{name} {FINDING}{finding}": of.of_finding(finding) for name, of in counts.items() for finding in shown}


def _errors(name: str, system: System, figures: Mapping[str, Interval]) -> dict[str, FindingErrors]:
    counts, start = system.error_counts, f"{name} {FINDING}"
    found = {}
    for finding in [key.removeprefix(start) for key in figures if key.startswith(start)]:
        at = FINDINGS.index(finding)
        sums = counts.errors[:, at].sum(axis=0)
        found[finding] = FindingErrors(
            per_report=figures[f"{start}{finding}"],
            by_dimension={dimension: int(sums[place]) for place, dimension in enumerate(DIMENSIONS)},
            references=int(counts.references[:, at].sum()),
        )
    return found


def _signatures(setups: Mapping[str, SetupScores], metrics: Mapping[str, Metric]) -> dict[str, str]:
    signed = {metric.signed_as or metric.name: metric.signature() for metric in metrics.values() if metric.signature}
    return {**{setup: scores.signature for setup, scores in setups.items()}, **signed}


def _is_bertscore(metric: str, setups: Mapping[str, SetupScores]) -> bool:
    return metric in {f"{setup} {measure}" for setup in setups for measure in MEASURES}


def _bertscore(system: str, setup: str, scores: SetupScores, figures: Mapping[str, Interval]) -> BertScore:
    spreads: dict[str, Any] = {}
    for at, measure in enumerate(MEASURES):
        values = scores.scores[system][:, at].astype(np.float64)
        figure = figures[f"{system} {setup} {measure}"]
        spreads[measure] = Spread(
            mean=figure.value,
            low=figure.low,
            high=figure.high,
            median=float(np.median(values)),
            min=float(values.min()),
            max=float(values.max()),
            sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        )
    counts = {"truncated": scores.truncated[system], "empty": scores.empty[system]}
    return BertScore(**spreads, **{name: int(flags.sum()) for name, flags in counts.items()})


def _differences(
    measures: Measures, evaluation: Evaluation, confidence: float, resamples: int, seed: int
) -> list[Difference]:
    keys = [
        (system, other, measure)
        for system, other in COMPARED
        if system in measures and other in measures
        for measure in measures[system]
    ]
    pairs = {" ".join(key): (measures[key[0]][key[2]], measures[key[1]][key[2]]) for key in keys}
    found = statistics.compare(pairs, evaluation.subjects, resamples, seed, confidence)
    tested = [key for key in keys if METRICS[key[2]].tested]
    adjusted: dict[str, float] = {}
    for family in {METRICS[key[2]].family for key in tested}:
        members = [" ".join(key) for key in tested if METRICS[key[2]].family == family]
        adjusted |= statistics.holm({name: found[name].p_randomisation for name in members})
    return [
        Difference(
            system=system,
            against=other,
            measure=measure,
            **found[f"{system} {other} {measure}"]._asdict(),
            p_holm=adjusted.get(f"{system} {other} {measure}"),
        )
        for system, other, measure in keys
    ]
