"""What a sentence names: findings, devices and states, each with its assertion and with the organs of a state."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from typing import Literal, NamedTuple

from hubkit.clinical.assertion import ALTERNATIVES, mentions
from hubkit.clinical.cues import cue
from hubkit.clinical.lexicon import Meaning, Term
from hubkit.clinical.sentences import MENTIONED, Sentence

Assertion = Literal["present", "absent", "possible", "asked for"]

ASSERTIONS: dict[int, Assertion] = {1: "present", 0: "absent", -1: "possible"}

ASKED = re.compile(
    r"\b(evaluate|evaluation|eval|assess|assessment|rule out|r/o|exclude|question"
    r"|avaliar|avaliacao|avalie|nao avaliam?|pesquisar|descartar|excluir|afastar|investigar"
    r"|(detection|sensitivity|deteccao|sensibilidade|sensivel|sensitive) (of|for|in|para|na|de))\b"
)
"""What is only asked for, or what a study could show, in folded words."""

GIVEN = re.compile(
    r";|\b(in the (presence|setting) of|na presenca d[eao]s?|due to|owing to|given|devido|por causa"
    r"|but|however|mas|porem|contudo)\b"
)
"""What exists again after such words: "hard to assess in the presence of effusions"."""

LIKELIER = re.compile(
    r"\b(?:more likely|mais prova(?:vel|veis|velmente)|favou?r(?:s|ed|ing)?|favorec\w+)\b(?P<likelier>[^.;:]{0,100}?)"
    r"\b(?P<than>rather than|instead of|than|over|do que|que|em vez de|ao inves de)\b"
    r"|\b(?:likely|probabl[ey]|suggest\w*|prova(?:vel|veis|velmente)|suger\w+)\b(?P<likely>[^.;:]{0,100}?)"
    r"\b(?:rather than|instead of|em vez de|ao inves de)\b"
)
"""What makes one finding likelier than another, and leaves both uncertain, in folded words."""

LONGEST_DENIAL = 3
"""Words."""

OR_BOTH = re.compile(r"\b(?:or both|ou ambos|ou ambas)\b")

LEAST_BETWEEN = re.compile(r"\W*(?:\w+\W+){0,2}")
"""Between "than" and the less likely finding stand no more than an article and an adjective."""

AND = frozenset({"and", "e"})

SILHOUETTE = ("silhouette", "silhueta")


class Named(NamedTuple):
    """A finding, device or state that a sentence names.

    Attributes:
        meaning: what its phrase means.
        assertion: whether it is present, absent, possible, or only asked for.
        organs: of a state, the organs that it describes.
        first: the index of its first word.
    """

    meaning: Meaning
    assertion: Assertion
    organs: tuple[str, ...]
    first: int


def named(sentence: Sentence) -> list[Named]:
    """Return what a sentence names, in order."""
    polarity = {mention.term.first: mention.polarity for mention in mentions(sentence)}
    places = [at for at, term in enumerate(sentence.terms) if term.meaning.kinds & MENTIONED]
    if not places:
        return []
    terms = [sentence.terms[place] for place in places]
    asked = _asked(sentence)
    weighed = _weighed(sentence, terms)
    doubted = _doubted(sentence, [place for place in places if sentence.terms[place].first in polarity], polarity)
    found = []
    for place, term in zip(places, terms, strict=True):
        at = sentence.span(term)[0] - sentence.start
        assertion: Assertion = "asked for"
        if term.first in polarity and not any(first <= at < last for first, last in asked):
            value = polarity[term.first]
            unsure = term.first in weighed or (value and term.first in doubted)
            assertion = "possible" if unsure else ASSERTIONS[value]
        organs = _organs(sentence, place) if "state" in term.meaning.kinds else []
        found.append(Named(term.meaning, assertion, tuple(organs), term.first))
    return found


@functools.cache
def chexpert_names(meaning: Meaning) -> frozenset[str]:
    """Return the CheXpert labels that a phrase names by itself."""
    return frozenset(concept.label for concept in meaning.concepts if concept.label)


def is_denial(sentence: Sentence) -> bool:
    """Whether a sentence denies what the one before it asks for, and says nothing else: "None seen."."""
    return (
        bool(sentence.terms)
        and sentence.terms[0].first == 0
        and all(cue(term.meaning) == 0 for term in sentence.terms)
        and sum(word.isalnum() for word in sentence.words) <= LONGEST_DENIAL
    )


def _doubted(sentence: Sentence, places: list[int], polarity: dict[int, int]) -> set[int]:
    """What exists in part, or as one of two: "borderline cardiomegaly", "atelectasis or consolidation"."""
    doubted = set()
    for at, place in enumerate(places):
        term = sentence.terms[place]
        around = sentence.terms[max(0, place - 1) : place + 2]
        if "enlarged" in term.meaning.said and any("borderline" in other.meaning.names for other in around):
            doubted.add(term.first)
        if at == 0:
            continue
        before = sentence.terms[places[at - 1]]
        either = not ALTERNATIVES.isdisjoint(sentence.words[before.last : term.first])
        both = polarity[term.first] == polarity[before.first] == 1
        if both and either and chexpert_names(before.meaning).isdisjoint(chexpert_names(term.meaning)):
            doubted |= {before.first, term.first}
    return doubted


def _weighed(sentence: Sentence, terms: list[Term]) -> set[int]:
    """What is more likely, and what less ("favored to be edema rather than pneumonia"), or one of two "or both"."""
    found: set[int] = set()
    starts = [sentence.span(term)[0] - sentence.start for term in terms]
    for match in LIKELIER.finditer(sentence.folded):
        first, last = match.span("likelier" if match["than"] else "likely")
        likelier = terms[bisect_left(starts, first) : bisect_left(starts, last)]
        if not likelier and match["than"] == "over" and not match["likelier"].strip():
            likelier = terms[: bisect_left(starts, match.start())][-1:]
        less = bisect_left(starts, match.end())
        if likelier and less < len(terms) and LEAST_BETWEEN.fullmatch(sentence.folded, match.end(), starts[less]):
            found |= {likelier[-1].first, terms[less].first}
    for match in OR_BOTH.finditer(sentence.folded):
        at = bisect_left(starts, match.start())
        found.update(term.first for term in terms[max(0, at - 2) : at])
    return found


def _asked(sentence: Sentence) -> list[tuple[int, int]]:
    """Where a sentence asks: from such a word to the end, or to what is given. "Cannot rule out" is a hedge."""
    hedges = [
        (sentence.span(term)[0] - sentence.start, sentence.span(term)[1] - sentence.start)
        for term in sentence.terms
        if "possible" in term.meaning.names and "hedge" in term.meaning.kinds
    ]
    found = []
    for match in ASKED.finditer(sentence.folded):
        if not any(first <= match.start() < last for first, last in hedges):
            given = GIVEN.search(sentence.folded, match.end())
            found.append((match.start(), given.start() if given else len(sentence.folded)))
    return found


def _organs(sentence: Sentence, at: int) -> list[str]:
    """The organs that a state describes: those before it in its clause, else the first after it."""
    state = sentence.terms[at]
    before: list[str] = []
    edge, passed = state.first, False
    for term in reversed(sentence.terms[:at]):
        between = {*sentence.words[term.last : state.first]}
        # A heading has its organ before a colon: "Heart: enlarged."
        parted = ";" in between or (":" in between and "anatomy" not in term.meaning.kinds)
        if "state" in term.meaning.kinds:
            # "Mediastinum midline and not widened": both are said of the mediastinum.
            parted = parted or passed or bool(before) or AND.isdisjoint(sentence.words[term.last : edge])
            passed = True
        if parted or "scope" in term.meaning.kinds:
            break
        before += _organs_of(sentence, term)
        if cue(term.meaning) != 0:
            edge = term.first
    if before:
        return before
    for term in sentence.terms[at + 1 :]:
        if "scope" in term.meaning.kinds or "state" in term.meaning.kinds:
            break
        if "anatomy" in term.meaning.kinds:
            return _organs_of(sentence, term)
    return []


def _organs_of(sentence: Sentence, term: Term) -> list[str]:
    """The organ of a phrase, or the two whose silhouettes it joins; a contour is CheXpert's of the mediastinum."""
    organs = [concept.name for concept in term.meaning.concepts if concept.kind == "anatomy"][:1]
    words = sentence.words[term.first : term.last]
    joined = not AND.isdisjoint(words) and any(word.startswith(SILHOUETTE) for word in words)
    return ["heart", "mediastinum"] if organs == ["cardiomediastinum"] and joined else organs
