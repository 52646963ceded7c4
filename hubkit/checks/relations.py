"""Finds a relation whose sides were exchanged: cause and effect, before and after, above and below.

A relation is read as two halves of a sentence around the word that relates them. Nothing has to be
named once alone, and words that the lexicon lacks count where both languages spell them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hubkit.checks.flags import Flag, Span
from hubkit.checks.sides import Side, stems
from hubkit.clinical.sentences import Sentence

FAMILIES = {
    "cause": "cause", "effect": "cause",
    "after": "time", "before": "time",
    "over": "height", "under": "height",
    "acts": "act", "acted": "act",
}  # fmt: skip

SECOND_FIRST = frozenset({"effect", "before", "under", "acted"})
"""Words of relation whose halves stand the other way round: "A causes B" for "B due to A"."""

ENDS = frozenset({";", ".", ":", "but", "while", "whereas", "mas", "enquanto", "porem"})
"""What a relation does not reach beyond."""

CONSEQUENT = (
    *("secondary", "resultant", "resulting", "consequent", "consequence"),
    *("secundari", "resultante", "consequente", "consequencia"),
)

ASSOCIATED = ("associated", "adjacent", "accompanying", "concomitant", "distal", "associad", "acompanhante")
"""What makes of "A with B" one main finding and another that comes with it."""

GOVERNED = frozenset({"to", "from", "in", "of", "with", "com", "a", "ao", "aos", "as", "de", "do", "da", "dos", "das"})
"""What makes of such an adjective a relation of its own: "secondary to"."""

WITH, REACH = frozenset({"with", "com"}), 7
"""What joins an effect to its cause, and how many words before the adjective it may stand."""

HEADS = frozenset({"finding", "device"})

PLACES = frozenset({"anatomy", "side"})


class Halves(NamedTuple):
    """What a relation relates.

    Attributes:
        family: which relation it is.
        first: the names in the half that stands first in "B due to A", "A above B" or "A after B".
        second: those in the other half.
        span: where the word of relation stands.
    """

    family: str
    first: frozenset[str]
    second: frozenset[str]
    span: Span


def reversed_relation(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where what is named before a relation in the source is named after it in the translation."""
    if len(source.sentences) != 1 or len(translation.sentences) != 1:
        return
    if not _relates(source.sentences[0]) or not _relates(translation.sentences[0]):
        return
    for kinds in (HEADS, HEADS | PLACES):
        said = _halves(source.sentences[0], kinds)
        if said is None or not said.first or not said.second:
            continue
        told = _halves(translation.sentences[0], kinds)
        if told is None or told.family != said.family or not told.first or not told.second:
            continue
        crossed = said.first & told.second and said.second & told.first
        straight = said.first & told.first or said.second & told.second
        if crossed and not straight:
            yield Flag("exchanged", "error", said.span, told.span)
        return


def _relates(sentence: Sentence) -> bool:
    """Whether a sentence has a word of relation at all."""
    return any("role_of" in one.values for one in sentence.attributes.found) or any(
        word.startswith(CONSEQUENT + ASSOCIATED) for word in sentence.words
    )


def _halves(sentence: Sentence, kinds: frozenset[str]) -> Halves | None:
    """The halves of the one relation of a sentence; None where it has none, or more."""
    found = [one for one in sentence.attributes.found if not FAMILIES.keys().isdisjoint(_roles(one.values))]
    adjectival = _adjectival(sentence, kinds)
    if adjectival is not None and (adjectival.family == "cause" or not found):
        return adjectival
    if len(found) != 1:
        return None
    (word,) = found
    (role, *others) = sorted(_roles(word.values) & FAMILIES.keys())
    if others:
        return None
    words = sentence.words
    start = max((at + 1 for at in range(word.first) if words[at] in ENDS), default=0)
    end = min((at for at in range(word.last, len(words)) if words[at] in ENDS), default=len(words))
    before = _names(sentence, start, word.first, kinds)
    after = _names(sentence, word.last, end, kinds)
    if not before and "," in words[word.last : end]:
        # "Devido ao derrame, há atelectasia": the half that comes first follows the comma.
        comma = words.index(",", word.last)
        before, after = _names(sentence, comma + 1, end, kinds), _names(sentence, word.last, comma, kinds)
    before, after = before - after, after - before
    first, second = (after, before) if role in SECOND_FIRST else (before, after)
    return Halves(FAMILIES[role], first, second, sentence.span_of(word.first, word.last))


def _adjectival(sentence: Sentence, kinds: frozenset[str]) -> Halves | None:
    """The halves of "A with secondary B", "A com B secundário": A is the cause, wherever the adjective stands.

    "A with associated B" has A for what it is about.
    """
    words = sentence.words
    for at, word in enumerate(words):
        if not word.startswith(CONSEQUENT + ASSOCIATED) or not GOVERNED.isdisjoint(words[at + 1 : at + 2]):
            continue
        joint = next((place for place in range(at - 1, max(-1, at - REACH), -1) if words[place] in WITH), None)
        if joint is not None:
            end = next((place for place in range(at, len(words)) if words[place] in ENDS | {","}), len(words))
            cause = _names(sentence, 0, joint, kinds)
            effect = _names(sentence, joint + 1, at, kinds) | _names(sentence, at + 1, end, kinds)
            if cause and effect:
                family = "cause" if word.startswith(CONSEQUENT) else "company"
                return Halves(family, effect - cause, cause - effect, sentence.span_of(at, at + 1))
    return None


def _roles(values: dict[str, frozenset[str]]) -> frozenset[str]:
    return values.get("role_of", frozenset())


def _names(sentence: Sentence, first: int, last: int, kinds: frozenset[str]) -> frozenset[str]:
    """What a half names of some kinds, and how its long words begin that the lexicon lacks."""
    terms = [term for term in sentence.terms if first <= term.first and term.last <= last]
    taken = {at for term in terms for at in range(term.first, term.last)}
    names = [term.meaning.names for term in terms if not term.meaning.kinds.isdisjoint(kinds)]
    unread = stems(sentence.words[at] for at in range(first, last) if at not in taken)
    return frozenset[str]().union(*names, (f"{stem}-" for stem in unread))
