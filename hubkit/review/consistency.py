"""Readers among one another and with themselves: agreement, disagreements, learning over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from hubkit.artifacts.review import VERDICTS, Review
from hubkit.artifacts.review_results import Agreement, Coefficient, Disagreement, Learning
from hubkit.review.agreement import Scale, coefficients, readings_table
from hubkit.review.readings import ERROR, GRADES, Judgement, Preference

LEAST_ITEMS = 5
"""Items for a coefficient of agreement: of fewer, it says nothing."""

QUARTER = 4  # the first and the last fourth of a reading are compared: learning, and tiring

Key = tuple[str, str]
"""An item, and the condition or the pair that was judged; "" for a translation."""

Answers = Mapping[tuple[Key, str, bool], int]
"""The category that each reader chose of each text, first or second time."""


class Question(NamedTuple):
    """What readers were asked, as categories in their order.

    Attributes:
        answers: the number of the category, by text, reader and whether it is the second reading.
    """

    name: str
    categories: tuple[str, ...]
    scale: Scale
    answers: Answers


def questions(judgements: Sequence[Judgement], preferences: Sequence[Preference]) -> list[Question]:
    """What is compared between readers; a question that nobody was asked is left out."""
    found = [
        Question("an error", ("no", "yes"), "nominal", _answers(judgements, lambda row: int(row.grade >= ERROR))),
        Question("severity", GRADES, "ordinal", _answers(judgements, lambda row: row.grade)),
        Question(
            "verdict",
            VERDICTS,
            "ordinal",
            _answers(judgements, lambda row: None if row.verdict is None else VERDICTS.index(row.verdict)),
        ),
        Question(
            "would sign",
            ("no", "yes"),
            "nominal",
            _answers(judgements, lambda row: None if row.signed is None else int(row.signed)),
        ),
        Question("preference", ("the first", "the same", "the second"), "ordinal", _preferred(preferences)),
    ]
    return [question for question in found if question.answers]


def _answers(judgements: Iterable[Judgement], category: Callable[[Judgement], int | None]) -> Answers:
    found = {}
    for row in judgements:
        value = category(row)
        if value is not None:
            found[(row.item, row.condition or ""), row.reader, row.repeat] = value
    return found


def _preferred(preferences: Iterable[Preference]) -> Answers:
    """Better by the conditions in the order of their names, and not by the side on which they stood."""
    return {
        ((row.item, " and ".join(row.pair)), row.reader, row.repeat): 1
        if row.better is None
        else 2 * row.pair.index(row.better)
        for row in preferences
    }


def agreement(asked: Sequence[Question], seed: int, confidence: float) -> list[Agreement]:
    """Agreement between readers, and of readers with themselves, on every question that enough items have."""
    return [
        Agreement(
            question=question.name,
            between="readers" if between == "readers" else "repeats",
            items=len(table),
            coefficients={
                row.name: Coefficient(value=row.value, low=row.low, high=row.high)
                for row in coefficients(
                    readings_table(table), len(question.categories), question.scale, seed, confidence=confidence
                )
            },
        )
        for between in ("readers", "repeats")
        for question in asked
        if len(table := (_between_readers if between == "readers" else _repeats)(question.answers)) >= LEAST_ITEMS
    ]


def _between_readers(answers: Answers) -> list[list[int | None]]:
    readers = sorted({reader for _, reader, _ in answers})
    texts: dict[Key, list[int | None]] = defaultdict(lambda: [None] * len(readers))
    for (key, reader, repeat), value in answers.items():
        if not repeat:
            texts[key][readers.index(reader)] = value
    return [row for row in texts.values() if sum(value is not None for value in row) > 1]


def _repeats(answers: Answers) -> list[list[int | None]]:
    """First and second readings of all readers, as if the two were two readers."""
    return [
        [answers[key, reader, False], value]
        for (key, reader, repeat), value in answers.items()
        if repeat and (key, reader, False) in answers
    ]


def disagreements(review: Review, asked: Sequence[Question]) -> list[Disagreement]:
    """Items that readers judge differently, the widest apart first; a question that another one implies is left out.

    Severities differ by themselves where readers find errors in the same text: they are listed from two grades on.
    """
    items = {item.id: item for item in review.items}
    found = []
    for question in asked:
        texts: dict[Key, dict[str, int]] = defaultdict(dict)
        for (key, reader, repeat), value in question.answers.items():
            if not repeat:
                texts[key][reader] = value
        least = 2 if len(question.categories) > 2 else 1
        for (item, group), chosen in texts.items():
            apart = (max(chosen.values()) - min(chosen.values())) / (len(question.categories) - 1)
            if max(chosen.values()) - min(chosen.values()) >= least:
                answers = {reader: question.categories[value] for reader, value in sorted(chosen.items())}
                name = f"{question.name}: {group}" if group else question.name
                row = Disagreement(
                    item=item,
                    study_id=items[item].study_id,
                    section=items[item].section,
                    question=name,
                    answers=answers,
                )
                found.append((-apart, item, name, row))
    return [row for *_, row in sorted(found, key=lambda entry: entry[:3])]


def learning(judgements: Sequence[Judgement]) -> list[Learning]:
    """How each reader changes on the way; those with under two answers a quarter are left out."""
    found = []
    for reader in sorted({row.reader for row in judgements}):
        own = [row for row in judgements if row.reader == reader]
        seconds = {row.position: row.seconds for row in own}
        ordered = [seconds[position] for position in sorted(seconds)]
        quarter, middle = len(ordered) // QUARTER, len(ordered) / 2
        if quarter < 2:
            continue
        places = {position: place for place, position in enumerate(sorted(seconds))}
        halves: tuple[list[bool], list[bool]] = ([], [])
        for row in own:
            halves[places[row.position] >= middle].append(row.grade >= ERROR)
        found.append(
            Learning(
                reader=reader,
                readings=len(ordered),
                seconds_first=median(ordered[:quarter]),
                seconds_last=median(ordered[-quarter:]),
                errors_first=sum(halves[0]) / len(halves[0]),
                errors_last=sum(halves[1]) / len(halves[1]),
            )
        )
    return found
