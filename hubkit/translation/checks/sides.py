"""One side of a pair as the checks see it: what its sentences name, how, and in which words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from hubkit.clinical.assertion import Sentence, mentions
from hubkit.clinical.lexicon import Term

Span = tuple[int, int]


class Place(NamedTuple):
    """A term and the sentence that it stands in."""

    sentence: Sentence
    term: Term

    @property
    def span(self) -> Span:
        return self.sentence.span(self.term)


class Side:
    """Sentences that belong together, in one language."""

    def __init__(self, sentences: Iterable[Sentence]):
        self.sentences = list(sentences)
        self.places = [Place(sentence, term) for sentence in self.sentences for term in sentence.terms]

    @property
    def span(self) -> Span | None:
        if not self.sentences:
            return None
        last = self.sentences[-1]
        return self.sentences[0].start, last.start + len(last.text)

    @cached_property
    def names(self) -> set[str]:
        """The names of all concepts that the sentences can mean, and of those said along with them."""
        found: set[str] = set()
        for place in self.places:
            for concept in place.term.concepts:
                found.add(concept.name)
                found |= concept.includes
        return found

    @cached_property
    def polarities(self) -> dict[str, set[int]]:
        """By name of a concept, how it is mentioned: 1 affirmed, 0 negated, -1 uncertain."""
        found: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for term, polarity in mentions(sentence):
                for concept in term.concepts:
                    found.setdefault(concept.name, set()).add(polarity)
        return found

    def of_kind(self, *kinds: str) -> list[Place]:
        """The terms that mean one of these kinds and nothing else."""
        wanted = frozenset(kinds)
        return [place for place in self.places if place.term.kinds <= wanted]

    def named(self, name: str) -> list[Place]:
        return [place for place in self.places if any(concept.name == name for concept in place.term.concepts)]

    def answers(self, term: Term, other: Side) -> bool:
        """Whether what a term of the `other` side means is said here, or something near that is not said there."""
        names = self.names
        if any(concept.name in names or (concept.includes and concept.includes <= names) for concept in term.concepts):
            return True
        near = frozenset().union(*(concept.near for concept in term.concepts))
        return any(
            any(concept.name in near for concept in place.term.concepts)
            and all(concept.name not in other.names for concept in place.term.concepts)
            for place in (self.places if near & names else ())
        )

    def count(self, term: Term) -> int:
        """How often something that a term can mean, or that answers it, is said."""
        wanted = {name for concept in term.concepts for name in (concept.name, *concept.near)}
        return sum(any(concept.name in wanted for concept in place.term.concepts) for place in self.places)
