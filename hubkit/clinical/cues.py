"""What a phrase does to the findings around it: whether it denies, doubts, or says how something changed."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence

from hubkit.clinical.lexicon import Meaning, Term
from hubkit.clinical.sentences import Sentence

ADVERBS = frozenset({"not", "cannot", "nao"})

CONTRAST = frozenset({",", "and", "but", "e", "mas", "("})

NEARLY = frozenset(
    (
        *("almost", "nearly", "near", "mostly", "partial", "partially", "partly", "incomplete", "incompletely"),
        *("largely", "substantially", "essentially"),
        *(
            "vias",
            "fase",
            "inicio",
            "lenta",
            "quase",
            "parcial",
            "parcialmente",
            "incompleta",
            "incompletamente",
            "praticamente",
        ),
    )
)
"""What leaves something of a finding that it says to have resolved."""

NEARLY_WITHIN = 2
"""Words between such a word and the resolution: "quase totalmente reabsorvido"."""

AIMED = re.compile(
    r"\b(?:follow|f/u|recommend|repeat|evaluat|assess|ensur|confirm|document|controle|seguimento|acompanh|recomend|repet"
    r"|avali|assegur)[^.;,]*\b(?:for|to|until|ensure|confirm|document|ate|para)\b(?:\s\w+){0,2}\s$"
)
"""What stands before a resolution that is only waited for, in folded words: "follow-up to resolution"."""

DENYING = frozenset({"no", "not", "nao"})

COMPARING = frozenset({"as", "so", "tao"})
"""What makes a negation speak of a degree, after such words: "no longer as dense", "não é tão denso"."""

COPULAS = frozenset({"is", "are", "was", "were", "been", "e", "sao", "foi", "esta", "estao", "foram", "parece"})

QUALITIES = frozenset(
    (
        *("age", "articular", "benign", "calcified", "collapse", "congenital", "content", "density", "displaced"),
        *("extent", "flow", "infection", "kind", "loculated", "margin", "modifier", "pattern", "shape", "simple"),
        *("spiculated", "spread", "symmetry", "tension", "thick", "union"),
    )
)
"""The dimensions of how a finding looks. Who denies one of them does not deny the finding."""

PAST_ADVERBS = frozenset({"previously", "formerly", "anteriormente", "previamente"})

PAST = PAST_ADVERBS | {
    *("prior", "previous", "priors", "earlier", "before"),
    *("anterior", "anteriores", "antes", "previo", "previa", "previos", "previas"),
    *("yesterday", "ontem", "vespera"),
}

TO_PAST = frozenset(
    (
        *(
            "seen",
            "present",
            "identified",
            "visible",
            "noted",
            "evident",
            "visualized",
            "there",
            "on",
            "in",
            "at",
            "the",
        ),
        *("vista", "visto", "vistas", "vistos", "presente", "presentes", "observada", "observado", "observadas"),
        *(
            "observados",
            "identificada",
            "identificado",
            "caracterizada",
            "caracterizado",
            "em",
            "no",
            "na",
            "nos",
            "nas",
        ),
        *("exame", "exames", "estudo", "estudos", "radiografia", "radiografias", "rx", "de", "do", "da"),
    )
)
"""What may stand between a negation and the word that says that it is of an earlier study."""

DATED = re.compile(r"(?:19|20)\d\d|\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?")
"""A year or a date, which is that of an earlier study: "não presente no exame de 2019"."""

AIMED_WITHIN = 80
"""Characters before a resolution in which such words count; it keeps long texts in linear time."""

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
    """Whether something of a finding is left, or a device was only moved: "nearly resolved", "pulled back".

    So it is where the resolution is what a study shall show.
    """
    words = sentence.words
    around = words[max(0, term.first - NEARLY_WITHIN) : term.first]
    around += itertools.takewhile(str.isalpha, words[term.last : term.last + NEARLY_WITHIN])
    moved = any(word.startswith(MOVED) for word in words[term.first : term.last + 1])
    start = sentence.span(term)[0] - sentence.start
    aimed = AIMED.search(sentence.folded[max(0, start - AIMED_WITHIN) : start])
    return moved or not NEARLY.isdisjoint(around) or aimed is not None


def is_void(sentence: Sentence, term: Term) -> bool:
    """Whether a phrase denies nothing of now: "not seen on the prior study", "no longer as dense", "not resolved"."""
    words = sentence.words
    if "trend" in term.meaning.kinds and any(denied_trend(sentence, at) is term for at in _denials(sentence, term)):
        return True
    following = words[term.last :]
    if words[term.first] in DENYING and _next(following, COPULAS) in COMPARING:
        return True
    if "trend" in term.meaning.kinds or not looks_back(term.meaning) or not term.first:
        return False
    if _is_past(_next(following, TO_PAST)) or words[term.first - 1] in PAST_ADVERBS:
        return True
    return term.last - term.first == 1 and words[term.first] in DENYING and _denies_quality(sentence, term.last)


def _is_past(word: str) -> bool:
    return word in PAST or DATED.fullmatch(word) is not None


def _denies_quality(sentence: Sentence, at: int) -> bool:
    """Whether the word after a bare negation is how a finding looks or how large it is: "effusion not loculated"."""
    kinds = next((term.meaning.kinds for term in sentence.terms if term.first == at), frozenset())
    if "trend" in kinds:
        return False
    return "grade" in kinds or any(
        one.first == at and one.values.keys() <= QUALITIES for one in sentence.attributes.found
    )


def _next(words: Sequence[str], skipped: frozenset[str]) -> str:
    return next((word for word in words if word not in skipped), "")


def _denials(sentence: Sentence, term: Term) -> list[int]:
    """The places of the negations right before a term; more than a weak hedge does not stand between."""
    at = sentence.terms.index(term)
    return [
        place
        for place in range(max(0, at - 2), at)
        if cue(sentence.terms[place].meaning) == 0 and "trend" not in sentence.terms[place].meaning.kinds
    ]


def denied_trend(sentence: Sentence, at: int) -> Term | None:
    """The trend that a cue belongs to: what is "not resolved" is there, and so is that which shows "no increase"."""
    term = sentence.terms[at]
    following = [other for other in sentence.terms[at + 1 : at + 3] if not _is_passed(sentence, other)][:1]
    if not following or "trend" not in following[0].meaning.kinds or "new" in following[0].meaning.names:
        return None
    return None if "," in sentence.words[term.last : following[0].first] else following[0]


YET = frozenset({"yet", "ainda"})


def _is_passed(sentence: Sentence, term: Term) -> bool:
    """Whether a term may stand between a negation and its trend: "not yet resolved", "does not appear to have"."""
    return term.meaning.names == {"weak"} or "grade" in term.meaning.kinds or sentence.words[term.first] in YET


@functools.cache
def says_little(meaning: Meaning) -> bool:
    """Whether a phrase says that something is there, if little: "no pneumothorax, tiny effusion"."""
    return any((concept.kind, concept.name) == ("grade", "low") for concept in meaning.concepts)


@functools.cache
def is_normal(meaning: Meaning) -> bool:
    return any(
        concept.kind == "state" and concept.name in ("normal", "clear", "intact") for concept in meaning.concepts
    )
