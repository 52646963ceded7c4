"""Reads a sentence into statements: what each of its parts says, by dimension, with no more than is sure.

A part lies between commas and conjunctions. What it names once in a dimension (finding, device,
anatomy, side, grade, trend, size, an attribute, its role) is a value of its statement. A dimension
that a part names twice was not understood: the statement is silent on it, and so is a comparison.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hubkit.clinical.lexicon import Language, Term
from hubkit.clinical.named import AND, Named, named
from hubkit.clinical.quantities import quantities
from hubkit.clinical.sentences import MENTIONED, Sentence

JOINTS = frozenset({",", ";", ":", "and", "with", "but", "while", "whereas", "e", "com", "mas", "enquanto", "/", "("})
"""Words and marks between two parts of a sentence."""

IS = frozenset({"é", "É"})
"""A verb, which folds to the "e" that joins."""

ROLES = {
    "cause": ("effect", "cause"),
    "effect": ("cause", "effect"),
    "than": ("first", "second"),
    "after": ("later", "earlier"),
    "before": ("earlier", "later"),
    "over": ("first", "second"),
    "under": ("second", "first"),
    "acts": ("acting", "acted on"),
    "acted": ("acted on", "acting"),
}
"""By the word between two parts, the roles of the part before it and of the part after it."""

OWED = "owed"
"""The role of a word that both parts follow, the effect first: "deve-se o colapso ao derrame"."""

PARTING = frozenset(
    (
        *("is", "are", "was", "were", "there", "has", "have"),
        *("ha", "houve", "existe", "existem", "sao", "foi", "foram", "esta", "estao", "tem"),
        *("observa", "nota", "identifica", "evidencia", "surge", "surgiu", "surgiram"),
    )
)
"""Verbs that part the two halves of a relation whose word stands first: "a causa da atelectasia é o derrame"."""

DATIVE = frozenset({"a", "ao", "aos", "as", "pelo", "pela", "pelos", "pelas", "por", "to"})
"""What stands before the cause where the verb comes first: "deve-se o colapso ao derrame"."""

NAMED = frozenset({"finding", "device", "anatomy", "state", "side", "grade", "trend"})

RENAMED = {"device": "device_type", "new": "age"}
"""By dimension of attributes.toml, the one that its values join here: a kind of the lexicon has the
name of the first, and what is new is not old."""

LEVEL = re.compile(r"[ctdls](?:1[0-2]|[1-9])")
"""A vertebra; Portuguese writes D8 as well as T8."""

LOBES = frozenset({"lobe", "middle_lobe", "lingula"})
"""Lobes, which an abbreviation names along with their side (LID, RUL), and some by themselves (LM)."""

SIDES = frozenset({"left", "right"})

PLACE = frozenset({"anatomy"})

UNREAD = "unread"
"""The assertion of what is named where assertions are not asked for."""

FILLERS = frozenset({"the", "o", "a", "os", "as", "de", "do", "da", "dos", "das", "no", "na", "nos", "nas"})
"""What may stand between a conjunction and a place."""


class Statement(NamedTuple):
    """What one part of a sentence says.

    Attributes:
        values: by dimension the one value that the part has in it.
        span: where the part stands in the whole text.
        named: all that the part names, in order, each with its assertion.
    """

    values: dict[str, str]
    span: tuple[int, int]
    named: tuple[Named, ...]


def statements(sentence: Sentence, language: Language, asserted: bool = True) -> list[Statement]:
    """Return the statements of a sentence, in order; one that is too long to be taken apart is one statement.

    Args:
        sentence: what is read.
        language: "en" or "pt".
        asserted: whether to read what is named and how it is asserted, which takes nearly half of the time.
    """
    things = named(sentence) if asserted else []
    if len(sentence.words) > LONGEST:
        return [Statement({}, sentence.span_of(0, len(sentence.words)), tuple(things))]
    joints = {
        # "É" is a verb, and folds to the "e" that joins.
        at
        for at, word in enumerate(sentence.words)
        if word in JOINTS and sentence.written(at) not in IS
    }.difference(_between_places(sentence))
    relations = {one.first for one in sentence.attributes.found if "role_of" in one.values}
    edges = sorted(joints | relations | {*_after_leading(sentence, joints, relations)})
    hits = [*_hits(sentence, language, {one.first: one.assertion for one in things})]
    roles = {at: value for name, value, at, cut in hits if cut}
    bounds = [0, *edges, len(sentence.words)]
    parts: list[dict[str, list[str]]] = [{} for _ in bounds[1:]]
    for name, value, at, cut in hits:
        if not cut and at not in relations:
            parts[bisect_right(bounds, at) - 1].setdefault(name, []).append(value)
    for (one, other), first in zip(itertools.pairwise(parts), bounds[1:], strict=False):
        if roles.get(first) in ROLES:
            before, after = ROLES[roles[first]]
            one.setdefault("role", []).append(before)
            other.setdefault("role", []).append(after)
    _carry_time(parts)
    for part in parts:
        _name_subject(part)
    return [
        Statement(
            {name: values[0] for name, values in part.items() if len(set(values)) == 1},
            sentence.span_of(first, last) if last > first else (sentence.start, sentence.start),
            tuple(one for one in things if first <= one.first < last),
        )
        for part, (first, last) in zip(parts, itertools.pairwise(bounds), strict=True)
        if part
    ]


def _after_leading(sentence: Sentence, joints: set[int], relations: set[int]) -> Iterator[int]:
    """Yield where the part ends that follows a relation which begins a clause: "a causa do colapso é o derrame"."""
    for one in sentence.attributes.found:
        if one.first not in relations:
            continue
        before = max((at for at in (*joints, *relations) if at < one.first), default=-1)
        if any(before < term.first < one.first and term.meaning.kinds & NAMED for term in sentence.terms):
            continue
        end = min((at for at in (*joints, *relations) if at >= one.last), default=len(sentence.words))
        for at in parting(sentence, one.last, end, OWED in one.values["role_of"]):
            if any(one.last <= term.first < at and term.meaning.kinds & NAMED for term in sentence.terms):
                yield at
                break


def parting(sentence: Sentence, first: int, end: int, in_turn: bool) -> Iterator[int]:
    """Yield where the two parts of a relation whose word stands before both may be parted, commas first.

    Args:
        sentence: where it stands.
        first: the word after that of the relation.
        end: what neither part reaches beyond.
        in_turn: whether the effect comes before the cause, and a preposition parts them.
    """
    words = sentence.words
    if in_turn:
        yield from (at for at in range(first, end) if words[at] in DATIVE)
        return
    yield from (at for at in range(first, end) if words[at] == ",")
    yield from (at for at in range(first, end) if words[at] in PARTING or sentence.written(at) in IS)


def _between_places(sentence: Sentence) -> Iterator[int]:
    """Yield the conjunctions that join two places of one finding: "calcified hilar and mediastinal nodes".

    What stands before the one in English stands after the other in Portuguese, and belongs to both.
    """
    words, terms = sentence.words, sentence.terms
    for one, other in itertools.pairwise(terms):
        between = words[one.last : other.first]
        joined = bool(between) and between[0] in AND and FILLERS.issuperset(between[1:])
        if joined and all(PLACE.issuperset(term.meaning.kinds) for term in (one, other)):
            yield one.last


LONGEST = 120
"""Words; what is longer is not a sentence but a list or a loop, and is not taken apart."""


def _name_subject(part: dict[str, list[str]]) -> None:
    """Give a part that has a role the one thing that has it: a finding or device, else a place."""
    if "role" in part:
        named = next((part[name] for name in ("finding", "device", "anatomy") if name in part), None)
        if named is not None:
            part["subject"] = named


def _carry_time(parts: list[dict[str, list[str]]]) -> None:
    """Give "previously," to the part after it; where one part has a size of before, another's is the present one."""
    for part, following in itertools.pairwise(parts):
        if "when" in part and "size" in following and part.keys().isdisjoint({"size", "finding", "device"}):
            following.setdefault("when", part.pop("when"))
    if any("was" in part.get("when", ()) and "size" in part for part in parts):
        for part in parts:
            if "size" in part:
                part.setdefault("when", ["now"])


def _hits(
    sentence: Sentence, language: Language, assertions: Mapping[int, str]
) -> Iterator[tuple[str, str, int, bool]]:
    """Yield dimension, value and word of all that a sentence names, and whether a part ends there."""
    for term in sentence.terms:
        yield from _of_term(term)
    for term in sentence.terms:
        if not term.meaning.kinds.isdisjoint(MENTIONED):
            # How it is asserted is read for all that is named, or for nothing.
            yield "assertion", assertions.get(term.first, UNREAD), term.first, False
    for attribute in sentence.attributes.found:
        for name, values in attribute.values.items():
            if len(values) == 1:
                value = next(iter(values))
                yield RENAMED.get(name, name), value, attribute.first, name == "role_of"
    for first, word in enumerate(sentence.words):
        if LEVEL.fullmatch(word):
            yield "level", word.replace("d", "t"), first, False
    measured = quantities(sentence.text, language)
    if not measured:
        return
    places = {sentence.span_of(at, at + 1)[0] - sentence.start: at for at in range(len(sentence.words))}
    for quantity in measured:
        at = places.get(quantity.span[0])
        if at is not None and len(quantity.values) == 1 and quantity.required:
            unit, number = min(quantity.measures, key=str)
            yield "size", f"{number:g} {unit}", at, False


def _of_term(term: Term) -> Iterator[tuple[str, str, int, bool]]:
    concepts = [concept for concept in term.meaning.concepts if concept.kind in NAMED]
    if len(concepts) > 1:
        # "Resolved" is a trend, and a state only where nothing else is meant.
        concepts = [concept for concept in concepts if concept.kind != "state"]
    if len(concepts) == 1:
        yield concepts[0].kind, concepts[0].name, term.first, False
    lobes = [concept for concept in concepts if concept.name in LOBES]
    if lobes and {concept.kind for concept in concepts} <= {"anatomy", "side"}:
        named = {concept.name for concept in concepts if concept.kind == "side"}
        sides = named.union(*(concept.includes & SIDES for concept in lobes))
        if len(sides) == 1:
            yield "side", sides.pop(), term.first, False
