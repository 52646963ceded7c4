"""scores/summary.json: the figures of every system, and how sure one can be of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_serializer, model_validator

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.tables import SETUPS
from hubkit.workspace import Workspace

CLINICAL = ("micro", "macro")
"""Metrics that stand in the file under `clinical`, next to the F1 of single labels."""


ERRORS = "errors_by_finding"
"""Where the file has the errors of a system by finding."""


class Interval(Model):
    """A figure over all studies, with the interval around it."""

    value: float
    low: float
    high: float


class Spread(Model):
    """The mean of the scores of single studies, with its interval, and how they spread."""

    mean: float
    low: float
    high: float
    median: float
    min: float
    max: float
    sd: float

    @property
    def interval(self) -> Interval:
        return Interval(value=self.mean, low=self.low, high=self.high)


class BertScore(Model):
    """BERTScore of a system in one setup; `truncated` and `empty` count pairs with a text that was cut, or is empty."""

    precision: Spread
    recall: Spread
    f1: Spread
    truncated: int
    empty: int


class LabelF1(Model):
    """How well a system names one finding, and how many studies have it."""

    f1: float
    studies: int


class FindingErrors(Model):
    """Errors that a system makes about one finding.

    Attributes:
        per_report: of all dimensions, in a report.
        by_dimension: how many there are of each dimension, over all reports.
        references: how many references have the finding.
    """

    per_report: Interval
    by_dimension: dict[str, int]
    references: int


class SystemFigures(Model):
    """The figures of one system.

    Attributes:
        bertscore: by setup.
        metrics: all others, by name.
        findings: by CheXpert label; labels that no study has are left out.
        errors: by CheXpert label or "Other", where the error profile was asked for.
    """

    bertscore: dict[str, BertScore]
    metrics: dict[str, Interval]
    findings: dict[str, LabelF1]
    errors: dict[str, FindingErrors] = Field(default_factory=dict)

    def figure(self, name: str) -> Interval:
        """The figure of the metric called `name`, such as "bertimbau f1" or "chrf++"."""
        setup, _, measure = name.rpartition(" ")
        if setup in self.bertscore:
            spread: Spread = getattr(self.bertscore[setup], measure)
            return spread.interval
        return self.metrics[name]

    @property
    def names(self) -> set[str]:
        """The metrics that it has."""
        return {f"{setup} {name}" for setup in self.bertscore for name in ("precision", "recall", "f1")} | {
            *self.metrics
        }

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, values: Any) -> Any:
        """In the file every setup and metric is a key of the system; the findings' are together."""
        if not isinstance(values, dict) or "clinical" not in values:
            return values
        clinical = values["clinical"]
        flat = {name: found for name, found in values.items() if name not in (*SETUPS, "clinical", ERRORS)}
        return {
            "bertscore": {setup: values[setup] for setup in SETUPS if setup in values},
            "metrics": flat | {f"clinical {name}": clinical[name] for name in CLINICAL if name in clinical},
            "findings": clinical.get("labels"),
            "errors": values.get(ERRORS, {}),
        }

    @model_serializer
    def _to_file(self) -> dict[str, Any]:
        clinical = {name: self.metrics[f"clinical {name}"] for name in CLINICAL if f"clinical {name}" in self.metrics}
        flat = {name: found for name, found in self.metrics.items() if name.removeprefix("clinical ") not in clinical}
        errors = {ERRORS: self.errors} if self.errors else {}
        return {**self.bertscore, **flat, "clinical": {**clinical, "labels": self.findings}, **errors}


class Difference(Model):
    """How much better `system` is than `against` in one measure; `p_holm` is there where that was tested."""

    system: str
    against: str
    measure: str
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    p_holm: float | None

    @property
    def interval(self) -> Interval:
        return Interval(value=self.difference, low=self.low, high=self.high)


class Rules(Model):
    """How well the rules that read reports read texts with known labels: shares, and F1 also by label."""

    texts: int
    whole_texts: float
    values: float
    micro: float
    macro: float
    labels: dict[str, float]


class WithLeftOut(Model):
    """The bare figures of each system, by metric, over all studies, also those whose reference was left out."""

    n: int
    conditions: dict[str, dict[str, float]]


class Summary(Model):
    """Everything that tables and cards say of the scores.

    Attributes:
        n, patients: how many studies were scored, of how many patients.
        cautions: what to know of figures over few patients, as sentences; a summary of 0.1.0 has none.
        of: how many test studies the corpus has; a summary of 0.1.0 does not say.
        confidence, resamples, seed: of the intervals.
        signatures: of each measure.
        conditions: the figures of each system: the conditions, then the baselines, which are not models.
        rules: how well the rules read reports.
        differences: of pairs of systems, in each measure.
        with_left_out: figures with the studies whose reference was left out, where any was.
    """

    n: int
    patients: int
    cautions: tuple[str, ...] = ()
    of: int | None = None
    confidence: float
    resamples: int
    seed: int
    signatures: dict[str, str]
    conditions: dict[str, SystemFigures]
    rules: Rules
    differences: list[Difference]
    with_left_out: WithLeftOut | None = None

    @property
    def tested(self) -> list[Difference]:
        """The differences that were tested."""
        return [row for row in self.differences if row.p_holm is not None]

    @property
    def profiled(self) -> bool:
        """Whether the clinical errors were counted."""
        return any(found.errors for found in self.conditions.values())

    @property
    def names(self) -> set[str]:
        """The metrics that every system has."""
        return set.intersection(*(found.names for found in self.conditions.values()))


def read_summary(workspace: Workspace) -> Summary:
    """What the stage score wrote.

    Raises:
        HubkitError: it is missing, not whole or incomplete.
    """
    return read_model(Summary, "summary", workspace.summary, "hubkit score")


def write_summary(workspace: Workspace, summary: Summary) -> None:
    """Write what `read_summary` reads."""
    write_model("summary", workspace.summary, summary)
