"""What a comparison came to: a table for a terminal of 80 columns, and a sheet for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hubkit.comparison.compare import ROWS_AT_ONCE, Comparison, Difference, Translator
from hubkit.comparison.sides import Side
from hubkit.errors import UsageError
from hubkit.translation.correction_files import check_format, write_rows
from hubkit.translation.corrections import COLUMNS, text_digest

SHEET = ("study_id", "section", "source", "machine", "other", "differs", "flags", "other_flags", *COLUMNS[2:])
"""A sheet of corrections of A, with B's text next to A's: `hubkit corrections import` takes it."""

LONGEST_SECTION = 24
"""Characters of the column of sections; names of a corpus of one's own are cut there."""

MOST_CHECKS = 12
"""Checks that the terminal shows; --json has all."""

MOST_FINDINGS = 3
"""Findings that the terminal names for a dimension; --json has all."""


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The figures; no text of the corpus."""
    yield _translator_line("A", comparison.a)
    yield _translator_line("B", comparison.b)
    yield ""
    heads = f"{'rows':>9}{'same text':>11}{'alike':>9}{'differ':>9}{'no text':>9}{'chrF++':>9}"
    yield f"{'section':<{LONGEST_SECTION}}{heads}"
    for row in comparison.sections:
        chrf = "–" if row.chrf is None else f"{row.chrf:.1f}"
        yield (
            f"{_cut(row.section, LONGEST_SECTION):<{LONGEST_SECTION}}{row.rows:>9,}{row.same_text:>11,}"
            f"{row.same_statements:>9,}{row.differing:>9,}{row.without_text:>9,}{chrf:>9}"
        )
    yield "alike: another text that states the same; differ: another statement"
    yield f"chrF++: {comparison.chrf_signature}"
    yield from _dimensions(comparison)
    yield from _checks(comparison)


def _translator_line(name: str, translator: Translator) -> str:
    revision = f" at {translator.revisions[0][:12]}" if len(translator.revisions) == 1 else ""
    model = f"{', '.join(translator.models) or 'an unnamed model'}{revision}"
    return f"{name}  {translator.path}: {model}, {translator.flagged:,} flagged, {translator.failed:,} failed"


def _dimensions(comparison: Comparison) -> Iterator[str]:
    found = [row for row in comparison.dimensions if row.rows]
    yield ""
    yield f"{'other statement':<16}{'rows':>9}  of" if found else "no row states anything else"
    for row in found:
        named = ", ".join(f"{finding} {count:,}" for finding, count in list(row.findings.items())[:MOST_FINDINGS])
        more = f" and {len(row.findings) - MOST_FINDINGS} more" if len(row.findings) > MOST_FINDINGS else ""
        yield f"{row.dimension:<16}{row.rows:>9,}  {_cut(named, 52 - len(more))}{more}"


def _checks(comparison: Comparison) -> Iterator[str]:
    yield ""
    yield f"{'flagged by':<40}{'A alone':>10}{'B alone':>10}{'both':>10}" if comparison.checks else "no row has a flag"
    for row in comparison.checks[:MOST_CHECKS]:
        yield f"{_cut(row.check, 39):<40}{row.only_a:>10,}{row.only_b:>10,}{row.both:>10,}"
    if len(comparison.checks) > MOST_CHECKS:
        yield f"and {len(comparison.checks) - MOST_CHECKS} more with --json"


def _cut(text: str, width: int) -> str:
    return text if len(text) < width else f"{text[: width - 2]}…"


def check_output(path: Path, sides: Sequence[Side]) -> None:
    """Refuse a sheet of another format, or in the place of what is compared.

    Raises:
        UsageError: it is one of these.
    """
    check_format(path)
    if any(path.exists() and path.samefile(side.file) for side in sides):
        raise UsageError("is one of the two translations", where=path, hint="give --csv another name")


def write_differences(path: Path, a: Side, b: Side, differences: Sequence[Difference]) -> int:
    """Write the rows whose texts differ, in their order, for a reader to fill in, and return how many.

    The sheet holds text of the corpus, and only its owner can read it. A cell of CSV that looks like a
    formula gets an apostrophe.

    Raises:
        UsageError: nothing writes this format.
        HubkitError: the folder cannot be written.
    """
    write_rows(path, _sheet_rows(a, b, differences), SHEET)
    return len(differences)


def _sheet_rows(a: Side, b: Side, differences: Sequence[Difference]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(differences), ROWS_AT_ONCE):
        some = differences[start : start + ROWS_AT_ONCE]
        rows = [side.table.take([one.row for one in some]).to_pylist() for side in (a, b)]
        for one, two, difference in zip(*rows, some, strict=True):
            yield {
                "study_id": one["study_id"],
                "section": one["section"],
                "source": one["source"],
                "machine": one["translation"],
                "other": two["translation"],
                "differs": "; ".join(f"{dimension}: {finding}" for dimension, finding in difference.statements),
                "flags": _flags(one),
                "other_flags": _flags(two),
                "source_sha": text_digest(one),
            }


def _flags(row: dict[str, Any]) -> str:
    return ", ".join(row["flags"] or []) or ("failed" if row["status"] == "failed" else "")
