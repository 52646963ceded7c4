"""The summary as tables, in Markdown, LaTeX or JSON, beside the figures of the study that is reproduced."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from hubkit.errors import HubkitError
from hubkit.original_study import ORIGINAL_STUDY
from hubkit.tables import SETUPS
from hubkit.workspace import Workspace

Format = Literal["md", "latex", "json"]

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


class Grid(NamedTuple):
    """A table of texts: the first `names` columns say what a row is about, the others hold figures."""

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    names: int = 1

    @property
    def sides(self) -> str:
        """The side that each column is set to: l or r."""
        return "l" * self.names + "r" * (len(self.header) - self.names)


def read_summary(workspace: Workspace) -> dict[str, Any]:
    """What the stage score wrote.

    Raises:
        HubkitError: it is missing or not whole.
    """
    path = workspace.scores / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubkitError("is missing", where=path, mend="hubkit score") from None
    except json.JSONDecodeError:
        raise HubkitError("is not whole", where=path, mend="delete it, then: hubkit score") from None
    return summary


def render(summary: dict[str, Any], form: Format) -> str:
    """The summary for a reader (`md`, `latex`) or a program (`json`, with the study's figures under `original_f1`)."""
    if form == "json":
        return json.dumps({**summary, "original_f1": _original_f1()}, indent=2, ensure_ascii=False)
    draw = {"md": _markdown, "latex": _latex}[form]
    return "\n\n".join(draw(grid) for grid in grids(summary))


def grids(summary: dict[str, Any]) -> list[Grid]:
    """BERTScore, the other measures, and the differences, in this order."""
    return [bertscore_grid(summary), others_grid(summary), differences_grid(summary)]


def bertscore_grid(summary: dict[str, Any]) -> Grid:
    """Precision, recall and F1 of every system and setup."""
    level, original = f"{summary['confidence']:.0%} interval", _original_f1()
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
    return Grid(caption, header, rows, names=2)


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
    caption = (
        "Text overlap, and findings that agree with the CheXpert labels. A flipped negation costs "
        f"{_share(conditions, lambda found: found['bertimbau']['f1']['mean'])} of BERTScore F1 (BERTimbau), "
        f"{_share(conditions, lambda found: found['chrf++']['value'])} of chrF++ and "
        f"{_share(conditions, lambda found: found['clinical']['micro']['value'])} of the findings' F1"
    )
    return Grid(caption, ("condition", *[NAMES[name] for name in measures]), rows)


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


def _original_f1() -> dict[str, dict[str, float]]:
    """The F1 of the study that is reproduced, by setup and condition."""
    figures: dict[str, dict[str, float]] = {setup: {} for setup in SETUPS}
    for (setup, condition), value in ORIGINAL_STUDY.f1.items():
        figures[setup][condition] = value
    return figures


def _figure(found: dict[str, float], name: str, digits: int) -> str:
    return f"{found[name]:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def _p_value(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _share(conditions: dict[str, Any], take: Callable[[dict[str, Any]], float]) -> str:
    """By how much a measure falls from the references to those with flipped negations."""
    right, flipped = take(conditions["reference"]), take(conditions["flipped"])
    return f"{(right - flipped) / right:.0%}" if right else "nothing"


def _markdown(grid: Grid) -> str:
    lines = [grid.header, ["---" if side == "l" else "---:" for side in grid.sides], *grid.rows]
    return "\n".join([f"{grid.caption}.", "", *("| " + " | ".join(line) + " |" for line in lines)])


def _latex(grid: Grid) -> str:
    escaped = [tuple(_escape(cell) for cell in line) for line in (grid.header, *grid.rows)]
    header, *rows = [" & ".join(line) + r" \\" for line in escaped]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escape(grid.caption)}.}}",
            rf"\begin{{tabular}}{{{grid.sides}}}",
            r"\toprule",
            header,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _escape(cell: str) -> str:
    special = {"%": r"\%", "&": r"\&", "_": r"\_", "<": r"$<$", "−": r"$-$"}
    return "".join(special.get(character, character) for character in cell)
