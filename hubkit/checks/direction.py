"""The checks of what points one way or the other: sides, grades and trends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hubkit.checks.flags import Flag
from hubkit.checks.sides import SIZED, Place, Side, Span, differing

THAN = frozenset({"than", "que", ">", "<"})

COMPARATIVES = frozenset({"more", "less"})

PLAIN = frozenset({"up", "down", "better", "worse", "low", "mid", "high"})

LOOSE = frozenset(
    {"early", "very", "somewhat", "waning", "exaggerated", "diffuse", "diffusely", "significant", "larger", "advanced"}
)
"""Words that are grades or changes in some sentences alone."""

DENYING = frozenset({"no", "not", "without", "nor", "unless", "or"})

SIDES = frozenset({"left", "right"})

BILATERAL = frozenset({"bilateral", "bilaterally"})
"""What a plural does not say, as it does "both": "both lungs" are "os pulmões"."""

BETWEEN = frozenset(
    ["the", "on", "in", "at", "side", "o", "a", "os", "as", "do", "da", "dos", "das", "no", "na", "lado"]
)
"""What may stand between "than" and a side."""


class Direction(NamedTuple):
    """A side that is named: left, right or both; `lesser` where it is what another is compared with."""

    side: str
    span: Span
    lesser: bool
    lost_bilateral: bool = False


def laterality(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where sides differ. "Right greater than left" needs no left in the translation."""
    said, told = _directions(source), _directions(translation)
    if not said and not told:
        return
    lesser = [[direction for direction in found if direction.lesser] for found in (said, told)]
    if len(lesser[0]) == len(lesser[1]) == 1 and lesser[0][0].side != lesser[1][0].side:
        yield Flag("laterality", "error", lesser[0][0].span, lesser[1][0].span)
        return
    one = [direction.side for direction in said if not direction.lesser]
    other = [direction.side for direction in told if not direction.lesser]
    if one == other:
        return
    explicit = {*one} - {"both"}, {*other} - {"both"}
    named = SIDES & source.names, SIDES & translation.names
    turned = one.count("left") - other.count("left"), one.count("right") - other.count("right")
    flipped = any(len(here) == len(there) == 1 and here != there for here, there in (explicit, named))
    if flipped or turned[0] * turned[1] < 0:
        yield Flag("laterality", "error", _sided(said) or source.span, _sided(told) or translation.span)
        return
    for ours, theirs, answer in ((said, told, translation), (told, said, source)):
        sides = {direction.side for direction in theirs}
        for direction in ours:
            unsided = direction.lost_bilateral and not sides and answer is translation
            if not unsided and _answered(direction, sides, {d.side for d in ours}, answer):
                continue
            spans = (direction.span, translation.span) if answer is translation else (source.span, direction.span)
            yield Flag("laterality", "error", *spans)
            return


def _sided(directions: list[Direction]) -> Span | None:
    return next((direction.span for direction in directions if direction.side != "both"), None)


def _answered(direction: Direction, sides: set[str], beside: set[str], answer: Side) -> bool:
    """Whether a side needs no more of an answer than the other text gives; a middle lobe is a right one."""
    if direction.side == "both":
        return not sides or bool(beside - {"both"}) or "both" in sides or sides >= {"left", "right"}
    return direction.lesser or direction.side in answer.names or "both" in sides or sides >= {"left", "right"}


def _directions(side: Side) -> list[Direction]:
    return [
        Direction(concept.name, place.span, _compared(place), place.meaning.first in BILATERAL)
        for place in side.places
        if "side" in place.meaning.kinds
        for concept in place.meaning.concepts
        if concept.kind == "side"
    ]


def _grave(place: Place) -> bool:
    """Whether what is lost is a plain grade or change, and not one that a negation or another phrase takes up."""
    before = place.sentence.words[max(0, place.term.first - 3) : place.term.first]
    return place.meaning.names <= PLAIN and place.meaning.first not in LOOSE and DENYING.isdisjoint(before)


def _compared(place: Place) -> bool:
    before = place.sentence.words[max(0, place.term.first - 4) : place.term.first]
    while before and before[-1] in BETWEEN:
        before.pop()
    return bool(before) and before[-1] in THAN


def grades(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag for a grade in place of another, a warning for one lost or added."""
    return _turned(source, translation, "grade", "severity")


def trends(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag for a trend in place of another, a warning for one lost or added.

    "Persists" and "remains" come and go beside another trend, and can stand for "unchanged".
    """
    return _turned(source, translation, "trend", "comparison")


def _turned(source: Side, translation: Side, kind: str, name: str) -> Iterator[Flag]:
    def places(side: Side) -> list[Place]:
        return [place for place in side.of_kind(kind) if "again" not in place.meaning.names]

    def beside(side: Side) -> list[Place]:
        """With those whose words mean other things as well, such as "prominent"."""
        return [place for place in side.places if kind in place.meaning.kinds and "again" not in place.meaning.names]

    lost, added = differing(places, source, translation)
    if not lost and not added:
        return
    in_place = added or beside(translation)
    if lost and (added or len(in_place) >= len(places(source))):
        yield Flag(f"{name}_changed", "error", lost[0].span, in_place[0].span)
    elif lost:
        yield Flag(f"{name}_lost", "error" if any(map(_grave, lost)) else "warning", lost[0].span, None)
    else:
        compared = not source.names.isdisjoint(COMPARATIVES)
        changed = len(beside(source)) + compared >= len(places(translation))
        if "down" in added[0].meaning.names and not SIZED.isdisjoint(source.names) and "less" not in source.names:
            changed = True
        yield Flag(
            f"{name}_{'changed' if changed else 'added'}", "error" if changed else "warning", None, added[0].span
        )
