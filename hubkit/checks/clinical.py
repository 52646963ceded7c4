"""The checks of content: sentence by sentence, and across sentences for what only moved."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from hubkit.checks.attached import side_left_out
from hubkit.checks.certainty import uncertainty
from hubkit.checks.compare import compare
from hubkit.checks.counted import NAME as COUNT_CHANGED
from hubkit.checks.counted import other_count
from hubkit.checks.exchange import exchanged
from hubkit.checks.flags import Flag, Span
from hubkit.checks.laterality import laterality
from hubkit.checks.moved import is_elliptic, settle_moved, told_nearly
from hubkit.checks.negation import negation
from hubkit.checks.relations import reversed_relation
from hubkit.checks.sides import SIZED, Place, Side, alone, differing, soft
from hubkit.checks.terms import other_words
from hubkit.checks.understood import sure
from hubkit.clinical.lexicon import Meaning
from hubkit.clinical.sentences import READ, Sentence
from hubkit.clinical.statements import JOINTS

MANY = frozenset({"Lung Opacity", "Lung Lesion", "Support Devices"})
"""Labels whose findings have more names than a lexicon holds."""

FINDING = frozenset({"finding"})

OWNERS = frozenset({"finding", "device"})
"""What a place belongs to."""

RETOLD = frozenset(
    {"calcification", "ards", "spondylosis", "scar", "fever", "low_volumes", "cyst", "air_fluid_level", "opacity"}
)
"""Findings that a translation names where the source only implies them."""

WELL = frozenset({"normal", "clear", "intact"})
"""What a source says of a part that has no finding."""

NEGATIVE = frozenset({"neg", "negative"})
"""Words that say it of an examination, and name no finding: "FAST neg"."""

IMPLIED = {
    "fracture": frozenset({"rib"}),
    "chest_tube": frozenset({"ct"}),
    "central_line": frozenset({"vein"}),
}
"""By finding, what a terse report writes for it: "R 2-6 ribs" are fractures, "CT out" is a drain, "L IJ" a line."""

BARE = frozenset({"ct", "vein"})
"""What stands for a device without more; ribs are fractures where they are counted."""

DEVICES = frozenset(
    (
        "pacemaker",
        "defibrillator",
        "chest_tube",
        "endotracheal_tube",
        "tracheostomy",
        "picc",
        "swan_ganz",
        "balloon_pump",
    )
)
"""Devices whose few names are all there."""


def check_sentences(pairs: Sequence[tuple[Side, Side]]) -> Iterator[Flag]:
    """Yield what is wrong between sentences that answer one another.

    Args:
        pairs: source and translation; one side is empty where a sentence has no counterpart.
    """
    offsets = [(source.offset, translation.offset) for source, translation in pairs]
    origins = [(source.origin, translation.origin) for source, translation in pairs]
    open_ends = [differing(_findings, source, translation) for source, translation in origins]
    for first, second in settle_moved(open_ends):
        # Two things that stand in each other's sentence may have taken each other's predicates.
        both = zip(pairs[first], pairs[second], strict=True)
        yield from exchanged(*(Side([*one.sentences, *other.sentences]) for one, other in both))
    found = _of_pairs(origins, open_ends)
    for (one, other), flags in zip(offsets, found, strict=True):
        for flag in flags:
            yield Flag(
                flag.name, flag.severity, _shifted(flag.source_span, one), _shifted(flag.translation_span, other)
            )


def _shifted(span: Span | None, offset: int) -> Span | None:
    return span and (span[0] + offset, span[1] + offset)


def _of_pairs(
    pairs: Sequence[tuple[Side, Side]], open_ends: Sequence[tuple[list[Place], list[Place]]]
) -> Iterator[list[Flag]]:
    """Yield what is wrong with each pair; the spans of a lone sentence are those within it.

    Args:
        pairs: source and translation.
        open_ends: of each pair, the findings that only its source has and those that only its translation has.
    """
    by_dimension = compare(pairs)
    report = frozenset[str]().union(*(source.names for source, _ in pairs))
    before = frozenset[str]()
    for (source, translation), (lost, added), compared in zip(pairs, open_ends, by_dimension, strict=True):
        elided, before = before, translation.names or before
        if not translation.sentences:
            lost = [place for place in lost if not told_nearly(place, pairs)]
            told = not lost and _findings(source)
            yield [] if told else [Flag("sentence_lost", "error", source.span, None)]
        elif not source.sentences:
            said = not added and _findings(translation)
            yield [] if said else [Flag("sentence_added", "error", None, translation.span)]
        else:
            if elided and lost and is_elliptic(translation):
                lost = [place for place in lost if place.meaning.names.isdisjoint(elided)]
            own = _of_pair(source, translation)
            if any(flag.name == COUNT_CHANGED for flag in own):
                # The same fault, seen in the word that counts: "multiple".
                compared = [flag for flag in compared if not flag.name.startswith("count_")]
            flags = [*_named(source, translation, lost, added, report), *own, *compared]
            changed = {flag.name for flag in flags}
            if "laterality" in changed:
                flags = [flag for flag in flags if flag.name != "exchanged"]
            flags = sure(flags, source, translation)
            flags += other_words(flags, source, translation)
            errors = {flag.name for flag in flags if flag.severity == "error"}
            yield [flag for flag in flags if flag.severity == "error" or flag.name not in errors]


def _of_pair(source: Side, translation: Side) -> Sequence[Flag]:
    """What turns on two sides alone, and not on the rest of their texts."""
    if source.lone and translation.lone:
        return _of_sentences(source.sentences[0], translation.sentences[0])
    return _pairwise(source, translation)


def _pairwise(source: Side, translation: Side) -> Sequence[Flag]:
    return (
        *negation(source, translation),
        *laterality(source, translation),
        *side_left_out(source, translation),
        *other_count(source, translation),
        *uncertainty(source, translation),
        *exchanged(source, translation),
        *reversed_relation(source, translation),
    )


@functools.lru_cache(maxsize=READ)
def _of_sentences(source: Sentence, translation: Sentence) -> Sequence[Flag]:
    """Compare two sentences once: the same ones answer one another in report after report."""
    return _pairwise(alone(source), alone(translation))


def _named(
    source: Side, translation: Side, lost: list[Place], added: list[Place], report: frozenset[str]
) -> Iterator[Flag]:
    """Findings and devices that only one side names; anatomy likewise, which reports leave out and add more freely.

    What is added where another is lost was swapped. Alone, it may be what a word unknown to the lexicon means: it is an
    error where a label follows from it, since the English words for these are well known.
    """
    swapped = any(not soft(place.meaning) for place in lost)
    # Words with many names are compared where no other word is left that could say the same.
    told = [place for place in added if not _implied(place, source)]
    exchanged = bool(lost and told) and not source.unread(translation) and not translation.unread(source)
    for place in lost:
        grave = exchanged or not soft(place.meaning)
        yield Flag("finding_lost", "error" if grave else "warning", place.span, None)
    for place in added:
        new = swapped or _well_known(place.meaning) or _invented(place, source, translation, report)
        new = new and not _implied(place, source) and (swapped or not _well(place, source, translation))
        grave = exchanged or (new and not soft(place.meaning))
        yield Flag("finding_added", "error" if grave else "warning", None, place.span)
    lost, added = differing(_anatomy, source, translation)
    if lost:
        # "Espessamento pleural apical" is one finding, and names the apices.
        placed = _attributed(translation)
        lost = [place for place in lost if place.meaning.names.isdisjoint(placed)]
    # Two places that have many names may be one: "hemithoraces", "regiões".
    firm = any(not soft(place.meaning) for place in (*lost, *added))
    if lost and firm and any("chest" not in place.meaning.names for place in added):
        yield Flag("anatomy_changed", "error", lost[0].span, added[0].span)
        return
    for place in lost:
        grave = not soft(place.meaning) and _owned(place, translation)
        yield Flag("anatomy_lost", "error" if grave else "warning", place.span, None)
    yield from (Flag("anatomy_added", "warning", None, place.span) for place in added)


def _attributed(side: Side) -> set[str]:
    """The values of all attributes: places among them have the names of the anatomy that they are."""
    found: set[str] = set()
    for sentence in side.sentences:
        for attribute in sentence.attributes.found:
            found.update(*attribute.values.values())
    return found


def _invented(place: Place, source: Side, translation: Side, report: frozenset[str]) -> bool:
    """Whether a finding can stand for nothing of a source that was understood, and is named nowhere in the report."""
    return (
        place.meaning.kinds == FINDING
        and place.meaning.names.isdisjoint(RETOLD | report)
        and not source.unread(translation)
    )


def _implied(place: Place, source: Side) -> bool:
    """Whether a terse source writes a finding without its name: counted ribs, and a drain as "CT"."""
    named = frozenset[str]().union(*(IMPLIED.get(name, ()) for name in place.meaning.names)) & source.names
    return not named.isdisjoint(BARE) or (
        "rib" in named and any(word[0].isdigit() for one in source.sentences for word in one.words)
    )


def _well(place: Place, source: Side, translation: Side) -> bool:
    """Whether a translation only denies a finding of what is well in the source: "spine ok", "sem fraturas"."""
    well = not source.names.isdisjoint(WELL) or any(place.meaning.first in NEGATIVE for place in source.cues)
    return well and all(translation.polarities.get(name) == {0} for name in place.meaning.names)


def _owned(place: Place, translation: Side) -> bool:
    """Whether a place belongs to a finding or device that the translation names too."""
    terms, words = place.sentence.terms, place.sentence.words
    at = terms.index(place.term)
    for others in (terms[at + 1 :], terms[:at][::-1]):
        for other in others:
            first, last = sorted((place.term, other), key=lambda term: term.first)
            if not JOINTS.isdisjoint(words[first.last : last.first]):
                break
            if not other.meaning.kinds.isdisjoint(OWNERS):
                if not other.meaning.names.isdisjoint(translation.names):
                    return True
                break
    return False


def _findings(side: Side) -> list[Place]:
    return [place for place in side.places if _is_finding(place.meaning)]


def _anatomy(side: Side) -> list[Place]:
    return side.of_kind("anatomy")


@functools.cache
def _is_finding(meaning: Meaning) -> bool:
    return meaning.kinds <= {"finding", "device", "state"} and all(
        concept.kind != "state" or concept.name in SIZED for concept in meaning.concepts
    )


@functools.cache
def _well_known(meaning: Meaning) -> bool:
    return all(concept.label and (concept.label not in MANY or concept.name in DEVICES) for concept in meaning.concepts)
