"""Scores a frozen set of pairs whose errors were written by hand: `checks.py --set FOLDER`.

Every `.tsv` of the folder but `errors.tsv` holds correct pairs. Only aggregates leave this module: whoever builds the
checks must not learn which pair was missed.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from hubkit.checks import check

ERRORS = "errors"

# The goals for the set. Reports may raise more false alarms than sentences because each holds several sentences.
RECALL, RECALL_OF_A_KIND = 0.92, 0.75
FALSE_ALARMS = {"sentences": 0.01, "reports": 0.04}


class Pair(NamedTuple):
    """A source with its translation; group is the style of a correct pair, or the kind of error."""

    id: str
    group: str
    source: str
    translation: str


class Share(NamedTuple):
    """How many of a number of pairs were flagged as errors."""

    flagged: int
    pairs: int

    @property
    def value(self) -> float:
        return self.flagged / self.pairs

    def __str__(self) -> str:
        low, high = wilson(self.flagged, self.pairs)
        shares = f"{100 * self.value:5.1f} %  ({100 * low:.1f} to {100 * high:.1f})"
        return f"{shares}  {self.flagged} of {self.pairs}"


def read(path: Path) -> list[Pair]:
    """Return the pairs of a file of four columns; line breaks within a text are written as backslash and n."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        cells = [cell.replace("\\n", "\n") for cell in line.split("\t")]
        if len(cells) != len(Pair._fields):
            raise ValueError(f"{path}:{number}: {len(cells)} columns, expected {', '.join(Pair._fields)}")
        rows.append(Pair(*cells))
    return rows


def figures(folder: Path, half: str | None = None) -> dict[str, dict[str, Share]]:
    """Return recall by kind of error and false alarms by file and style, each with an entry "overall".

    half ("odd" or "even") keeps to the ids of that half; a folder without errors has no recall.
    """
    files = sorted(folder.glob("*.tsv"))
    if not files:
        sys.exit(f"checks: {folder} has no .tsv file; give --set a folder such as tests/checks/wide")
    shares = {path.stem: _shares(_half(read(path), half)) for path in files}
    recall = {"recall": shares.pop(ERRORS)} if ERRORS in shares else {}
    return recall | {f"false alarms, {name}": found for name, found in shares.items()}


def halves(path: Path) -> dict[str, dict[str, Share]]:
    """Return false alarms by style on the odd ids of a file with a header, on its even ids and on all."""
    pairs = read(path)[1:]
    parts = {
        "odd ids (the rules are tuned on them)": _half(pairs, "odd"),
        "even ids (held out)": _half(pairs, "even"),
        "all": pairs,
    }
    return {f"false alarms, {name}": _shares(part) for name, part in parts.items()}


def met(found: dict[str, dict[str, Share]]) -> bool:
    """Return whether the goals are met, as shares and not as the lower ends of intervals."""
    recall = found.get("recall")
    return (
        recall is None
        or (recall["overall"].value >= RECALL and min(share.value for share in recall.values()) >= RECALL_OF_A_KIND)
    ) and (
        all(
            found[f"false alarms, {name}"]["overall"].value <= most
            for name, most in FALSE_ALARMS.items()
            if f"false alarms, {name}" in found
        )
    )


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share; it is sound for shares of 0 and 1 too."""
    share, width = hits / total, z * z / total
    centre = (share + width / 2) / (1 + width)
    half = z * math.sqrt(share * (1 - share) / total + width / (4 * total)) / (1 + width)
    return max(0.0, centre - half), min(1.0, centre + half)


def _half(pairs: list[Pair], half: str | None) -> list[Pair]:
    if half is None:
        return pairs
    return [pair for pair in pairs if int(pair.id[-1]) % 2 == (half == "odd")]


def _shares(pairs: list[Pair]) -> dict[str, Share]:
    flagged: dict[str, list[bool]] = defaultdict(list)
    for pair in pairs:
        error = any(flag.severity == "error" for flag in check(pair.source, pair.translation))
        flagged[pair.group].append(error)
        flagged["overall"].append(error)
    ordered = sorted(flagged.items(), key=lambda item: (item[0] == "overall", item[0]))
    return {group: Share(sum(errors), len(errors)) for group, errors in ordered}
