"""Readers of a rehearsal: answers drawn from errors that are known, with slips of known rates.

They show what a review gives before anybody reads, and whether its estimates find the rates that went in.
"""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hubkit.artifacts.model import to_json
from hubkit.artifacts.review import (
    DIMENSIONS,
    ERROR_TYPES,
    REPEAT,
    GenerationAnswer,
    Reading,
    Review,
    Side,
    TranslationAnswer,
    envelope_json,
)
from hubkit.review.design import expected_rates
from hubkit.review.encryption import Key, close_envelope
from hubkit.review.readings import GRADES, MAJOR, blinding_of
from hubkit.workspace import atomic

SEVERITY_SHARES = {"minor": 0.6, "major": 0.3, "critical": 0.1}
"""How severe the errors of a rehearsal are."""

REPORT_ERRORS = 4.0
"""How many times as many reports have an error as translations: a model that reads images errs more."""

FIRST_SECONDS, LAST_SECONDS = 75.0, 40.0
"""What an answer takes at first and at last, about: readers get faster."""


class Slips(NamedTuple):
    """How a simulated reader errs: the share of errors that they miss, and of right texts that they find one in."""

    missed: float
    invented: float


READERS = {
    "simulated-1": Slips(missed=0.05, invented=0.005),
    "simulated-2": Slips(missed=0.10, invented=0.01),
    "simulated-3": Slips(missed=0.20, invented=0.02),
}
"""The readers of `hubkit review make --demo`: a careful one, a usual one, and one in a hurry."""

Text = tuple[str, str]
"""An item, and the condition that wrote the text; "" for a translation."""

Truth = Mapping[Text, str | None]
"""The severity of the error that each text has; None where it has none."""


def draw_truth(review: Review, error_rate: float, seed: int) -> dict[Text, str | None]:
    """Put errors into the texts of a review, more of them where the checks flagged something.

    Args:
        error_rate: share of all rows that get one.
    """
    rng = random.Random(f"{seed} truth")
    rates = expected_rates({stratum.name: stratum.size for stratum in review.strata}, error_rate)
    severities, weights = list(SEVERITY_SHARES), list(SEVERITY_SHARES.values())
    truth: dict[Text, str | None] = {}
    for item in review.items:
        for condition in _conditions(review, item.id):
            rate = rates[item.stratum] if not condition else min(0.9, REPORT_ERRORS * rates[item.stratum])
            severity = rng.choices(severities, weights)[0]
            truth[item.id, condition] = severity if rng.random() < rate else None
    return truth


def _conditions(review: Review, item: str) -> list[str]:
    if review.kind == "translation":
        return [""]
    return sorted({condition for sides in review.blinding.values() for condition in sides.get(item, {}).values()})


def simulate_reading(
    review: Review, reader: str, truth: Truth, slips: Slips, seed: int, texts: Mapping[str, str] | None = None
) -> Reading:
    """The answers of one reader to everything that they are given.

    Args:
        texts: translations by item, which a reader who finds a major error corrects; without them nobody corrects.
    """
    rng = random.Random(f"{seed} {reader}")
    order = review.order[reader]
    answers: list[TranslationAnswer | GenerationAnswer] = []
    for position, shown in enumerate(order):
        item = shown.removesuffix(REPEAT)
        share = position / max(len(order) - 1, 1)
        seconds = round(rng.lognormvariate(0, 0.4) * (FIRST_SECONDS * (1 - share) + LAST_SECONDS * share), 1)
        if review.kind == "translation":
            found = _found(truth[item, ""], slips, rng)
            answers.append(_translation(shown, seconds, found, (texts or {}).get(item), rng))
        else:
            sides = blinding_of(review, reader, shown)
            errors = {side: _found(truth[item, condition], slips, rng) for side, condition in sides.items()}
            answers.append(_reports(shown, seconds, errors, rng))
    saved = review.created + datetime.timedelta(seconds=sum(answer.seconds for answer in answers))
    return Reading.model_validate(
        {
            "review": review.digest,
            "reader": reader,
            "kind": review.kind,
            "language": review.language,
            "started": review.created,
            "saved": saved,
            "answers": [to_json(answer) for answer in answers],
        }
    )


def _found(severity: str | None, slips: Slips, rng: random.Random) -> str | None:
    if severity is not None:
        return None if rng.random() < slips.missed else severity
    return "minor" if rng.random() < slips.invented else None


def _translation(
    item: str, seconds: float, severity: str | None, text: str | None, rng: random.Random
) -> TranslationAnswer:
    errors = [] if severity is None else [{"type": rng.choice(ERROR_TYPES), "severity": severity}]
    grave = severity is not None and GRADES.index(severity) >= MAJOR
    verdict = "correct" if severity is None else "wrong" if grave else "acceptable"
    return TranslationAnswer.model_validate(
        {
            "item": item,
            "seconds": seconds,
            "verdict": verdict,
            "errors": errors,
            "correction": f"{text} (corrigido no ensaio)" if grave and text else None,
        }
    )


def _reports(item: str, seconds: float, found: Mapping[Side, str | None], rng: random.Random) -> GenerationAnswer:
    a, b = (0 if found[side] is None else GRADES.index(str(found[side])) for side in ("a", "b"))
    better = "same" if a == b else "a" if a < b else "b"
    return GenerationAnswer.model_validate(
        {
            "item": item,
            "seconds": seconds,
            "better": better,
            "errors": {
                side: [{"dimension": rng.choice(DIMENSIONS), "severity": severity}]
                for side, severity in found.items()
                if severity is not None
            },
            "would_sign": {side: severity is None or severity == "minor" for side, severity in found.items()},
        }
    )


def write_result(folder: Path, review: Review, reading: Reading, key: Key | None) -> Path:
    """Write READER.review.json as the page exports it, encrypted where there is a key."""
    path = folder / f"{reading.reader}.review.json"
    envelope = close_envelope(to_json(reading), review.digest, reading.reader, key)
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(envelope_json(envelope), ensure_ascii=False), encoding="utf-8")
    return path
