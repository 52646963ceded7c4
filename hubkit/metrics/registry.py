"""Every figure that a system gets, declared once: an entry here, and the function that computes it.

The stage score, the tables of `hubkit score`, the cards and the maintainer's page all take their metrics from METRICS;
docs/extending.md adds one. BERTScore's encoders run elsewhere (`hubkit.scoring.bertscore`), since they take hours: what
stands here is the mean over the scores of single studies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hubkit.error_profile.profile import DIMENSIONS
from hubkit.metrics import overlap
from hubkit.metrics.agreement import Agreement, agreement
from hubkit.metrics.error_counts import ErrorCounts, error_counts
from hubkit.metrics.measure import Measure, mean
from hubkit.tables import MEASURES, SETUP_NAMES

Place = Literal["measures", "left_out", "errors"]
"""Tables that list metrics: the measures other than BERTScore, the bare figures with the studies left out, and the
error profile."""

ERROR_PROFILE = "error_profile"
"""The switch of [scoring] that the error profile needs, and the family of its tests."""


@dataclass(frozen=True)
class System:
    """What one system wrote for the test studies, and what it is compared with; all in the order of the studies.

    Attributes:
        generated: its reports.
        references: the Portuguese references.
        originals: the same sections in English.
        labels: CheXpert's labels of each study; 1 positive, 0 negative, -1 uncertain, None unmentioned.
        bertscore: by setup, studies x (precision, recall, F1).
    """

    generated: Sequence[str]
    references: Sequence[str]
    originals: Sequence[str]
    labels: Sequence[Mapping[str, int | None]]
    bertscore: Mapping[str, np.ndarray]

    @functools.cached_property
    def agreement(self) -> Agreement:
        """How the findings of its reports agree with the labels: several metrics read it."""
        return agreement(self.generated, self.labels)

    @functools.cached_property
    def error_counts(self) -> ErrorCounts:
        """The clinical errors of its reports."""
        return error_counts(self.generated, self.references)


class Metric(NamedTuple):
    """A figure of a system.

    Attributes:
        name: its key in summary.json.
        label: how people read it, in tables and on cards.
        compute: the figure of a system, as sums that can be resampled.
        digits: behind the decimal point.
        tested: whether differences between systems are tested. With every metric that is, Holm's adjustment of all p
            values of its family becomes stricter.
        family: of the tests. What is computed on request has its own, so that no p value of the others changes.
        shown: the tables that have it; BERTScore has one of its own.
        signature: what the figure depends on, such as the version of a library.
        signed_as: the name that the signature stands under, where several metrics share one.
        switch: the setting of [scoring] without which it is not computed.
    """

    name: str
    label: str
    compute: Callable[[System], Measure]
    digits: int = 3
    tested: bool = False
    shown: tuple[Place, ...] = ("measures",)
    signature: Callable[[], str] | None = None
    signed_as: str | None = None
    family: str = "scores"
    switch: str | None = None


def _bertscore(setup: str, measure: str) -> Metric:
    at, is_f1 = MEASURES.index(measure), measure == "f1"
    return Metric(
        f"{setup} {measure}",
        f"BERTScore {'F1' if is_f1 else measure}, {SETUP_NAMES[setup]}",
        lambda system: mean(system.bertscore[setup][:, at]),
        tested=is_f1,
        shown=("left_out",) if is_f1 else (),
    )


def _clinical_signature() -> str:
    return "f1|labels:14|positive:present or uncertain|macro:labels of the split"


def _error_signature() -> str:
    return f"clinical errors|dimensions:{len(DIMENSIONS)}|once a finding and dimension|silence about a value: none"


def _errors(
    name: str, label: str, compute: Callable[[ErrorCounts], Measure], shown: tuple[Place, ...], digits: int = 3
) -> Metric:
    return Metric(
        name,
        label,
        lambda system: compute(system.error_counts),
        digits=digits,
        tested=True,
        shown=shown,
        signature=_error_signature,
        signed_as="error profile",
        family=ERROR_PROFILE,
        switch=ERROR_PROFILE,
    )


DIMENSION_LABELS = {
    "missed": "finding missed",
    "invented": "finding invented",
    "side": "wrong side",
    "place": "wrong place",
    "severity": "wrong severity",
    "size": "wrong size",
    "trend": "wrong trend or age",
    "certainty": "wrong certainty",
    "devices": "device wrong",
}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *[_bertscore(setup, measure) for setup in SETUP_NAMES for measure in MEASURES],
        Metric(
            "chrf++",
            "chrF++",
            lambda system: overlap.chrf(system.generated, system.references),
            digits=1,
            tested=True,
            shown=("measures", "left_out"),
            signature=lambda: overlap.signatures()["chrf++"],
        ),
        Metric(
            "bleu",
            "BLEU",
            lambda system: overlap.bleu(system.generated, system.references),
            digits=1,
            tested=True,
            signature=lambda: overlap.signatures()["bleu"],
        ),
        Metric(
            "clinical micro",
            "findings F1, micro",
            lambda system: system.agreement.micro,
            tested=True,
            shown=("measures", "left_out"),
            signature=_clinical_signature,
            signed_as="clinical",
        ),
        Metric(
            "clinical macro",
            "findings F1, macro",
            lambda system: system.agreement.macro,
            tested=True,
            signature=_clinical_signature,
            signed_as="clinical",
        ),
        _errors("errors per report", "errors per report", lambda of: of.per_report, ("measures", "left_out"), 2),
        _errors("reports without error", "reports without error", lambda of: of.without, ("measures",)),
        *[
            _errors(
                f"errors {name}",
                DIMENSION_LABELS[name],
                functools.partial(ErrorCounts.of_dimension, name=name),
                ("errors",),
            )
            for name in DIMENSIONS
        ],
    )
}
"""In the order in which tables have them."""


def shown_in(place: Place, names: Collection[str]) -> list[Metric]:
    """The metrics of a table, of those called `names`: an older summary lacks what was added since."""
    return [metric for metric in METRICS.values() if place in metric.shown and metric.name in names]
