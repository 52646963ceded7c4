"""The tables of the summary as texts in rows and columns, ready to be drawn in any format."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import getitem
from typing import Any, NamedTuple

from hubkit.original_study import ORIGINAL_STUDY
from hubkit.tables import SETUPS

NAMES = {
    "zero_shot": "zero-shot",
    "few_shot": "few-shot",
    "lora": "LoRA",
    "commonest": "commonest report",
    "reference": "reference itself",
    "flipped": "reference, negations flipped",
    "bertimbau": "BERTimbau",
    "xlm-roberta": "XLM-R",
    "chrf++": "chrF++",
    "bleu": "BLEU",
    "clinical micro": "findings F1, micro",
    "clinical macro": "findings F1, macro",
    "bertimbau f1": "BERTScore F1, BERTimbau",
    "xlm-roberta f1": "BERTScore F1, XLM-R",
}
"""How systems, setups and measures are called where people read them."""


VALUES = {
    **{f"{setup} f1": (setup, "f1", "mean") for setup in SETUPS},
    **{name: (name, "value") for name in ("chrf++", "bleu")},
    **{f"clinical {name}": ("clinical", name, "value") for name in ("micro", "macro")},
}
"""Where each measure stands among the figures of a system."""


class Grid(NamedTuple):
    """A table of texts: the first `names` columns say what a row is about, the others hold figures.

    Attributes:
        caption: what it shows, without a full stop.
        header, rows: of the table.
        names: number of columns that are no figures.
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


def grids(summary: dict[str, Any]) -> list[Grid]:
    """BERTScore, the other measures, the findings by label, and the differences, in this order."""
    return [bertscore_grid(summary), others_grid(summary), findings_grid(summary), differences_grid(summary)]


def bertscore_grid(summary: dict[str, Any]) -> Grid:
    """Precision, recall and F1 of every system and setup."""
    level, original = f"{summary['confidence']:.0%} interval", original_f1()
    rows = [
        (
            NAMES[system],
            NAMES[setup],
            *[_figure(found[setup][measure], "mean", 3) for measure in ("precision", "recall", "f1")],
            *[f"{found[setup]['f1'][name]:.3f}" for name in ("median", "min", "max", "sd")],
            f"{original[setup][system]:.3f}" if system in original[setup] else "",
        )
        for setup in SETUPS
        for system, found in summary["conditions"].items()
    ]
    header = ("condition", "setup", "precision", "recall", "F1", "median", "min", "max", "sd", "original study")
    caption = f"BERTScore of {summary['n']} studies of {summary['patients']} patients, mean and {level}; the rest is F1"
    note = (
        f"Original study: F1 of {ORIGINAL_STUDY.name} over {ORIGINAL_STUDY.test_studies} test studies, that with "
        f"BERTimbau read off its plots. {_uncommon(summary['conditions'])}."
    )
    return Grid(caption, header, rows, names=2, note=note)


def others_grid(summary: dict[str, Any]) -> Grid:
    """chrF++, BLEU and the agreement of findings of every system, with what a flipped negation costs in each."""
    conditions = summary["conditions"]
    measures: dict[str, Callable[[dict[str, Any]], dict[str, float]]] = {
        "chrf++": lambda found: found["chrf++"],
        "bleu": lambda found: found["bleu"],
        "clinical micro": lambda found: found["clinical"]["micro"],
        "clinical macro": lambda found: found["clinical"]["macro"],
    }
    digits = {"chrf++": 1, "bleu": 1}
    rows = [
        (NAMES[system], *[_figure(take(found), "value", digits.get(name, 3)) for name, take in measures.items()])
        for system, found in conditions.items()
    ]
    cost = {name: _lost_by_flipping(conditions, path) for name, path in VALUES.items()}
    shares = [f"{cost[name]:.0%} of {NAMES[name]}" for name in sorted(cost, key=lambda name: -cost[name])]
    caption = (
        "Text overlap, and findings that agree with the CheXpert labels. What flipped negations cost the reference: "
        + "; ".join(shares)
    )
    note = "".join(f"{caution}. " for caution in summary.get("cautions", [])).strip()
    return Grid(caption, ("condition", *[NAMES[name] for name in measures]), rows, note=note)


def findings_grid(summary: dict[str, Any]) -> Grid:
    """F1 of each label, micro and macro, of every system; the last column is the rules' own F1 on labelled texts."""
    conditions, rules = summary["conditions"], summary["rules"]
    counts = {label: str(found["studies"]) for label, found in conditions["reference"]["clinical"]["labels"].items()}
    rows = [
        (
            label,
            counts[label],
            *[f"{found['clinical']['labels'][label]['f1']:.3f}" for found in conditions.values()],
            f"{rules['labels'][label]:.3f}" if label in rules["labels"] else "",
        )
        for label in counts
    ]
    rows += [
        (name, "", *[f"{found['clinical'][name]['value']:.3f}" for found in conditions.values()], f"{rules[name]:.3f}")
        for name in ("micro", "macro")
    ]
    caption = "F1 of findings, as rules read them in the Portuguese, against the CheXpert labels"
    note = (
        f"Last column: the rules' F1 on {rules['texts']} invented texts with known labels; they read "
        f"{rules['whole_texts']:.1%} of these texts wholly right, and {rules['values']:.1%} of single labels."
    )
    header = ("label", "studies", *[NAMES[system] for system in conditions], "rules")
    return Grid(caption, header, rows, note=note)


def differences_grid(summary: dict[str, Any]) -> Grid:
    """The differences that were tested, with p values."""
    rows = [
        (
            f"{NAMES[row['system']]} − {NAMES[row['against']]}",
            NAMES[row["measure"]],
            _figure({**row, "value": row["difference"]}, "value", 1 if row["measure"] in ("chrf++", "bleu") else 3),
            *[_p_value(row[name]) for name in ("p_bootstrap", "p_randomisation", "p_holm")],
        )
        for row in summary["differences"]
        if row["p_holm"] is not None
    ]
    caption = f"Paired differences; {summary['resamples']} resamples of patients, seed {summary['seed']}"
    header = ("systems", "measure", "difference", "p, bootstrap", "p, randomisation", "p, Holm")
    return Grid(caption, header, rows, names=2)


def original_f1() -> dict[str, dict[str, float]]:
    """The F1 of the study that is reproduced, by setup and condition."""
    figures: dict[str, dict[str, float]] = {setup: {} for setup in SETUPS}
    for (setup, condition), value in ORIGINAL_STUDY.f1.items():
        figures[setup][condition] = value
    return figures


def _uncommon(conditions: dict[str, Any]) -> str:
    """How many texts were cut at the maximum length or held no token, where any was."""
    counted = [
        f"{NAMES[system]} ({NAMES[setup]}) {found[setup]['truncated']} cut and {found[setup]['empty']} empty"
        for system, found in conditions.items()
        for setup in SETUPS
        if found[setup]["truncated"] or found[setup]["empty"]
    ]
    return f"Pairs with a text that was cut, or empty: {', '.join(counted) or 'none'}"


def _figure(found: dict[str, float], name: str, digits: int) -> str:
    return f"{found[name]:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def _p_value(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _lost_by_flipping(conditions: dict[str, Any], path: tuple[str, ...]) -> float:
    """The share of a measure that is lost from the references to those with flipped negations."""
    right, flipped = (functools.reduce(getitem, path, conditions[system]) for system in ("reference", "flipped"))
    return float((right - flipped) / right) if right else 0.0
