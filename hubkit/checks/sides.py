"""One side of a pair as the checks see it: what its sentences name, how, and in which words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hubkit.clinical.assertion import mentions, trends
from hubkit.clinical.lexicon import Meaning, Term
from hubkit.clinical.sentences import Sentence

Span = tuple[int, int]

SIZED = frozenset({"enlarged", "widened"})
"""States that are findings."""

CUES = frozenset({"negation", "trend", "state", "hedge"})

STEM = 5
"""By so many letters at its beginning a word is known again in the other language."""

SPELLED = {ord("y"): "i", ord("k"): "c", ord("h"): None}

KEPT = 48
"""Sentences and sides of which it is kept what the checks read in them: those of a report or two. A source is read once
for all checks and for all of its translations. A side has some 30 objects; to keep as many as there are sentences would
cost more in searches for garbage than it saves."""

DOUBLED = re.compile(r"([a-z])\1")


class Place(NamedTuple):
    """A term and the sentence that it stands in."""

    sentence: Sentence
    term: Term
    meaning: Meaning

    @property
    def span(self) -> Span:
        return self.sentence.span(self.term)


class Side:
    """Sentences that belong together, in one language."""

    def __init__(self, sentences: Sequence[Sentence]):
        self.sentences = sentences
        self.lone = len(sentences) == 1

    @property
    def origin(self) -> Side:
        """A lone sentence at the beginning of a text, read once for all who ask; others are their own origin."""
        return alone(self.sentences[0].origin) if self.lone else self

    @property
    def offset(self) -> int:
        """How far its spans lie behind those of its origin."""
        return self.sentences[0].start if self.lone else 0

    @functools.cached_property
    def places(self) -> list[Place]:
        """All terms, in order."""
        return [Place(sentence, term, term.meaning) for sentence in self.sentences for term in sentence.terms]

    @property
    def span(self) -> Span | None:
        if not self.sentences:
            return None
        last = self.sentences[-1]
        return self.sentences[0].start, last.start + len(last.text)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names of all concepts that the sentences can mean, and of those named along with them."""
        return frozenset[str]().union(*[place.meaning.said for place in self.places])

    @functools.cached_property
    def unknown(self) -> frozenset[str]:
        """How the long words begin that the lexicon does not know."""
        words: list[str] = []
        for sentence in self.sentences:
            known = {at for term in sentence.terms for at in range(term.first, term.last)}
            words += [word for at, word in enumerate(sentence.words) if at not in known]
        return stems(words)

    def unread(self, answer: Side) -> list[str]:
        """The words that were not understood and have no cognate on the other side: what they mean is open."""
        words = [word for sentence in self.sentences for word in sentence.unread]
        if not words:
            return words
        others = [word for sentence in answer.sentences for word in sentence.words]
        begun, same = stems(others), {*others}
        return [word for word in words if word not in same and stems([word]).isdisjoint(begun)]

    @functools.cached_property
    def polarities(self) -> dict[str, set[int]]:
        """By name of a concept, how it is mentioned: 1 affirmed, 0 negated, -1 uncertain."""
        found: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for term, polarity in (*mentions(sentence, gone=False), *trends(sentence)):
                for name in term.meaning.names:
                    found.setdefault(name, set()).add(polarity)
        return found

    @functools.cached_property
    def _of_one_kind(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for place in self.places:
            if len(place.meaning.kinds) == 1:
                (kind,) = place.meaning.kinds
                found.setdefault(kind, []).append(place)
        return found

    @functools.cached_property
    def cues(self) -> list[Place]:
        """The terms that may deny or doubt, or say that all is well."""
        return [place for place in self.places if not place.meaning.kinds.isdisjoint(CUES)]

    def of_kind(self, kind: str) -> list[Place]:
        """The terms that mean this kind and nothing else."""
        return self._of_one_kind.get(kind, [])

    def named(self, name: str) -> list[Place]:
        return [place for place in self.places if name in place.meaning.names]

    def says(self, meaning: Meaning, other: Side) -> bool:
        """Whether what a phrase of the `other` side is named here, or something near that is not named there."""
        if not meaning.names.isdisjoint(self.names):
            return True
        if any(concept.includes and concept.includes <= self.names for concept in meaning.concepts):
            return True
        return any(
            near(meaning, place.meaning) and place.meaning.names.isdisjoint(other.names) for place in self.places
        )


@functools.lru_cache(maxsize=KEPT)
def alone(sentence: Sentence) -> Side:
    """Return the side that one sentence is."""
    return Side([sentence])


def unmatched(ours: Sequence[Place], theirs: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """What is left of both when places that mean the same are paired, and of the rest those that mean nearly so."""
    left, others = list(ours), list(theirs)
    if not left or not others:
        return left, others
    for alike in (same, near):
        rest = []
        for place in left:
            for other in others:
                if alike(place.meaning, other.meaning):
                    others.remove(other)
                    break
            else:
                rest.append(place)
        left = rest
    return left, others


def same(one: Meaning, other: Meaning) -> bool:
    return not one.names.isdisjoint(other.names)


def near(one: Meaning, other: Meaning) -> bool:
    return not one.near.isdisjoint(other.names) or not other.near.isdisjoint(one.names)


@functools.cache
def soft(meaning: Meaning) -> bool:
    """Whether a phrase means something that has many names, or that is left out freely."""
    return any(concept.soft for concept in meaning.concepts)


def differing(
    places: Callable[[Side], list[Place]], source: Side, translation: Side
) -> tuple[list[Place], list[Place]]:
    """What only the source and what only the translation has of some places."""
    ours, theirs = places(source), places(translation)
    if not ours and not theirs:
        return [], []
    lost, added = unmatched(ours, theirs)
    return _unsaid(lost, ours, source, translation), _unsaid(added, theirs, translation, source)


def _unsaid(left: list[Place], of: list[Place], side: Side, answer: Side) -> list[Place]:
    """Those without counterpart of which the other side says nothing, in whatever words and however often."""
    if not left:
        return left
    matched = frozenset[str]().union(*[place.meaning.names for place in of if place not in left])
    return [
        place
        for place in left
        if place.meaning.names.isdisjoint(matched)
        and not answer.says(place.meaning, side)
        and not _alike(place, answer)
    ]


def _alike(place: Place, answer: Side) -> bool:
    """Whether a single word has a cognate among what the lexicon does not know of the other side."""
    first, last = place.term.first, place.term.last
    return last - first == 1 and not stems(place.sentence.words[first:last]).isdisjoint(answer.unknown)


def stems(words: Iterable[str]) -> frozenset[str]:
    """How long words begin where English and Portuguese spell them alike: hypoventilatory, hipoventilatória."""
    return frozenset([_stem(word) for word in words if len(word) >= STEM + 2])


@functools.lru_cache(maxsize=8192)  # reports have few words, and use them over and over
def _stem(word: str) -> str:
    spelled = word.replace("ph", "f").replace("ct", "t").removeprefix("e").translate(SPELLED)
    return DOUBLED.sub(r"\1", spelled)[:STEM]
