"""summary.json: the figures of every system, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hubkit.config import ReleaseConfig
from hubkit.formats import FORMATS
from hubkit.scoring import overlap, statistics
from hubkit.scoring.agreement import Agreement, accuracy_of_rules, agreement
from hubkit.scoring.baselines import COMMONEST
from hubkit.scoring.bertscore import MEASURES, SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.statistics import Measure

COMPARED = (("few_shot", "zero_shot"), ("lora", "zero_shot"), ("lora", COMMONEST))
"""Which system is compared with which."""

TESTED = ("bertimbau f1", "xlm-roberta f1", "chrf++", "bleu", "clinical micro", "clinical macro")
"""The measures that are tested: with COMPARED they make the family that Holm's adjustment is about."""


def summarise(config: ReleaseConfig, evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> dict[str, Any]:
    """Put all figures together as plain JSON values.

    Args:
        config: for the number of resamples, the level of the intervals and the seed.
        evaluation: what was scored.
        setups: BERTScore by setup.
    """
    settings = {"resamples": config.scoring.resamples, "seed": config.release.seed}
    confidence = config.scoring.confidence
    agreements = {system: agreement(texts, evaluation.labels) for system, texts in evaluation.generated.items()}
    measures = {system: _measures(system, evaluation, setups, agreements[system]) for system in evaluation.generated}
    named = {f"{system} {name}": measure for system, those in measures.items() for name, measure in those.items()}
    resampled = statistics.bootstrap(named, evaluation.subjects, **settings)
    figures = {
        name: {"value": measure.over_all(), **_interval(resampled[name], confidence)} for name, measure in named.items()
    }
    n, patients = len(evaluation.studies), len(np.unique(evaluation.subjects))
    sample = f"n:{n}|patients:{patients}|resamples:{settings['resamples']}|seed:{settings['seed']}"
    return {
        "format": FORMATS["summary"],
        "n": n,
        "patients": patients,
        "cautions": statistics.cautions(patients),
        "of": evaluation.tested,
        "confidence": confidence,
        **settings,
        "signatures": {
            **{setup: f"{scores.signature}|{sample}" for setup, scores in setups.items()},
            **{name: f"{signature}|{sample}" for name, signature in overlap.signatures().items()},
            "clinical": f"f1|labels:14|positive:present or uncertain|macro:labels of the split|{sample}",
        },
        "conditions": {
            system: {
                **{setup: _bertscore(system, setup, setups[setup], figures) for setup in setups},
                **{name: figures[f"{system} {name}"] for name in ("chrf++", "bleu")},
                "clinical": {
                    "micro": figures[f"{system} clinical micro"],
                    "macro": figures[f"{system} clinical macro"],
                    "labels": agreements[system].by_label(),
                },
            }
            for system in evaluation.generated
        },
        "rules": accuracy_of_rules(),
        "differences": _differences(measures, evaluation, confidence, **settings),
    }


def means(evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> dict[str, Any]:
    """The bare figures of every system over more studies, such as those whose reference is flagged."""
    agreements = {system: agreement(texts, evaluation.labels) for system, texts in evaluation.generated.items()}
    return {
        "n": len(evaluation.studies),
        "conditions": {
            system: {
                name: float(measure.over_all())
                for name, measure in _measures(system, evaluation, setups, agreements[system]).items()
            }
            for system in evaluation.generated
        },
    }


def _measures(
    system: str, evaluation: Evaluation, setups: Mapping[str, SetupScores], agreed: Agreement
) -> dict[str, Measure]:
    generated = evaluation.generated[system]
    return {
        **{
            f"{setup} {measure}": statistics.mean(scores.scores[system][:, at])
            for setup, scores in setups.items()
            for at, measure in enumerate(MEASURES)
        },
        "chrf++": overlap.chrf(generated, evaluation.references),
        "bleu": overlap.bleu(generated, evaluation.references),
        "clinical micro": agreed.micro,
        "clinical macro": agreed.macro,
    }


def _bertscore(system: str, setup: str, scores: SetupScores, figures: Mapping[str, dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, measure in enumerate(MEASURES):
        values = scores.scores[system][:, at].astype(np.float64)
        figure = figures[f"{system} {setup} {measure}"]
        found[measure] = {
            "mean": figure["value"],
            "low": figure["low"],
            "high": figure["high"],
            "median": float(np.median(values)),
            "min": float(values.min()),
            "max": float(values.max()),
            "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        }
    counts = {"truncated": scores.truncated[system], "empty": scores.empty[system]}
    return {**found, **{name: int(flags.sum()) for name, flags in counts.items()}}


def _differences(
    measures: Mapping[str, Mapping[str, Measure]],
    evaluation: Evaluation,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    keys = [
        (system, other, measure)
        for system, other in COMPARED
        if system in measures and other in measures
        for measure in measures[system]
    ]
    pairs = {" ".join(key): (measures[key[0]][key[2]], measures[key[1]][key[2]]) for key in keys}
    found = statistics.compare(pairs, evaluation.subjects, resamples, seed, confidence)
    adjusted = statistics.holm(
        {" ".join(key): found[" ".join(key)].p_randomisation for key in keys if key[2] in TESTED}
    )
    return [
        {
            "system": system,
            "against": other,
            "measure": measure,
            **found[f"{system} {other} {measure}"]._asdict(),
            "p_holm": adjusted.get(f"{system} {other} {measure}"),
        }
        for system, other, measure in keys
    ]


def _interval(resampled: np.ndarray, confidence: float) -> dict[str, float]:
    low, high = statistics.interval(resampled, confidence)
    return {"low": low, "high": high}
