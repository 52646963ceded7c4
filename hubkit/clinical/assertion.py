"""Who says what: the findings that a text names, each affirmed, negated or uncertain.

After NegEx (Chapman and others, 2001): a cue reaches the terms that follow it in its clause, up to a word that ends its
reach; an adverb such as "not" that reaches nothing there turns to those before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.clinical.lexicon import Language, Term, Token, find_terms, tokenize

MENTIONED = frozenset({"finding", "device", "state"})

CLAUSE_END = frozenset(";:")

SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\bDr\.)(?<!\bDra\.)(?<!\bvs\.)(?<!\bca\.)\s+(?=[\"'(]?[A-ZÀ-Ý0-9_-])|\n\s*\n|\n\s*(?=[-*•]\s|\d+[.)]\s)|\s//\s"
)


class Sentence(NamedTuple):
    """A sentence as tokens and terms; `start` is where it stands in the text."""

    text: str
    start: int
    tokens: list[Token]
    terms: list[Term]

    def span(self, term: Term) -> tuple[int, int]:
        """Where a term stands in the whole text."""
        return self.start + self.tokens[term.first].start, self.start + self.tokens[term.last - 1].end


class Mention(NamedTuple):
    """A term that names something, and how: 1 affirmed, 0 negated, -1 uncertain."""

    term: Term
    polarity: int


def sentences(text: str, language: Language) -> list[Sentence]:
    """Part a text into sentences; an enumerator or a lone "No." stays with its neighbour."""
    parted = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if re.fullmatch(r"\W*\d{1,2}[.)]\W*", text[start : match.start()]):
            continue
        if (
            re.match(r"(no|n[ãa]o|yes|sim)\b", text[match.end() : match.end() + 4].lower())
            and text[match.start() - 1] == "?"
        ):
            continue
        parted.append((start, match.start()))
        start = match.end()
    parted.append((start, len(text)))
    return [_read(text[start:end], start, language) for start, end in parted if text[start:end].strip()]


def mentions(sentence: Sentence) -> list[Mention]:
    """Return what a sentence names, in its order, with the polarity that its cues give."""
    terms = sentence.terms
    polarity = {at: 1 for at, term in enumerate(terms) if term.kinds & MENTIONED}
    for at, term in enumerate(terms):
        if not term.kinds & {"hedge", "negation", "trend"} or at in polarity:
            continue
        value = _cue(term)
        if value is None:
            continue
        reached = _after(sentence, at, polarity)
        if not reached and _looks_back(term):
            reached = _before(sentence, at, polarity)
        # A device is removed or a finding resolved one at a time.
        for place in reached[:1] if "trend" in term.kinds else reached:
            if value == 0 or polarity[place] != 0:
                polarity[place] = value
    return [Mention(terms[at], value) for at, value in polarity.items()]


def _cue(term: Term) -> int | None:
    """What a cue makes of what it reaches; None where it is none."""
    names = {(concept.kind, concept.name) for concept in term.concepts}
    if ("hedge", "possible") in names:
        return -1
    if names & {("negation", "forward"), ("negation", "adverb"), ("trend", "resolved"), ("trend", "removed")}:
        return 0
    return None


def _looks_back(term: Term) -> bool:
    return any(
        (concept.kind, concept.name) != ("negation", "forward") for concept in term.concepts if concept.kind != "scope"
    )


def _after(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    terms, tokens = sentence.terms, sentence.tokens
    reached = []
    edge = terms[at].last
    for place in range(at + 1, len(terms)):
        term = terms[place]
        gap = [token.word for token in tokens[edge : term.first]]
        if CLAUSE_END.intersection(gap) or "scope" in term.kinds or ("hedge" in term.kinds and "," in gap):
            break
        if place in polarity:
            if "state" in term.kinds and ("," in gap or _normal(term)):
                break
            reached.append(place)
        elif _cue(term) == 0 and "trend" not in term.kinds:
            break
        edge = term.last
    return reached


def _before(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    terms, tokens = sentence.terms, sentence.tokens
    reached: list[int] = []
    edge = terms[at].first
    for place in range(at - 1, -1, -1):
        term = terms[place]
        gap = [token.word for token in tokens[term.last : edge]]
        if CLAUSE_END.intersection(gap) or "scope" in term.kinds or _cue(term) is not None:
            break
        if place in polarity and not _normal(term):
            reached.append(place)
        edge = term.first
    return reached


def _normal(term: Term) -> bool:
    return any(concept.kind == "state" and concept.name in ("normal", "clear", "intact") for concept in term.concepts)


def _read(text: str, start: int, language: Language) -> Sentence:
    tokens = tokenize(text)
    return Sentence(text, start, tokens, find_terms(tokens, language))


def words(sentence: Sentence, terms: Sequence[Term]) -> list[str]:
    """The words of terms, folded: for messages in tests."""
    return [" ".join(token.word for token in sentence.tokens[term.first : term.last]) for term in terms]
