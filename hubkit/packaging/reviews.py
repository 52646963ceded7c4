"""What a card says of reviews by readers: who read how much, error rates, agreement. It has no text of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hubkit.artifacts.review import ReviewKind, read_review
from hubkit.artifacts.review_results import Coefficient, Rate, Results, read_results, results_files
from hubkit.artifacts.review_texts import changed_items
from hubkit.artifacts.scores import Interval
from hubkit.tables import SYSTEM_NAMES
from hubkit.workspace import Workspace

RATES = ("an error", "major or critical", "critical", "would sign")
"""The rates that a card prints; those of single types are in the results of the review, and too rare for most cards."""

RATE_NAMES = {
    "an error": "with an error",
    "major or critical": "with a major or critical error",
    "critical": "with an error that could change what is done with the patient",
    "would sign": "that readers would sign",
}


class CardReview(NamedTuple):
    """A review on a card.

    Attributes:
        simulated: whether a program read: a rehearsal.
        sentences: who read how much of what, and what is estimated.
        rates: what, and its share.
        agreement: what was judged, the number of texts, and AC1 and alpha as they are printed.
    """

    kind: ReviewKind
    simulated: bool
    sentences: list[str]
    rates: list[tuple[str, Interval]]
    agreement: list[tuple[str, int, str, str]]


def card_reviews(workspace: Workspace) -> list[CardReview]:
    """The reviews of a workspace whose results were collected.

    Raises:
        HubkitError: results are damaged.
    """
    return [
        _card_review(read_results(path.parent), _changed(workspace, path.parent)) for path in results_files(workspace)
    ]


def _changed(workspace: Workspace, folder: Path) -> int:
    """How many texts of a review are others now; 0 where its review.json, which nothing else needs, is gone."""
    if not (folder / "review.json").exists():
        return 0
    return len(changed_items(workspace, read_review(folder)))


def _card_review(results: Results, changed: int) -> CardReview:
    agreement = [
        (row.question, row.items, _printed(row.coefficients.get("AC1")), _printed(row.coefficients.get("alpha")))
        for row in results.agreement
        if row.between == "readers"
    ]
    rates = [(_rate_name(row), row.share) for row in results.rates if _is_shown(results, row)]
    return CardReview(results.kind, results.simulated, _sentences(results, changed), rates, agreement)


def _sentences(results: Results, changed: int) -> list[str]:
    count = len(results.readers)
    whom = "simulated reader" if results.simulated else "radiologist"
    years = sorted(reader.years for reader in results.readers if reader.years is not None)
    experience = f", with {_listed(list(map(str, years)))} years of experience" if years else ""
    what = "sections" if results.kind == "translation" else "studies"
    who = f"{count} {whom}{'s' if count > 1 else ''}{experience}"
    read = f"{results.read:,} of {results.population:,} {what}"
    found = [f"Read by {who}: {read}, drawn with known chances."]
    if results.simulated:
        found.append("This was a rehearsal: a program made the answers, and they say nothing of the texts.")
    names = [reader.name for reader in results.readers if reader.name]
    if names and not results.simulated:
        found.append(f"{_listed(names)} agreed to be named.")
    found.append(f"Shares are estimates for all {results.population:,}, with {100 * results.confidence:g} % intervals.")
    if results.corrections:
        found.append(f"Readers corrected {results.corrections} of the {what}.")
    if changed:
        have = "has" if changed == 1 else "have"
        again = "corrected, or translated again" if results.kind == "translation" else "a report was generated again"
        found.append(f"{changed:,} of the {what} drawn {have} a different text now: {again}.")
    return found


def _is_shown(results: Results, row: Rate) -> bool:
    if results.kind == "translation":
        return row.what in RATES and row.group is None
    return row.what in RATES or row.what == "the same" or row.what.endswith(" is better")


def _rate_name(row: Rate) -> str:
    what, group = row.what, row.group
    if what.endswith(" is better"):
        condition = what.removesuffix(" is better")
        return f"where {SYSTEM_NAMES.get(condition, condition)} is better"
    if what == "the same":
        return "where both are as good"
    name = RATE_NAMES[what]
    return f"{SYSTEM_NAMES.get(group, group)}: {name}" if group else name


def _printed(found: Coefficient | None) -> str:
    if found is None or found.value is None:
        return "-"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.value:.3f}{ends}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"
