"""The check of sides: left, right and both."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hubkit.checks.flags import Flag, Span
from hubkit.checks.sides import KEPT, Place, Side

THAN = frozenset({"than", "que", ">", "<"})

SIDES = ("left", "right")

BILATERAL = frozenset({"bilateral", "bilaterally", "bilat", "bil"})
"""What a plural does not say, as it does "both": "both lungs" are "os pulmões"."""

BETWEEN = frozenset(
    ["the", "on", "in", "at", "side", "o", "a", "os", "as", "do", "da", "dos", "das", "no", "na", "lado"]
)
"""What may stand between "than" and a side."""


SAME_SIDE = re.compile(
    r"\b(?:(?:d|n)?[eo]s(?:se|te)|[dn]?aquele|[don]o mesmo|o mesmo|do outro|[dn]o) lado\b(?! (?:direit|esquerd))"
    r"|\b(?:ipsi|homo|contra)latera(?:l|is)\b|\b(?:that|this|same|other|opposite) side\b|\bipsilateral(?:ly)?\b"
)
"""What stands for a side that was named before, in folded words. Which side it is, is not read."""

PAIRED = frozenset(
    ("pulmoes", "campos", "hilos", "bases", "apices", "seios", "cupulas", "hemicupulas", "hemidiafragmas")
)
"""Plurals of what everybody has two of: "lungs clear bilaterally" are "pulmões limpos"."""

PAIRED_NAMES = frozenset({"lung", "lung_field", "hilum", "base", "apex", "costophrenic", "diaphragm"})

RIB = re.compile(r"[rlde](?:1[0-2]|[1-9])")

RIB_SIDES = {"r": "right", "l": "left", "d": "right", "e": "left"}


class Direction(NamedTuple):
    """A side that is named: left, right or both; `lesser` where it is what another is compared with."""

    side: str
    span: Span
    lesser: bool
    bilateral: bool


def laterality(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where sides differ. "Right greater than left" needs no left in the translation."""
    said, told = _directions(source), _directions(translation)
    if not said and not told:
        return
    compared = [[one for one in found if one.lesser] for found in (said, told)]
    exchanged = len(compared[0]) == len(compared[1]) == 1 and compared[0][0].side != compared[1][0].side
    left, right = (_count(said, side) - _count(told, side) for side in SIDES)
    # "Left greater than right" needs no right, but "maior que a direita" says only the lesser.
    greater = bool(told) and all(one.lesser or one.side == "both" for one in told) and bool(compared[1])
    unsaid = greater and len(compared[0]) == 1 and any(one.side == _other(compared[0][0].side) for one in said)
    if exchanged or unsaid or left * right < 0:
        yield Flag("laterality", "error", _first(said) or source.span, _first(told) or translation.span)
        return
    for ours, theirs, answer in ((said, told, translation), (told, said, source)):
        for one in ours:
            lost = one.bilateral and not theirs and answer is translation and not _paired(source, translation)
            if (lost or not _answered(one, theirs, ours, answer)) and not _refers(answer):
                spans = (one.span, translation.span) if answer is translation else (source.span, one.span)
                yield Flag("laterality", "error", *spans)
                return


def _other(side: str) -> str | None:
    return {"left": "right", "right": "left"}.get(side)


def _refers(side: Side) -> bool:
    """Whether a side of the body is named by a word that refers to another sentence: "desse lado"."""
    return any(SAME_SIDE.search(sentence.folded) for sentence in side.sentences)


def _paired(source: Side, translation: Side) -> bool:
    """Whether both texts name in the plural what everybody has two of, so that "bilateral" adds nothing."""
    return not PAIRED_NAMES.isdisjoint(source.names) and any(
        not PAIRED.isdisjoint(sentence.words) for sentence in translation.sentences
    )


def _count(directions: Sequence[Direction], side: str) -> int:
    return sum(one.side == side and not one.lesser for one in directions)


def _first(directions: Sequence[Direction]) -> Span | None:
    return next((one.span for one in directions if one.side != "both"), None)


def _answered(direction: Direction, theirs: Sequence[Direction], ours: Sequence[Direction], answer: Side) -> bool:
    """Whether a side needs no more of an answer than the other text gives; a middle lobe is a right one."""
    sides = {one.side for one in theirs}
    if "both" in sides or sides.issuperset(SIDES):
        return True
    if direction.side == "both":
        return not sides or any(one.side != "both" for one in ours)
    return direction.lesser or direction.side in sides or direction.side in answer.names


@functools.lru_cache(maxsize=KEPT)
def _directions(side: Side) -> Sequence[Direction]:
    named = [
        Direction(concept.name, place.span, _compared(place), place.meaning.first in BILATERAL)
        for place in side.places
        if "side" in place.meaning.kinds
        for concept in place.meaning.concepts
        if concept.kind == "side"
    ]
    if "rib" in side.names and "spine" not in side.names:
        named += _of_ribs(side)
    return named


def _of_ribs(side: Side) -> Iterator[Direction]:
    """The sides of ribs that are written with a letter: "L2-L5 ribs", "costelas D5 e D6"."""
    for sentence in side.sentences:
        for at, word in enumerate(sentence.words):
            if RIB.fullmatch(word):
                yield Direction(RIB_SIDES[word[0]], sentence.span_of(at, at + 1), False, False)


def _compared(place: Place) -> bool:
    before = place.sentence.words[max(0, place.term.first - 4) : place.term.first]
    while before and before[-1] in BETWEEN:
        before.pop()
    return bool(before) and before[-1] in THAN
