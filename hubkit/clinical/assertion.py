"""Who says what: the findings that a text names, each affirmed, negated or uncertain.

After NegEx (Chapman and others, 2001): a cue reaches the terms that follow it in its clause, up to a word that ends its
reach; an adverb such as "not" that reaches nothing there turns to those before it.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from hubkit.clinical.lexicon import TOKEN, Language, Meaning, Term, find_terms, fold

MENTIONED = frozenset({"finding", "device", "state"})

CLAUSE_END = frozenset(";:")

SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\bDr\.)(?<!\bDra\.)(?<!\bvs\.)(?<!\bca\.)\s+(?=[\"'(]?[A-ZÀ-Ý0-9_-])|\n\s*\n|\n\s*(?=[-*•]\s|\d+[.)]\s)|\s//\s"
)


ENUMERATOR = re.compile(r"\W*\d{1,2}[.)]\W*")

ANSWER = re.compile(r"(no|n[ãa]o|yes|sim)\b", re.IGNORECASE)


class Sentence:
    """A sentence as folded words and the terms among them.

    Args:
        text: its text.
        start: where that stands in the whole text.
        folded: the same text, folded.
        language: "en" or "pt".
    """

    def __init__(self, text: str, start: int, folded: str, language: Language):
        self.text = text
        self.start = start
        self.folded = folded
        self.words: list[str] = TOKEN.findall(folded)
        self.terms = find_terms(self.words, language, self.in_capitals)

    def in_capitals(self, at: int) -> bool:
        start, end = self._spans[at]
        return self.text[start:end].isupper()

    def span(self, term: Term) -> tuple[int, int]:
        """Where a term stands in the whole text."""
        return self.span_of(term.first, term.last)

    def span_of(self, first: int, last: int) -> tuple[int, int]:
        """Where the words from `first` up to `last` stand in the whole text."""
        return self.start + self._spans[first][0], self.start + self._spans[last - 1][1]

    @functools.cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [match.span() for match in TOKEN.finditer(self.folded)]


class Mention(NamedTuple):
    """A term that names something, and how: 1 affirmed, 0 negated, -1 uncertain."""

    term: Term
    polarity: int


def sentences(text: str, language: Language) -> list[Sentence]:
    """Part a text into sentences; an enumerator or a lone "No." stays with its neighbour."""
    parted = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if ENUMERATOR.fullmatch(text, start, match.start()):
            continue
        if text[match.start() - 1] == "?" and ANSWER.match(text, match.end()):
            continue
        parted.append((start, match.start()))
        start = match.end()
    parted.append((start, len(text)))
    folded = fold(text)
    return [
        Sentence(text[start:end], start, folded[start:end], language)
        for start, end in parted
        if text[start:end].strip()
    ]


def mentions(sentence: Sentence) -> list[Mention]:
    """Return what a sentence names, in its order, with the polarity that its cues give."""
    terms = sentence.terms
    polarity = {at: 1 for at, term in enumerate(terms) if term.meaning.kinds & MENTIONED}
    if not polarity:
        return []
    for at, term in enumerate(terms):
        value = cue(term.meaning)
        if value is None or at in polarity:
            continue
        reached = _after(sentence, at, polarity)
        if not reached and _looks_back(term.meaning):
            reached = _before(sentence, at, polarity)
        # A device is removed or a finding resolved one at a time.
        for place in reached[:1] if "trend" in term.meaning.kinds else reached:
            if value == 0 or polarity[place] != 0:
                polarity[place] = value
    return [Mention(terms[at], value) for at, value in polarity.items()]


@functools.cache
def cue(meaning: Meaning) -> int | None:
    """What a phrase makes of what it reaches: 0 negated, -1 uncertain, None nothing."""
    names = {(concept.kind, concept.name) for concept in meaning.concepts}
    if ("hedge", "possible") in names:
        return -1
    if names & {("negation", "forward"), ("negation", "adverb"), ("trend", "resolved"), ("trend", "removed")}:
        return 0
    return None


@functools.cache
def _looks_back(meaning: Meaning) -> bool:
    return any(
        (concept.kind, concept.name) != ("negation", "forward")
        for concept in meaning.concepts
        if concept.kind != "scope"
    )


def _after(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    terms, words = sentence.terms, sentence.words
    reached = []
    edge = terms[at].last
    for place in range(at + 1, len(terms)):
        term = terms[place]
        kinds = term.meaning.kinds
        gap = words[edge : term.first]
        if not CLAUSE_END.isdisjoint(gap) or "scope" in kinds or ("hedge" in kinds and "," in gap):
            break
        if place in polarity:
            if "state" in kinds and ("," in gap or _normal(term.meaning)):
                break
            reached.append(place)
        elif cue(term.meaning) == 0 and "trend" not in kinds:
            break
        edge = term.last
    return reached


def _before(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    terms, words = sentence.terms, sentence.words
    reached: list[int] = []
    edge = terms[at].first
    for place in range(at - 1, -1, -1):
        term = terms[place]
        gap = words[term.last : edge]
        if not CLAUSE_END.isdisjoint(gap) or "scope" in term.meaning.kinds or cue(term.meaning) is not None:
            break
        if place in polarity and not _normal(term.meaning):
            reached.append(place)
        edge = term.first
    return reached


@functools.cache
def _normal(meaning: Meaning) -> bool:
    return any(
        concept.kind == "state" and concept.name in ("normal", "clear", "intact") for concept in meaning.concepts
    )
