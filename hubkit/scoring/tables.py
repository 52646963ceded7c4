"""The tables of the summary as texts in rows and columns, ready to be drawn in any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hubkit.artifacts.scores import Interval, Summary
from hubkit.metrics.error_counts import ERRORS_NOTE
from hubkit.metrics.registry import METRICS, Metric, shown_in
from hubkit.original_study import ORIGINAL_STUDY
from hubkit.tables import MEASURES, SETUP_NAMES, SETUPS, SYSTEM_NAMES


class Grid(NamedTuple):
    """A table of texts: the first `names` columns say what a row is about, the others hold figures.

    Attributes:
        caption: what it shows, without a full stop.
        header, rows: of the table.
        names: number of columns that are not figures.
        note: what else has to be known of the whole table; of that sort is where a column comes from.
    """

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    names: int = 1
    note: str = ""

    @property
    def title(self) -> str:
        """Caption and note as sentences."""
        return f"{self.caption}. {self.note}".strip()

    @property
    def sides(self) -> str:
        """The side that each column is set to: l or r."""
        return "l" * self.names + "r" * (len(self.header) - self.names)


Names = Mapping[str, str]
"""What the systems are called, by name."""


def grids(summary: Summary, names: Names = SYSTEM_NAMES, seen: Sequence[str] = ()) -> list[Grid]:
    """BERTScore, the other measures, the findings by label, the error profile if there is one, and the differences.

    Args:
        names: of the systems, with the mark of what their base had seen of the corpus.
        seen: what the marks mean, as sentences; they stand below the first table's caption.
    """
    profile = (errors_grid, errors_by_finding_grid) if summary.profiled else ()
    drawn = (bertscore_grid, others_grid, findings_grid, *profile, differences_grid)
    first, *others = (grid(summary, names) for grid in drawn)
    return [first._replace(note=" ".join([first.note, *seen])), *others]


def bertscore_grid(summary: Summary, names: Names) -> Grid:
    """Precision, recall and F1 of every system and setup."""
    original = original_f1()
    rows = [
        (
            names[system],
            SETUP_NAMES[setup],
            *[figure_text(found.figure(f"{setup} {measure}"), 3) for measure in MEASURES],
            *[f"{value:.3f}" for value in (f1.median, f1.min, f1.max, f1.sd)],
            f"{original[setup][system]:.3f}" if system in original[setup] else "",
        )
        for setup in SETUPS
        for system, found in summary.conditions.items()
        for f1 in [found.bertscore[setup].f1]
    ]
    header = ("condition", "setup", "precision", "recall", "F1", "median", "min", "max", "sd", "original study")
    level = f"{summary.confidence:.0%} interval"
    caption = f"BERTScore of {summary.n} studies of {summary.patients} patients, mean and {level}; the rest is F1"
    note = (
        f"Original study: F1 of {ORIGINAL_STUDY.name} over {ORIGINAL_STUDY.test_studies} test studies, that with "
        f"BERTimbau read off its plots. {_uncommon(summary)}."
    )
    return Grid(caption, header, rows, names=2, note=note)


def others_grid(summary: Summary, names: Names) -> Grid:
    """The other measures of every system, with what a flipped negation costs in each that is tested."""
    metrics = shown_in("measures", summary.names)
    rows = [
        (names[system], *[figure_text(found.figure(metric.name), metric.digits) for metric in metrics])
        for system, found in summary.conditions.items()
    ]
    tested = [metric for metric in METRICS.values() if _may_cost(metric) and metric.name in summary.names]
    cost = {metric.label: _lost_by_flipping(summary, metric.name) for metric in tested}
    shares = [f"{cost[label]:.0%} of {label}" for label in sorted(cost, key=lambda label: -cost[label])]
    caption = (
        "Text overlap, and findings that agree with the CheXpert labels. What flipped negations cost the reference: "
        + "; ".join(shares)
    )
    note = "".join(f"{caution}. " for caution in summary.cautions).strip()
    return Grid(caption, ("condition", *[metric.label for metric in metrics]), rows, note=note)


def findings_grid(summary: Summary, names: Names) -> Grid:
    """F1 of each label, micro and macro, of every system; the last column is the rules' own F1 on labelled texts."""
    conditions, rules = summary.conditions, summary.rules
    rows = [
        (
            label,
            str(reference.studies),
            *[f"{found.findings[label].f1:.3f}" for found in conditions.values()],
            f"{rules.labels[label]:.3f}" if label in rules.labels else "",
        )
        for label, reference in conditions["reference"].findings.items()
    ]
    rows += [
        (name, "", *[f"{found.figure(f'clinical {name}').value:.3f}" for found in conditions.values()], f"{own:.3f}")
        for name, own in (("micro", rules.micro), ("macro", rules.macro))
    ]
    caption = "F1 of findings, as rules read them in the Portuguese, against the CheXpert labels"
    note = (
        f"Last column: the rules' F1 on {rules.texts} invented texts with known labels; they read "
        f"{rules.whole_texts:.1%} of these texts wholly right, and {rules.values:.1%} of single labels."
    )
    header = ("label", "studies", *[names[system] for system in conditions], "rules")
    return Grid(caption, header, rows, note=note)


def errors_grid(summary: Summary, names: Names) -> Grid:
    """Errors of each dimension in a report, of every system."""
    metrics = shown_in("errors", summary.names)
    rows = [
        (names[system], *[figure_text(found.figure(metric.name), metric.digits) for metric in metrics])
        for system, found in summary.conditions.items()
    ]
    caption = "Clinical errors in a report, reference against generation in Portuguese, as rules read both"
    return Grid(caption, ("condition", *[metric.label for metric in metrics]), rows, note=ERRORS_NOTE)


def errors_by_finding_grid(summary: Summary, names: Names) -> Grid:
    """Errors about each finding in a report, of every system."""
    conditions = summary.conditions
    rows = [
        (
            finding,
            str(first.references),
            *[figure_text(found.errors[finding].per_report, 3) for found in conditions.values()],
        )
        for finding, first in next(iter(conditions.values())).errors.items()
    ]
    header = ("finding", "references with it", *[names[system] for system in conditions])
    return Grid("Clinical errors in a report by finding, of all kinds", header, rows)


def differences_grid(summary: Summary, names: Names) -> Grid:
    """The differences that were tested, with p values."""
    rows = [
        (
            f"{names[row.system]} − {names[row.against]}",
            METRICS[row.measure].label,
            figure_text(row.interval, METRICS[row.measure].digits),
            *[p_text(p) for p in (row.p_bootstrap, row.p_randomisation, row.p_holm) if p is not None],
        )
        for row in summary.tested
        if row.measure in METRICS
    ]
    caption = f"Paired differences; {summary.resamples} resamples of patients, seed {summary.seed}"
    header = ("systems", "measure", "difference", "p, bootstrap", "p, randomisation", "p, Holm")
    return Grid(caption, header, rows, names=2)


def original_f1() -> dict[str, dict[str, float]]:
    """The F1 of the study that is reproduced, by setup and condition."""
    figures: dict[str, dict[str, float]] = {setup: {} for setup in SETUPS}
    for (setup, condition), value in ORIGINAL_STUDY.f1.items():
        figures[setup][condition] = value
    return figures


def _uncommon(summary: Summary) -> str:
    """How many texts were cut at the maximum length or held no token, where any was."""
    counted = [
        f"{SYSTEM_NAMES[system]} ({SETUP_NAMES[setup]}) {found.truncated} cut and {found.empty} empty"
        for system, figures in summary.conditions.items()
        for setup, found in figures.bertscore.items()
        if found.truncated or found.empty
    ]
    return f"Pairs with a text that was cut, or empty: {', '.join(counted) or 'none'}"


def _may_cost(metric: Metric) -> bool:
    """Whether flipped negations can cost a share of a metric: of errors, the reference itself has none."""
    return metric.tested and not metric.switch


def figure_text(found: Interval, digits: int) -> str:
    """A figure with its interval."""
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def p_text(p: float) -> str:
    """A p value to four digits, which is what 10,000 resamples can tell."""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _lost_by_flipping(summary: Summary, name: str) -> float:
    """The share of a measure that is lost from the references to those with flipped negations."""
    right, flipped = (summary.conditions[system].figure(name).value for system in ("reference", "flipped"))
    return (right - flipped) / right if right else 0.0
