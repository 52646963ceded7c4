"""Finds a relation whose sides were exchanged: cause and effect, before and after, above and below.

A relation is read as two halves of a sentence around the word that relates them. Nothing has to be
named once alone, and words that the lexicon lacks count where both languages spell them alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from hubkit.checks.flags import Flag, Span
from hubkit.checks.sides import Side, stems
from hubkit.clinical.attributes import Attribute
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import OWED, parting

FAMILIES = {
    "cause": "cause", "effect": "cause", OWED: "cause",
    "after": "time", "before": "time",
    "over": "height", "under": "height",
    "acts": "act", "acted": "act",
    "shows": "reading", "shown": "reading",
}  # fmt: skip

RELATING = ("role_of", "reading_of")
"""Dimensions whose phrases relate what stands before them to what follows."""

SECOND_FIRST = frozenset({"effect", "before", "under", "acted", "shown"})
"""Words of relation whose halves stand the other way round: "A causes B" for "B due to A"."""

SAME = {"company": "cause"}
"""Families that answer one another: "A with associated B" may be "A condicionando B"."""

WEAK = frozenset({"from", "por"})
"""Words of relation that often relate nothing: they count where both texts have as many relations."""

MOST_RELATIONS = 8
"""Relations of the longest sentence that is compared: the time grows with their number, and reports have three."""

MOST_PARTINGS = 8
"""Places that are tried where a relation stands first: each is read once more."""

ENDS = frozenset({";", ".", ":", "but", "while", "whereas", "mas", "enquanto", "porem"})
"""What a relation does not reach beyond."""

CONSEQUENT = (
    *("secondary", "resultant", "resulting", "consequent", "consequence"),
    *("secundari", "resultante", "consequente", "consequencia"),
)

ASSOCIATED = (
    *("associated", "adjacent", "accompanying", "concomitant", "distal", "superimposed", "compressive"),
    *("associad", "acompanhante", "sobrepost", "superpost", "compressiv"),
)
"""What makes of "A with B" one main finding and another that comes with it."""

GOVERNED = frozenset({"to", "from", "in", "of", "with", "com", "a", "ao", "aos", "as", "de", "do", "da", "dos", "das"})
"""What makes of such an adjective a relation of its own: "secondary to"."""

WITH, REACH = frozenset({"with", "com"}), 7
"""What joins an effect to its cause, and how many words before the adjective it may stand."""

HEADS = frozenset({"finding", "device"})

PLACES = frozenset({"anatomy", "side"})

ADJECTIVES = CONSEQUENT + ASSOCIATED


class Halves(NamedTuple):
    """What a relation relates.

    Attributes:
        family: which relation it is.
        first: the names in the half that stands first in "B due to A", "A above B" or "A after B".
        second: those in the other half.
        span: where the word of relation stands.
        weak: whether the word often relates nothing.
    """

    family: str
    first: frozenset[str]
    second: frozenset[str]
    span: Span
    weak: bool = False


def reversed_relation(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where what is named before a relation in the source is named after it in the translation."""
    if len(source.sentences) != 1 or len(translation.sentences) != 1:
        return
    if not _relates(source.sentences[0]) or not _relates(translation.sentences[0]):
        return
    settled: set[tuple[int, int]] = set()
    for kinds in (HEADS, HEADS | PLACES):
        for said, told in _answering(_halves(source.sentences[0], kinds), _halves(translation.sentences[0], kinds)):
            if said.span in settled or not (said.first and said.second and told.first and told.second):
                continue
            settled.add(said.span)
            crossed = said.first & told.second and said.second & told.first
            straight = said.first & told.first or said.second & told.second
            if crossed and not straight:
                yield Flag("exchanged", "error", said.span, told.span)
                return


def _answering(said: list[Halves], told: list[Halves]) -> Iterator[tuple[Halves, Halves]]:
    """The relations of two sentences one by one, in each family of which both have as many."""
    for family in dict.fromkeys(SAME.get(one.family, one.family) for one in said):
        ours, theirs = ([one for one in some if SAME.get(one.family, one.family) == family] for some in (said, told))
        if len(ours) != len(theirs):
            ours, theirs = ([one for one in some if not one.weak] for some in (ours, theirs))
        if len(ours) == len(theirs):
            yield from zip(ours, theirs, strict=True)


def _relates(sentence: Sentence) -> bool:
    """Whether a sentence has a word of relation at all."""
    return any(not one.values.keys().isdisjoint(RELATING) for one in sentence.attributes.found) or any(
        word.startswith(ADJECTIVES) for word in sentence.words
    )


def _halves(sentence: Sentence, kinds: frozenset[str]) -> list[Halves]:
    """The halves of each relation of a sentence; a relation ends where the next of its family begins."""
    # A phrase that may relate in two ways relates in none that is sure.
    read = [(one, _roles(one)) for one in sentence.attributes.found]
    found = [(one, next(iter(roles))) for one, roles in read if len(roles) == 1]
    adjectival = _adjectival(sentence, kinds)
    if adjectival is not None and (adjectival.family == "cause" or not found):
        return [adjectival]
    if len(found) > MOST_RELATIONS:
        return []
    words = sentence.words
    ends = [at for at, word in enumerate(words) if word in ENDS]
    halves = []
    for word, role in found:
        others = [one for one, other in found if one is not word and FAMILIES[other] == FAMILIES[role]]
        before = [at + 1 for at in ends if at < word.first] + [one.last for one in others if one.last <= word.first]
        after = [at for at in ends if at >= word.last] + [one.first for one in others if one.first >= word.last]
        start, end = max(before, default=0), min(after, default=len(words))
        left, right = _names(sentence, start, word.first, kinds), _names(sentence, word.last, end, kinds)
        if not left and words[word.first - 1 : word.first] == [";"]:
            # "Há derrame; por isso, atelectasia": such a word takes up the clause before it.
            left = _names(sentence, max((at + 1 for at in ends if at < word.first - 1), default=0), word.first, kinds)
        if not left:
            left, right = _leading(sentence, word.last, end, role, kinds)
        left, right = left - right, right - left
        first, second = (right, left) if role in SECOND_FIRST else (left, right)
        weak = word.last - word.first == 1 and words[word.first] in WEAK
        halves.append(Halves(FAMILIES[role], first, second, sentence.span_of(word.first, word.last), weak))
    return halves


def _leading(
    sentence: Sentence, first: int, end: int, role: str, kinds: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The halves of a relation whose word stands first: the half before it, and that after it.

    "Devido ao derrame, há atelectasia" has them exchanged, and so has "a causa da atelectasia é o derrame".
    "Deve-se a atelectasia ao derrame" has them in turn.
    """
    for at in itertools.islice(parting(sentence, first, end, role == OWED), MOST_PARTINGS):
        one, other = _names(sentence, first, at, kinds), _names(sentence, at + 1, end, kinds)
        if one and other:
            return (one, other) if role == OWED else (other, one)
    return frozenset(), frozenset()


def _adjectival(sentence: Sentence, kinds: frozenset[str]) -> Halves | None:
    """The halves of "A with secondary B", "A com B secundário": A is the cause, wherever the adjective stands.

    "A with associated B" has A for what it is about.
    """
    words = sentence.words
    for at, word in enumerate(words):
        if not word.startswith(ADJECTIVES) or not GOVERNED.isdisjoint(words[at + 1 : at + 2]):
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


def _roles(attribute: Attribute) -> frozenset[str]:
    """The relations that a phrase may mean."""
    values = attribute.values
    if values.keys().isdisjoint(RELATING):
        return frozenset()
    return frozenset[str]().union(*(values.get(name, ()) for name in RELATING)) & FAMILIES.keys()


def _names(sentence: Sentence, first: int, last: int, kinds: frozenset[str]) -> frozenset[str]:
    """What a half names of some kinds, and how its long words begin that the lexicon lacks."""
    terms = [term for term in sentence.terms if first <= term.first and term.last <= last]
    taken = {at for term in terms for at in range(term.first, term.last)}
    names = [term.meaning.names for term in terms if not term.meaning.kinds.isdisjoint(kinds)]
    unread = stems(sentence.words[at] for at in range(first, last) if at not in taken)
    return frozenset[str]().union(*names, (f"{stem}-" for stem in unread))
