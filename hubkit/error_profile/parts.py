"""Reads a sentence into parts: what each names, what it says of that, and what was not understood of it.

A part is a statement: it lies between commas and conjunctions.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from hubkit.clinical.assertion import trends
from hubkit.clinical.cues import cue
from hubkit.clinical.labels import ORGANS, VALUES, combined, state_of
from hubkit.clinical.lexicon import Concept, Language, Term
from hubkit.clinical.named import Named
from hubkit.clinical.quantities import Quantity, quantities
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import Statement, statements
from hubkit.error_profile.names import (
    CHAMBER_SIDES,
    CHAMBERS,
    EMPTY,
    GENERAL,
    GENERIC_DEVICES,
    HISTORY,
    INFERS,
    LEAVING_SEQUELS,
    OF_STATE,
    PARTS,
    PROCEDURES,
    SEQUEL,
    SIGNS,
    UNSAID,
)
from hubkit.error_profile.unread import unread_words

Kind = Literal["finding", "device"]

KINDS: tuple[Kind, ...] = ("finding", "device")

RELATIONS = frozenset({"over", "under"})
"""The roles that say which of two things is above the other."""

REPEATABLE = frozenset({"side", "size", "relation", "zone", "vessel", "tract", "device", "age"})
"""Dimensions in which a statement may say several things: "na jugular, com ponta na veia cava"."""


Values = dict[str, list[str]]


class Subject(NamedTuple):
    """What a statement names; the fields are those of a mention."""

    names: frozenset[str]
    kind: Kind
    label: str | None
    soft: bool
    near: frozenset[str]
    value: int


class Part(NamedTuple):
    """A statement: what it names, what it says by dimension, and whether it speaks of something else."""

    subjects: tuple[Subject, ...]
    values: Values
    other: bool
    inferred: bool


class Unread(NamedTuple):
    """Words of a sentence that were not understood, and the sides that the sentence speaks of."""

    words: frozenset[str]
    sides: frozenset[str]


class Said(NamedTuple):
    """A sentence: its statements, the number of its doubts, what it infers or asks for, and what was not understood."""

    parts: tuple[Part, ...]
    doubts: int
    explained: frozenset[str]
    asked: frozenset[str]
    unread: Unread


@functools.lru_cache(maxsize=4096)  # reports say the same sentences over and over
def read_sentence(text: str, language: Language) -> Said:
    sentence = Sentence(text, language)
    lengths = [(one.span[0], value) for one in quantities(text, language) for value in _length(one)]
    stated = statements(sentence, language)
    parts = tuple(_part(sentence, one, lengths) for one in stated)
    loose: frozenset[str] = frozenset()
    for subject in (subject for part in parts for subject in part.subjects):
        if subject.kind == "device" and not subject.names <= GENERIC_DEVICES | PARTS:
            loose |= GENERIC_DEVICES
        elif subject.kind == "finding" and not subject.names <= SIGNS:
            loose |= SIGNS
    parts = tuple(part._replace(subjects=tuple(_softened(one, loose) for one in part.subjects)) for part in parts)
    doubts = sum(cue(term.meaning) == -1 for term in sentence.terms)
    named = [one.span for one, part in zip(stated, parts, strict=True) if part.subjects]
    inferring = doubts > 0 or any(part.inferred or "cause" in part.values.get("role", ()) for part in parts)
    explained = [one.names for part in parts for one in part.subjects if inferring and one.value]
    sides = frozenset(side for part in parts for side in sides_of(part.values["side"]))
    asked = [one.meaning.names for statement in stated for one in statement.named if one.assertion == "asked for"]
    none = frozenset[str]()
    unread = Unread(frozenset(unread_words(sentence, stated, named)), sides)
    return Said(parts, doubts, none.union(*explained), none.union(*asked), unread)


def _softened(one: Subject, loose: frozenset[str]) -> Subject:
    """What goes by a name of `loose` next to a name of its own may be that, or a part or a sign of it."""
    return one._replace(soft=one.soft or one.names <= loose)


def _part(sentence: Sentence, statement: Statement, lengths: Sequence[tuple[int, str]]) -> Part:
    """What a statement names, and what it says of it; of sides and lengths it may have several."""
    first, last = statement.span
    subjects = _own_names(
        [subject for one in statement.named for subject in _subjects(one, sentence.words[one.first] in PROCEDURES)]
    )
    values = {name: [value] for name, value in statement.values.items() if name not in REPEATABLE}
    within = [at for at, term in enumerate(sentence.terms) if first <= sentence.span(term)[0] < last]
    chambers = {at: side for at in within for side in _chamber_side(sentence, at)}
    denied = [one.term for one in trends(sentence) if not one.polarity]
    values["chamber"] = [*chambers.values()]
    values["side"] = [side for at in within if at not in chambers for side in _side(sentence.terms[at])]
    values["size"] = [value for at, value in lengths if first <= at < last]
    for attribute in sentence.attributes.found:
        if first <= sentence.span_of(attribute.first, attribute.last)[0] < last:
            for name, meant in attribute.values.items():
                _take(values, name, meant)
    if not subjects and values["side"] and values.get("trend") in (["up"], ["down"]):
        # "Maior à direita" compares the sides with each other, and not with an earlier study.
        del values["trend"]
    elif any(_is_of_state(one) for one in statement.named):
        # "Coração aumentado" is a size, and says nothing of an earlier study.
        values.pop("trend", None)
    elif any(sentence.terms[at] in denied for at in within):
        # "Sem crescimento" is the same as before.
        values["trend"] = ["same"]
    other = not subjects and any(one.organs and "trend" not in one.meaning.kinds for one in statement.named)
    said = sentence.words[: max((term.last for term in sentence.terms if sentence.span(term)[0] < last), default=0)]
    return Part(subjects, values, other, any(word.startswith(INFERS[sentence.language]) for word in said))


def _take(values: Values, name: str, meant: frozenset[str]) -> None:
    """Add what an attribute says of a place; where two parts are put in relation, "role_of" says which."""
    if name == "role_of" and not meant.isdisjoint(RELATIONS):
        name = "relation"
    if name in REPEATABLE and len(meant) == 1:
        values.setdefault(name, []).extend(meant)


def _own_names(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Leave out a name that a statement gives to what it names as well: "opacidade nodular", "sequela de fratura"."""
    leaving = SEQUEL.union(GENERAL) - LEAVING_SEQUELS
    if any(other.names.isdisjoint(leaving) for other in subjects):
        subjects = [one for one in subjects if one.names != SEQUEL]
    return tuple(
        one
        for one in subjects
        if not any(
            GENERAL.get(name, frozenset()) & (other.names - one.names) for name in one.names for other in subjects
        )
    )


def sides_of(values: Iterable[str]) -> Iterator[str]:
    """The single sides of which values of the dimension "side" speak."""
    for value in values:
        yield from ("left", "right") if value == "both" else (value,)


def _side(term: Term) -> list[str]:
    """The side of a phrase, which may say a place as well: LSE is the left upper lobe."""
    sides = [concept.name for concept in term.meaning.concepts if concept.kind == "side"]
    others = term.meaning.kinds - {"side"}
    return sides if len(sides) == 1 and others <= {"anatomy"} else []


def _chamber_side(sentence: Sentence, at: int) -> list[str]:
    """The side of a chamber of the heart: "AD", and "direito" after "átrio"."""
    term = sentence.terms[at]
    abbreviated = [CHAMBER_SIDES[name] for name in term.meaning.names if name in CHAMBER_SIDES]
    before = sentence.terms[at - 1] if at else term
    follows = before.last == term.first and not before.meaning.names.isdisjoint(CHAMBERS)
    return abbreviated or (_side(term) if follows else [])


def _length(quantity: Quantity) -> list[str]:
    measures = [(unit, value) for unit, value in quantity.measures if unit == "length"]
    return [f"{value:g}" for _, value in measures] if len(measures) == 1 else []


def _subjects(one: Named, done: bool) -> Iterator[Subject]:
    """What one thing names; of what was `done` nothing need be left to see."""
    if one.assertion not in VALUES:
        return
    value = VALUES[one.assertion]
    for kind in KINDS:
        concepts = [concept for concept in one.meaning.concepts if concept.kind == kind]
        names = frozenset(concept.name for concept in concepts) - HISTORY - EMPTY
        if names:
            soft = done or names <= UNSAID or all(concept.soft for concept in concepts)
            yield Subject(names, kind, _label(concepts), soft, one.meaning.near, value)
            return
    state = state_of(one)
    for organ in dict.fromkeys(one.organs) if state is not None else ():
        if organ in ORGANS and state is not None:
            said = combined(state, value)
            yield Subject(frozenset({OF_STATE[organ]}), "finding", ORGANS[organ], False, frozenset(), said)


def _is_of_state(one: Named) -> bool:
    return state_of(one) is not None and any(organ in ORGANS for organ in one.organs)


def _label(concepts: Iterable[Concept]) -> str | None:
    return next((concept.label for concept in concepts if concept.label), None)
