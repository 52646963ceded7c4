"""CheXpert labels from the words of a report, in Portuguese or English.

The conventions are those of CheXpert (Irvin and others, 2019): a positive mention wins over an uncertain one, that over
a negative one; No Finding is positive where nothing but Support Devices is positive or uncertain.
"""

from __future__ import annotations

import re

from hubkit.clinical.assertion import ALTERNATIVES, Mention, mentions
from hubkit.clinical.lexicon import Language, Term
from hubkit.clinical.sentences import Sentence, sentences
from hubkit.clinical.text import canonical_text
from hubkit.tables import CHEXPERT_LABELS

PAIRS = {
    ("heart", "enlarged"): ("Cardiomegaly", 1),
    ("heart", "widened"): ("Cardiomegaly", 1),
    ("heart", "borderline"): ("Cardiomegaly", -1),
    ("heart", "normal"): ("Cardiomegaly", 0),
    ("mediastinum", "enlarged"): ("Enlarged Cardiomediastinum", 1),
    ("mediastinum", "widened"): ("Enlarged Cardiomediastinum", 1),
    ("mediastinum", "borderline"): ("Enlarged Cardiomediastinum", -1),
    ("mediastinum", "normal"): ("Enlarged Cardiomediastinum", 0),
    ("cardiomediastinum", "enlarged"): ("Enlarged Cardiomediastinum", 1),
    ("cardiomediastinum", "widened"): ("Enlarged Cardiomediastinum", 1),
    ("cardiomediastinum", "borderline"): ("Enlarged Cardiomediastinum", -1),
    ("cardiomediastinum", "normal"): ("Enlarged Cardiomediastinum", 0),
}
"""The labels that an organ and what is said of it give together."""

STRENGTH = (0, -1, 1).index

ASKED = re.compile(
    r"\b(evaluate|evaluation|eval|assess|assessment|rule out|r/o|question"
    r"|avaliar|avaliacao|avalie|pesquisar|descartar|investigar"
    r"|(detection|sensitivity|deteccao|sensibilidade|sensivel|sensitive) (of|for|in|para|na|de))\b"
)
"""What is only asked for, or what a study could show, in folded words."""

GIVEN = re.compile(r";|\b(in the (presence|setting) of|na presenca d[eao]s?|due to|owing to|given|devido|por causa)\b")
"""What is there again after such words: "hard to assess in the presence of effusions"."""


def labels(text: str, language: Language) -> dict[str, int]:
    """Return the CheXpert labels that a text mentions: 1 positive, 0 negative, -1 uncertain.

    What a text only asks for ("evaluate for pneumonia") is no mention, nor is a device that was removed.

    Args:
        text: findings and impression of a report.
        language: "pt" or "en".
    """
    said: dict[str, int] = {}
    text = canonical_text(text)
    for sentence in sentences(text, language):
        for label, value in _said(sentence):
            said[label] = max(said.get(label, value), value, key=STRENGTH)
    if text.strip() and not any(value for label, value in said.items() if label != "Support Devices"):
        said["No Finding"] = 1
    return {label: said[label] for label in CHEXPERT_LABELS if label in said}


def chexpert_labels(text: str, language: Language = "pt") -> dict[str, int | None]:
    """All 14 CheXpert labels of a report: 1 positive, 0 negative, -1 uncertain, None not mentioned.

    Args:
        text: findings and impression of a report.
        language: "pt" for Brazilian Portuguese, or "en".
    """
    return dict.fromkeys(CHEXPERT_LABELS) | labels(text, language)


def _said(sentence: Sentence) -> list[tuple[str, int]]:
    found = []
    asked = _asked(sentence)
    for term, polarity in _weighed(sentence, mentions(sentence)):
        if any(first <= sentence.span(term)[0] - sentence.start < last for first, last in asked):
            continue
        for named in _labels(term):
            if (named == "Support Devices" and polarity != 1) or _is_healed(sentence, term):
                continue
            found.append((named, polarity))
        found += _of_organs(sentence, term, polarity)
    return found


def _weighed(sentence: Sentence, named: list[Mention]) -> list[Mention]:
    """Doubt what is there in part, or as one of two: "borderline cardiomegaly", "atelectasis or consolidation"."""
    doubted = set()
    for at, (term, polarity) in enumerate(named):
        around = sentence.terms[max(0, sentence.terms.index(term) - 1) : sentence.terms.index(term) + 2]
        if "enlarged" in term.meaning.said and any("borderline" in other.meaning.names for other in around):
            doubted.add(at)
        if at == 0:
            continue
        before, value = named[at - 1]
        between = sentence.words[before.last : term.first]
        if polarity == value == 1 and not ALTERNATIVES.isdisjoint(between) and not _labels(before) & _labels(term):
            doubted |= {at - 1, at}
    return [mention._replace(polarity=-1) if at in doubted and mention.polarity else mention
            for at, mention in enumerate(named)]  # fmt: skip


def _labels(term: Term) -> set[str]:
    return {concept.label for concept in term.meaning.concepts if concept.label}


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


def _is_healed(sentence: Sentence, term: Term) -> bool:
    """Whether a fracture was consolidated, and not a lung."""
    return "healed" in term.meaning.names and any("fracture" in other.meaning.names for other in sentence.terms)


def _of_organs(sentence: Sentence, state: Term, polarity: int) -> list[tuple[str, int]]:
    """The labels that a state gives with the organs of which it is said."""
    states = [concept.name for concept in state.meaning.concepts if concept.kind == "state"]
    found = []
    for organ in _organs(sentence, state) if states else ():
        for name in states:
            if (organ, name) in PAIRS:
                label, value = PAIRS[organ, name]
                found.append((label, _combined(value, polarity)))
                break
    return found


def _combined(value: int, polarity: int) -> int:
    if polarity == 1:
        return value
    return polarity if value == 1 else 1 - polarity if value == 0 and polarity == 0 else value


def _organs(sentence: Sentence, state: Term) -> list[str]:
    """The organs that a state is said of: those before it in its clause, else the first after it."""
    at = sentence.terms.index(state)
    before: list[str] = []
    for term in reversed(sentence.terms[:at]):
        between = {*sentence.words[term.last : state.first]}
        # A heading has its organ before a colon: "Heart: enlarged."
        parted = ";" in between or (":" in between and "anatomy" not in term.meaning.kinds)
        if parted or "scope" in term.meaning.kinds or "state" in term.meaning.kinds:
            break
        before += _organ(term)
    if before:
        return before
    for term in sentence.terms[at + 1 :]:
        if "scope" in term.meaning.kinds or "state" in term.meaning.kinds:
            break
        if "anatomy" in term.meaning.kinds:
            return _organ(term)
    return []


def _organ(term: Term) -> list[str]:
    return [concept.name for concept in term.meaning.concepts if concept.kind == "anatomy"][:1]
