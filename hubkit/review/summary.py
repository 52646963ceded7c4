"""What a review came to, as a table for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from hubkit.artifacts.review_results import Coefficient, Results
from hubkit.artifacts.scores import Interval
from hubkit.screen import counted

WIDTH = 80  # columns of a terminal

LONGEST_ID = 24  # characters of the column of readers

MOST_ROWS = 12
"""Checks that the terminal shows; results.json has all."""

ALWAYS = ("an error", "major or critical", "critical", "would sign")
"""Rates that are shown also where nothing was found: an upper limit says something too."""


def summary_lines(results: Results) -> Iterator[str]:
    """The results; no text of the corpus, and readers by their ids."""
    kind = "sections" if results.kind == "translation" else "studies"
    who = counted(len(results.readers), "simulated reader" if results.simulated else "reader")
    yield f"{results.read} of {results.population:,} {kind} read by {who}"
    for notice in results.notices:
        yield from textwrap.wrap(f"note: {notice}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield from _readers(results)
    yield from _rates(results)
    yield from _agreement(results)
    yield from _checks(results)
    yield from _metrics(results)
    if results.disagreements:
        yield ""
        yield f"answers on which readers differ: {len(results.disagreements)}, in disagreements.csv"
    if results.corrections:
        yield f"corrected texts: {results.corrections}"


def _readers(results: Results) -> Iterator[str]:
    yield ""
    yield f"{'reader':<24}{'items':>6}{'again':>6}{'s each':>8}{'first':>6}{'last':>6}{'errors first':>15}{'last':>7}"
    pace = {row.reader: row for row in results.learning}
    for reader in results.readers:
        name = reader.id if len(reader.id) < LONGEST_ID else f"{reader.id[: LONGEST_ID - 2]}…"
        line = f"{name:<24}{reader.items:>6}{reader.repeats:>6}{reader.seconds:>8.0f}"
        if row := pace.get(reader.id):
            errors = f"{row.errors_first:>15.0%}{row.errors_last:>7.0%}"
            line += f"{row.seconds_first:>6.0f}{row.seconds_last:>6.0f}{errors}"
        yield line


def _rates(results: Results) -> Iterator[str]:
    yield ""
    yield f"{'rate':<46}{'read':>5}{'found':>7}{'%':>7}{'95 %':>14}"
    for row in results.rates:
        if row.found or row.what in ALWAYS:
            name = f"{row.what}: {row.group}" if row.group else row.what
            low, high = 100 * row.share.low, 100 * row.share.high
            yield f"{name[:45]:<46}{row.read:>5}{row.found:>7.1f}{100 * row.share.value:>7.2f}{low:>6.2f} – {high:.2f}"


def _agreement(results: Results) -> Iterator[str]:
    if not results.agreement:
        return
    yield ""
    names = ("percent", "AC1", "AC2", "alpha", "kappa")
    yield f"{'agreement':<26}{'items':>6}" + "".join(f"{name:>9}" for name in names)
    for row in results.agreement:
        who = "" if row.between == "readers" else ", again"
        cells = [_coefficient(row.coefficients.get(name)) for name in names]
        yield f"{row.question + who:<26}{row.items:>6}" + "".join(f"{cell:>9}" for cell in cells)


def _checks(results: Results) -> Iterator[str]:
    if not results.checks:
        return
    yield ""
    yield f"{'check against readers':<28}{'read':>6}{'precision':>22}{'recall':>22}"
    for row in sorted(results.checks, key=lambda row: -row.read)[:MOST_ROWS]:
        yield f"{row.check[:27]:<28}{row.read:>6}{_share(row.precision):>22}{_share(row.recall):>22}"
    if len(results.checks) > MOST_ROWS:
        yield f"and {len(results.checks) - MOST_ROWS} more in results.json"


def _metrics(results: Results) -> Iterator[str]:
    if not results.metrics:
        return
    yield ""
    yield f"{'metric against readers':<28}{'texts':>6}{'tau':>22}{'same preference':>22}"
    for row in results.metrics:
        tau = row.tau
        ends = f" ({tau.low:.2f} – {tau.high:.2f})" if tau.low is not None and tau.high is not None else ""
        shown = "–" if tau.value is None else f"{tau.value:.2f}{ends}"
        yield f"{row.metric[:27]:<28}{row.texts:>6}{shown:>22}{_share(row.preferred):>22}"


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.2f} ({interval.low:.2f} – {interval.high:.2f})"


def _coefficient(found: Coefficient | None) -> str:
    return "" if found is None else "–" if found.value is None else f"{found.value:.3f}"
