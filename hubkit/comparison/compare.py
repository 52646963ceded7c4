"""Where two translations of the same sections differ: in their text, in what it states, in their flags."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hubkit.comparison.sides import Side
from hubkit.error_profile.profile import DIMENSIONS, profile
from hubkit.metrics import overlap
from hubkit.progress import Progress
from hubkit.tables import SECTIONS

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 4_000
"""Rows that are Python objects at a time: some 10 MB, and more at once are not compared faster."""

ALONE = {"missed": "only in A", "invented": "only in B"}
"""What the error profile calls a finding that one of two texts has, where neither is the reference."""

WHOLE = "all"
"""The name of the line that stands for all sections."""


@dataclass(frozen=True)
class Translator:
    """Who made one of the two, and what the checks found in it."""

    path: str
    models: tuple[str, ...]
    revisions: tuple[str, ...]
    flagged: int
    failed: int


@dataclass(frozen=True)
class Agreement:
    """How far the two agree in one section.

    Attributes:
        section: its name, or `WHOLE`.
        rows: how many there are; each counts in one of the next four.
        same_text: with the same text.
        same_statements: with another text that states the same, as far as the rules read it.
        differing: with a clinical difference.
        without_text: that A or B has no text for.
        chrf: chrF++ of B's texts against A's, over the rows in which both have text; None without any.
    """

    section: str
    rows: int
    same_text: int
    same_statements: int
    differing: int
    without_text: int
    chrf: float | None


@dataclass(frozen=True)
class Check:
    """In how many rows a check raised its flag in A alone, in B alone, in both."""

    check: str
    only_a: int
    only_b: int
    both: int


@dataclass(frozen=True)
class Dimension:
    """In how many rows the two state something else, and by finding or device."""

    dimension: str
    rows: int
    findings: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """All figures; no text of the corpus.

    Attributes:
        chrf_signature: sacrebleu's, of chrF++.
    """

    a: Translator
    b: Translator
    sections: tuple[Agreement, ...]
    dimensions: tuple[Dimension, ...]
    checks: tuple[Check, ...]
    chrf_signature: str


class Difference(NamedTuple):
    """A row whose two texts differ.

    Attributes:
        row: its place in both tables.
        statements: pairs of dimension and finding.
        chrf: chrF++ of the two texts; 0 where one has none.
    """

    row: int
    statements: tuple[tuple[str, str], ...]
    chrf: float


def compare(a: Side, b: Side) -> tuple[Comparison, list[Difference]]:
    """Compare two tables whose rows answer one another.

    Returns:
        The figures, and the rows whose texts differ: first those with a clinical difference, most
        differences first, and of equally many those whose texts are least alike.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sums: defaultdict[str, Any] = defaultdict(float)
    checks: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    by_dimension: Counter[str] = Counter()
    differences: list[Difference] = []
    with Progress("compare: sections", a.table.num_rows) as progress:
        for start in range(0, a.table.num_rows, ROWS_AT_ONCE):
            rows = [side.table.slice(start, ROWS_AT_ONCE).to_pylist() for side in (a, b)]
            texts = [[row["translation"] or "" for row in side] for side in rows]
            compared = _compare_texts(list(zip(*texts, strict=True)))
            for row, (one, two, pair) in enumerate(zip(*rows, compared, strict=True), start):
                checks.update(_flag_sides(one["flags"] or (), two["flags"] or ()))
                counts[one["section"]][pair.kind] += 1
                if pair.sums is not None:
                    sums[one["section"]] += pair.sums
                found.update(pair.statements)
                by_dimension.update({dimension for dimension, _ in pair.statements})
                if pair.kind != "same_text" and (one["translation"] or two["translation"]):
                    differences.append(Difference(row, pair.statements, pair.chrf))
            progress.advance(len(rows[0]))
    differences.sort(key=lambda one: (-len(one.statements), one.chrf, one.row))
    names = [ALONE.get(name, name) for name in DIMENSIONS]
    comparison = Comparison(
        _translator(a),
        _translator(b),
        tuple(_agreements(counts, sums)),
        tuple(Dimension(name, by_dimension[name], _findings(found, name)) for name in names),
        tuple(_checks(checks)),
        overlap.signatures()["chrf++"],
    )
    return comparison, differences


class _Texts(NamedTuple):
    """What two texts come to: which figure of `Agreement` they count for, and the sums of their chrF++."""

    kind: str
    statements: tuple[tuple[str, str], ...]
    sums: np.ndarray | None
    chrf: float


def _compare_texts(pairs: Sequence[tuple[str, str]]) -> Iterator[_Texts]:
    """Compare pairs of texts, each distinct pair once: with the translation memory many are equal."""
    known: dict[tuple[str, str], _Texts] = {}
    distinct = [pair for pair in dict.fromkeys(pairs) if all(text.strip() for text in pair)]
    if distinct:
        measure = overlap.chrf([text for _, text in distinct], [text for text, _ in distinct])
        for pair, sums, value in zip(distinct, measure.sums, measure.value(measure.sums), strict=True):
            known[pair] = _Texts(*_states(*pair), sums, float(value))
    for pair in pairs:
        yield known.get(pair) or _Texts("without_text", (), None, 0.0)


def _states(a: str, b: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    if a == b:
        return "same_text", ()
    statements = tuple((ALONE.get(error.dimension, error.dimension), error.finding) for error in profile(a, b))
    return ("differing" if statements else "same_statements"), statements


def _flag_sides(a: Iterable[str], b: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a check's name and who has its flag."""
    first, second = set(a), set(b)
    for name in first | second:
        yield name, "both" if name in first & second else "only_a" if name in first else "only_b"


def _agreements(counts: Mapping[str, Counter[str]], sums: Mapping[str, Any]) -> Iterator[Agreement]:
    """A line for each section, as sections follow in a report, and one for all where there are several."""
    order = {name: place for place, name in enumerate(SECTIONS)}
    names = sorted(counts, key=lambda name: (order.get(name, len(order)), name))
    for name in names:
        yield _agreement(name, counts[name], sums.get(name))
    if len(names) > 1:
        yield _agreement(WHOLE, sum(counts.values(), Counter()), sum(sums.values()) if sums else None)


def _agreement(name: str, counted: Counter[str], sums: Any) -> Agreement:
    return Agreement(
        name,
        counted.total(),
        counted["same_text"],
        counted["same_statements"],
        counted["differing"],
        counted["without_text"],
        None if sums is None else float(overlap.chrf_value(sums)),
    )


def _findings(found: Counter[tuple[str, str]], dimension: str) -> dict[str, int]:
    return {finding: count for (name, finding), count in found.most_common() if name == dimension}


def _checks(counted: Counter[tuple[str, str]]) -> Iterator[Check]:
    """The checks that found something, the one that tells the two apart most first."""
    checks = [
        Check(name, *(counted[name, who] for who in ("only_a", "only_b", "both")))
        for name in sorted({name for name, _ in counted})
    ]
    return iter(sorted(checks, key=lambda check: (-check.only_a - check.only_b, check.check)))


def _translator(side: Side) -> Translator:
    statuses = Counter(side.table["status"].to_pylist())
    return Translator(
        str(side.path),
        _distinct(side.table["model"]),
        _distinct(side.table["revision"]),
        statuses["flagged"],
        statuses["failed"],
    )


def _distinct(column: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(value for value in column.unique().to_pylist() if value))
