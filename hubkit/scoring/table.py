"""The summary as tables, in Markdown, LaTeX or JSON, next to the figures of the study that is reproduced."""

from __future__ import annotations

import json
from typing import Literal

from hubkit.artifacts.model import to_json
from hubkit.artifacts.scores import Summary
from hubkit.artifacts.subgroups import Subgroups
from hubkit.formats import numbered
from hubkit.scoring.subgroup_tables import subgroup_grids
from hubkit.scoring.tables import Grid, grids, original_f1
from hubkit.terms.exposure import UNMARKED, Statements

Format = Literal["md", "latex", "json"]


def render(summary: Summary, form: Format, seen: Statements = UNMARKED, subgroups: Subgroups | None = None) -> str:
    """The summary for a reader (`md`, `latex`) or a program (`json`, with the study's figures under `original_f1`).

    Args:
        seen: what the models had seen of the corpus before.
        subgroups: the scores of subgroups, where there are any; in `json` under `subgroups`.
    """
    if form == "json":
        values = {**numbered("summary", to_json(summary)), "original_f1": original_f1(), "seen": seen.sentences}
        more = {"subgroups": to_json(subgroups)} if subgroups else {}
        return json.dumps(values | more, indent=2, ensure_ascii=False)
    draw, sign = {"md": (_markdown, _signed_list), "latex": (_latex, _signed_comment)}[form]
    return "\n\n".join(
        [
            *(draw(grid) for grid in grids(summary, seen.systems, seen.sentences)),
            *(draw(grid) for grid in _divided(subgroups, seen)),
            sign(summary.signatures),
        ]
    )


def _divided(subgroups: Subgroups | None, seen: Statements) -> list[Grid]:
    """The tables of subgroups, the first with what to know of them all. All that is withheld is named there too."""
    if subgroups is None:
        return []
    first, *others = subgroup_grids(subgroups, seen.systems)
    return [first._replace(note=f"{first.note} {subgroups.note}"), *others]


def _markdown(grid: Grid) -> str:
    lines = [grid.header, ["---" if side == "l" else "---:" for side in grid.sides], *grid.rows]
    return "\n".join([grid.title, "", *("| " + " | ".join(line) + " |" for line in lines)])


def _signed_list(signatures: dict[str, str]) -> str:
    return "\n".join(["Signatures:", "", *(f"- {name}: `{signature}`" for name, signature in signatures.items())])


def _signed_comment(signatures: dict[str, str]) -> str:
    return "\n".join(f"% {name}: {signature}" for name, signature in signatures.items())


def _latex(grid: Grid) -> str:
    escaped = [tuple(_escape(cell) for cell in line) for line in (grid.header, *grid.rows)]
    header, *rows = [" & ".join(line) + r" \\" for line in escaped]
    return "\n".join(
        [
            r"\begin{table}  % needs \usepackage{booktabs,graphicx}",
            rf"\caption{{{_escape(grid.title)}}}\medskip",
            rf"\resizebox{{\linewidth}}{{!}}{{\begin{{tabular}}{{{grid.sides}}}",
            r"\toprule",
            header,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
        ]
    )


def _escape(cell: str) -> str:
    special = {
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "#": r"\#",
        "<": r"$<$",
        "−": r"$-$",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
    }
    return "".join(special.get(character, character) for character in cell)
