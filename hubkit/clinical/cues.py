"""What a phrase does to the findings around it: whether it denies, doubts, or says how something changed."""

from __future__ import annotations

import functools

from hubkit.clinical.lexicon import Meaning, Term
from hubkit.clinical.sentences import Sentence

ADVERBS = frozenset({"not", "cannot", "nao"})

NEARLY = frozenset(
    (
        *("almost", "nearly", "near", "mostly", "partial", "partially", "partly", "incomplete", "incompletely"),
        *("quase", "parcial", "parcialmente", "incompleta", "incompletamente", "praticamente"),
    )
)
"""What leaves something of a finding that it says to have resolved."""

NEARLY_WITHIN = 2
"""Words between such a word and the resolution: "quase totalmente reabsorvido"."""

MOVED = ("back", "retract", "tracion", "recu")
"""How words begin that say that a device was moved and not removed: a tube that was pulled back is there."""


@functools.cache
def cue(meaning: Meaning) -> int | None:
    """What a phrase makes of what it reaches: 0 negated, -1 uncertain, None nothing."""
    names = {(concept.kind, concept.name) for concept in meaning.concepts}
    if names & {("hedge", "possible"), ("hedge", "alternative"), ("hedge", "considered")}:
        return -1
    if names & {("negation", "forward"), ("negation", "adverb"), ("trend", "resolved"), ("trend", "removed")}:
        return 0
    return None


@functools.cache
def looks_back(meaning: Meaning) -> bool:
    """Whether a phrase that reaches nothing after it turns to what stands before: "not", but not "no"."""
    return meaning.first in ADVERBS or any(
        (concept.kind, concept.name) != ("negation", "forward")
        for concept in meaning.concepts
        if concept.kind != "scope"
    )


def stays(sentence: Sentence, term: Term) -> bool:
    """Whether something of a finding is left, or a device was only moved: "nearly resolved", "pulled back"."""
    before = sentence.words[max(0, term.first - NEARLY_WITHIN) : term.first]
    moved = any(word.startswith(MOVED) for word in sentence.words[term.first : term.last + 1])
    return moved or not NEARLY.isdisjoint(before)


def doubts_trend(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of how something changed, and not whether it is there: "line likely unchanged"."""
    following = sentence.terms[at + 1 : at + 2]
    return (
        cue(sentence.terms[at].meaning) == -1
        and bool(following)
        and following[0].first == sentence.terms[at].last
        and "same" in following[0].meaning.names
    )


def denied_trend(sentence: Sentence, at: int) -> Term | None:
    """The trend that a cue belongs to: what is "not resolved" is there, and so is that which shows "no increase"."""
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    if not following or "trend" not in following[0].meaning.kinds or "new" in following[0].meaning.names:
        return None
    return None if "," in sentence.words[term.last : following[0].first] else following[0]


@functools.cache
def says_little(meaning: Meaning) -> bool:
    """Whether a phrase says that something is there, if little: "no pneumothorax, tiny effusion"."""
    return any((concept.kind, concept.name) == ("grade", "low") for concept in meaning.concepts)


@functools.cache
def is_normal(meaning: Meaning) -> bool:
    return any(
        concept.kind == "state" and concept.name in ("normal", "clear", "intact") for concept in meaning.concepts
    )
