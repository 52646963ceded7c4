"""The answers of readers as judgements: one of each text, with the conditions put back in the place of "a" and "b"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hubkit.artifacts.review import REPEAT, SEVERITIES, GenerationAnswer, Reading, Review, Side, TranslationAnswer

GRADES = ("none", *SEVERITIES)
"""How bad the worst error of a text is."""

ERROR, MAJOR, CRITICAL = GRADES.index("minor"), GRADES.index("major"), GRADES.index("critical")
"""From which grade on a text has an error, a major one, a critical one. In MQM a neutral remark is not an error."""

PENALTIES = {"neutral": 0, "minor": 1, "major": 5, "critical": 25}
"""Weights of MQM's default scoring model: a critical error outweighs any number of slips."""

VERDICT_GRADES = {"correct": 0, "acceptable": 0, "wrong": MAJOR, "unreadable": CRITICAL}
"""The grade that a verdict gives a text by itself: a translation that is wrong has an error, marked or not."""


LONGEST_NAME = 80  # characters, a line of a card


class Judgement(NamedTuple):
    """What one reader says of one text.

    Attributes:
        item: without the mark of a repeat.
        repeat: whether it is the second reading by the same reader.
        position: among the reader's answers, from 0.
        condition: that wrote the text; None for a translation.
        grade: of the worst error, a place in GRADES.
        kinds: types or dimensions of its errors; neutral remarks are left out.
        penalty: its errors weighted by PENALTIES.
        verdict: on a translation.
        signed: whether they would sign a report.
    """

    reader: str
    item: str
    repeat: bool
    position: int
    seconds: float
    condition: str | None
    grade: int
    kinds: frozenset[str]
    penalty: float
    verdict: str | None = None
    signed: bool | None = None


class Preference(NamedTuple):
    """Which of two reports a reader prefers: `better` is one of `pair`, or None where they are the same."""

    reader: str
    item: str
    repeat: bool
    pair: tuple[str, str]
    better: str | None


def printable_name(name: str | None) -> str | None:
    """A name as a card can have it: one line, without what Markdown or HTML would read; None where nothing is left."""
    return re.sub(r"[^\w .,'’()-]|_", "", " ".join((name or "").split()))[:LONGEST_NAME].strip() or None


def judgements(review: Review, readings: Sequence[Reading]) -> tuple[list[Judgement], list[Preference]]:
    """The answers of all readers, in their order."""
    found: list[Judgement] = []
    preferences: list[Preference] = []
    for reading in readings:
        answers: Sequence[TranslationAnswer | GenerationAnswer] = reading.answers
        for position, answer in enumerate(answers):
            item, repeat = answer.item.removesuffix(REPEAT), answer.item.endswith(REPEAT)
            if isinstance(answer, TranslationAnswer):
                found.append(_of_translation(reading.reader, item, repeat, position, answer))
            else:
                sides = blinding_of(review, reading.reader, answer.item)
                found += _of_reports(reading.reader, item, repeat, position, answer, sides)
                pair = sorted(sides.values())
                better = None if answer.better == "same" else sides[answer.better]
                preferences.append(Preference(reading.reader, item, repeat, (pair[0], pair[1]), better))
    return found, preferences


def blinding_of(review: Review, reader: str, item: str) -> Mapping[Side, str]:
    """The conditions at "a" and "b" as `reader` saw `item`; a repeat has sides of its own, or those of the first."""
    sides = review.blinding[reader]
    return sides.get(item) or sides[item.removesuffix(REPEAT)]


def _of_translation(reader: str, item: str, repeat: bool, position: int, answer: TranslationAnswer) -> Judgement:
    severities = [error.severity for error in answer.errors]
    grade = max(worst(severities), VERDICT_GRADES[answer.verdict])
    kinds = frozenset(error.type for error in answer.errors if error.severity != "neutral")
    penalty = sum(PENALTIES[severity] for severity in severities)
    return Judgement(
        reader, item, repeat, position, answer.seconds, None, grade, kinds, penalty, verdict=answer.verdict
    )


def _of_reports(
    reader: str, item: str, repeat: bool, position: int, answer: GenerationAnswer, sides: Mapping[Side, str]
) -> Iterable[Judgement]:
    for side, condition in sides.items():
        errors = answer.errors.get(side, ())
        severities = [error.severity for error in errors]
        yield Judgement(
            reader,
            item,
            repeat,
            position,
            answer.seconds,
            condition,
            worst(severities),
            frozenset(error.dimension for error in errors if error.severity != "neutral"),
            sum(PENALTIES[severity] for severity in severities),
            signed=answer.would_sign.get(side),
        )


def worst(severities: Iterable[str]) -> int:
    """The grade of the worst of some errors."""
    return max((GRADES.index(severity) for severity in severities), default=0)
