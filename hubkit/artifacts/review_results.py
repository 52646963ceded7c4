"""review/NAME/results.json: what readers found. It has no text of the corpus, and no name without consent."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.artifacts.review import Language, ReviewKind
from hubkit.artifacts.scores import Interval
from hubkit.workspace import Workspace


class ReaderResult(Model):
    """What one reader did.

    Attributes:
        name: where they agreed to be named.
        years: of experience, where they gave it.
        items, repeats: answers to different items, and second readings.
        asked: how many answers the page asked for.
        seconds: the median of an answer.
        alike: whether all answers are the same.
        sha256: of the result file.
    """

    id: str
    name: str | None = None
    years: int | None = None
    language: Language
    saved: datetime.datetime
    items: int
    repeats: int
    asked: int
    seconds: float
    alike: bool
    sha256: str


class StratumRead(Model):
    """A stratum: its rows, how many were drawn, and how many of these were read."""

    name: str
    size: int
    sampled: int
    read: int


class Rate(Model):
    """The share of rows that have something, with its design-based interval.

    Attributes:
        what: such as "an error", "critical" or "terminology".
        group: of which rows: a stratum, or a condition; None for all.
        read: rows that it comes from.
        found: how many of these have it; readers of one row count for a part each.
    """

    what: str
    group: str | None = None
    read: int
    found: float
    share: Interval


class Coefficient(Model):
    """A coefficient of agreement; None where it is not defined, or too few resamples have one."""

    value: float | None
    low: float | None
    high: float | None


class Agreement(Model):
    """How far readings of the same items agree.

    Attributes:
        question: what was judged.
        between: different readers, or the first and the second reading of one.
        items: read at least twice.
        coefficients: by name.
    """

    question: str
    between: Literal["readers", "repeats"]
    items: int
    coefficients: dict[str, Coefficient]


class CheckFigures(Model):
    """An automatic check against the readers, weighted back to all rows.

    Attributes:
        read: flagged rows that were read.
        precision: the share of flagged rows that have an error.
        recall: the share of rows with an error that are flagged; None where no error was found.
    """

    check: str
    read: int
    precision: Interval
    recall: Interval | None = None


class MetricFigures(Model):
    """A metric against the readers.

    Attributes:
        texts: generated reports that were read.
        tau: Kendall's tau-b of the metric with the readers' penalty, positive where the metric is right.
        compared: pairs of reports of which readers preferred one.
        preferred: of these pairs, the share in which the metric prefers the same.
    """

    metric: str
    texts: int
    tau: Coefficient
    compared: int
    preferred: Interval | None = None


class Learning(Model):
    """How a reader's answers change on the way: medians of seconds in the first and last quarter, and the share with an
    error in the first and last half."""

    reader: str
    readings: int
    seconds_first: float
    seconds_last: float
    errors_first: float
    errors_last: float


class Disagreement(Model):
    """An item that readers judged differently: what each answered, by reader."""

    item: str
    study_id: int
    section: str | None
    question: str
    answers: dict[str, str]


class Results(Model):
    """What a review came to.

    Attributes:
        review: the digest of the review.
        collected: the day.
        corpus: its kind.
        simulated: whether a program made the answers, as in a rehearsal.
        notices: what was odd about the files, as sentences.
        corrections: corrected texts that were taken over, and those that readers contradict one another in.
    """

    review: str
    kind: ReviewKind
    collected: datetime.date
    corpus: str
    simulated: bool
    confidence: float
    readers: tuple[ReaderResult, ...]
    strata: tuple[StratumRead, ...]
    rates: tuple[Rate, ...]
    agreement: tuple[Agreement, ...]
    checks: tuple[CheckFigures, ...]
    metrics: tuple[MetricFigures, ...]
    learning: tuple[Learning, ...]
    disagreements: tuple[Disagreement, ...]
    corrections: int = 0
    contradicting: int = 0
    notices: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        """Different rows that were read."""
        return sum(part.read for part in self.strata)

    @property
    def population(self) -> int:
        """Rows that they were drawn from."""
        return sum(part.size for part in self.strata)

    def rate(self, what: str, group: str | None = None) -> Rate | None:
        """The rate called `what`; None where there is none."""
        return next((row for row in self.rates if (row.what, row.group) == (what, group)), None)


def read_results(folder: Path) -> Results:
    """The results of the review in a folder.

    Raises:
        HubkitError: they are missing, not whole, incomplete, or of another format.
    """
    return read_model(Results, "review_results", folder / "results.json", "hubkit review collect")


def write_results(folder: Path, results: Results) -> None:
    """Write what `read_results` reads."""
    write_model("review_results", folder / "results.json", results)


def results_files(workspace: Workspace) -> list[Path]:
    """The results of every review of a workspace that were collected, by the name of the review."""
    return sorted((workspace.root / "review").glob("*/results.json"))
