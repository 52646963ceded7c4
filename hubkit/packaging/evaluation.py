"""The evaluation as the cards show it: means with intervals of each condition and setup."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from hubkit.errors import HubkitError
from hubkit.tables import CONDITIONS, SETUPS
from hubkit.workspace import Workspace

METRICS = ("precision", "recall", "f1")


class Interval(NamedTuple):
    """A figure over all studies, with the interval around it."""

    mean: float
    low: float
    high: float


class Result(NamedTuple):
    """BERTScore of one system in one setup."""

    setup: str
    condition: str
    precision: Interval
    recall: Interval
    f1: Interval


class Beside(NamedTuple):
    """What else was measured of one system."""

    condition: str
    chrf: Interval
    bleu: Interval
    clinical_micro: Interval
    clinical_macro: Interval


class LabelAgreement(NamedTuple):
    """How well one label is named: in how many studies it is, F1 by system, and F1 of the rules on labelled texts."""

    label: str
    studies: int
    f1: dict[str, float]
    rules: float | None


class Difference(NamedTuple):
    """How much better one system is than another, in one measure."""

    system: str
    against: str
    measure: str
    difference: Interval
    p_holm: float


class LeftOut(NamedTuple):
    """The bare figures of one system over all generated studies, also those whose reference is flagged."""

    condition: str
    studies: int
    bertimbau: float
    xlm_roberta: float
    chrf: float
    clinical_micro: float


class CardScores(NamedTuple):
    """Everything that the cards say of the scores.

    Attributes:
        studies, subjects: how many were scored.
        confidence, resamples, seed: of the intervals.
        results: BERTScore, setup by setup: the conditions, then the yardsticks that are no models.
        beside: other measures, by system.
        findings: F1 of each label.
        rules: how well the rules read texts with known labels: `texts`, `whole_texts`, `values`, `micro`, `macro`.
        differences: those that were tested.
        signatures: of each measure.
        tested: how many test studies the corpus has; a summary of 0.1.0 does not say.
        with_left_out: figures with the studies whose reference was left out; empty where none was.
        cautions: what to know of figures over few patients, as sentences; a summary of 0.1.0 has none.
    """

    studies: int
    subjects: int
    confidence: float
    resamples: int
    seed: int
    results: list[Result]
    beside: list[Beside]
    findings: list[LabelAgreement]
    rules: dict[str, Any]
    differences: list[Difference]
    signatures: dict[str, str]
    cautions: list[str]
    tested: int | None = None
    with_left_out: Sequence[LeftOut] = ()


def evaluation(workspace: Workspace) -> CardScores:
    """What scores/summary.json says.

    Raises:
        HubkitError: the file is missing or is not what the scoring stage writes.
    """
    path = workspace.scores / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        systems = [*CONDITIONS, *(name for name in summary["conditions"] if name not in CONDITIONS)]
        return CardScores(
            studies=summary["n"],
            subjects=summary["patients"],
            **{name: summary[name] for name in ("confidence", "resamples", "seed")},
            results=[
                _result(summary["conditions"][system][setup], setup, system) for setup in SETUPS for system in systems
            ],
            beside=[_beside(summary["conditions"][system], system) for system in systems],
            findings=_findings(summary),
            rules=summary["rules"],
            differences=[_difference(row) for row in summary["differences"] if row["p_holm"] is not None],
            signatures=summary["signatures"],
            tested=summary.get("of"),
            with_left_out=_with_left_out(summary),
            cautions=summary.get("cautions", []),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise HubkitError("is missing or incomplete", where=path, hint="hubkit score") from None


def _result(found: dict[str, Any], setup: str, system: str) -> Result:
    return Result(setup, system, *(_interval(found[metric], "mean") for metric in METRICS))


def _beside(found: dict[str, Any], system: str) -> Beside:
    clinical = found["clinical"]
    return Beside(
        system, *(_interval(row) for row in (found["chrf++"], found["bleu"], clinical["micro"], clinical["macro"]))
    )


def _findings(summary: dict[str, Any]) -> list[LabelAgreement]:
    by_system = {system: found["clinical"]["labels"] for system, found in summary["conditions"].items()}
    rules = summary["rules"]["labels"]
    return [
        LabelAgreement(
            label, found["studies"], {name: of[label]["f1"] for name, of in by_system.items()}, rules.get(label)
        )
        for label, found in by_system["reference"].items()
    ]


def _with_left_out(summary: dict[str, Any]) -> list[LeftOut]:
    found = summary.get("with_left_out")
    if not found:
        return []
    names = ("bertimbau f1", "xlm-roberta f1", "chrf++", "clinical micro")
    return [
        LeftOut(condition, found["n"], *(figures[name] for name in names))
        for condition, figures in found["conditions"].items()
    ]


def _difference(row: dict[str, Any]) -> Difference:
    names = (row["system"], row["against"], row["measure"])
    return Difference(*names, _interval(row, "difference"), row["p_holm"])


def _interval(found: dict[str, float], name: str = "value") -> Interval:
    return Interval(found[name], found["low"], found["high"])
