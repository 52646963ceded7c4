"""The checks of what is said: findings, negation, sides, grades, trends and uncertainty, sentence by sentence."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from hubkit.clinical.lexicon import Meaning
from hubkit.translation.checks.sides import Place, Side, Span
from hubkit.translation.flags import Flag


def check_sentences(source: Side, translation: Side, all_source: Side, all_translation: Side) -> Iterator[Flag]:
    """Yield what is wrong between sentences that answer one another; the whole texts show what only moved."""
    if not translation.sentences:
        yield Flag("sentence_lost", "error", source.span, None)
        return
    if not source.sentences:
        yield Flag("sentence_added", "error", None, translation.span)
        return
    yield from _named(source, translation, all_source, all_translation)
    yield from _negation(source, translation)
    yield from _laterality(source, translation)
    yield from _direction(source, translation, "grade", "severity")
    yield from _direction(source, translation, "trend", "comparison")
    yield from _uncertainty(source, translation)


MANY = frozenset({"Lung Opacity", "Lung Lesion", "Support Devices"})
"""Labels whose findings have more names than a lexicon holds."""

SIZED = frozenset({"enlarged", "widened"})
"""States that are findings."""


def _named(source: Side, translation: Side, all_source: Side, all_translation: Side) -> Iterator[Flag]:
    """Findings and devices that only one side names; anatomy likewise, which reports leave out and add more freely.

    What is added beside what is lost was swapped. Alone, it may be what a word unknown to the lexicon means: it is an
    error where a label follows from it, since the English words for these are well known.
    """
    lost = [
        place
        for place in _findings(source)
        if not translation.answers(place.meaning, source)
        and all_translation.count(place.meaning) < all_source.count(place.meaning)
    ]
    added = [
        place
        for place in _findings(translation)
        if not source.answers(place.meaning, translation)
        and all_source.count(place.meaning) < all_translation.count(place.meaning)
    ]
    swapped = any(not _soft(place.meaning) for place in lost)
    for place in lost:
        yield Flag("finding_lost", "warning" if _soft(place.meaning) else "error", place.span, None)
    for place in added:
        grave = swapped or all(concept.label and concept.label not in MANY for concept in place.meaning.concepts)
        yield Flag("finding_added", "error" if grave and not _soft(place.meaning) else "warning", None, place.span)
    for place in source.of_kind("anatomy"):
        if not translation.answers(place.meaning, source):
            yield Flag("anatomy_lost", "warning", place.span, None)
    for place in translation.of_kind("anatomy"):
        if not source.answers(place.meaning, translation):
            yield Flag("anatomy_added", "warning", None, place.span)


@functools.cache
def _soft(meaning: Meaning) -> bool:
    return any(concept.soft for concept in meaning.concepts)


def _findings(side: Side) -> list[Place]:
    return [
        place
        for place in side.of_kind("finding", "device", "state")
        if all(concept.kind != "state" or concept.name in SIZED for concept in place.meaning.concepts)
    ]


LOOSE = frozenset({"loose", "normal", "clear", "intact", "same", "again", "resolved", "removed"})
"""What can stand for a negation of the other language, and needs none there."""


SOUND = frozenset({"normal", "clear", "same", "resolved"})
"""What says that all is well, and is often said with a negation."""


def _negation(source: Side, translation: Side) -> Iterator[Flag]:
    said, told = _negations(source), _negations(translation)
    spare = len(_loose(source)) - len(_loose(translation))
    if said and not told and spare >= 0:
        yield Flag("negation_dropped", "error", said[0].span, translation.span)
        return
    sound = [place for place in _loose(source) if any(concept.name in SOUND for concept in place.meaning.concepts)]
    if sound and not told and not _loose(translation):
        yield Flag("negation_dropped", "error", sound[0].span, translation.span)
        return
    if told and not said and spare <= 0:
        yield Flag("negation_added", "error", source.span, told[0].span)
        return
    allowed = len(said) + max(0, spare)
    lone = [place for place in told if _word(place) == "nao"]
    if (lone and len(told) > allowed) or sum(_word(place).startswith("nao") for place in told) > allowed:
        yield Flag("negation_added", "error", source.span, (lone or told)[-1].span)
        return
    for name, polarities in source.polarities.items():
        others = translation.polarities.get(name)
        if polarities == {0} and others == {1} and len(told) < len(said):
            yield Flag("negation_dropped", "error", source.named(name)[0].span, translation.named(name)[0].span)
            return
        if polarities == {1} and others == {0} and len(told) > len(said):
            yield Flag("negation_added", "error", source.named(name)[0].span, translation.named(name)[0].span)
            return


NEGATIVE = frozenset({"no", "not", "without", "never", "sem", "nao", "nenhum", "nenhuma", "ausencia"})
"""A phrase such as "no change" or "sem alterações" that begins with one of these is a negation, whatever else it is."""


def _negations(side: Side) -> list[Place]:
    return [place for place in side.places if _negates(place.meaning)]


def _loose(side: Side) -> list[Place]:
    return [place for place in side.places if not _negates(place.meaning) and not LOOSE.isdisjoint(place.meaning.names)]


@functools.cache
def _negates(meaning: Meaning) -> bool:
    if meaning.kinds.isdisjoint(("negation", "trend", "state")):
        return False
    if meaning.first in NEGATIVE:
        return "loose" not in meaning.names
    return "negation" in meaning.kinds and ("inner" in meaning.names or meaning.names.isdisjoint(LOOSE))


def _word(place: Place) -> str:
    return " ".join(place.sentence.words[place.term.first : place.term.last])


IMPLIED = {"right": {"lobo medio", "middle lobe", "rml", "lmd"}, "left": {"lingula", "lingular"}}


def _laterality(source: Side, translation: Side) -> Iterator[Flag]:
    said, told = _directions(source), _directions(translation)
    one, other = [side for side, _ in said], [side for side, _ in told]
    if one == other:
        return
    explicit = {*one} - {"both"}, {*other} - {"both"}
    turned = one.count("left") - other.count("left"), one.count("right") - other.count("right")
    if (len(explicit[0]) == len(explicit[1]) == 1 and explicit[0] != explicit[1]) or turned[0] * turned[1] < 0:
        at = next(span for side, span in said if side != "both"), next(span for side, span in told if side != "both")
        yield Flag("laterality", "error", *at)
        return
    for first, second, name in ((said, told, "lost"), (told, said, "added")):
        sides = {side for side, _ in second}
        wide = "both" in sides or sides >= {"left", "right"}
        for side, span in first:
            if side in sides or wide or (side == "both" and (not sides or explicit[name == "added"])):
                continue
            if side != "both" and _implied(source, translation, side):
                continue
            yield Flag("laterality", "error", *((span, translation.span) if name == "lost" else (source.span, span)))
            return


def _directions(side: Side) -> list[tuple[str, Span]]:
    return [
        (concept.name, place.span)
        for place in side.places
        for concept in place.meaning.concepts
        if concept.kind == "side"
    ]


def _implied(source: Side, translation: Side, side: str) -> bool:
    words = " ".join(word for part in (source, translation) for sentence in part.sentences for word in sentence.words)
    return any(phrase in words for phrase in IMPLIED[side])


def _direction(source: Side, translation: Side, kind: str, name: str) -> Iterator[Flag]:
    """Grades and trends: one in place of another is an error, one lost or added a warning."""
    said, told = source.of_kind(kind), translation.of_kind(kind)
    lost = [place for place in said if not translation.answers(place.meaning, source)]
    added = [place for place in told if not source.answers(place.meaning, translation)]
    in_place = added or [place for place in translation.places if kind in place.meaning.kinds]
    if lost and (added or len(in_place) >= len(said)):
        yield Flag(f"{name}_changed", "error", lost[0].span, in_place[0].span)
    elif lost:
        yield Flag(f"{name}_lost", "warning", lost[0].span, None)
    elif added:
        # One whose words mean other things as well, such as "prominent", may have been exchanged.
        beside = sum(kind in place.meaning.kinds for place in source.places) + ("comparative" in source.names)
        changed = beside >= len(told)
        yield Flag(
            f"{name}_{'changed' if changed else 'added'}", "error" if changed else "warning", None, added[0].span
        )


def _uncertainty(source: Side, translation: Side) -> Iterator[Flag]:
    said, told = _hedges(source), _hedges(translation)
    if said and not told:
        yield Flag("uncertainty_dropped", "error", said[0].span, translation.span)
    elif told and not any("hedge" in place.meaning.kinds for place in source.places):
        yield Flag("uncertainty_added", "error", source.span, told[0].span)
    elif len(told) < len(said):
        for name, polarities in source.polarities.items():
            if polarities == {-1} and translation.polarities.get(name) == {1}:
                yield Flag("uncertainty_dropped", "error", source.named(name)[0].span, translation.named(name)[0].span)
                return


def _hedges(side: Side) -> list[Place]:
    """What makes something uncertain; "no findings to suggest" does not."""
    found = []
    for at, place in enumerate(side.places):
        before = side.places[at - 1] if at and side.places[at - 1].sentence is place.sentence else None
        if _possible(place.meaning) and not (
            before and _negates(before.meaning) and "negation" in before.meaning.kinds
        ):
            found.append(place)
    return found


@functools.cache
def _possible(meaning: Meaning) -> bool:
    return any((concept.kind, concept.name) == ("hedge", "possible") for concept in meaning.concepts)
