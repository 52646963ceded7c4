"""One side of a pair as the checks see it: what its sentences name, how, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from hubkit.clinical.assertion import Sentence, mentions
from hubkit.clinical.lexicon import Meaning, Term

Span = tuple[int, int]


class Place(NamedTuple):
    """A term and the sentence that it stands in."""

    sentence: Sentence
    term: Term

    @property
    def meaning(self) -> Meaning:
        return self.term.meaning

    @property
    def span(self) -> Span:
        return self.sentence.span(self.term)


class Side:
    """Sentences that belong together, in one language."""

    def __init__(self, sentences: Sequence[Sentence]):
        self.sentences = sentences
        self.places = [Place(sentence, term) for sentence in sentences for term in sentence.terms]

    @property
    def span(self) -> Span | None:
        if not self.sentences:
            return None
        last = self.sentences[-1]
        return self.sentences[0].start, last.start + len(last.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all concepts that the sentences can mean, and of those said along with them."""
        return frozenset[str]().union(*[place.term.meaning.said for place in self.places])

    @cached_property
    def polarities(self) -> dict[str, set[int]]:
        """By name of a concept, how it is mentioned: 1 affirmed, 0 negated, -1 uncertain."""
        found: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for term, polarity in mentions(sentence):
                for name in term.meaning.names:
                    found.setdefault(name, set()).add(polarity)
        return found

    def of_kind(self, *kinds: str) -> list[Place]:
        """The terms that mean one of these kinds and nothing else."""
        wanted = frozenset(kinds)
        return [place for place in self.places if place.term.meaning.kinds <= wanted]

    def named(self, name: str) -> list[Place]:
        return [place for place in self.places if name in place.term.meaning.names]

    def answers(self, meaning: Meaning, other: Side) -> bool:
        """Whether what a phrase of the `other` side means is said here, or something near that is not said there."""
        if not meaning.names.isdisjoint(self.names):
            return True
        if any(concept.includes and concept.includes <= self.names for concept in meaning.concepts):
            return True
        return not meaning.near.isdisjoint(self.names) and any(
            not meaning.near.isdisjoint(place.meaning.names) and place.meaning.names.isdisjoint(other.names)
            for place in self.places
        )

    def count(self, meaning: Meaning) -> int:
        """How often something that a phrase can mean, or that answers it, is said."""
        wanted = meaning.names | meaning.near
        return sum(not wanted.isdisjoint(place.term.meaning.names) for place in self.places)
